"""The public names."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import l1ae


@pytest.mark.parametrize("name", l1ae.__all__)
def test_every_public_name_can_be_imported_and_listed(name):
    assert getattr(l1ae, name) is not None
    assert name in dir(l1ae)


def test_the_public_names_are_these():
    assert sorted(l1ae.__all__) == [
        "Circuit",
        "ConversionError",
        "Emulator",
        "EventSet",
        "Firmware",
        "FixedFormat",
        "L1aeError",
        "RunConfig",
        "RunFolder",
        "VerificationError",
        "__version__",
        "convert",
        "load_config",
        "read_events",
        "write_events",
    ]


def test_a_public_name_is_the_thing_itself():
    from l1ae.circuit import Circuit
    from l1ae.errors import L1aeError

    assert l1ae.Circuit is Circuit
    assert l1ae.L1aeError is L1aeError
    assert l1ae.__version__ == version("l1ae")


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="module l1ae has no attribute Autoencoder"):
        l1ae.Autoencoder  # noqa: B018
    with pytest.raises(ImportError):
        from l1ae import nothing  # noqa: F401


@pytest.mark.parametrize("name", ["ConfigError", "DataError", "RunFolderError", "ConversionError", "ToolchainError"])
def test_every_explained_failure_is_an_error_of_l1ae_that_the_user_can_mend(name):
    from l1ae import errors

    failure = getattr(errors, name)
    assert issubclass(failure, l1ae.L1aeError)
    assert failure.exit_code == 2
    assert errors.VerificationError.exit_code == errors.DifferenceError.exit_code == 1


def test_importing_the_package_imports_no_heavy_library():
    code = (
        "import sys, l1ae; l1ae.RunFolder; l1ae.EventSet; l1ae.Circuit; l1ae.convert; l1ae.Firmware\n"
        "sys.exit(str({'tensorflow', 'keras', 'hls4ml', 'matplotlib', 'sklearn'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
