"""`Particles`: the stable visible particles of many events, as flat arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: How a particle meets the detector.
HADRON, PHOTON, ELECTRON, MUON = 0, 1, 2, 3

_NEUTRINOS = (12, 14, 16)


@dataclass(frozen=True)
class Particles:
    """Stable visible particles of `events` events, ordered by event; all arrays have one entry per particle.

    `event`: int32, which event; `pt`: float32, GeV; `eta`, `phi`: float32, pseudorapidity and azimuth in radians;
    `kind`: uint8, one of `HADRON`, `PHOTON` (neutral pions included), `ELECTRON`, `MUON`. Masses are neglected.
    """

    events: int
    event: NDArray[np.int32]
    pt: NDArray[np.float32]
    eta: NDArray[np.float32]
    phi: NDArray[np.float32]
    kind: NDArray[np.uint8]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """(events + 1,) first particle of each event, and the end."""
        return np.searchsorted(self.event, np.arange(self.events + 1))

    def take_events(self, chosen: NDArray[np.integer], rotation: NDArray | None = None) -> "Particles":
        """The chosen events, in that order and repeated as often as they are named.

        `rotation`: radians added to phi, one per chosen event.
        """
        offsets = self.offsets
        counts = (offsets[1:] - offsets[:-1])[chosen]
        ends = np.cumsum(counts)
        event = np.repeat(np.arange(len(chosen), dtype=np.int32), counts)
        index = np.arange(counts.sum()) - np.repeat(ends - counts, counts) + np.repeat(offsets[:-1][chosen], counts)
        phi = self.phi[index]
        if rotation is not None:
            phi = (phi + rotation.astype(np.float32)[event]).astype(np.float32)
        return Particles(len(chosen), event, self.pt[index], self.eta[index], phi, self.kind[index])

    def regroup(self, owner: NDArray[np.integer], events: int) -> "Particles":
        """Merge events: event i becomes a part of event `owner[i]` of `events` (`owner` must not decrease)."""
        event = np.asarray(owner, dtype=np.int32)[self.event]
        return Particles(events, event, self.pt, self.eta, self.phi, self.kind)


def from_momenta(
    event: NDArray, pdg: NDArray, px: NDArray, py: NDArray, pz: NDArray, events: int, max_eta: float
) -> Particles:
    """Build from the momenta (GeV) and PDG codes of final particles; neutrinos and |eta| >= `max_eta` are left out."""
    code = np.abs(pdg)
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore"):
        eta = np.arcsinh(pz / np.maximum(pt, 1e-9))
    keep = ~np.isin(code, _NEUTRINOS) & (np.abs(eta) < max_eta)
    kind = np.full(len(code), HADRON, dtype=np.uint8)
    kind[(code == 22) | (code == 111)] = PHOTON
    kind[code == 11] = ELECTRON
    kind[code == 13] = MUON
    return Particles(
        events,
        event[keep].astype(np.int32),
        pt[keep].astype(np.float32),
        eta[keep].astype(np.float32),
        np.arctan2(py, px)[keep].astype(np.float32),
        kind[keep],
    )


def merge(parts: Sequence[Particles]) -> Particles:
    """Lay sets of equally many events over one another, event by event."""
    event = np.concatenate([part.event for part in parts])
    order = np.argsort(event, kind="stable")
    columns = [np.concatenate([getattr(part, name) for part in parts])[order] for name in ("pt", "eta", "phi", "kind")]
    return Particles(parts[0].events, event[order], *columns)


def append(parts: Sequence[Particles]) -> Particles:
    """Put sets of events one after another."""
    first = np.cumsum([0] + [part.events for part in parts])
    event = np.concatenate([part.event + start for part, start in zip(parts, first[:-1], strict=True)])
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("pt", "eta", "phi", "kind")]
    return Particles(int(first[-1]), event.astype(np.int32), *columns)
