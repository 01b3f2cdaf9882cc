"""Pythia 8 behind two functions: start it with some switches, and draw batches of stable particles from it.

Pythia is an optional extra (GPL) and imported when it is used. It writes to the C output stream of the process; the
workers of `chunks.py` send that stream to a log file.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from l1ae.errors import ToolchainError
from l1ae.events.generator.detector import MAX_ETA
from l1ae.events.generator.particles import Particles, from_momenta
from l1ae.events.generator.recipes import COMMON_SWITCHES
from l1ae.terminal import first_error

_MAX_PYTHIA_SEED = 900_000_000


def require_generators() -> dict[str, str]:
    """Versions of Pythia and FastJet; raises `ToolchainError` when one is missing."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        import awkward  # noqa: F401
        import fastjet  # noqa: F401
        import pythia8mc  # noqa: F401

        return {"pythia": version("pythia8mc"), "fastjet": version("fastjet")}
    except (ImportError, PackageNotFoundError) as error:
        raise ToolchainError(
            f"event generation needs Pythia 8 and FastJet ({error}); install them with: pip install 'l1ae[generate]'"
        ) from error


def start(name: str, switches: Sequence[str], seed: int, log: Path | None = None) -> Any:
    """A Pythia for the process `name`, ready to run.

    Raises `ToolchainError` with the first error line of `log` when Pythia refuses the switches.
    """
    import pythia8mc

    logged = log.stat().st_size if log is not None and log.exists() else 0
    pythia = pythia8mc.Pythia("", False)
    settings = [
        *COMMON_SWITCHES,
        *switches,
        "Random:setSeed = on",
        f"Random:seed = {1 + seed % _MAX_PYTHIA_SEED}",
    ]
    for switch in settings:
        if not pythia.readString(switch):
            raise ToolchainError(
                f"Pythia does not know the switch {switch!r} of the process {name}; correct the recipe"
            )
    if not pythia.init():
        raise ToolchainError(
            f"Pythia refuses the switches of the process {name}: {_reason(log, logged)}"
            + (f"; its whole output is in {log}" if log is not None else "")
        )
    return pythia


def _reason(log: Path | None, start_at: int) -> str:
    """First error that was written to the log after byte `start_at`."""
    ctypes.CDLL(None).fflush(None)  # the C output stream is buffered when it goes to a file
    if log is None or not log.exists():
        return "no log was kept"
    return first_error(log, start_at) or "it gives no reason"


def draw(pythia: Any, count: int) -> Particles:
    """The stable visible particles of up to `count` further events (fewer when Pythia gives one up)."""
    import awkward as ak

    batch = pythia.nextBatch(count)
    event = np.repeat(np.arange(len(batch)), ak.num(batch.prt).to_numpy())
    particle = ak.flatten(batch.prt)
    final = np.flatnonzero(ak.to_numpy(particle.status) > 0)
    px, py, pz = (ak.to_numpy(particle.p[axis])[final] for axis in ("px", "py", "pz"))
    return from_momenta(event[final], ak.to_numpy(particle.id)[final], px, py, pz, len(batch), MAX_ETA)
