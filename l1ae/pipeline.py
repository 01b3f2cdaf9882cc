"""The stages of a run, in order: train, convert, verify, report. Each works on a run folder and leaves its record there."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from l1ae.config import RunConfig, load_config
from l1ae.environment import versions
from l1ae.errors import RunFolderError, VerificationError
from l1ae.events.io import read_events
from l1ae.events.source import resolve
from l1ae.events.split import Split, split
from l1ae.files import atomic_path, write_text
from l1ae.runs import RunFolder
from l1ae.terminal import Terminal, quiet

if TYPE_CHECKING:
    import keras

    from l1ae.circuit import Circuit


def open_run(config_file: Path, out: Path | None, fresh: bool) -> RunFolder:
    """The run folder of a configuration, new or continued; the data file is looked for before anything is made."""
    config = load_config(config_file)
    source = resolve(config.data.file)
    if config.data.file != "sample":  # the run folder must find its data from anywhere
        config = config.model_copy(update={"data": config.data.model_copy(update={"file": str(source)})})
    return RunFolder.create(out or Path("runs") / config.name, config, fresh)


def run_all(run: RunFolder, ui: Terminal, firmware: Path) -> None:
    """Every stage, in order."""
    train(run, ui)
    convert(run, ui, firmware)
    verify(run, ui)
    report(run, ui)


def events_of(config: RunConfig) -> Split:
    """The configured events, split; raises `DataError` for a process that the file does not hold."""
    events = read_events(resolve(config.data.file))
    return split(events.of(*config.data.background, *config.data.signals))


def train(run: RunFolder, ui: Terminal) -> None:
    """Train the autoencoder, or continue, and write the deployed model."""
    config = run.config
    ui.stage(f"train: {config.autoencoder.kind} autoencoder {run.config.name}")
    if run.model.is_file() and run.history.is_file():
        ui.say(f"  {run.model} is trained already")
        return
    parts = events_of(config)
    training = parts.training.of(*config.data.background)
    validation = parts.validation.of(*config.data.background)
    ui.say(f"  {len(training)} training and {len(validation)} validation events ({', '.join(config.data.background)})")
    with quiet(run.log("train")):
        import keras

        from l1ae.autoencoder.architectures import build
        from l1ae.autoencoder.scaling import learn_scaling
        from l1ae.autoencoder.training import train as fit

        keras.utils.set_random_seed(config.training.seed)
        scaling = learn_scaling(training.inputs)
        autoencoder = build(config.autoencoder, scaling.offset, scaling.shift)
        with ui.progress("epochs", config.training.epochs) as advance:
            done = 0

            def progress(epoch: int, _: int, loss: float, validation_loss: float) -> None:
                nonlocal done
                advance(epoch - done, note=f"loss {loss:.5f}, validation {validation_loss:.5f}")
                done = epoch

            history = fit(autoencoder, training.inputs, validation.inputs, config.training, run.checkpoints, progress)
        with atomic_path(run.model) as temporary:
            autoencoder.deployed.save(temporary)
    write_text(run.history, json.dumps(asdict(history), indent=1) + "\n")
    ui.say(
        f"  {history.epochs} epochs in {history.seconds:.0f} s, best validation loss "
        f"{history.best:.5f} in epoch {history.best_epoch}: {run.model}"
    )


def convert(run: RunFolder, ui: Terminal, firmware: Path) -> None:
    """Lower the model to a circuit and write the HLS project."""
    config = run.config
    ui.stage(f"convert: {config.firmware.backend}, strategy {config.firmware.strategy}, {config.firmware.part}")
    model, circuit = _lowered(run)
    with quiet(run.log("convert")):
        from l1ae.circuit.corners import corner_words
        from l1ae.hardware.hls.project import emit

        words = corner_words(circuit, config.verification.seed)
        data = events_of(config).test.inputs[:1000]
        project = emit(model, circuit, config, firmware / config.name, [data, words])
    circuit.save(run.circuit)
    record = {"project": _relative(project, run.path), "firmware": config.firmware.model_dump()}
    write_text(run.conversion, json.dumps(record, indent=1) + "\n")
    ui.say(f"  {project}")


def verify(run: RunFolder, ui: Terminal, json_file: Path | None = None) -> None:
    """Compare firmware, reference and Python model; raises `VerificationError` when one output differs."""
    ui.stage("verify: Keras = integer reference = C simulation, bit for bit")
    project = project_of(run)
    model, circuit = _lowered(run)
    from l1ae.hardware.simulation import judge

    with quiet(run.log("verify")):
        verdict = judge(run, model, circuit, project, ui)
    text = json.dumps(verdict.as_dict(), indent=1) + "\n"
    write_text(run.verification, text)
    if json_file is not None:
        write_text(json_file, text)
    for name in verdict.edited_files:
        ui.say(f"  note: {name} was changed after the project was written")
    for pair in verdict.pairs:
        ui.say(f"  {pair.first} = {pair.second}: {pair.mismatches} of {pair.events} events differ")
        if pair.first_mismatch is not None:
            ui.say(f"    first: {pair.first_mismatch}")
    if not verdict.exact:
        worst = next(pair for pair in verdict.pairs if pair.first_mismatch is not None)
        raise VerificationError(
            f"{verdict.mismatches} of {verdict.events} events differ; {worst.first} and {worst.second} first at "
            f"{worst.first_mismatch}"
        )


def report(run: RunFolder, ui: Terminal) -> None:
    """Evaluate the physics and write report.json and report.html."""
    ui.stage("report: physics, exactness, estimates")
    from l1ae.reporting import write_reports

    model, circuit = _lowered(run)
    with quiet(run.log("report")):
        summary = write_reports(run, model, circuit, events_of(run.config), versions(), ui)
    ui.console.print(summary)
    ui.say(f"  {run.report_html}")


def project_of(run: RunFolder) -> Path:
    """The HLS project of a run; raises `RunFolderError` when there is none."""
    record: dict[str, Any] = json.loads(run.need(run.conversion, "convert").read_text(encoding="utf-8"))
    project = (run.path / record["project"]).resolve()
    if not project.is_dir():
        raise RunFolderError(f"the firmware project {project} is gone: l1ae convert {run.path}")
    return project


def _lowered(run: RunFolder) -> "tuple[keras.Model, Circuit]":
    run.need(run.model, "train")
    with quiet(run.log("load")):
        from l1ae.autoencoder.inference import load_model
        from l1ae.circuit.lowering import lower

        model = load_model(run.model)
        return model, lower(model)


def _relative(path: Path, start: Path) -> str:
    import os

    return os.path.relpath(path.resolve(), start.resolve())
