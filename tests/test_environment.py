import subprocess
import sys
from importlib import metadata

import pytest

from l1ae import environment
from l1ae.errors import ToolchainError


def test_this_environment_is_right():
    environment.check_qkeras()


@pytest.mark.parametrize("rival", environment.RIVALS)
def test_another_qkeras_is_named_with_the_way_out(monkeypatch, rival):
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.9.0" if name == rival else real(name))
    with pytest.raises(ToolchainError, match=f"{rival} 0.9.0 also installs .* pip uninstall {rival}"):
        environment.check_qkeras()


def test_a_missing_qkeras_is_named(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(ToolchainError, match="qkeras-v3 is not installed"):
        environment.check_qkeras()
    assert environment.versions()["tensorflow"] == "missing"


@pytest.mark.parametrize(
    "code", ["import l1ae", "from l1ae.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"]
)
def test_start_up_imports_no_heavy_library(code):
    heavy = "('tensorflow', 'keras', 'qkeras', 'hls4ml', 'da4ml', 'matplotlib', 'sklearn', 'scipy')"
    check = f"{code}\nimport sys\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
