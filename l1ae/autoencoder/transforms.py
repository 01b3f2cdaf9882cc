"""Input transforms learned from the background: offsets, shifts and look-up tables, each exact in firmware.

A word is centred and shifted, rounded and saturated to an address of a few bits, and a table of its own turns the
address into what the network sees: a logarithm, a tail probability, a density or a Gaussian quantile of pT.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from l1ae.autoencoder.relative import Relative
from l1ae.autoencoder.scaling import Scaling, learn_scaling
from l1ae.errors import DataError
from l1ae.events.layout import LEPTON, Layout
from l1ae.records import SignedPrecision
from l1ae.settings import InputsConfig

#: pT where the logarithm turns from linear to logarithmic, in GeV.
LOG_SCALE = 4.0
#: At most this share of the background may saturate an address.
_SATURATED = 1e-4
#: Events above which a tail probability is counted; further out it falls exponentially.
_TAIL_EVENTS = 50
#: An input that is nearly always the same is not blown up: deviations count at least this share of the largest.
_SMALLEST_SPREAD = 0.05
_BINS_PER_OCTAVE = 4
#: Words are counted from minus this on; the widest have 16 bits, and the differences of phi reach as far.
_RANGE = 2**15


@dataclass(frozen=True, eq=False)
class InputTransform:
    """From hardware words to what the network sees: one offset and one shift per input, and tables or none.

    With tables, `tables[i][address]` are words of `precision`, the address being the unsigned word
    (word - offset) * 2**-shift of `address_bits`. `relative` turns phi into differences before that.
    """

    scaling: Scaling
    precision: SignedPrecision
    word_width: int
    tables: NDArray[np.int64] | None = None
    address_bits: int = 0
    relative: Relative | None = None

    @classmethod
    def of(
        cls,
        offset: Iterable[int],
        shift: Iterable[int],
        precision: SignedPrecision | None = None,
        word_width: int = LEPTON.word_width,
    ) -> "InputTransform":
        """A transform of given offsets and shifts, without tables."""
        scaling = Scaling(tuple(int(value) for value in offset), tuple(int(value) for value in shift))
        return cls(scaling, precision or InputsConfig().precision, word_width)

    @property
    def n_inputs(self) -> int:
        """Inputs, the same number before and after."""
        return len(self.scaling.offset)


def learn_transform(
    chunks: Iterable[NDArray[np.integer]], layout: Layout, config: InputsConfig, standardise: bool = True
) -> InputTransform:
    """Learn the transform from training words (N, n) in chunks; raises `DataError` for fewer than 2 events.

    `standardise`: mean 0 and spread 1 over the background; otherwise tables hold the curves themselves.
    """
    if not config.tables:
        scaling = learn_scaling(chunks, layout.is_direction(), config.direction_shift)
        return InputTransform(scaling, config.precision, layout.word_width)
    relative = Relative.of(layout) if config.angles == "relative" else None
    counts = _count(chunks, layout.n_inputs, relative)
    events = int(counts[0].sum())
    if events < 2:
        raise DataError(f"{events} training events: at least 2 are needed to learn the inputs")
    columns = _columns(layout)
    offset, shift, curves, weights = [], [], [], []
    for index, (feature, lsb) in enumerate(columns):
        first, down = _addressing(counts[index], feature, config.address)
        if relative is not None and (ratio := relative.ratio[index]):
            first, down = relative.first_word(ratio), max(relative.bits(ratio) - config.address, 0)
        per_address = _addresses(counts[index], first, down, config.address)
        words = first + (np.arange(2**config.address) << down)
        offset.append(first)
        shift.append(down)
        weights.append(per_address)
        if feature == "pt":
            curves.append(_CURVES[config.transform](words, per_address, lsb))
        elif relative is not None and relative.ratio[index]:
            curves.append(relative.cosine(words, index) * 2.0**-config.direction_shift)
        else:
            curves.append(words.astype(np.float64))
    values = np.array(curves)
    if standardise:
        values = _standardised(values, np.array(weights), columns, config, relative)
    largest = 2 ** (config.precision.width - 1)
    tables = np.clip(np.rint(np.ldexp(values, config.precision.fraction)), -largest, largest - 1).astype(np.int64)
    scaling = Scaling(tuple(offset), tuple(shift))
    return InputTransform(scaling, config.precision, layout.word_width, tables, config.address, relative)


def _columns(layout: Layout) -> list[tuple[str, float]]:
    """Feature and LSB of each input; a feature that a kind lacks has LSB 1."""
    return [
        (feature, 1.0 if (scale := kind.scale(feature)) is None else scale.lsb)
        for kind in layout.kinds
        for _ in range(kind.count)
        for feature in layout.features
    ]


def _count(chunks: Iterable[NDArray[np.integer]], n: int, relative: Relative | None) -> NDArray[np.int64]:
    """How often each word occurs, per input: (n, 2 * _RANGE), the first column being the word -_RANGE."""
    counts = np.zeros((n, 2 * _RANGE), dtype=np.int64)
    for chunk in chunks:
        words = np.asarray(chunk, dtype=np.int64)
        words = relative.apply(words) if relative is not None else words
        for index in range(n):
            counts[index] += np.bincount(words[:, index] + _RANGE, minlength=2 * _RANGE)
    return counts


def _addressing(counts: NDArray[np.int64], feature: str, bits: int) -> tuple[int, int]:
    """Offset and shift that bring the words of one input to addresses, saturating next to none."""
    words = np.flatnonzero(counts) - _RANGE
    first = 0 if feature == "pt" else int(words.min())
    beyond = np.cumsum(counts[::-1])[::-1] <= _SATURATED * counts.sum()
    last = int(np.argmax(beyond)) - 1 - _RANGE
    return first, max(int(max(last - first, 0)).bit_length() - bits, 0)


def _addresses(counts: NDArray[np.int64], first: int, shift: int, bits: int) -> NDArray[np.int64]:
    """Counts per address: each word goes where the firmware's rounding and saturation send it."""
    words = np.flatnonzero(counts)
    reached = np.clip(np.rint(np.ldexp(words - _RANGE - float(first), -shift)), 0, 2**bits - 1).astype(np.int64)
    result: NDArray[np.int64] = np.bincount(reached, weights=counts[words], minlength=2**bits).astype(np.int64)
    return result


def logarithm(words: NDArray[np.int64], counts: NDArray[np.int64], lsb: float) -> NDArray[np.float64]:
    """log2(1 + pT / 4 GeV)."""
    return np.log2(1.0 + words * lsb / LOG_SCALE)


def tail(words: NDArray[np.int64], counts: NDArray[np.int64], lsb: float) -> NDArray[np.float64]:
    """-ln P(pT >= x) of the background: counted, and exponential where fewer than 50 events are left.

    The slope of the tail is the inverse of its mean excess, the maximum-likelihood estimate of an exponential.
    """
    above = np.cumsum(counts[::-1])[::-1]
    few = np.flatnonzero(above < min(_TAIL_EVENTS, above[0] / 2))
    # An absent object is no part of the tail, however rare the others are.
    softest = np.append(np.flatnonzero(counts[1:]) + 1, 0)[0]
    last = max(int(few[0]) - 1 if len(few) else len(above) - 1, int(softest))
    excess = words[last:] - words[last]
    slope = above[last] / max(float((excess * counts[last:]).sum()), 1.0)
    result = -np.log(np.maximum(above, 1) / above[0])
    result[last:] = result[last] + slope * excess
    return np.asarray(result, dtype=np.float64)


def density(words: NDArray[np.int64], counts: NDArray[np.int64], lsb: float) -> NDArray[np.float64]:
    """-ln p(pT): an absent object by its probability, the others by their density per GeV in logarithmic bins.

    Half an event is added to each bin, so that an empty one is rare and not impossible.
    """
    edges = np.unique(np.rint(2.0 ** np.arange(0, np.log2(len(counts)), 1 / _BINS_PER_OCTAVE)).astype(int))
    edges = np.append(edges, len(counts))
    in_bin = np.add.reduceat(counts, edges[:-1]) + 0.5
    width = np.diff(edges) * max(float(words[1] - words[0]) * lsb, lsb)
    surprise = -np.log(in_bin / (counts.sum() + len(in_bin) / 2) / width)
    centre = np.sqrt(edges[:-1] * (edges[1:] - 1.0))
    address = np.arange(1, len(counts))
    result = np.interp(np.log(address), np.log(centre), surprise)
    return np.concatenate([[-np.log((counts[0] + 0.5) / (counts.sum() + 1))], result])


def quantile(words: NDArray[np.int64], counts: NDArray[np.int64], lsb: float) -> NDArray[np.float64]:
    """The quantile of a standard normal distribution that has as much of the background below it."""
    reach = np.exp(-tail(words, counts, lsb))
    beyond = np.append(reach[1:], 0.0)
    middle = np.clip((reach + beyond) / 2, 1e-15, 1 - 1e-15)
    return np.asarray(norm.isf(middle), dtype=np.float64)


#: `scale` with relative angles: pT stays linear, in a table like the others.
_CURVES = {
    "scale": lambda words, counts, lsb: words.astype(np.float64),
    "log": logarithm,
    "tail": tail,
    "density": density,
    "quantile": quantile,
}


def _standardised(
    curves: NDArray[np.float64],
    counts: NDArray[np.int64],
    columns: list[tuple[str, float]],
    config: InputsConfig,
    relative: Relative | None,
) -> NDArray[np.float64]:
    """Mean 0 and spread 1 over the background; angles smaller by `direction_shift`, cosines as they are."""
    total = counts.sum(axis=1)
    mean = (curves * counts).sum(axis=1) / total
    spread = np.sqrt((np.square(curves - mean[:, None]) * counts).sum(axis=1) / total)
    is_pt = np.array([feature == "pt" for feature, _ in columns])
    least = _SMALLEST_SPREAD * max(float(spread[is_pt].max()), 1e-9)
    values = np.empty_like(curves)
    for index, (feature, _) in enumerate(columns):
        if relative is not None and relative.ratio[index]:
            values[index] = curves[index]
        elif feature == "pt":
            values[index] = (curves[index] - mean[index]) / max(float(spread[index]), least)
        else:
            shift = config.direction_shift if feature in ("eta", "phi") else 0
            values[index] = (curves[index] - mean[index]) / (float(spread[index]) or 1.0) * 2.0**-shift
    return values
