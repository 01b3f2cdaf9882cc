"""From a circuit to an hls4ml graph in which every type is exact."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from l1ae.circuit.graph import Circuit
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError
from l1ae.hardware.hls.bits import Bits
from l1ae.hardware.hls.layers import Plan, plan

#: The default precision given to hls4ml: wrong on purpose, so that a type that nobody derived can be seen.
_UNSET_WIDTH = 97
UNSET = f"fixed<{_UNSET_WIDTH},43>"


@contextlib.contextmanager
def captured(messages: io.StringIO) -> Iterator[None]:
    """Send what hls4ml prints and warns into `messages` instead of the terminal."""
    with (
        contextlib.redirect_stdout(messages),
        contextlib.redirect_stderr(messages),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in caught:
                # Without the file name: it is a path of this machine.
                messages.write(f"{warning.category.__name__}: {' '.join(str(warning.message).split())}\n")


def convert(
    circuit: Circuit, config: FirmwareConfig, name: str, folder: Path, messages: io.StringIO
) -> tuple[Any, Plan]:
    """The hls4ml graph of a circuit with all types derived and checked, and its plan; nothing is written yet."""
    planned = plan(circuit, config.backend, name)
    with captured(messages):
        from hls4ml.model.graph import ModelGraph
        from hls4ml.utils.config import create_config

        from l1ae.hardware.hls import nodes  # noqa: F401  (adds itself to hls4ml's registry)

        settings = create_config(
            output_dir=str(folder),
            project_name=name,
            backend=config.backend,
            io_type="io_parallel",
            part=config.part,
            clock_period=int(config.clock_ns) if config.clock_ns.is_integer() else config.clock_ns,
            # Otherwise the C simulation reads text files, and synthesis the headers.
            write_weights_txt=False,
        )
        settings |= {"InputData": None, "OutputPredictions": None, "HLSConfig": _settings(planned, config)}
        try:
            graph = ModelGraph.from_layer_list(settings, planned.layers, planned.inputs, planned.outputs)
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConversionError(f"layer {_widest(circuit)}, or another one: hls4ml refused it: {reason}") from error
        graph.config.trace_output = True
    for line in messages.getvalue().splitlines():
        if "exactness" in line.lower():
            raise ConversionError(f"layer {_widest(circuit)}, the widest: hls4ml does not promise exactness: {line}")
    check_nodes(graph, planned)
    check_types(graph, planned)
    return graph, planned


def _widest(circuit: Circuit) -> str:
    """The layer whose sums need most bits: hls4ml computes with doubles, and its messages name none."""
    return max(circuit.ranges.values(), key=lambda known: known.significant_bits).name


def _settings(planned: Plan, config: FirmwareConfig) -> dict[str, Any]:
    layers: dict[str, dict[str, Any]] = {}
    for layer in planned.layers:
        layers[layer["name"]] = {"Trace": True}
        if "weight_data" in layer:
            layers[layer["name"]]["Strategy"] = config.strategy
    settings = {
        "Precision": {"default": UNSET},
        "ReuseFactor": config.reuse_factor,
        "Strategy": "latency",
        "TraceOutput": True,
        "BitExact": True,
    }
    return {"Model": settings, "LayerName": layers}


def check_nodes(graph: Any, planned: Plan) -> None:
    """Refuse a graph that holds other nodes than those planned: a quantizer that was not fused, a node that is gone."""
    other = sorted(set(graph.graph) ^ set(planned.nodes))
    if other:
        raise ConversionError(
            f"layer {other[0]}: hls4ml made another graph of this circuit than it was told ({', '.join(other)}); "
            "report this model to l1ae"
        )


def check_types(graph: Any, planned: Plan) -> None:
    """Refuse types that hls4ml left at the default or that do not hold every value that the circuit can reach.

    Both ends count: bits before the point, so that nothing wraps, and bits below it, so that nothing is cut off.
    """
    for name, node in graph.graph.items():
        known = planned.nodes[name]
        for attribute, value in node.attributes.items():
            if getattr(getattr(value, "precision", None), "width", None) == _UNSET_WIDTH:
                raise ConversionError(f"layer {known.computes}: hls4ml derived no exact type for {attribute}")
        _check_holds(known.shows, "result", node.get_output_variable().type.precision, known.bits)
        accumulator = node.attributes.get("accum_t")
        if accumulator is not None:
            _check_holds(known.computes, "accum", accumulator.precision, known.exact)
        for part, weights in node.weights.items():
            _check_weights(known.computes, part, weights)


def _check_holds(layer: str, kind: str, precision: Any, bits: Bits) -> None:
    something = (bits.signed + bits.integer + bits.fraction) != 0  # any type holds a zero
    if not something.any():
        return
    signed, integer, fraction = (int(part[something].max()) for part in bits)
    held = int(precision.integer) - bool(precision.signed), int(precision.width) - int(precision.integer)
    if signed > bool(precision.signed) or integer > held[0] or fraction > held[1]:
        raise ConversionError(
            f"layer {layer}: {kind} {precision} of hls4ml does not hold its words, which need {integer} bits "
            f"{'and a sign ' if signed else ''}before the point and {fraction} below it; report this model to l1ae"
        )


def _check_weights(layer: str, part: str, weights: Any) -> None:
    precision = weights.type.precision
    words = np.ldexp(np.asarray(weights.data, dtype=np.float64), int(precision.width) - int(precision.integer))
    limit = 2.0 ** (int(precision.width) - bool(precision.signed))
    inside = (words >= (-limit if precision.signed else 0)) & (words < limit)
    if not (inside & (words == np.rint(words))).all():
        raise ConversionError(f"layer {layer}: {precision} of hls4ml does not hold its {part}; use fewer bits for it")
