"""`Particles`: the stable visible particles of many events, as flat arrays; `Hadrons`: those that have yet to decay."""

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
        owner, index = members(self.offsets, chosen)
        event = owner.astype(np.int32)
        phi = self.phi[index]
        if rotation is not None:
            phi = (phi + rotation.astype(np.float32)[event]).astype(np.float32)
        return Particles(len(chosen), event, self.pt[index], self.eta[index], phi, self.kind[index])

    def regroup(self, owner: NDArray[np.integer], events: int) -> "Particles":
        """Merge events: event i becomes a part of event `owner[i]` of `events` (`owner` must not decrease)."""
        event = np.asarray(owner, dtype=np.int32)[self.event]
        return Particles(events, event, self.pt, self.eta, self.phi, self.kind)


@dataclass(frozen=True)
class Hadrons:
    """Hadrons that have not decayed yet, ordered by event; all arrays have one entry per hadron.

    `event`: which event; `code`: PDG code without its sign; `momentum`: (n, 4), px, py, pz and energy in GeV.
    """

    event: NDArray[np.int64]
    code: NDArray[np.int64]
    momentum: NDArray[np.float64]

    def take(self, index: NDArray) -> "Hadrons":
        """The hadrons chosen by an index or mask array."""
        return Hadrons(self.event[index], self.code[index], self.momentum[index])

    @property
    def largest_pt(self) -> NDArray[np.float64]:
        """(n,) GeV, the largest pT that a massless particle from the decay of each hadron can have."""
        px, py, pz, energy = self.momentum.T
        return (np.hypot(px, py) + np.sqrt(np.maximum(energy**2 - pz**2, 0))) / 2


def members(first: NDArray[np.integer], chosen: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Members of chosen groups: for each member the position of its group in `chosen`, and its own index.

    Group i holds the members from `first[i]` up to `first[i + 1]`; a group may be chosen repeatedly.
    """
    counts = first[chosen + 1] - first[chosen]
    owner = np.repeat(np.arange(len(chosen)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts) + first[chosen][owner]


def empty(events: int) -> Particles:
    """Events without particles."""
    none = np.zeros(0, dtype=np.float32)
    return Particles(events, none.astype(np.int32), none, none, none, none.astype(np.uint8))


def kinds(pdg: NDArray) -> NDArray[np.uint8]:
    """How particles with these PDG codes meet the detector."""
    code = np.abs(pdg)
    kind = np.full(len(code), HADRON, dtype=np.uint8)
    kind[(code == 22) | (code == 111)] = PHOTON
    kind[code == 11] = ELECTRON
    kind[code == 13] = MUON
    return kind


def visible(pdg: NDArray) -> NDArray[np.bool_]:
    """Which PDG codes are not neutrinos."""
    return ~np.isin(np.abs(pdg), _NEUTRINOS)


def from_kinds(
    event: NDArray, kind: NDArray[np.uint8], momentum: NDArray[np.floating], events: int, max_eta: float
) -> Particles:
    """Build from kinds and momenta ((n, 3 or more): px, py, pz in GeV); |eta| >= `max_eta` is left out."""
    px, py, pz = momentum[:, 0], momentum[:, 1], momentum[:, 2]
    pt = np.hypot(px, py)
    eta = np.arcsinh(pz / np.maximum(pt, 1e-9))
    keep = np.abs(eta) < max_eta
    return Particles(
        events,
        event[keep].astype(np.int32),
        pt[keep].astype(np.float32),
        eta[keep].astype(np.float32),
        np.arctan2(py, px)[keep].astype(np.float32),
        kind[keep],
    )


def impact(
    momentum: NDArray[np.float64], vertex: NDArray[np.float64], muon: NDArray[np.bool_], radius: float, length: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where particles that start at `vertex` (n, 3) seem to go when they are seen from the origin, and which are seen.

    They fly straight to a cylinder with this radius and half-length (all in mm). The momenta (n, 3) that come back keep
    their size and point from the origin to where the surface is hit; muons keep their direction. What starts outside
    the cylinder is not seen.
    """
    inside = (np.hypot(vertex[:, 0], vertex[:, 1]) < radius) & (np.abs(vertex[:, 2]) < length)
    px, py, pz = momentum.T
    # Distance to the barrel: the positive root of |vertex + t * momentum| = radius; to the end cap: a linear equation.
    square = np.maximum(px**2 + py**2, 1e-18)
    along = vertex[:, 0] * px + vertex[:, 1] * py
    beyond = np.minimum(vertex[:, 0] ** 2 + vertex[:, 1] ** 2 - radius**2, 0)
    to_barrel = (np.sqrt(along**2 - square * beyond) - along) / square
    steep = np.where(np.abs(pz) < 1e-9, 1e-9, pz)
    to_end = (np.copysign(length, steep) - vertex[:, 2]) / steep
    hit = vertex + np.minimum(to_barrel, to_end)[:, None] * momentum
    size = np.linalg.norm(momentum, axis=1) / np.maximum(np.linalg.norm(hit, axis=1), 1e-9)
    return np.where(muon[:, None], momentum, hit * size[:, None]), inside


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
