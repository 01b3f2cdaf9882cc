"""What a package needs from outside, and the check that comes with it: built and run with make and g++."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from l1ae.errors import RunFolderError, ToolchainError, VerificationError
from l1ae.terminal import first_error

#: What the checking program says at its end.
_DIFFERS = "vectors differ"


def ap_types() -> Path:
    """The arbitrary precision types that come with hls4ml; raises `ToolchainError` when they are not there."""
    spec = importlib.util.find_spec("hls4ml")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "templates" / "vivado" / "ap_types"
        if (folder / "ap_fixed.h").is_file():
            return folder
    raise ToolchainError("the ap_fixed headers of hls4ml are missing: pip install hls4ml again")


def check(folder: Path, model: str, log: Path) -> None:
    """Build a version in `folder`, load it and compare it with its vectors.

    Raises `VerificationError` when a word differs, `ToolchainError` when make or g++ is missing or fails.
    """
    missing = next((tool for tool in ("make", "g++") if shutil.which(tool) is None), None)
    if missing is not None:
        raise ToolchainError(f"{missing} not found, which builds and checks the package: install it")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as messages:
            start = messages.tell()
            environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
            for name in ("HLS_ROOT", "EMULATOR_EXTRAS", "CXX", "CXXFLAGS"):
                environment.pop(name, None)
            done = subprocess.run(
                ["make", f"check-{model}"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                env={**environment, "LC_ALL": "C"},
                check=False,
            )
        said = log.read_bytes()[start:].decode(errors="replace")
    except OSError as error:
        raise RunFolderError(f"cannot write {log}: {error.strerror or error}") from error
    if done.returncode:
        compared = next((line for line in said.splitlines() if _DIFFERS in line), None)
        if compared is not None:
            raise VerificationError(f"the library of {model} differs from the reference: {compared}; see {log}")
        reason = first_error(log, start) or f"exit status {done.returncode}"
        raise ToolchainError(f"make failed on {model}: {reason}; all messages are in {log}")
