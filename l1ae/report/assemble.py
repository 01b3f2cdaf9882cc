"""A run's records gathered into `RunReport`, and the arrays its plots are drawn from."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.circuit.nodes import Dense
from l1ae.config import RunConfig
from l1ae.environment import versions
from l1ae.evaluation import PcaBaseline, differences, evaluate, leading_object_pt_sum, object_count, total_pt
from l1ae.events.schema import EventSet, codes_of
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary
from l1ae.hardware.estimate import ResourceEstimate
from l1ae.report.arrays import RunArrays, Scores
from l1ae.report.record import (
    Baseline,
    Data,
    Estimate,
    Exactness,
    Firmware,
    Layer,
    Model,
    RunReport,
    Samples,
    Training,
)

#: Events in, one number per event out, large meaning anomalous.
Score = Callable[[EventSet], NDArray[Any]]

#: Name of the deployed score among the others.
MODEL = "model"
#: Name of the layer whose output the network sees: the scaled and quantized inputs.
SCALED = "scaled"
#: Name of the comparison with the decoder of a variational autoencoder.
DECODED = "its decoder's error"
_RADIUS_NOTE = (
    "The score of a variational autoencoder is the squared radius of its latent mean, so that only the encoder has to "
    "fit the FPGA. It sees what a few numbers keep of an event and not what the decoder fails to reconstruct; the KL "
    "term pulls the mean of common events towards zero, where they are hardly told apart. The rows named "
    f'"{DECODED}" show what the same network reaches with its decoder.'
)


class _Score(NamedTuple):
    """A score that the model is compared with."""

    description: str
    unit: str
    function: Score


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
) -> tuple[RunReport, RunArrays]:
    """Evaluate the circuit and the baselines on the test events and gather every record of the run.

    `decoded`: the same variational autoencoder with its decoder, to show what its deployed score leaves out.
    """
    others = _baselines(config, circuit, stream)
    if decoded is not None:
        others[DECODED] = _Score(
            "squared error of this network's own reconstruction; it needs the decoder, which is not in the firmware",
            "score words",
            lambda events: decoded.reference(events.inputs)[:, 0],
        )
    summary = Summary(stream.layout, stream.process_names, stream.metadata)
    functions = {MODEL: lambda events: circuit.reference(events.inputs)[:, 0]}
    scored = score_all(config, stream, functions | {name: other.function for name, other in others.items()}, summary)
    scores = scored.pop(MODEL)
    baselines = {name: _baseline(others[name], other, scores) for name, other in scored.items()}
    counts = stream.counts()
    report = RunReport(
        name=config.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        exactness=exactness,
        physics=evaluate(scores.background, scores.signals, highest_word=circuit.output.format.high),
        baselines=baselines,
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
            best_validation_loss=min(history["validation_loss"]),
            seconds=history["seconds"],
        ),
        versions=versions(),
        data=data,
        notes=() if decoded is None else (_RADIUS_NOTE,),
    )
    arrays = RunArrays(
        scores=scores,
        baselines=scored,
        loss=history["loss"],
        validation_loss=history["validation_loss"],
        events=summary,
    )
    return report, arrays


def score_all(
    config: RunConfig, stream: EventStream, functions: Mapping[str, Score], summary: Summary | None = None
) -> dict[str, Scores]:
    """Every score of every test event of background and signals, in one pass over the files.

    `summary` takes up the same events.
    """
    processes: list[NDArray[np.uint8]] = []
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in functions}
    for chunk in stream.chunks((*config.data.background, *config.data.signals), "test"):
        processes.append(chunk.process)
        for name, function in functions.items():
            found[name].append(function(chunk))
        if summary is not None:
            summary.add(chunk)
    process = np.concatenate(processes)

    def of(values: NDArray[Any], *names: str) -> NDArray[Any]:
        return values[np.isin(process, codes_of(names, stream.process_names))]

    result = {}
    for name in functions:
        values = np.concatenate(found.pop(name))
        signals = {signal: of(values, signal) for signal in config.data.signals}
        result[name] = Scores(of(values, *config.data.background), signals)
    return result


def _baselines(config: RunConfig, circuit: Circuit, stream: EventStream) -> dict[str, _Score]:
    """Every score without a network, by name."""

    def scaled(events: EventSet) -> NDArray[np.float64]:
        return circuit.value(SCALED, circuit.trace(events.inputs, [SCALED])[SCALED])

    components = min(config.autoencoder.latent, stream.layout.n_inputs - 1)  # all of them would leave no error
    training = stream.chunks(config.data.background, "training")
    pca = PcaBaseline(components).fit(scaled(chunk) for chunk in training)
    objects = [kind for kind in stream.layout.kinds if not kind.sum]
    sums = [kind.name for kind in stream.layout.kinds if kind.sum]
    named = ", ".join(kind.name for kind in objects) or ", ".join(sums)
    return {
        f"PCA, {components} components": _Score(
            "squared reconstruction error from the leading principal components of the scaled inputs of the network, "
            "fitted on the training events",
            "scaled inputs squared",
            lambda events: pca.score(scaled(events)),
        ),
        "leading-object pT": _Score(
            f"pT of the leading object of each kind ({named}), summed", "GeV", leading_object_pt_sum
        ),
        "total pT": _Score(
            f"pT of all {stream.layout.n_objects} objects summed" + (f", {', '.join(sums)} included" if sums else ""),
            "GeV",
            total_pt,
        ),
        "object count": _Score(f"number of objects ({named})", "objects", object_count),
    }


def _baseline(score: _Score, scores: Scores, model_scores: Scores) -> Baseline:
    """A baseline's performance, and what the model gains on it, on the same events."""
    return Baseline(
        description=score.description,
        unit=score.unit,
        performance=evaluate(scores.background, scores.signals),
        gain=differences(model_scores.background, model_scores.signals, scores.background, scores.signals),
    )


def model_record(circuit: Circuit, config: RunConfig) -> Model:
    """The layers of the deployed model with their formats, sums included."""
    accumulators = circuit.accumulators()
    layers = []
    for node in circuit.nodes:
        parts = [node.kernel, *([] if node.bias is None else [node.bias])] if isinstance(node, Dense) else []
        layers.append(
            Layer(
                name=node.name,
                kind=type(node).__name__,
                shape=node.shape,
                format=str(node.format),
                accumulator=str(accumulators[node.name]) if node.name in accumulators else None,
                weight_format=str(node.kernel_format) if isinstance(node, Dense) else None,
                weights=sum(part.size for part in parts),
                zero_weights=sum(int(np.count_nonzero(part == 0)) for part in parts),
            )
        )
    return Model(
        kind=config.autoencoder.kind,
        latent=config.autoencoder.latent,
        parameters=sum(layer.weights for layer in layers),
        layers=tuple(layers),
    )


def firmware_record(
    config: RunConfig, project: str, provenance: Mapping[str, Any], resources: ResourceEstimate
) -> Firmware:
    """What was emitted, every type in it, and what hls4ml and da4ml estimate."""
    layers = provenance["layers"]
    return Firmware(
        **config.firmware.model_dump(),
        project=project,
        types={f"{layer['layer']}.{name}": text for layer in layers for name, text in layer["types"].items()},
        estimates=(*_da4ml(resources), *_hls4ml(config, layers, provenance["versions"]["hls4ml"])),
    )


def _da4ml(resources: ResourceEstimate) -> list[Estimate]:
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
        Estimate(
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


def _hls4ml(config: RunConfig, layers: list[Mapping[str, Any]], version: str) -> list[Estimate]:
    """hls4ml's own figures without a vendor tool: the adders of its distributed-arithmetic kernels, if it has them."""
    costs = [layer["estimate"]["lut"] for layer in layers if "estimate" in layer]
    note = "sum over its distributed-arithmetic kernels, without input scaling, rounding and score"
    if config.firmware.strategy != "distributed_arithmetic":
        note = "hls4ml gives no resource figure for the latency strategy without a vendor tool"
    return [
        Estimate(
            stage="estimate",
            tool="hls4ml",
            version=version,
            quantity="LUT of kernels",
            value=float(sum(costs)) if costs else None,
            unit="LUT",
            note=note,
        ),
        Estimate(
            stage="estimate",
            tool="hls4ml",
            version=version,
            quantity="latency",
            value=None,
            unit="clocks",
            note="needs a C synthesis by the vendor's tool",
        ),
    ]
