"""`python -m benchmarks.run`: measure everything, print one table, write runs/bench.json."""

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import emulation, large_rows, record, scoring, system
from benchmarks.copies import PUBLIC_EVENTS, write_copies, write_public
from benchmarks.emulation import EmulationSizes
from benchmarks.record import Row
from benchmarks.subject import prepare
from l1ae.errors import L1aeError
from l1ae.events.source import sample_path
from l1ae.files import write_text
from l1ae.terminal import Terminal, quiet

_ROOT = Path(__file__).resolve().parents[1]
CONFIGS = (_ROOT / "configs" / "dense_vae.yaml", _ROOT / "configs" / "dense_ae.yaml")
RESULTS = Path("runs") / "bench.json"


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the first of the epochs is not counted."""

    scoring_events: int = 10_000
    scoring_repeats: int = 5
    training_events: int = 20_000
    epochs: int = 6
    reading_repeats: int = 10
    start_up_repeats: int = 10
    memory_events: int = 100_000
    conversion_events: int = 300_000
    large_events: int = PUBLIC_EVENTS
    emulated: EmulationSizes = field(default_factory=EmulationSizes)
    recipes: tuple[str, ...] = ("lepton", "zero-bias")
    generated_events: int = 100
    pool_events: int = 2000


def measure(
    configs: Sequence[Path], data: Path, sizes: Sizes, ui: Terminal, folder: Path, emulated: Sequence[Path]
) -> list[Row]:
    """All rows; `folder` takes what is made on the way.

    Raises `VerificationError` when implementations of one model do not give equal integers.
    """
    rows: list[Row] = []
    with quiet(folder / "bench.log"):
        ui.stage("bench: build, convert and compile the presets")
        subjects = [prepare(config, data, folder, ui) for config in configs]
        for subject in subjects:
            ui.stage(f"bench: scoring, {subject.shape}")
            candidates = scoring.implementations(subject)
            words = subject.samples.first_test_events(sizes.scoring_events).inputs
            with ui.progress("calls", len(candidates) * (sizes.scoring_repeats + 1)) as advance:
                rows += scoring.rates(subject.shape, candidates, words, sizes.scoring_repeats, advance)

        ui.stage("bench: training")
        from benchmarks import training  # TensorFlow is there by now

        with ui.progress("epochs", 2 * len(subjects) * sizes.epochs) as advance:
            rows += training.rows(subjects, sizes.training_events, sizes.epochs, folder / "training", advance)

        ui.stage("bench: reading and start-up")
        with ui.progress("calls", 2 * (sizes.reading_repeats + sizes.start_up_repeats)) as advance:
            rows.append(system.reading(data, sizes.reading_repeats, advance))
            rows.append(system.start_up(sizes.start_up_repeats, advance))

        ui.stage(f"bench: memory of verifying {sizes.memory_events:,} events")
        rows += system.memory(subjects[0], sizes.memory_events, folder)
        rows += emulation.measure(emulated, data, sizes.emulated, ui, folder / "emulation")
        rows += _events(data, sizes, ui, folder)
    return rows


def _events(data: Path, sizes: Sizes, ui: Terminal, folder: Path) -> list[Row]:
    """Generation, conversion, and passes over a file as large as the public one."""
    rows: list[Row] = []
    ui.stage("bench: generating events (needs the extra l1ae[generate])")
    with ui.progress("recipes", len(sizes.recipes)) as advance:
        for name in sizes.recipes:
            size = sizes.generated_events, sizes.pool_events
            rows += large_rows.generation(name, *size, data, folder / f"generation-{Path(name).stem}", advance)
    ui.stage(f"bench: converting {sizes.conversion_events:,} events")
    public = write_public(data, folder / "public.h5", sizes.conversion_events)
    with ui.progress("passes", 3) as advance:
        rows += large_rows.conversion(public, folder, advance)
    public.unlink()
    ui.stage(f"bench: a file of {sizes.large_events:,} events")
    large = write_copies(data, folder / "large.h5", sizes.large_events, ui)
    with ui.progress("passes", 7) as advance:
        rows += large_rows.rows(large, folder, advance)
    large.unlink()
    return rows


def main(results: Path = RESULTS, data: Path | None = None) -> int:
    """Exit code 0, or that of the failure, which is one line; its logs are then kept."""
    before = record.machine()
    folder = Path(tempfile.mkdtemp(prefix="l1ae-bench-"))
    with Terminal() as ui:
        try:
            rows = measure(CONFIGS, data or sample_path(), Sizes(), ui, folder, emulation.CONFIGS)
            write_text(results, json.dumps(record.document(rows, before, record.machine()), indent=1) + "\n")
        except L1aeError as error:
            ui.say(f"bench: error: {error} (everything it made is kept in {folder})")
            return error.exit_code
        except KeyboardInterrupt:
            ui.say("bench: interrupted")
            shutil.rmtree(folder)
            return 130
        ui.console.print(record.table(rows, before))
        ui.say(f"written to {results}")
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
