"""Any QKeras model in, an HLS project out: converted, opened again, simulated and verified."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from l1ae.circuit import Circuit, FixedFormat, corner_words
from l1ae.circuit.formats import Overflow, Rounding
from l1ae.circuit.proof import proof_text, prove
from l1ae.config import FirmwareConfig, VerificationConfig
from l1ae.errors import ConversionError, DataError, RunFolderError
from l1ae.files import write_text
from l1ae.hardware.hls.checks import check_settings
from l1ae.hardware.hls.names import is_identifier
from l1ae.hardware.hls.sources import read_provenance
from l1ae.implementations import judge
from l1ae.records import first_message
from l1ae.stimuli import corners, stimuli, values
from l1ae.terminal import Terminal
from l1ae.verify import Verdict

if TYPE_CHECKING:
    from l1ae.circuit.lowering import Lowered

_DEFAULTS = FirmwareConfig()
#: Random words in a verification that is given no values, beside the corner words.
RANDOM_EVENTS = 10_000
#: Random words in the test bench of a project, beside the corner words.
_TEST_BENCH_EVENTS = 1000
#: Endings of the files that Keras writes.
MODEL_FILES = (".keras", ".h5", ".hdf5")
#: Files in a project beside those that are synthesised.
MODEL, CIRCUIT = "model.keras", "circuit.json"

#: Values of one event each as the model takes them: (N, *shape), or one such array per input, in a list or by name.
Values = NDArray[np.number] | Sequence[NDArray[np.number]] | Mapping[str, NDArray[np.number]]
Format = FixedFormat | str
#: A keras.Model; this file does not import Keras.
KerasModel = Any


def convert(
    model: KerasModel | str | Path,
    output_dir: str | Path,
    *,
    part: str = _DEFAULTS.part,
    clock_ns: float = _DEFAULTS.clock_ns,
    backend: str = _DEFAULTS.backend,
    strategy: str = _DEFAULTS.strategy,
    reuse_factor: int = _DEFAULTS.reuse_factor,
    name: str | None = None,
    input_format: Format | Sequence[Format] | Mapping[str, Format] | None = None,
    snap_scales: bool = False,
    fold_batchnorm: bool = False,
    words: Values | None = None,
) -> "Firmware":
    """Write the HLS project of a QKeras model, or of the `.keras` or `.h5` file that holds one, into `output_dir`.

    `input_format`: of inputs without a quantizer, one for all, one each, or by name; `ap_fixed<16,6,RND_CONV,SAT>` or a
    `FixedFormat`; without modes it rounds and saturates like this. `snap_scales`, `fold_batchnorm`: adapt the model
    where it has no exact firmware as it is, and note what that changed. `words`: more test vectors, as the model takes
    them (integers are words, floats values).
    Raises `ConversionError` before anything is written when the firmware could differ from the model; an older project
    of l1ae in `output_dir` is replaced, anything else there is refused.
    """
    settings = {"part": part, "clock_ns": clock_ns, "backend": backend, "strategy": strategy}
    config = _config(settings | {"reuse_factor": reuse_factor})
    check_settings(config, "project" if name is None else name)
    folder = _folder(output_dir)
    formats = _formats(input_format)
    from l1ae.circuit.lowering import lower_model
    from l1ae.circuit.lowering_adapt import adapt
    from l1ae.circuit.lowering_files import load_model
    from l1ae.circuit.lowering_graph import name_of
    from l1ae.hardware.hls import emit

    source = Path(model).name if isinstance(model, (str, Path)) else str(getattr(model, "name", "model"))
    try:
        loaded = load_model(Path(model)) if isinstance(model, (str, Path)) else model
    except RunFolderError as error:
        raise ConversionError(str(error)) from error
    adapted, notes = adapt(loaded, snap_scales=snap_scales, fold_batchnorm=fold_batchnorm)
    lowered = lower_model(adapted, formats)
    circuit = lowered.circuit
    _check_proof(circuit)
    inputs = [name_of(tensor) for tensor in adapted.inputs]
    info = {
        "model": source,
        "inputs": inputs,
        "input_formats": _texts(formats),
        "snap_scales": snap_scales,
        "fold_batchnorm": fold_batchnorm,
        "notes": list(notes),
    }
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / MODEL
        _save(adapted, file)
        if lower_model(load_model(file), formats).circuit != circuit:
            raise ConversionError(
                f"model {adapted.name}: Keras saves it, and loads something else ({MODEL}); build it anew with "
                "keras.Model(inputs, outputs), or report it to l1ae"
            )
        vectors = _test_vectors(circuit, words, inputs)
        project = emit(
            circuit,
            config,
            name or _function(str(adapted.name)),
            folder,
            words=vectors,
            info={"convert": info},
            extras=[file, *write_proof(circuit, vectors, Path(temporary))],
        )
    return Firmware(project, circuit, tuple(notes))


@dataclass(frozen=True)
class Firmware:
    """A converted model: the folder of its HLS project, its circuit, and what was adapted on the way."""

    folder: Path
    circuit: Circuit
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: str | Path) -> "Firmware":
        """The project in a folder; raises `RunFolderError` when there is none, or none with its circuit."""
        folder = Path(folder)
        if read_provenance(folder) is None:
            raise RunFolderError(f"{folder} holds no firmware project of l1ae: make one with l1ae convert MODEL")
        return cls(folder.resolve(), Circuit.load(folder / CIRCUIT), tuple(_converted(folder).get("notes", ())))

    @cached_property
    def model(self) -> KerasModel:
        """The Keras model that the firmware equals, after all adaptations."""
        from l1ae.circuit.lowering_files import load_model

        return load_model(self.folder / MODEL)

    @cached_property
    def _lowered(self) -> "Lowered":
        """The model and what it means; raises `RunFolderError` when that is not the circuit of the project."""
        from l1ae.circuit.lowering import lower_model

        lowered = lower_model(self.model, _formats(_converted(self.folder).get("input_formats")))
        if lowered.circuit != self.circuit:
            raise RunFolderError(
                f"{self.folder / CIRCUIT} does not belong to {MODEL} beside it: convert the model again"
            )
        return lowered

    def predict(self, x: Values) -> NDArray[np.float64] | tuple[NDArray[np.float64], ...]:
        """Values (N, *shape) that the C simulation gives, a tuple of them for several outputs.

        `x` as the model takes it, with the axis of the events: integers are words of the port, floats are values, which
        the port rounds and saturates. Raises `DataError` for other shapes.
        """
        from l1ae.hardware.hls import CSimulation

        found = CSimulation.build(self.folder).predict(_words(self.circuit, x, self._input_names))
        outputs = [self.circuit[name] for name in self.circuit.outputs]
        ends = np.cumsum([node.size for node in outputs])[:-1]
        parts = tuple(
            part.reshape(len(found), *node.shape)
            for part, node in zip(np.split(found, ends, axis=1), outputs, strict=True)
        )
        return parts if len(parts) > 1 else parts[0]

    def verify(
        self,
        x: Values | None = None,
        *,
        events: int = RANDOM_EVENTS,
        seed: int = 1,
        ap_types: str | Path | None = None,
        log: Path | None = None,
        ui: Terminal | None = None,
    ) -> Verdict:
        """Compare Keras, the integer reference and the C simulation, as integers and without tolerance.

        On `x`, brought to the ports first, or on `events` random words; on the corner words of the circuit always.
        `ap_types`: a folder with other `ap_fixed` headers to compile with. `log` takes what the compiler says, `ui`
        shows how far it is. Raises `DataError` for inputs of other shapes, and for other numbers of events and seeds.
        """
        config = _verification(events, seed)
        if x is None:
            inputs = stimuli(self.circuit, None, config, self._given_ports())
        else:
            inputs = {
                "given": values(self.circuit, _words(self.circuit, x, self._input_names)),
                "corner": corners(self.circuit, seed),
            }
        headers = None if ap_types is None else Path(ap_types)
        return judge(self._lowered, self.folder, inputs, log=log, ap_types=headers, ui=ui)

    def _given_ports(self) -> list[str]:
        """Ports whose format was given, since the model itself does not bring its input to it."""
        formats = _converted(self.folder).get("input_formats")
        names = [port.name for port in self.circuit.inputs]
        if isinstance(formats, dict):
            return [name for name, own in zip(names, self._input_names, strict=True) if own in formats]
        return names if formats else []

    @property
    def _input_names(self) -> list[str]:
        """What the model calls its inputs, in the order of the ports, whose names are made of these."""
        return list(_converted(self.folder).get("inputs") or (port.name for port in self.circuit.inputs))


def write_proof(circuit: Circuit, words: NDArray[np.integer], folder: Path) -> list[Path]:
    """Write what is proved about every layer, for people and for programs; `words` (N, n) try to reach the bounds."""
    text, statements = folder / "proof.txt", folder / "proof.json"
    write_text(text, proof_text(circuit, words))
    write_text(statements, json.dumps([one.as_dict() for one in prove(circuit, words)], indent=1) + "\n")
    return [text, statements]


def _config(settings: dict[str, Any]) -> FirmwareConfig:
    try:
        return FirmwareConfig(**settings)
    except pydantic.ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        raise ConversionError(f"firmware.{key} {settings[key]!r}: {first_message(error)}") from error


def _verification(events: int, seed: int) -> VerificationConfig:
    try:
        return VerificationConfig(random=events, seed=seed)
    except pydantic.ValidationError as error:
        wrong = "seed" if error.errors()[0]["loc"][0] == "seed" else "events"
        raise DataError(f"{wrong} {seed if wrong == 'seed' else events!r}: {first_message(error)}") from error


def _folder(path: Any) -> Path:
    if not isinstance(path, (str, Path)) or not str(path) or "\0" in str(path):
        raise ConversionError(f"output_dir {path!r}: give the path of a folder")
    return Path(path)


def _formats(given: Any) -> Any:
    """Formats as `lower_model` takes them, where some may be written as text; a port does not wrap around unasked."""
    if isinstance(given, str):
        return _formats(FixedFormat.parse(given))
    if isinstance(given, Mapping):
        return {str(name): _formats(one) for name, one in given.items()}
    if isinstance(given, FixedFormat):
        plain = given.rounding is Rounding.TRN and given.overflow is Overflow.WRAP
        return replace(given, rounding=Rounding.RND_CONV, overflow=Overflow.SAT) if plain else given
    if given is None:
        return None
    if isinstance(given, Sequence):
        return tuple(map(_formats, given))
    raise ConversionError(
        f"input_format {given!r}: give a format such as ap_fixed<16,6,RND_CONV,SAT>, one per input, or by name"
    )


def _texts(formats: Any) -> Any:
    """Formats as they are written into a record."""
    if isinstance(formats, Mapping):
        return {name: str(one) for name, one in formats.items()}
    return [str(one) for one in formats] if isinstance(formats, tuple) else formats and str(formats)


def _converted(folder: Path) -> dict[str, Any]:
    """What `convert` has noted in a project; empty where a run made it."""
    noted: dict[str, Any] = (read_provenance(folder) or {}).get("info", {}).get("convert", {})
    return noted


def _check_proof(circuit: Circuit) -> None:
    wrapping = next((name for name, known in circuit.ranges.items() if known.overflow == "wraps"), None)
    if wrapping is not None:
        raise ConversionError(f"layer {wrapping}: its values can wrap around for some input; use a saturating format")


def _save(model: KerasModel, file: Path) -> None:
    from l1ae.autoencoder.saving import save_model

    try:
        save_model(model, file)
    except Exception as error:  # layers of any origin
        reason = " ".join(str(error).split())[:300]
        raise ConversionError(f"model {model.name}: Keras cannot save it ({reason}); register its classes") from error


def _words(circuit: Circuit, x: Values, inputs: Sequence[str]) -> NDArray[np.int64]:
    """Words (N, n_inputs) of all ports side by side; `inputs` are the names of the model for them."""
    if not isinstance(x, Mapping):
        return circuit.input_words(x)
    for names in (inputs, [port.name for port in circuit.inputs]):
        if set(x) == set(names):
            return circuit.input_words([x[name] for name in names])
    raise DataError(f"inputs {', '.join(map(str, x))}: the model takes {', '.join(inputs)}")


def _test_vectors(circuit: Circuit, words: Values | None, inputs: Sequence[str]) -> NDArray[np.int64]:
    low, high = circuit.port_range
    rng = np.random.default_rng(0)
    parts = [corner_words(circuit), rng.integers(low, high + 1, (_TEST_BENCH_EVENTS, circuit.n_inputs))]
    return np.concatenate(parts if words is None else [_words(circuit, words, inputs), *parts])


def _function(name: str) -> str:
    """The name of a model as the name of a function in C++."""
    found = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")
    tried = (found, f"model_{found}".rstrip("_"), f"model_{found}_top")
    return next(one for one in tried if is_identifier(one))
