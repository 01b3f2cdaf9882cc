"""A run as an encoder: the code words of events, as the firmware computes them, and what is lost with the rest."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from l1ae.circuit import Circuit, FixedFormat
from l1ae.circuit.inverse import SCALED, InputInverse
from l1ae.errors import ConfigError, DataError, RunFolderError
from l1ae.evaluation.compression import Bits, Encoding, Losses, joined
from l1ae.events.columns import ColumnWriter
from l1ae.events.inspection import Inspection
from l1ae.events.schema import EventSet
from l1ae.events.source import digest
from l1ae.files import sha256
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.terminal import Advance

#: Nodes of the circuits of l1ae: what the autoencoder encodes when it has an embedding, its code, what it makes of it.
EMBEDDED, CODE, RECONSTRUCTION = "embedded", "code_quantized", "reconstruction"
#: Format of the files of code words.
FORMAT = "l1ae-codes-1"


@dataclass(frozen=True)
class Coder:
    """The circuit that encodes for a run, with its decoder where there is one; `sha256` is that of the deployed one."""

    run: RunFolder
    circuit: Circuit
    sha256: str

    @classmethod
    def open(cls, run: RunFolder) -> "Coder":
        """The coder of a converted run; raises `ConfigError` for a student, which has no code.

        A variational autoencoder deploys its encoder only: its decoder is read from beside the circuit.
        """
        if run.config.autoencoder.kind == "student":
            raise ConfigError(f"{run.path}: a student computes its score directly and has no code; take an autoencoder")
        circuit = Circuit.load(run.need(run.circuit, "convert"))
        names = [node.name for node in circuit.nodes]
        if CODE not in names or SCALED not in names:
            raise RunFolderError(f"{run.circuit} has no nodes {SCALED} and {CODE}: l1ae convert {run.path}")
        digest_ = sha256(run.circuit)
        if RECONSTRUCTION not in names and run.decoded.is_file():
            decoded = Circuit.load(run.decoded)
            words = circuit.input.name
            if decoded.between(words, CODE) != circuit.between(words, CODE):
                raise RunFolderError(f"{run.decoded} has another encoder than {run.circuit}: l1ae convert {run.path}")
            circuit = decoded
        return cls(run, circuit, digest_)

    def __contains__(self, name: str) -> bool:
        return any(node.name == name for node in self.circuit.nodes)

    @property
    def code(self) -> FixedFormat:
        """Format of one code word."""
        return self.circuit[CODE].format

    @property
    def latent(self) -> int:
        """Dimensions of the code."""
        return self.circuit[CODE].size

    @property
    def target(self) -> str:
        """The node that the autoencoder encodes and reconstructs."""
        return EMBEDDED if EMBEDDED in self else SCALED

    def inverse(self, samples: Samples) -> InputInverse | None:
        """Back from reconstructions to hardware words; None without a decoder, and behind an embedding.

        Objects that are softer than any of the background's training events count as absent: none is sent.
        """
        if RECONSTRUCTION not in self or self.target == EMBEDDED:
            return None
        format_ = self.circuit[RECONSTRUCTION].format
        return InputInverse.of(self.circuit, samples.layout, format_, softest(samples))

    @property
    def trouble(self) -> str | None:
        """Why no hardware words can be had back from a code; None when they can."""
        if RECONSTRUCTION not in self:
            return "this run has no decoder (it was trained by an older l1ae): only the codes are known"
        if self.target == EMBEDDED:
            return "the network encodes an embedding, from which no hardware words can be had back"
        return None


def softest(samples: Samples) -> dict[str, int]:
    """The smallest pT word that the background's training events hold, per kind of object that they hold."""
    found: dict[str, int] = {}
    for chunk in samples.stream.chunks(samples.config.background, "training"):
        for kind in samples.layout.kinds:
            momenta = chunk.words[:, samples.layout.rows(kind.name), 0]
            if (momenta > 0).any():
                found[kind.name] = min(int(momenta[momenta > 0].min()), found.get(kind.name, kind.pt.high))
    return found


class EventsToEncode:
    """The test events of a run, or all events of a file with its layout."""

    def __init__(self, run: RunFolder, file: Path | None) -> None:
        self.samples = samples = Samples.open(run.config.data)
        self.layout = samples.layout
        self.part: Literal["whole", "test"] = "test" if file is None else "whole"
        if file is None:
            self.file, self.sha256, self.paths = samples.name, samples.sha256, samples.paths
            self.process_names, self.total = samples.stream.process_names, samples.test_events()
            seen_in_training = False
            self._chunks = lambda: samples.stream.chunks(samples.processes, "test")
        else:
            from l1ae.report.elsewhere import check_layout

            found = Inspection(str(file))
            check_layout(found, samples.layout)
            self.file, self.sha256, self.paths = found.path.name, digest([found.path]), (found.path,)
            self.process_names, self.total = found.reader.process_names, len(found)
            # Equal files have equal sizes, and most files need no second digest.
            size = found.path.stat().st_size
            same = (path for path in samples.paths if path.stat().st_size == size)
            seen_in_training = any(digest([path]) == self.sha256 for path in same)
            self._chunks = found.chunks
        self.note = "the run was trained on a part of these events" if seen_in_training else None
        if not self.total:
            raise DataError(f"{self.file} holds no events to encode")

    def chunks(self) -> Iterator[EventSet]:
        """The events in order, those of a file as the run takes them."""
        for chunk in self._chunks():
            yield chunk.select(self.layout)


def encode(coder: Coder, source: EventsToEncode, out: Path, advance: Advance) -> Encoding:
    """Write the code words of all events of `source` to `out`, whole or not at all, and measure what is lost.

    The file holds `code` (N, latent), `process` and `event_id` as HDF5, and a record of where they come from.
    """
    circuit, inverse = coder.circuit, coder.inverse(source.samples)
    words = range(coder.code.low, coder.code.high + 1)
    names = [CODE, *([coder.target, RECONSTRUCTION] if RECONSTRUCTION in coder else [])]
    losses: dict[int, Losses] = {}
    record = {
        "run": coder.run.config.name,
        "circuit_sha256": coder.sha256,
        "file": source.file,
        "file_sha256": source.sha256,
        "part": source.part,
        "process_names": source.process_names,
        "code_format": str(coder.code),
    }
    columns: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
        "code": (np.min_scalar_type(coder.code.low), (coder.latent,)),
        "process": (np.uint8, ()),
        "event_id": (np.uint64, ()),
    }
    with ColumnWriter(out, FORMAT, columns, lambda: record) as writer:
        for chunk in source.chunks():
            tensors = circuit.trace(chunk.inputs, names)
            writer.append({"code": tensors[CODE], "process": chunk.process, "event_id": chunk.event_id})
            for code in np.unique(chunk.process).tolist():
                mine = chunk.process == code
                found = losses.setdefault(code, Losses(source.layout, words, coder.latent, inverse))
                found.add_codes(chunk.inputs[mine], tensors[CODE][mine])
                if RECONSTRUCTION in coder:
                    true, back = tensors[coder.target][mine], tensors[RECONSTRUCTION][mine]
                    found.add_seen(true, back, circuit[RECONSTRUCTION].format.lsb)
                    if inverse is not None:
                        found.add_words(chunk.inputs[mine].astype(np.int64), true, back)
            advance(len(chunk))
        if not writer.rows:
            raise DataError(f"{source.file} holds no good event to encode: l1ae data info says why")
    named = {source.process_names[code]: found for code, found in sorted(losses.items())}
    background = [name for name in coder.run.config.data.background if name in named]
    bits = Bits.of(source.layout, circuit.input.format.width, coder.latent, coder.code.width)
    return Encoding(
        run=coder.run.config.name,
        circuit_sha256=coder.sha256,
        file=source.file,
        file_sha256=source.sha256,
        part=source.part,
        events=writer.rows,
        code_format=str(coder.code),
        latent=coder.latent,
        target=coder.target,
        bits=bits,
        ratio=bits.ratio,
        softest_gev={} if inverse is None else inverse.softest_gev(),
        background=joined(named[name] for name in background).record(background) if background else None,
        processes=tuple(found.record((name,)) for name, found in named.items()),
        notes=tuple(note for note in (coder.trouble, source.note) if note),
    )


def check_output(out: Path, force: bool, inputs: tuple[Path, ...] = ()) -> Path:
    """`out`, where an HDF5 file may be written; raises `ConfigError` or `RunFolderError` where it may not."""
    if out.suffix not in (".h5", ".hdf5"):
        raise ConfigError(f"{out} must end with .h5 or .hdf5: HDF5 is what is written")
    if out.resolve() in {path.resolve() for path in inputs}:
        raise ConfigError(f"{out} is also an input")
    if out.is_dir():
        raise RunFolderError(f"{out} is a folder")
    if out.exists() and not force:
        raise RunFolderError(f"{out} exists: overwrite it with --force")
    return out
