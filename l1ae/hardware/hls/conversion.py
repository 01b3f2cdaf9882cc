"""From a checked Keras model to an hls4ml graph in which every type is exact."""

import contextlib
import io
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from l1ae.circuit.graph import Circuit
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError
from l1ae.hardware.hls.checks import WEIGHTED, producers

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


def convert(model: Any, config: FirmwareConfig, name: str, folder: Path, messages: io.StringIO) -> Any:
    """The hls4ml graph of the model with all types derived; nothing is written yet."""
    with captured(messages):
        import hls4ml

        from l1ae.hardware.hls import handlers, tables, tensors  # noqa: F401  (add themselves to hls4ml's registry)

        try:
            with tensors.in_charge():
                graph = hls4ml.converters.convert_from_keras_model(
                    model,
                    output_dir=str(folder),
                    project_name=name,
                    backend=config.backend,
                    hls_config=_settings(model, config),
                    bit_exact=True,
                    allow_da_fallback=False,
                    allow_v2_fallback=False,
                    io_type="io_parallel",
                    part=config.part,
                    clock_period=int(config.clock_ns) if config.clock_ns.is_integer() else config.clock_ns,
                    # Otherwise the C simulation reads text files, and synthesis the headers.
                    write_weights_txt=False,
                )
        except ConversionError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ConversionError(f"hls4ml refused model {model.name}: {reason}") from error
        graph.config.trace_output = True
        graph.config.config.pop("KerasModel")  # hls4ml would save the model, with its path, into the project
    for line in messages.getvalue().splitlines():
        if "exactness" in line.lower():
            raise ConversionError(f"hls4ml does not promise exactness for this model: {line}")
    return graph


def _settings(model: Any, config: FirmwareConfig) -> dict[str, Any]:
    layers: dict[str, dict[str, Any]] = {layer.name: {"Trace": True} for layer in model.layers}
    for layer in model.layers:
        if type(layer).__name__ in WEIGHTED:
            layers[layer.name]["Strategy"] = config.strategy
    settings = {
        "Precision": {"default": UNSET},
        "ReuseFactor": config.reuse_factor,
        "Strategy": "latency",
        "TraceOutput": True,
    }
    return {"Model": settings, "LayerName": layers}


def check_types(graph: Any, names: Mapping[str, str], circuit: Circuit) -> None:
    """Refuse types that hls4ml left at the default or that do not hold every value that the circuit can reach."""
    for node in graph.graph.values():
        for attribute, value in node.attributes.items():
            if getattr(getattr(value, "precision", None), "width", None) == _UNSET_WIDTH:
                raise ConversionError(f"layer {node.name}: hls4ml derived no exact type for {attribute}")
        reached = circuit.ranges[names[node.name]]
        _check_holds(
            node,
            "result",
            node.get_output_variable().type.precision,
            reached.low,
            reached.high,
            reached.format.fraction,
        )
        accumulator = node.attributes.get("accum_t")
        if accumulator is not None:
            reached = circuit.ranges[node.name]
            _check_holds(node, "accum", accumulator.precision, reached.raw.low, reached.raw.high, reached.fraction)


def _check_holds(node: Any, kind: str, precision: Any, low: Any, high: Any, fraction: int) -> None:
    lsb = Fraction(2) ** (int(precision.integer) - int(precision.width))
    limit = 2 ** (int(precision.width) - bool(precision.signed))
    lowest, highest = (Fraction(int(bound)) / Fraction(2) ** fraction / lsb for bound in (low.min(), high.max()))
    if lowest < (-limit if precision.signed else 0) or highest > limit - 1:
        raise ConversionError(
            f"layer {node.name}: {kind} {precision} of hls4ml does not hold words from {float(lowest):g} "
            f"to {float(highest):g}; report this model to l1ae"
        )


def layer_names(model: Any, graph: Any) -> dict[str, str]:
    """The Keras layer whose output each hls4ml node holds.

    hls4ml fuses a quantizer into the layer in front of it when nothing else reads that layer. Otherwise the quantizer
    stays a node, or moves into the adder tree behind it and is no longer seen.
    """
    names = {name: name for name in graph.graph}
    foreign = sorted(set(names) - {layer.name for layer in model.layers})
    if foreign:
        raise ConversionError(f"hls4ml renamed layers ({', '.join(foreign)}): give every layer a longer name")
    connections = list(producers(model))
    readers = Counter(producer.name for _, producer in connections)
    for layer, producer in connections:
        if type(layer).__name__ == "QActivation" and layer.name not in names and readers[producer.name] == 1:
            names[producer.name] = layer.name
    return names
