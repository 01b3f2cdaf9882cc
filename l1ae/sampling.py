"""A run as a generator: codes drawn at random, decoded as the firmware would, and sent as events."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.autoencoder.augment import sent
from l1ae.circuit import Circuit
from l1ae.circuit.inverse import InputInverse
from l1ae.coding import CODE, EMBEDDED, RECONSTRUCTION, Coder
from l1ae.errors import ConfigError, RunFolderError
from l1ae.events.compare import Comparison, compare
from l1ae.events.io import CHUNK, EventWriter
from l1ae.events.layout import Layout
from l1ae.events.schema import EventSet
from l1ae.events.split import splitmix64
from l1ae.events.summary import Summary
from l1ae.records import Record
from l1ae.samples import Samples
from l1ae.terminal import Advance

Words = NDArray[np.int64]

#: The process of events that a network has made.
PROCESS = "generated"
_TRUE = "true background"


@dataclass(frozen=True)
class Sampler:
    """The decoder of a run, and how its reconstructions become hardware words."""

    coder: Coder
    decoder: Circuit
    inverse: InputInverse
    layout: Layout

    @classmethod
    def of(cls, coder: Coder, samples: Samples) -> "Sampler":
        """The sampler of a run; raises `ConfigError` where there is no way from a code to hardware words."""
        path = coder.run.path
        if EMBEDDED in coder:
            raise ConfigError(f"{path}: no event can be made of an embedding; train without autoencoder.embedding")
        if RECONSTRUCTION not in coder:
            raise RunFolderError(f"{path} has no decoder: train it again with l1ae run CONFIG --out {path} --fresh")
        inverse = coder.inverse(samples)
        assert inverse is not None
        if inverse.relative:
            raise ConfigError(
                f"{path}: of relative angles the sign is lost, no phi can be made; train with inputs.angles absolute"
            )
        return cls(coder, coder.circuit.between(CODE, RECONSTRUCTION), inverse, samples.layout)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Names of the inputs that the network does not see: their words stay 0."""
        names = self.layout.feature_names()
        return tuple(name for name, blind in zip(names, self.inverse.blind, strict=True) if blind)

    def possible(self, codes: Words) -> Words:
        """Code words (N, latent) brought to what the encoder can give: the sums of the decoder hold no more."""
        reach = self.coder.circuit.ranges[CODE]
        return np.clip(codes, reach.low, reach.high)

    def events(self, codes: Words, rng: np.random.Generator) -> NDArray[np.int16]:
        """Hardware words (N, n) of events as the trigger sends them, of code words (N, latent).

        Of the words that the network cannot tell apart each is equally likely.
        """
        words = self.inverse.words(self.decoder.output_words(codes), rng)
        return sent(words.reshape(-1, *self.layout.shape), self.layout)


class Generated(Record):
    """Events of a decoder: from which run, with which codes, and how far they are from the true background.

    `softest_gev`: pT below which no object of a kind is made, that of the training events. `saturated`: share
    of the drawn code words that lay beyond the code's range and were brought to its end. `unseen`: inputs that the
    network does not see, so that their words are 0. `comparison`: A is the true background.
    """

    run: str
    circuit_sha256: str
    seed: int
    events: int
    codes: str
    code_format: str
    saturated: float
    softest_gev: dict[str, float]
    unseen: tuple[str, ...]
    comparison: Comparison

    @property
    def verdict(self) -> str:
        """How far the events are from true ones, in one sentence: distances, since few p-values survive."""
        distances = sorted((test.ks or 0.0, test.name) for test in self.comparison.made)
        if not distances:
            return "too few events for any test: take more with --events"
        worst, name = distances[-1]
        middle = float(np.median([distance for distance, _ in distances]))
        return f"KS distance to the true background: {middle:.3f} in the median, {worst:.3f} at most ({name})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What limits the events."""
        if not self.unseen:
            return ()
        listed = ", ".join(self.unseen[:3]) + (", ..." if len(self.unseen) > 3 else "")
        return (f"the network does not see {len(self.unseen)} inputs, whose words stay 0: {listed}",)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a page says above the tests."""
        made = (
            f"{self.events:,} events of the decoder of {self.run}, seed {self.seed}. Codes ({self.code_format}): "
            f"{self.codes}; {100 * self.saturated:.2g} % of the words saturate."
        )
        return (made, f"{self.verdict}.", *(f"Note: {note}." for note in self.notes))


@dataclass(frozen=True)
class Source:
    """Where codes come from: `draw(number, rng)` gives words (number, latent), `text` says what they are."""

    text: str
    draw: Callable[[int, np.random.Generator], Words]


def prior(coder: Coder) -> Source:
    """Codes of the Gaussian that a variational autoencoder was trained towards; `ConfigError` for other kinds."""
    kind, width = coder.run.config.autoencoder.kind, coder.run.config.training.prior_width
    if kind != "variational":
        raise ConfigError(
            f"{coder.run.path}: kind {kind} was trained towards no distribution of codes; "
            "take those of the data with --from-data, or kind variational"
        )

    def draw(number: int, rng: np.random.Generator) -> Words:
        # As integers that nothing has saturated yet, so that what saturates can be counted.
        return np.rint(np.ldexp(rng.normal(0, width, (number, coder.latent)), coder.code.fraction)).astype(np.int64)

    return Source(f"Gaussian of width {width:g}, the prior of the training", draw)


def from_data(coder: Coder, samples: Samples, advance: Advance) -> Source:
    """Codes of the background's test events, each as likely, moved by Gaussian noise of one LSB."""
    small: Literal["int16", "int32"] = "int16" if coder.code.width <= 16 else "int32"
    found = []
    for chunk in samples.stream.chunks(samples.config.background, "test"):
        found.append(coder.circuit.trace(chunk.inputs, [CODE])[CODE].astype(small))
        advance(len(chunk))
    codes = np.concatenate(found)

    def draw(number: int, rng: np.random.Generator) -> Words:
        chosen = codes[rng.integers(0, len(codes), number)].astype(np.int64)
        return chosen + np.rint(rng.normal(0, 1, chosen.shape)).astype(np.int64)

    return Source(f"codes of {len(codes)} background test events, moved by Gaussian noise of 1 LSB", draw)


def generate(
    sampler: Sampler, source: Source, out: Path, *, events: int, seed: int, advance: Advance
) -> tuple[Summary, float]:
    """Write `events` events to `out`, whole or not at all; returns their summary and the share of saturated codes.

    The same run, source, number and seed give the same file.
    """
    rng = np.random.default_rng(seed)
    metadata = {
        "background_processes": PROCESS,
        "made_by": f"l1ae generate, run {sampler.coder.run.config.name}, seed {seed}",
        "codes": source.text,
        "circuit_sha256": sampler.coder.sha256,
    }
    key = f"{sampler.coder.sha256} {source.text} {seed}"
    base = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
    summary = Summary(sampler.layout, (PROCESS,), metadata)
    saturated = 0
    with EventWriter(out, (PROCESS,), sampler.layout, metadata) as writer:
        for chunk in _chunks(events):
            drawn = source.draw(len(chunk), rng)
            codes = sampler.possible(drawn)
            saturated += int(np.count_nonzero(codes != drawn))
            words = sampler.events(codes, rng).reshape(-1, *sampler.layout.shape)
            numbers = np.arange(chunk.start, chunk.stop, dtype=np.uint64) + np.uint64(base)
            made = EventSet(
                words, np.zeros(len(chunk), dtype=np.uint8), (PROCESS,), splitmix64(numbers), {}, sampler.layout
            )
            writer.append(made)
            summary.add(made)
            advance(len(chunk))
    return summary, saturated / (events * sampler.coder.latent)


def compared(made: Summary, samples: Samples, advance: Advance) -> tuple[Comparison, Summary]:
    """The events that were made against the true background test events, and the summary of these."""
    true = Summary.of(samples.stream.chunks(samples.config.background, "test"), advance)
    return compare(true, made, (samples.config.background, None), (_TRUE, PROCESS)), true


def _chunks(events: int) -> Iterator[range]:
    return (range(start, min(start + CHUNK, events)) for start in range(0, events, CHUNK))
