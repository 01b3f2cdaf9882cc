"""What the explanation needs: numpy and the circuit, so that it can be asked wherever two traces are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import l1ae.explain
from l1ae.errors import DataError
from l1ae.explain import explain

from ..test_architecture import imported
from .planted import network, traces


def test_it_imports_the_circuit_and_the_errors_only():
    allowed = {"l1ae.circuit", "l1ae.errors", "l1ae.explain"}
    for path in Path(l1ae.explain.__file__).parent.glob("*.py"):
        assert {".".join(name.split(".")[:2]) for name in imported(path)} <= allowed, path.name


def test_it_loads_neither_keras_nor_hls4ml():
    code = "import sys, l1ae.explain; sys.exit(str({'tensorflow', 'keras', 'hls4ml'} & set(sys.modules) or '') or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_traces_without_a_layer_in_common_are_refused():
    reference, firmware = traces(network())
    with pytest.raises(DataError, match="no layer in common"):
        explain(network(), reference, {"another": firmware["score"]})


def test_traces_of_different_events_are_refused():
    reference, firmware = traces(network())
    with pytest.raises(DataError, match=r"layer scaled: words \(1500, 6\) in the reference, \(10, 6\) in the firmware"):
        explain(network(), reference, {name: array[:10] for name, array in firmware.items()})


def test_words_of_another_shape_are_refused():
    reference, firmware = traces(network())
    with pytest.raises(DataError, match="layer scaled"):
        explain(network(), reference, {**firmware, "scaled": firmware["scaled"][:, :4]})


def test_values_that_are_no_numbers_are_told_as_such():
    reference, firmware = traces(network())
    broken = firmware["square_bits"].astype(np.float64)
    broken[3] = np.nan
    explanation = explain(network(), reference, {**firmware, "square_bits": broken})
    assert (explanation.layer, explanation.cause, explanation.event) == ("square_bits", "unknown", 3)
    assert "no numbers" in explanation.detail


def test_no_events_show_no_difference():
    reference, firmware = ({name: array[:0] for name, array in side.items()} for side in traces(network()))
    assert explain(network(), reference, firmware) is None
