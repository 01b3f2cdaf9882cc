"""The stages of a run, in order: train, convert, verify, rtl, report. Each leaves its record in the run folder."""

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from l1ae.artifacts import (
    current_hardware,
    forget_reports,
    hardware_of,
    other_scores,
    project_name,
    project_of,
    read_record,
    run_stimuli,
)
from l1ae.autoencoder.requirements import check_network
from l1ae.circuit import Circuit
from l1ae.circuit.corners import corner_words
from l1ae.config import RtlConfig, load_config
from l1ae.errors import ConversionError, RunFolderError
from l1ae.events.split import PARTS
from l1ae.files import atomic_path, sha256, write_text
from l1ae.firmware import write_proof
from l1ae.hardware.hls.checks import check_settings
from l1ae.hardware.hls.sources import identity, read_provenance, read_sources
from l1ae.implementations import judge, recorded
from l1ae.runs import RunFolder
from l1ae.samples import Samples
from l1ae.terminal import Terminal, quiet
from l1ae.verify import Verdict

if TYPE_CHECKING:
    from l1ae.circuit.lowering import Lowered
    from l1ae.realisation import HardwareRecord
    from l1ae.report.record import RunReport

#: Events of the data set in the test bench of the HLS project, beside the corner words.
TEST_BENCH_EVENTS = 1000


def open_run(config_file: Path, out: Path | None, fresh: bool, changes: Sequence[str] = ()) -> RunFolder:
    """The run folder of a configuration, new or continued; unusable events or settings are refused first."""
    config = load_config(config_file, changes)
    samples = Samples.open(config.data)
    samples.check()
    check_network(config.autoencoder, config.training, config.inputs, samples.layout)
    check_settings(config.firmware, config.name)
    # The run folder must find its data from anywhere.
    files = tuple(
        name if name == "sample" else str(path) for name, path in zip(config.data.files, samples.paths, strict=True)
    )
    file = files[0] if isinstance(config.data.file, str) else files
    config = config.model_copy(update={"data": config.data.model_copy(update={"file": file})})
    return RunFolder.create(out or Path("runs") / config.name, config, fresh)


def run_all(run: RunFolder, ui: Terminal, firmware: Path) -> None:
    """Every stage, in order."""
    train(run, ui)
    convert(run, ui, firmware)
    verdict, _ = verify(run, ui)
    verdict.check()
    rtl(run, ui).check()
    budget = report(run, ui).budget
    if budget is not None:
        budget.check()


def train(run: RunFolder, ui: Terminal) -> None:
    """Train the autoencoder, or continue, and write the deployed model."""
    config = run.config
    ui.stage(f"train: {config.autoencoder.kind} autoencoder {run.config.name}")
    if run.model.is_file() and run.history.is_file():
        ui.say(f"  {run.model} is trained already")
        return
    samples = Samples.open(config.data)
    _same_events_as_before(run, samples)
    events = {part: samples.background_events(part) for part in PARTS}
    names = ", ".join(config.data.background)
    ui.say(f"  {events['training']} training and {events['validation']} validation events ({names})")
    with quiet(run.log("train")):
        from l1ae.autoencoder.learn import learn
        from l1ae.autoencoder.saving import save_model
        from l1ae.circuit.lowering import lower
        from l1ae.hardware.hls.checks import check

        def refuse_early(model: Any) -> None:  # rather now than after the training
            check(lower(model), config.firmware, config.name)

        training, validation = (samples.shuffled(part, run.shuffled) for part in PARTS[:2])
        trained = learn(
            config,
            samples.layout,
            training,
            validation,
            run.checkpoints,
            ui.phase,
            refuse_early,
        )
        history = trained.history
        if trained.decoded is not None:
            lower(trained.decoded).save(run.decoded)
        for model, file in ((trained.floating, run.floating), (trained.teacher, run.teacher)):
            if model is not None:
                with atomic_path(file) as temporary:
                    save_model(model, temporary)
        with atomic_path(run.model) as temporary:  # the last: its presence says that the training is over
            save_model(trained.deployed, temporary)
    write_text(run.history, json.dumps(asdict(history) | {"data_sha256": samples.sha256}, indent=1) + "\n")
    shutil.rmtree(run.shuffled, ignore_errors=True)
    ui.say(
        f"  {history.epochs} epochs in {history.seconds:.0f} s, best validation loss "
        f"{history.best:.5f} in epoch {history.best_epoch}: {run.model}"
    )


def _same_events_as_before(run: RunFolder, samples: Samples) -> None:
    """Refuse to continue a training on other events than it began with."""
    record = run.checkpoints / "data.sha256"
    if record.is_file():
        if record.read_text(encoding="utf-8").strip() != samples.sha256:
            raise RunFolderError(
                f"{samples.where} has changed since the training began: start over with l1ae run CONFIG --fresh"
            )
        return
    write_text(record, samples.sha256 + "\n")


def convert(run: RunFolder, ui: Terminal, firmware: Path) -> None:
    """Lower the model to a circuit and write the HLS project."""
    config = run.config
    ui.stage(f"convert: {config.firmware.backend}, strategy {config.firmware.strategy}, {config.firmware.part}")
    circuit = _lowered(run).circuit
    if not circuit.proved:
        raise ConversionError(f"{run.model}: a sum can overflow its format for some input; report this model to l1ae")
    with quiet(run.log("convert")):
        from l1ae.hardware.hls import emit

        samples = Samples.open(config.data)
        events = samples.first_test_events(TEST_BENCH_EVENTS).inputs
        words = np.concatenate([events, corner_words(circuit, config.verification.seed)])
        settings = config.model_dump(mode="json")
        settings["data"]["file"] = samples.name
        names = samples.layout.feature_names()
        with tempfile.TemporaryDirectory() as folder:
            project = emit(
                circuit,
                config.firmware,
                config.name,
                firmware / config.name,
                words=words,
                features=names,
                info={"run": settings},
                extras=[run.model, *write_proof(circuit, words, Path(folder))],
            )
    circuit.save(run.circuit)
    for file in (run.verification, run.hardware):
        file.unlink(missing_ok=True)
    forget_reports(run)
    written = {
        "project": os.path.relpath(project.resolve(), run.path.resolve()),
        "provenance_sha256": identity(project),
    }
    write_text(run.conversion, json.dumps(written) + "\n")
    ports = read_sources(project)
    ui.say(f"  {project}: {ports.input.format} x {ports.input.size} in, {ports.output.format} out")


def verify(
    run: RunFolder, ui: Terminal, *, events: int | None = None, ap_types: Path | None = None
) -> tuple[Verdict, dict[str, Any]]:
    """Compare firmware, reference and Python model; the verdict, and how it is recorded.

    `events`: as many of the data and as many random ones instead of what the configuration says. `ap_types`: a folder
    with other `ap_fixed` headers to compile with.
    """
    ui.stage("verify: Keras = integer reference = C simulation, bit for bit")
    project = project_of(run)
    lowered = _lowered(run)
    if Circuit.load(run.need(run.circuit, "convert")) != lowered.circuit:
        raise RunFolderError(f"{run.circuit} does not belong to {run.model}: l1ae convert {run.path}")
    config = run.config.verification
    if events is not None:
        config = config.model_copy(update={"events": events, "random": events})
    with quiet(run.log("verify")):
        inputs = run_stimuli(run, lowered.circuit, config)
        verdict = judge(lowered, project, inputs, log=run.log("g++"), ap_types=ap_types, ui=ui)
    record = recorded(verdict, project, run.circuit)
    write_text(run.verification, json.dumps(record, indent=1) + "\n")
    if not verdict.exact:
        forget_reports(run)  # what they say is no longer true
    for line in verdict.lines():
        ui.say(f"  {line}")
    return verdict, record


def rtl(
    run: RunFolder, ui: Terminal, settings: RtlConfig | None = None, out: Path | None = None, *, again: bool = False
) -> "HardwareRecord":
    """Write the Verilog of the circuit, simulate it cycle by cycle, and synthesise it; what was found goes on record.

    `settings`: other than those of the run. `out`: another folder than rtl/ in the firmware project. `again`: simulate
    the Verilog that was written before, as it lies there, instead.
    """
    project = project_of(run)
    with quiet(run.log("rtl")):
        from l1ae import realisation
        from l1ae.hardware.rtl import read_rtl
        from l1ae.hardware.rtl.names import top_name

        circuit = Circuit.load(run.need(run.circuit, "convert"))
        if again:
            record = hardware_of(run)
            settings = record.settings
        settings = settings or run.config.rtl
        ui.stage(f"rtl: {run.config.firmware.part}, {settings.clock_mhz:g} MHz")
        inputs = run_stimuli(run, circuit, run.config.verification)
        words = {origin: circuit.input_words(values) for origin, values in inputs.items()}
        if again:
            written = read_rtl((run.path / record.folder).resolve())
            record = realisation.examine_again(written, record, words, logs=run.logs, ui=ui)
        else:
            names = Samples.open(run.config.data).layout.feature_names()
            written = realisation.write_rtl(
                circuit,
                top_name(run.config.name),
                out or project / realisation.RTL,
                settings,
                run.config.firmware.part,
                words,
                info={"features": names},
            )
            ui.say(f"  {written.path}: {written.latency_clocks} clocks of {1000 / settings.clock_mhz:.4g} ns")
            record = realisation.examine(
                written, settings, words, netlist=run.netlist, logs=run.logs, ui=ui, relative_to=run.path
            )
    realisation.write_hardware(run.hardware, record)
    forget_reports(run)
    return record


def report(run: RunFolder, ui: Terminal) -> "RunReport":
    """Evaluate the physics, gather what the other stages have found, and write report.json and report.html."""
    ui.stage("report: physics, exactness, latency and resources")
    project = project_of(run)
    verdict = read_record(run, run.verification, "verify", "firmware_sha256")
    history = read_record(run, run.history, "train", "data_sha256")
    if verdict.pop("firmware_sha256") != read_sources(project).digest():
        raise RunFolderError(f"{project} has changed since it was verified: l1ae verify {run.path}")
    if verdict.pop("circuit_sha256", None) != sha256(run.need(run.circuit, "convert")):
        raise RunFolderError(f"{run.circuit} has changed since it was verified: l1ae verify {run.path}")
    with quiet(run.log("report")):
        from l1ae.hardware.estimate import estimate
        from l1ae.hardware.vendor.outcome import read_vendor
        from l1ae.report import Data, Exactness, summarise, write_page, write_report
        from l1ae.report.assemble import assemble, firmware_record
        from l1ae.report.costs import remember

        circuit, digest = Circuit.load(run.circuit), sha256(run.circuit)
        hardware = current_hardware(run)
        measured = () if hardware is None else hardware.figures
        provenance = read_provenance(project) or {}
        samples = Samples.open(run.config.data)
        if samples.sha256 != history["data_sha256"]:
            raise RunFolderError(
                f"{samples.where} has changed since the training: start over with l1ae run CONFIG --fresh"
            )
        record, arrays = assemble(
            run.config,
            circuit,
            samples.stream,
            data=Data(file=samples.name, sha256=samples.sha256, metadata=dict(samples.stream.metadata)),
            history=history,
            exactness=Exactness.model_validate_json(json.dumps(verdict)),
            decoded=Circuit.load(run.decoded) if run.decoded.is_file() else None,
            others=other_scores(run),
            firmware=firmware_record(
                run.config,
                project_name(run),
                provenance,
                estimate(circuit),
                figures=(*measured, *read_vendor(run.vendor).current(digest).figures),
                rtl=None if hardware is None else hardware.rtl,
                netlist=None if hardware is None else hardware.netlist,
            ),
        )
        write_report(run.report_json, record)
        write_page(run.report_html, record, arrays, earlier=remember(run.costs, record, digest))
    ui.console.print(summarise(record))
    ui.say(f"  {run.report_html}")
    return record


def _lowered(run: RunFolder) -> "Lowered":
    run.need(run.model, "train")
    with quiet(run.log("load")):
        from l1ae.autoencoder.inference import load_model
        from l1ae.circuit.lowering import lower_model

        return lower_model(load_model(run.model))
