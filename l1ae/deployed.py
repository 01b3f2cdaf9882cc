"""What a run or a firmware project deploys: its circuit, the words to check it on, its inputs and its thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.artifacts import read_record, run_stimuli
from l1ae.circuit import Circuit
from l1ae.config import VerificationConfig
from l1ae.errors import RunFolderError
from l1ae.firmware import CIRCUIT, RANDOM_EVENTS, Firmware
from l1ae.many import kind_of
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.stimuli import stimuli


@dataclass(frozen=True)
class Deployed:
    """A circuit and its file `path`; `run` is None for a project."""

    path: Path
    circuit: Circuit
    run: RunFolder | None

    @classmethod
    def open(cls, source: Path, command: str) -> "Deployed":
        """What lies in a folder; raises `RunFolderError` when `l1ae COMMAND` can do nothing with it."""
        kind = kind_of(source)
        if kind == "model":
            raise RunFolderError(f"{source} is a model file: l1ae convert it, then l1ae {command} the project")
        if kind == "project":
            return cls(source / CIRCUIT, Firmware.open(source).circuit, None)
        run = RunFolder.open(source)
        path = run.need(run.circuit, "convert")
        return cls(path, Circuit.load(path), run)

    def stimuli(self) -> Mapping[str, NDArray[np.float64]]:
        """Values (N, n_inputs) by origin, on which an implementation is compared with the reference."""
        if self.run is None:
            return stimuli(self.circuit, None, VerificationConfig(random=RANDOM_EVENTS, seed=1))
        return run_stimuli(self.run, self.circuit, self.run.config.verification)

    def words(self) -> dict[str, NDArray[np.int64]]:
        """The same as words."""
        return {origin: self.circuit.input_words(values) for origin, values in self.stimuli().items()}

    def features(self) -> tuple[str, ...] | None:
        """What the inputs are called; None for a project, which does not know."""
        return None if self.run is None else tuple(Samples.open(self.run.config.data).layout.feature_names())

    def selection(self) -> tuple[dict[str, int] | None, tuple[str, ...] | None]:
        """Objects and features of an event file that enter the circuit, as `Layout.select` takes them; None: all."""
        if self.run is None:
            return None, None
        chosen = self.run.config.data
        objects = None if chosen.objects is None else dict(chosen.objects)
        return objects, None if chosen.features is None else tuple(chosen.features)

    def physics(self) -> dict[str, Any]:
        """Performance by signal, as the report of the run records it; empty without a report."""
        if self.run is None or not self.run.report_json.is_file():
            return {}
        found: dict[str, Any] = read_record(self.run, self.run.report_json, "report", "physics")["physics"]
        return found

    def thresholds(self) -> tuple[int, ...]:
        """Score words of the working points in the report, ascending, each once."""
        cuts = {point["threshold"] for signal in self.physics().values() for point in signal["tpr"].values()}
        return tuple(sorted(int(cut) for cut in cuts if cut is not None))
