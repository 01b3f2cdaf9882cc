"""What l1ae runs on: the right `qkeras`, and the versions that go into every record."""

import platform
from importlib import metadata

from l1ae.errors import ToolchainError

#: Distributions whose versions decide what a run computes.
RECORDED = ("l1ae", "tensorflow", "keras", "qkeras-v3", "hls4ml", "da4ml", "numpy")

#: Distributions that also install a package named `qkeras` and so overwrite parts of qkeras-v3.
RIVALS = ("qkeras", "hgq2")


def check_qkeras() -> None:
    """Raise `ToolchainError` when another distribution's `qkeras` is installed, or none."""
    for rival in RIVALS:
        if _version(rival) is not None:
            raise ToolchainError(
                f"the distribution {rival} {_version(rival)} also installs a package named qkeras: "
                f"pip uninstall {rival}, then pip install --force-reinstall --no-deps qkeras-v3==1.2.1"
            )
    if _version("qkeras-v3") is None:
        raise ToolchainError("qkeras-v3 is not installed: pip install qkeras-v3==1.2.1")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide what a run computes."""
    found = {name: _version(name) for name in RECORDED}
    return {"python": platform.python_version()} | {name: version or "missing" for name, version in found.items()}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
