"""What is refused before a file is written: each message names the layer, the option and the way out."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Dot
from l1ae.circuit.ranges import FLOAT32_LIMIT
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError

#: xcvu13p-flga2577-2-e, xc7vx690tffg1927-2, xcvc1902-vsva2197-2MP-e-S: device, package, speed grade, temperature.
_PART = re.compile(r"x[aqc][a-z0-9]{3,}-?[a-z]{2,4}\d{2,4}-\d[A-Za-z]{0,2}(-[A-Za-z]{1,3})*")
_NAME_RULE = "take letters, digits and _, no word of C++ and no layer's name"
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
#: Names that C++ or the emitted files use themselves.
_WORDS = (
    "alignas alignof and asm auto bool break case catch char class const constexpr continue decltype default defines "
    "delete do double else enum explicit export extern false float for friend goto if inline int long main mutable "
    "namespace new nnet noexcept not nullptr operator or parameters private protected public register return short "
    "signed sizeof static std struct switch template this throw true try typedef typeid typename union unsigned using "
    "virtual void volatile weights while xor"
)
_RESERVED = frozenset(_WORDS.split())
#: Layers lend their names to types such as `code_t` and `code_accum_t`; these types exist already.
_TYPES = (
    "bias char16 char32 clock div errno error fpos index ldiv lldiv max_align mbstate off ptrdiff result rsize size "
)
_RESERVED_LAYERS = frozenset([*(_TYPES + "ssize time wchar weight wint").split(), *_RESERVED])
_NUMBERED = re.compile(r"u?int(_fast|_least)?\d+|u?int(ptr|max)|[wbs]\d+|layer\d+.*|config\d+")


_VIVADO_ARRAY = 4096
#: Layers with a kernel.
WEIGHTED = ("QDense", "QConv2D")


def quantized_weights(layer: Any) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Kernel (..., n_out) and bias (n_out) of one of the `WEIGHTED` layers as the values that QKeras computes with."""
    kernel = np.asarray(layer.kernel_quantizer_internal(layer.kernel), dtype=np.float32)
    bias = np.asarray(layer.bias_quantizer_internal(layer.bias), dtype=np.float32) if layer.use_bias else None
    return kernel, bias


def check(model: Any, config: FirmwareConfig, name: str) -> None:
    """Refuse what the circuit allows but hls4ml would turn into other firmware, or into files that do not compile."""
    check_settings(config, name)
    if name in {layer.name for layer in model.layers}:
        raise ConversionError(f"project name {name!r}: {_NAME_RULE}")
    _check_names(model)
    _check_quantizers(model)
    _check_reuse(model, config)
    _check_size(model, config)


def check_settings(config: FirmwareConfig, name: str) -> None:
    """Refuse settings that are wrong for every model."""
    if not _is_identifier(name):
        raise ConversionError(f"project name {name!r}: {_NAME_RULE}")
    if not _PART.fullmatch(config.part):
        raise ConversionError(
            f"firmware.part {config.part!r} is no part number: give device, package and speed grade, "
            "such as xcvu13p-flga2577-2-e or xc7vx690tffg1927-2"
        )
    if config.strategy == "distributed_arithmetic" and config.reuse_factor != 1:
        raise ConversionError(
            f"firmware.reuse_factor {config.reuse_factor}: distributed_arithmetic has no multipliers to reuse; "
            "set it to 1 or take strategy latency"
        )


def _is_identifier(name: str) -> bool:
    return bool(_IDENTIFIER.fullmatch(name)) and name not in _RESERVED


def _check_names(model: Any) -> None:
    lower_case = Counter(layer.name.lower() for layer in model.layers)  # hls4ml does not tell a from A
    for layer in model.layers:
        taken = layer.name in _RESERVED_LAYERS or _NUMBERED.fullmatch(layer.name) or lower_case[layer.name.lower()] > 1
        if not _is_identifier(layer.name) or taken:
            raise ConversionError(f"layer {layer.name}: give it a name of letters, digits and _ that nothing else has")


def producers(model: Any) -> Iterator[tuple[Any, Any]]:
    """Every connection inside the model: a layer and one layer that it reads."""
    for nodes in model._nodes_by_depth.values():
        for node in nodes:
            for tensor in node.input_tensors:
                yield node.operation, tensor._keras_history.operation


def _check_quantizers(model: Any) -> None:
    """hls4ml fuses a quantizer into the node in front of it, so of two in a row it would forget one."""
    for layer, producer in producers(model):
        if type(layer).__name__ == type(producer).__name__ == "QActivation":
            raise ConversionError(
                f"layer {layer.name} quantizes again what {producer.name} has quantized: leave one of them out, "
                "or put an InputScaling in between (zeros do for offset and shift)"
            )


def _check_reuse(model: Any, config: FirmwareConfig) -> None:
    sizes = {layer.name: math.prod(layer.kernel.shape) for layer in model.layers if type(layer).__name__ in WEIGHTED}
    common = math.gcd(*sizes.values())
    for name, size in sizes.items():
        if size % config.reuse_factor:
            allowed = ", ".join(str(factor) for factor in range(1, common + 1) if common % factor == 0)
            raise ConversionError(
                f"firmware.reuse_factor {config.reuse_factor} does not divide the {size} multiplications "
                f"of layer {name}; use one of {allowed}"
            )


def _check_size(model: Any, config: FirmwareConfig) -> None:
    """Vivado HLS gives up on products that are one array of more than 4096 elements; Vitis HLS does not."""
    if (config.backend, config.strategy) != ("Vivado", "latency"):
        return
    for layer in model.layers:
        if type(layer).__name__ in WEIGHTED and (size := math.prod(layer.kernel.shape)) > _VIVADO_ARRAY:
            raise ConversionError(
                f"layer {layer.name}: {size} products at once and Vivado HLS takes {_VIVADO_ARRAY}; "
                "take backend Vitis, strategy distributed_arithmetic or a smaller layer"
            )


def check_score(circuit: Circuit) -> None:
    """Refuse a squared score that float32 does not hold: its width follows from formats, so no training is needed."""
    known = circuit.ranges[circuit.output.name]
    if isinstance(circuit.output, Dot) and known.raw.magnitude > FLOAT32_LIMIT:
        raise _float32(known.name, known.significant_bits)


def check_float32(circuit: Circuit) -> None:
    """Refuse a model that Keras itself, in float32, does not compute exactly for every input."""
    for name, exact in circuit.float32_exact.items():
        if not exact:
            raise _float32(name, circuit.ranges[name].significant_bits)


def _float32(name: str, bits: int) -> ConversionError:
    return ConversionError(
        f"layer {name}: its values need {bits} bits and Keras computes in float32, which holds 24: "
        "lower inputs.precision.width, autoencoder.code.width, or the widths of weights and activations in front of it"
    )
