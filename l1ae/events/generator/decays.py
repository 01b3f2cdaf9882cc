"""Decays of heavy hadrons at rest, made once, and drawn from again and again with new directions.

A hadron without spin decays in all directions alike; the polarisation of baryons is neglected, as Pythia does. A drawn
decay is turned at random and boosted to the momentum of its hadron.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ToolchainError
from l1ae.events.generator.particles import ELECTRON, MUON, Hadrons, kinds, members, visible

_AT_ONCE = 100  # hadrons in one record of Pythia


@dataclass(frozen=True)
class Products:
    """Visible particles from decays, ordered by hadron: `hadron`: which one, `kind`: as in `Particles`.

    `momentum`: (n, 4), px, py, pz and energy in GeV.
    """

    hadron: NDArray[np.int64]
    kind: NDArray[np.uint8]
    momentum: NDArray[np.float64]


@dataclass(frozen=True)
class DecayTable:
    """`decays` decays at rest of each hadron in `codes` (PDG), one after another, their visible particles flat.

    `first`: (len(codes) * decays + 1,) first particle of each decay, and the end; `kind`: uint8, as in `Particles`;
    `momentum`: float32 (n, 4), px, py, pz and energy in GeV.
    """

    codes: tuple[int, ...]
    decays: int
    first: NDArray[np.int64]
    kind: NDArray[np.uint8]
    momentum: NDArray[np.float32]

    def choose(self, hadrons: Hadrons, rng: np.random.Generator) -> NDArray[np.int64]:
        """(n,) number of a decay for each hadron, with replacement."""
        order = np.argsort(self.codes)
        species = order[np.searchsorted(np.asarray(self.codes)[order], hadrons.code)]
        return species * self.decays + rng.integers(self.decays, size=len(species))

    def leptonic(self, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,) whether there is an electron or muon in each of these decays."""
        lepton = np.concatenate([[0], np.cumsum((self.kind == ELECTRON) | (self.kind == MUON))])
        return (lepton[self.first[1:]] > lepton[self.first[:-1]])[chosen]

    def boosted(self, chosen: NDArray[np.int64], hadrons: Hadrons, rotation: NDArray[np.float64]) -> Products:
        """The particles of the chosen decays, turned by `rotation` (n, 3, 3) and boosted along with their hadrons."""
        hadron, index = members(self.first, chosen)
        rest = self.momentum[index].astype(np.float64)
        momentum = boost(np.einsum("nij,nj->ni", rotation[hadron], rest[:, :3]), rest[:, 3], hadrons.momentum[hadron])
        return Products(hadron, self.kind[index], momentum)

    def arrays(self) -> dict[str, NDArray]:
        """The table as named arrays, for a file."""
        return {
            "codes": np.array(self.codes),
            "decays": np.array(self.decays),
            "first": self.first,
            "kind": self.kind,
            "momentum": self.momentum,
        }

    @classmethod
    def from_arrays(cls, arrays: Any) -> "DecayTable":
        """The table that `arrays` were made of (a mapping, or an open NPZ file)."""
        codes = tuple(arrays["codes"].tolist())
        return cls(codes, int(arrays["decays"]), arrays["first"], arrays["kind"], arrays["momentum"])


def make_table(pythia: Any, codes: Sequence[int], decays: int) -> DecayTable:
    """Let Pythia (its process level off) decay each of these hadrons at rest."""
    counts, pdg, momenta = [], [], []
    for code in codes:
        for start in range(0, decays, _AT_ONCE):
            count, flat = _decay(pythia, code, min(_AT_ONCE, decays - start))
            counts.append(count)
            pdg.append(flat[:, 0].astype(np.int64))
            momenta.append(flat[:, 1:])
    kept = visible(np.concatenate(pdg))
    owner = np.repeat(np.arange(len(codes) * decays), np.concatenate(counts))[kept]
    return DecayTable(
        tuple(codes),
        decays,
        np.searchsorted(owner, np.arange(len(codes) * decays + 1)),
        kinds(np.concatenate(pdg)[kept]),
        np.concatenate(momenta)[kept].astype(np.float32),
    )


def random_rotations(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(count, 3, 3) rotations, uniformly distributed: those of normally distributed quaternions."""
    quaternion = rng.standard_normal((count, 4))
    w, x, y, z = (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(rows).transpose(2, 0, 1)


def boost(
    momentum: NDArray[np.float64], energy: NDArray[np.float64], frame: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, 4) momenta as seen when the system they are measured in moves like a particle of four-momentum `frame`."""
    mass = np.sqrt(np.maximum(frame[:, 3] ** 2 - np.sum(frame[:, :3] ** 2, axis=1), 1e-12))
    gamma = frame[:, 3] / mass
    along = frame[:, :3] / mass[:, None]  # gamma * beta
    product = np.sum(along * momentum, axis=1)
    moved = momentum + along * (product / (gamma + 1) + energy)[:, None]
    return np.concatenate([moved, (gamma * energy + product)[:, None]], axis=1)


def _decay(pythia: Any, code: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Final particles of each of `count` hadrons: their numbers, their PDG codes and four-momenta, hadron by hadron."""
    event = pythia.event
    event.reset()
    mass = pythia.particleData.m0(code)
    for _ in range(count):
        event.append(code, 83, 0, 0, 0.0, 0.0, 0.0, mass, mass)
    if not pythia.next():
        raise ToolchainError(f"Pythia cannot decay the hadron {code}; correct the recipe")
    owners, found = [], []
    ancestor = list(range(event.size()))  # 1 to `count` are the hadrons themselves
    for number, particle in enumerate(event):
        if number > count:
            ancestor[number] = ancestor[particle.mother1()]
        if number > 0 and particle.isFinal():
            owners.append(ancestor[number] - 1)
            found.append((particle.id(), particle.px(), particle.py(), particle.pz(), particle.e()))
    order = np.argsort(owners, kind="stable")
    return np.bincount(owners, minlength=count), np.array(found)[order]
