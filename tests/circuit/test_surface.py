import subprocess
import sys

import pytest

import l1ae.circuit


def test_importing_circuits_does_not_import_tensorflow() -> None:
    code = "import l1ae.circuit, l1ae.hardware.estimate, sys; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names() -> None:
    for name in l1ae.circuit.__all__:
        assert getattr(l1ae.circuit, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lowered'"):
        l1ae.circuit.lowered  # noqa: B018
