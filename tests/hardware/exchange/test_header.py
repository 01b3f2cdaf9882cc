"""The plain C header: no dependencies, valid C99 and C++, the words of the reference."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from l1ae.circuit import Quantize, Rounding, corner_words
from l1ae.errors import ToolchainError, VerificationError
from l1ae.hardware.exchange import FORMATS, compare, export
from l1ae.hardware.exchange.header import header

from .test_export import circuit

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


def words(made):
    low, high = made.port_range
    return {
        "corner": corner_words(made, 1),
        "random": np.random.default_rng(1).integers(low, high + 1, (300, made.n_inputs)),
    }
