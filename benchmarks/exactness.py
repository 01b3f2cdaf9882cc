"""`python -m benchmarks.exactness RUN...`: trained runs x backends x strategies, compared on a million events.

Keras and the integer reference are compared once per run, the C simulation of each kind of firmware with both.
"""

import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from l1ae import pipeline
from l1ae.circuit import corner_words
from l1ae.circuit.lowering import Lowered, lower_model
from l1ae.config import FirmwareConfig, VerificationConfig
from l1ae.files import write_text
from l1ae.hardware.hls import emit
from l1ae.implementations import judge, keras, reference
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.stimuli import choose, stimuli
from l1ae.terminal import Terminal, quiet
from l1ae.verify import Verdict, compare

_KINDS = tuple(
    itertools.product(*(get_args(FirmwareConfig.model_fields[name].annotation) for name in ("backend", "strategy")))
)


def compared(run: RunFolder, reference_events: int, simulation_events: int, ui: Terminal) -> Iterator[dict[str, Any]]:
    """One row for the model and its circuit, then one for each kind of firmware."""
    with quiet(run.log("exactness")):
        from l1ae.circuit.lowering_files import load_model

        lowered = lower_model(load_model(run.model))
        samples = Samples.open(run.config.data)
        config = VerificationConfig(events=samples.test_events())
        chosen = choose(samples.test_events(), config)
        data = samples.stream.rows(chosen, samples.processes, "test").inputs
        start = time.monotonic()
        given = _filled(lowered, data, reference_events)
        verdict = compare([keras(lowered), reference(lowered.circuit)], given, lowered.circuit)
        yield _row(run, "model = reference", verdict, start)
        for backend, strategy in _KINDS:
            start = time.monotonic()
            settings = run.config.firmware.model_dump() | {"backend": backend, "strategy": strategy, "reuse_factor": 1}
            with tempfile.TemporaryDirectory() as folder:
                words = np.concatenate([data[: pipeline.TEST_BENCH_EVENTS], corner_words(lowered.circuit)])
                project = emit(
                    lowered.circuit, FirmwareConfig(**settings), run.config.name, Path(folder) / "project", words=words
                )
                given = _filled(lowered, data, simulation_events)
                verdict = judge(lowered, project, given, log=run.log("g++"), ui=ui)
            yield _row(run, f"{backend}, {strategy}", verdict, start)


def _filled(lowered: Lowered, data: NDArray[np.integer], events: int) -> dict[str, NDArray[np.float64]]:
    """Stimuli of so many events: half of them of the data where there are enough, all corner words, the rest random."""
    chosen = data[: events // 2]
    corners = len(corner_words(lowered.circuit, VerificationConfig().seed))
    random = max(events - len(chosen) - corners, 2)
    return stimuli(lowered.circuit, chosen, VerificationConfig(random=random))


def _row(run: RunFolder, what: str, verdict: Verdict, start: float) -> dict[str, Any]:
    return {
        "run": run.config.name,
        "compared": what,
        "pairs": {f"{pair.first} = {pair.second}": pair.mismatches for pair in verdict.pairs},
        "events": verdict.events,
        "mismatches": verdict.mismatches,
        "stimuli": verdict.stimuli,
        "keras_rounding": [str(one) for one in verdict.keras_rounding],
        "seconds": round(time.monotonic() - start, 1),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """One line per comparison."""
    found = Table("run", "compared", "events", "mismatches", "seconds")
    for row in rows:
        found.add_row(
            row["run"], row["compared"], f"{row['events']:,}", f"{row['mismatches']:,}", f"{row['seconds']:.0f}"
        )
    return found


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--reference", "reference_events", default=1_000_000, show_default=True)
@click.option("--simulation", "simulation_events", default=100_000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs") / "exactness.json", show_default=True)
def main(runs: tuple[Path, ...], reference_events: int, simulation_events: int, out: Path) -> None:
    """Compare the models of trained RUNS with the reference, and with every kind of firmware made from them."""
    rows: list[dict[str, Any]] = []
    with Terminal() as ui:
        for folder in runs:
            ui.stage(f"exactness: {folder}")
            for row in compared(RunFolder.open(folder), reference_events, simulation_events, ui):
                rows.append(row)
                ui.say(f"  {row['compared']}: {row['mismatches']} of {row['events']} events, {row['seconds']} s")
                write_text(out, json.dumps(rows, indent=1) + "\n")  # after each, so that nothing is lost
        ui.console.print(table(rows))
    sys.exit(int(any(row["mismatches"] for row in rows)))


if __name__ == "__main__":
    main()
