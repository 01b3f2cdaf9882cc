"""A circuit as plain C gives the words of the reference."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from l1ae.circuit.corners import corner_words
from l1ae.hardware.emulator.source import event_code
from tests.circuits import circuits

_RUN = """
void run(const int64_t *words, int64_t *out, long events, int n, int m)
{
  for (long i = 0; i < events; ++i) model_event(words + i * n, out + i * m);
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(circuit=circuits())
def test_one_event_in_c_is_the_reference(circuit, tmp_path):
    source, library = tmp_path / "model.c", tmp_path / f"model{hash(circuit.nodes)}.so"
    source.write_text("#include <stdint.h>\n" + event_code(circuit, "model") + _RUN)
    command = ["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-Wno-unused", source, "-o", library]
    subprocess.run(command, check=True)
    low, high = circuit.port_range
    drawn = np.random.default_rng(1).integers(low, high + 1, (200, circuit.n_inputs))
    words = np.ascontiguousarray(np.concatenate([corner_words(circuit, 1), drawn]), dtype=np.int64)
    expected = circuit.output_words(words)
    found = np.zeros_like(expected)
    pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (words, found))
    ctypes.CDLL(str(library)).run(*pointers, ctypes.c_long(len(words)), circuit.n_inputs, expected.shape[1])
    assert (found == expected).all()
