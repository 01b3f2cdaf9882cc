"""An autoencoder as a compressor: bits per event before and after, and what is lost on the way, in physical units."""

import math
from collections.abc import Iterable
from functools import reduce
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveInt

from l1ae.circuit.inverse import InputInverse
from l1ae.evaluation.performance import FiniteRecord
from l1ae.events.layout import Layout
from l1ae.events.scales import HardwareScale

Words = NDArray[np.int64]


class Deviation(FiniteRecord):
    """What differences do: how many, root mean square, mean absolute value, and mean; None where there are none."""

    entries: NonNegativeInt
    rms: float | None
    mean_absolute: float | None
    bias: float | None


class FeatureLoss(FiniteRecord):
    """Reconstructed minus true value of one feature of one kind, over the objects that are there.

    `quantity` says what is compared, in `unit`. `network`: all that is lost; `inputs`: what scaling and tables alone
    have lost; `spread`: standard deviation of the true values, the RMS error of always saying their mean. `unseen`:
    objects of the kind whose word the network does not see at all; they are left out.
    """

    kind: str
    feature: str
    quantity: str
    unit: str
    network: Deviation
    inputs: Deviation
    spread: float | None
    unseen: NonNegativeInt


class Presence(FiniteRecord):
    """Objects of one kind: of the `present` ones so many come back as absent (`lost`), and the reverse (`invented`)."""

    kind: str
    present: NonNegativeInt
    lost: NonNegativeInt
    absent: NonNegativeInt
    invented: NonNegativeInt


class Loss(FiniteRecord):
    """What a sample of events, of one or several processes, loses.

    `entropy_bits`: empirical entropy of the code words of each dimension, what an ideal coder needs that knows their
    distribution and codes each dimension on its own; `fields_entropy_bits`: likewise of all fields that enter. `seen`:
    reconstructed minus true value of what the network reconstructs, in its own units; None without a decoder.
    `features`, `presence`: empty where no hardware words can be had back.
    """

    processes: tuple[str, ...]
    events: PositiveInt
    fields_entropy_bits: float
    entropy_bits: tuple[float, ...]
    seen: Deviation | None
    features: tuple[FeatureLoss, ...]
    presence: tuple[Presence, ...]


class Bits(FiniteRecord):
    """Bits per event: `fields` of the hardware words that enter, `port` of the firmware that takes them, `code`."""

    fields: PositiveInt
    port: PositiveInt
    code: PositiveInt

    @classmethod
    def of(cls, layout: Layout, port_width: int, latent: int, code_width: int) -> "Bits":
        """Bits of a layout, of a port of so many bits per input, and of a code."""
        fields = sum(kind.count * sum(scale.width for scale in kind.fields.values()) for kind in layout.kinds)
        return cls(fields=fields, port=layout.n_inputs * port_width, code=latent * code_width)

    @property
    def ratio(self) -> float:
        """How many times fewer bits the code has than the fields."""
        return self.fields / self.code


class Encoding(FiniteRecord):
    """Codes of a sample: from which `run` and `circuit_sha256`, of which events, in how many bits, with what loss.

    `events` is of `file`, the `whole` or its `test` part. `background`: all background processes of the run that the
    file holds, together; `processes`: each on its own. `softest_gev`: pT below which no object of a kind comes back.
    `notes`: what could not be measured, and what limits the rest.
    """

    run: str
    circuit_sha256: str
    file: str
    file_sha256: str
    part: Literal["whole", "test"]
    events: PositiveInt
    code_format: str
    latent: PositiveInt
    target: str
    bits: Bits
    ratio: float
    softest_gev: dict[str, float]
    background: Loss | None
    processes: tuple[Loss, ...]
    notes: tuple[str, ...]


class Moments:
    """Sums over differences, from which a `Deviation` follows; they can be added up."""

    def __init__(self) -> None:
        self._sums = np.zeros(4)

    def add(self, differences: NDArray[np.floating]) -> None:
        """Count differences of any shape."""
        self._sums += [differences.size, differences.sum(), np.abs(differences).sum(), np.square(differences).sum()]

    def __add__(self, other: "Moments") -> "Moments":
        result = Moments()
        result._sums = self._sums + other._sums
        return result

    def deviation(self) -> Deviation:
        """The record."""
        entries, total, absolute, squares = map(float, self._sums)
        if not entries:
            return Deviation(entries=0, rms=None, mean_absolute=None, bias=None)
        rms = math.sqrt(squares / entries)
        return Deviation(entries=int(entries), rms=rms, mean_absolute=absolute / entries, bias=total / entries)

    def spread(self) -> float | None:
        """Standard deviation; None without entries."""
        entries, total, _, squares = map(float, self._sums)
        return math.sqrt(max(squares / entries - (total / entries) ** 2, 0.0)) if entries else None


class Losses:
    """Counts what the events of one process, or of several added up, lose; memory does not grow with the events."""

    def __init__(self, layout: Layout, code_words: range, latent: int, inverse: InputInverse | None) -> None:
        self._layout, self._words, self._inverse = layout, code_words, inverse
        self._codes = np.zeros((latent, len(code_words)), dtype=np.int64)
        self._fields = [np.zeros(scale.high - scale.low + 1, dtype=np.int64) for _, scale in _fields(layout)]
        self._events = 0
        self._seen = Moments()
        columns = [] if inverse is None else [column for column in inverse.layout.columns() if column.scale is not None]
        self._network = [Moments() for _ in columns]
        self._inputs = [Moments() for _ in columns]
        self._true = [Moments() for _ in columns]
        kinds = () if inverse is None else inverse.layout.kinds
        self._presence = np.zeros((len(kinds), 4), dtype=np.int64)

    def add_codes(self, words: Words, codes: Words) -> None:
        """Count hardware words (N, n) and their code words (N, latent)."""
        self._events += len(codes)
        for (index, scale), counts in zip(_fields(self._layout), self._fields, strict=True):
            counts += np.bincount(words[:, index].astype(np.int64) - scale.low, minlength=len(counts))
        for dimension, words in enumerate(codes.T):
            self._codes[dimension] += np.bincount(words - self._words.start, minlength=len(self._words))

    def add_seen(self, true: Words, reconstructed: Words, lsb: float) -> None:
        """Count what the network sees and what it makes of it, words (N, n) with the same last bit."""
        self._seen.add((reconstructed - true) * lsb)

    def add_words(self, true: Words, seen: Words, reconstructed: Words) -> None:
        """Count hardware words (N, n), the scaled words that the network sees of them, and their reconstruction."""
        assert self._inverse is not None
        layout = self._inverse.layout
        shape = (-1, *layout.shape)
        events, back, again = (
            words.reshape(shape) for words in (true, self._inverse.words(reconstructed), self._inverse.words(seen))
        )
        present = events[..., 0] > 0
        for place, kind in enumerate(layout.kinds):
            rows = layout.rows(kind.name)
            there, found = present[:, rows], back[:, rows, 0] > 0
            self._presence[place] += [there.sum(), (there & ~found).sum(), (~there).sum(), (~there & found).sum()]
        columns = (column for column in layout.columns() if column.scale is not None)
        for place, (_, rows, column, feature, scale) in enumerate(columns):
            assert scale is not None
            seeing = ~self._inverse.blind.reshape(layout.shape)[rows, column]
            chosen = present[:, rows] & seeing
            expected = self._expected(events, rows, column, feature, scale)
            self._true[place].add(expected[chosen])
            for words, moments in ((back, self._network[place]), (again, self._inputs[place])):
                moments.add(_difference(scale.to_physical(words[:, rows, column]), expected, scale)[chosen])

    def _expected(
        self, events: Words, rows: slice, column: int, feature: str, scale: HardwareScale
    ) -> NDArray[np.float64]:
        """True values; of a relative phi the absolute difference to that of the missing momentum, all that is kept."""
        values = scale.to_physical(events[:, rows, column])
        if self._inverse is None or not self._relative(feature):
            return values
        layout = self._inverse.layout
        origin = next(kind for kind in layout.kinds if kind.sum and kind.scale("phi") is not None)
        phi = origin.fields["phi"].to_physical(events[:, layout.rows(origin.name), column])
        return np.abs(_difference(values, phi[:, :1], scale))

    def _relative(self, feature: str) -> bool:
        return self._inverse is not None and self._inverse.relative and feature == "phi"

    def __add__(self, other: "Losses") -> "Losses":
        result = Losses(self._layout, self._words, len(self._codes), self._inverse)
        result._codes = self._codes + other._codes
        result._events = self._events + other._events
        result._seen = self._seen + other._seen
        result._fields = [a + b for a, b in zip(self._fields, other._fields, strict=True)]
        for name in ("_network", "_inputs", "_true"):
            setattr(result, name, [a + b for a, b in zip(getattr(self, name), getattr(other, name), strict=True)])
        result._presence = self._presence + other._presence
        return result

    def record(self, processes: Iterable[str]) -> Loss:
        """What was counted, under the names of the processes."""
        features = []
        if self._inverse is not None:
            layout = self._inverse.layout
            blind = self._inverse.blind.reshape(layout.shape)
            columns = [column for column in layout.columns() if column.scale is not None]
            for (kind, rows, column, feature, scale), network, inputs, true in zip(
                columns, self._network, self._inputs, self._true, strict=True
            ):
                assert scale is not None
                features.append(
                    FeatureLoss(
                        kind=kind.name,
                        feature=feature,
                        quantity="|phi - phi of MET|" if self._relative(feature) else feature,
                        unit=scale.unit,
                        network=network.deviation(),
                        inputs=inputs.deviation(),
                        spread=true.spread(),
                        unseen=int(blind[rows, column].sum()),
                    )
                )
        kinds = () if self._inverse is None else self._inverse.layout.kinds
        names = ("present", "lost", "absent", "invented")
        return Loss(
            processes=tuple(processes),
            events=self._events,
            fields_entropy_bits=sum(map(entropy, self._fields)),
            entropy_bits=tuple(map(entropy, self._codes)),
            seen=self._seen.deviation() if self._seen.deviation().entries else None,
            features=tuple(features),
            presence=tuple(
                Presence(kind=kind.name, **dict(zip(names, map(int, row), strict=True)))
                for kind, row in zip(kinds, self._presence, strict=True)
            ),
        )


def joined(losses: Iterable[Losses]) -> Losses:
    """All of them together; at least one."""
    return reduce(lambda first, second: first + second, losses)


def entropy(counts: NDArray[np.integer]) -> float:
    """Empirical entropy in bits of counts (words,): -sum p log2 p with p = n / N (Shannon, 1948); 0 without any.

    Of N events it comes out too small by about (words - 1) / (2 N ln 2) bits (Miller, 1955).
    """
    total = int(counts.sum())
    p = counts[counts > 0] / total if total else np.ones(1)
    return float(max(0.0, -(p * np.log2(p)).sum()))


def _fields(layout: Layout) -> list[tuple[int, HardwareScale]]:
    """Number and scale of each input that has one."""
    scales = [kind.scale(feature) for kind in layout.kinds for _ in range(kind.count) for feature in layout.features]
    return [(index, scale) for index, scale in enumerate(scales) if scale is not None]


def _difference(value: NDArray[np.float64], expected: NDArray[np.float64], scale: HardwareScale) -> NDArray[np.float64]:
    """Value minus expectation, around the beam the shorter way, in [-pi, pi)."""
    difference = value - expected
    return (difference + math.pi) % (2 * math.pi) - math.pi if scale.period is not None else difference
