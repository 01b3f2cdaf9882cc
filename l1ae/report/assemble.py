"""A run's records gathered into `RunReport`, and the arrays its plots are drawn from."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from l1ae.circuit import Circuit
from l1ae.config import RunConfig
from l1ae.environment import versions
from l1ae.evaluation import (
    QUANTITIES,
    Scores,
    SignalScores,
    efficiencies,
    evaluate,
    pile_up_dependence,
    rates,
)
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary
from l1ae.hardware.budget import hold
from l1ae.hardware.estimate import ResourceEstimate
from l1ae.hardware.simulation.verdict import RtlVerdict
from l1ae.report.arrays import RunArrays
from l1ae.report.comparisons import MENU, OtherScore, baseline_record, baselines
from l1ae.report.model import model_record
from l1ae.report.record import (
    Data,
    Exactness,
    Firmware,
    HardwareFigure,
    RunReport,
    Samples,
    Training,
)
from l1ae.report.scoring import Score, pile_up, score_all, score_by_signal

#: Name of the deployed score among the others.
MODEL = "model"
#: Name of the pile-up counts among the values of the events.
PILE_UP = "pile-up"
#: Name of the comparison with the decoder of a variational autoencoder.
DECODED = "its decoder's error"
_CODE_NOTE = (
    "The score of this variational autoencoder is made of its code, so that only the encoder has to fit the FPGA. It "
    "sees what a few numbers keep of an event and not what the decoder fails to reconstruct. The rows named "
    f'"{DECODED}" show what the same network reaches with its decoder.'
)


def assemble(
    config: RunConfig,
    circuit: Circuit,
    stream: EventStream,
    *,
    data: Data,
    history: Mapping[str, Any],
    exactness: Exactness,
    firmware: Firmware,
    decoded: Circuit | None = None,
    others: Mapping[str, OtherScore] | None = None,
) -> tuple[RunReport, RunArrays]:
    """Evaluate the circuit and the baselines on the test events and gather every record of the run.

    `decoded`: the same variational autoencoder with its decoder, to show what its deployed score leaves out. `others`:
    more scores to compare with, by name.
    """
    known = baselines(config.data, config.autoencoder.latent, circuit, stream)
    compared = {**known.scores, **({} if decoded is None else {DECODED: _decoded(decoded)}), **(others or {})}
    summary = Summary(stream.layout, stream.process_names, stream.metadata)
    functions: dict[str, Score] = {MODEL: lambda events: circuit.output_words(events.inputs)[:, 0]}
    functions |= {name: other.function for name, other in compared.items() if callable(other.function)}
    axes: dict[str, Score] = {f"axis: {quantity.name}": quantity.function for quantity in QUANTITIES}
    axes |= {PILE_UP: pile_up} if stream.pile_up else {}
    values = score_all(config.data, stream, functions | axes, summary)
    scores = values.pop(MODEL)
    collisions = values.pop(PILE_UP).background if stream.pile_up else None
    scored: dict[str, Scores | SignalScores] = {
        name: values.pop(name) if callable(other.function) else score_by_signal(config.data, stream, other.function)
        for name, other in compared.items()
    }
    highest = circuit.output.format.high
    curves = efficiencies(
        scores, {quantity.name: values[f"axis: {quantity.name}"] for quantity in QUANTITIES}, highest_word=highest
    )
    counts = stream.counts()
    report = RunReport(
        name=config.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        exactness=exactness,
        physics=evaluate(scores.background, scores.signals, highest_word=highest),
        baselines={name: baseline_record(compared[name], found, scores) for name, found in scored.items()},
        samples=Samples(
            training=sum(counts[name]["training"] for name in config.data.background),
            validation=sum(counts[name]["validation"] for name in config.data.background),
            test_background=len(scores.background),
            signals={name: len(values) for name, values in scores.signals.items()},
        ),
        model=model_record(circuit, config),
        firmware=firmware,
        training=Training(
            epochs=len(history["loss"]),
            best_epoch=history["best_epoch"],
            best_validation_loss=history["validation_loss"][history["best_epoch"] - 1],
            seconds=history["seconds"],
        ),
        versions=versions(),
        data=data,
        notes=(*(() if decoded is None else (_CODE_NOTE,)), *known.notes),
        layout=stream.layout,
        rates=rates(scores, config.trigger, _plain(scored.get(MENU)), highest_word=highest),
        efficiency=curves,
        pile_up=None if collisions is None else pile_up_dependence(scores.background, collisions, curves.threshold),
        budget=hold(config.budget, firmware.figures, part=config.firmware.part, clock_ns=config.rtl.clock_ns),
    )
    arrays = RunArrays(
        scores=scores,
        baselines=scored,
        loss=history["loss"],
        validation_loss=history["validation_loss"],
        events=summary,
    )
    return report, arrays


def _decoded(decoded: Circuit) -> OtherScore:
    return OtherScore(
        "squared error of this network's own reconstruction; it needs the decoder, which is not in the firmware",
        "score words",
        lambda events: decoded.output_words(events.inputs)[:, 0],
    )


def _plain(scores: Scores | SignalScores | None) -> Scores | None:
    """Scores that do not know the signal, as a trigger needs them."""
    return scores if isinstance(scores, Scores) else None


def firmware_record(
    config: RunConfig,
    project: str,
    provenance: Mapping[str, Any],
    resources: ResourceEstimate,
    *,
    figures: Sequence[HardwareFigure] = (),
    rtl: RtlVerdict | None = None,
    netlist: RtlVerdict | None = None,
) -> Firmware:
    """What was emitted, every type in it, and what it costs: estimates of hls4ml and da4ml, then measured `figures`.

    `rtl`, `netlist`: how the simulations of the Verilog and of its netlist ended, None where there was none.
    """
    layers = provenance["layers"]
    return Firmware(
        **config.firmware.model_dump(),
        project=project,
        types={f"{layer['layer']}.{name}": text for layer in layers for name, text in layer["types"].items()},
        figures=(*_da4ml(resources), *_hls4ml(config, layers, provenance["versions"]["hls4ml"]), *figures),
        rtl=rtl,
        netlist=netlist,
    )


def _da4ml(resources: ResourceEstimate) -> list[HardwareFigure]:
    pipeline = f"pipelined at {resources.latency_cutoff:g} adder levels per stage, one event per clock"
    whole = "whole circuit with input scaling and score, by distributed arithmetic"
    figures: list[tuple[str, float, str, str]] = [
        ("LUT", resources.lut, "LUT", whole),
        ("FF", resources.ff, "FF", pipeline),
        ("latency", resources.latency_stages, "clocks", pipeline),
        ("logic depth", resources.adder_levels, "adder levels", "input port to score"),
        ("EBOPs", resources.ebops, "bit operations", "sum of weight bits x activation bits (arXiv:2405.00645)"),
    ]
    return [
        HardwareFigure(
            stage="estimate",
            tool=resources.tool,
            version=resources.version,
            quantity=quantity,
            value=float(value),
            unit=unit,
            note=note,
        )
        for quantity, value, unit, note in figures
    ]


def _hls4ml(config: RunConfig, layers: list[Mapping[str, Any]], version: str) -> list[HardwareFigure]:
    """hls4ml's own figures without a vendor tool: the adders of its distributed-arithmetic kernels, if it has them."""
    costs = [layer["estimate"]["lut"] for layer in layers if "estimate" in layer]
    note = "sum over its distributed-arithmetic kernels, without input scaling, rounding and score"
    if config.firmware.strategy != "distributed_arithmetic":
        note = "hls4ml gives no resource figure for the latency strategy without a vendor tool"
    return [
        HardwareFigure(
            stage="estimate",
            tool="hls4ml",
            version=version,
            quantity="LUT of kernels",
            value=float(sum(costs)) if costs else None,
            unit="LUT",
            note=note,
        ),
        HardwareFigure(
            stage="estimate",
            tool="hls4ml",
            version=version,
            quantity="latency",
            value=None,
            unit="clocks",
            note="needs a C synthesis by the vendor's tool",
        ),
    ]
