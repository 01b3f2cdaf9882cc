"""Hardware scales: what one count of a Level-1 trigger word means.

The least significant bits and widths are those of the objects that the CMS Global Trigger receives (Zenodo record
21787779): transverse energies in 0.5 GeV, calorimeter eta in 0.0435, muon eta in 0.010875, calorimeter phi in
2 pi / 144, muon phi in 2 pi / 576.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class HardwareScale:
    """One field of a trigger object: physical value = word * `lsb`.

    `width` counts all bits of the word, sign included. A field is either `signed` (eta), `cyclic` (phi, whose words run
    from 0 to `period` - 1) or plain unsigned (transverse momentum). Words saturate at their ends, phi wraps.
    """

    lsb: float
    width: int
    unit: str
    signed: bool = False
    period: int | None = None

    @property
    def low(self) -> int:
        """Smallest word."""
        return -(2 ** (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest word."""
        if self.period is not None:
            return self.period - 1
        return 2 ** (self.width - self.signed) - 1

    def to_words(self, values: NDArray[np.floating]) -> NDArray[np.int16]:
        """Round physical values (any shape, in `unit`) to the nearest word, saturating (or wrapping in phi)."""
        counts = np.rint(np.asarray(values, dtype=np.float64) / self.lsb)
        counts = np.mod(counts, self.period) if self.period is not None else np.clip(counts, self.low, self.high)
        return counts.astype(np.int16)

    def to_physical(self, words: NDArray[np.integer]) -> NDArray[np.float64]:
        """Physical value (in `unit`) of each word; phi comes back in [-pi, pi)."""
        values = np.asarray(words, dtype=np.float64) * self.lsb
        if self.period is not None:
            values = np.where(values >= math.pi, values - 2 * math.pi, values)
        return values


def _pt(width: int) -> HardwareScale:
    return HardwareScale(lsb=0.5, width=width, unit="GeV")


def _phi(width: int, period: int) -> HardwareScale:
    return HardwareScale(lsb=2 * math.pi / period, width=width, unit="rad", period=period)


@dataclass(frozen=True)
class ObjectKind:
    """One kind of trigger object: its class code, how many the layout holds, and the scales of pT, eta and phi."""

    name: str
    code: int
    count: int
    pt: HardwareScale
    eta: HardwareScale | None
    phi: HardwareScale


_CALO_ETA = HardwareScale(lsb=0.0435, width=8, unit="1", signed=True)
_MUON_ETA = HardwareScale(lsb=0.010875, width=9, unit="1", signed=True)

#: The 19 objects of an event, in the order of their rows; class codes as in arXiv:2107.02157.
LAYOUT: tuple[ObjectKind, ...] = (
    ObjectKind("MET", 1, 1, _pt(12), None, _phi(8, 144)),
    ObjectKind("e/gamma", 2, 4, _pt(9), _CALO_ETA, _phi(8, 144)),
    ObjectKind("muon", 3, 4, _pt(9), _MUON_ETA, _phi(10, 576)),
    ObjectKind("jet", 4, 10, _pt(11), _CALO_ETA, _phi(8, 144)),
)

FEATURES: tuple[str, ...] = ("pt", "eta", "phi")
N_OBJECTS = sum(kind.count for kind in LAYOUT)
N_INPUTS = N_OBJECTS * len(FEATURES)

#: One signed word that holds every field of the layout: what the firmware's input port carries.
WORD_WIDTH = 13


def rows(kind: ObjectKind) -> slice:
    """Rows of the (19, 3) layout that hold objects of one kind."""
    start = sum(other.count for other in LAYOUT[: LAYOUT.index(kind)])
    return slice(start, start + kind.count)


def feature_names() -> tuple[str, ...]:
    """Names of the 57 inputs in the order of the flattened layout, such as `jet3_eta`."""
    names = []
    for kind in LAYOUT:
        label = kind.name.replace("/", "")
        for index in range(kind.count):
            number = "" if kind.count == 1 else str(index + 1)
            names += [f"{label}{number}_{feature}" for feature in FEATURES]
    return tuple(names)
