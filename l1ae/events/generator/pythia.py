"""Pythia 8 behind a few functions: start it with some switches, and draw batches of particles from it.

Pythia is an optional extra (GPL) and imported when it is used. It writes to the C output stream of the process; the
workers of `chunks.py` send that stream to a log file.
"""

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError
from l1ae.events.generator.detector import MAX_ETA
from l1ae.events.generator.hooks import HEAVY_QUARKS
from l1ae.events.generator.particles import MUON, Hadrons, Particles, from_kinds, impact, kinds, visible
from l1ae.events.generator.recipes import Detector
from l1ae.terminal import first_error

_MAX_PYTHIA_SEED = 900_000_000
_OUTGOING = -23  # status code of what leaves the hard process
_hooks: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # a hook that nothing in Python holds is silently not called


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


def start(
    name: str, switches: Sequence[str], seed: int, log: Path | None = None, hook: Callable[[], Any] | None = None
) -> Any:
    """A Pythia for the process `name`, ready to run.

    `hook`: makes a hook (`hooks.py`) that leaves events out early. Raises `ToolchainError` with the first error line of
    `log` when Pythia refuses the switches.
    """
    import pythia8mc

    logged = log.stat().st_size if log is not None and log.exists() else 0
    pythia = pythia8mc.Pythia("", False)
    settings = [
        *switches,
        "Random:setSeed = on",
        f"Random:seed = {1 + seed % _MAX_PYTHIA_SEED}",
    ]
    for switch in settings:
        if not pythia.readString(switch):
            raise ToolchainError(
                f"Pythia does not know the switch {switch!r} of the process {name}; correct the recipe"
            )
    if hook is not None:
        _hooks[pythia] = hook()
        pythia.setUserHooksPtr(_hooks[pythia])
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


def draw(pythia: Any, count: int, detector: Detector | None = None) -> Particles:
    """The stable visible particles of up to `count` further events (fewer when Pythia gives one up).

    With a `detector`, particles that are not produced in its middle go where they hit its calorimeter.
    """
    event, pdg, momentum, vertex, events, _, _ = _batch(pythia, count)
    seen = visible(pdg)
    event, kind, momentum = event[seen], kinds(pdg[seen]), momentum[seen, :3]
    if detector is not None:
        momentum, inside = impact(
            momentum, vertex[seen], kind == MUON, detector.calorimeter_radius, detector.calorimeter_half_length
        )
        event, kind, momentum = event[inside], kind[inside], momentum[inside]
    return from_kinds(event, kind, momentum, events, MAX_ETA)


def draw_weighted(
    pythia: Any, count: int, codes: Sequence[int], keep_light: float
) -> tuple[Particles, Hadrons, NDArray[np.float64], NDArray[np.float64]]:
    """As `draw`, with the hadrons of these PDG codes (which Pythia must keep stable) apart.

    Then for each event the weight that undoes Pythia's bias, and the one that undoes `keep_light` as well.
    """
    event, pdg, momentum, _, events, weights, heavy_process = _batch(pythia, count)
    heavy = np.isin(np.abs(pdg), codes)
    hadrons = Hadrons(event[heavy], np.abs(pdg[heavy]).astype(np.int64), momentum[heavy])
    rest = ~heavy & visible(pdg)
    particles = from_kinds(event[rest], kinds(pdg[rest]), momentum[rest], events, MAX_ETA)
    return particles, hadrons, weights, weights / np.where(heavy_process, 1, keep_light)


def cross_section(pythia: Any) -> float:
    """Pythia's estimate of the cross-section (pb) of what was generated so far."""
    return float(pythia.infoPython().sigmaGen()) * 1e9


def _batch(
    pythia: Any, count: int
) -> tuple[NDArray, NDArray, NDArray, NDArray, int, NDArray[np.float64], NDArray[np.bool_]]:
    """Event, PDG code, (n, 4) momentum and (n, 3) vertex (mm) of the final particles, ordered by event.

    Then the number of events, and for each its weight and whether c or b quarks leave the hard process.
    """
    import awkward as ak

    batch = pythia.nextBatch(count)
    event = np.repeat(np.arange(len(batch)), ak.num(batch.prt).to_numpy())
    particle = ak.flatten(batch.prt)
    status, pdg = ak.to_numpy(particle.status), ak.to_numpy(particle.id)
    final = np.flatnonzero(status > 0)
    momentum = np.stack([ak.to_numpy(particle.p[axis])[final] for axis in ("px", "py", "pz", "e")], axis=1)
    vertex = np.stack([ak.to_numpy(particle.vProd[axis])[final] for axis in ("px", "py", "pz")], axis=1)
    weights = ak.to_numpy(batch.info.weights).reshape(len(batch), -1)[:, 0]
    heavy = np.bincount(event[(status == _OUTGOING) & np.isin(np.abs(pdg), HEAVY_QUARKS)], minlength=len(batch)) > 0
    return event[final], pdg[final], momentum, vertex, len(batch), weights.astype(np.float64), heavy
