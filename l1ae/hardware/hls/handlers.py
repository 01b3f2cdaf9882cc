"""How hls4ml reads the layers of l1ae: QKeras quantizers as exact fixed-point nodes, kernels as their quantized values.

Importing this module adds the handlers to hls4ml's own registry. hls4ml's `bit_exact` pass then derives every other
type (accumulators, results, weights) by interval arithmetic from the formats given here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate
from hls4ml.converters.keras_v3._base import KerasV3LayerHandler
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.optimizer.passes import bit_exact
from hls4ml.model.optimizer.passes.hgq_proxy_model import FixedPointQuantizer
from hls4ml.model.types import Source
from hls4ml.utils.qinterval import QIntervalArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.quantizers import read_quantizer
from l1ae.hardware.hls.checks import quantized_weights


class ExactHandler(KerasV3LayerHandler):
    """Base of the handlers: an activation never becomes a node of its own behind our back."""

    def maybe_get_activation_config(self, layer: Any, out_tensors: Sequence[Any]) -> tuple[None, None]:
        """No automatic activation node: quantizers are emitted explicitly."""
        return None, None


class ExactQuantizer(FixedPointQuantizer):
    """hls4ml's quantizer node, kept at the format that it was given.

    hls4ml drops bits below the point that the input does not have, although values that saturate need them: the
    largest word of ap_fixed<8,4> is 7.9375 for an integer input too.
    """


@bit_exact._produce_kif.register
def _(layer: ExactQuantizer) -> tuple[Any, Any, Any]:
    sign, width, integer = (mask[0] for mask in layer.mask_kbi)
    return sign, integer - sign, width - integer


class ExactQuantizerCall(FunctionCallTemplate):
    """Writes the call of a quantizer node that could not be fused into the node in front of it."""

    def __init__(self) -> None:
        super().__init__(ExactQuantizer, include_header=[])

    def format(self, node: Any) -> str:
        """The call; hls4ml generates the function under the name of the node."""
        return generated_call(self, node, node.name)


def generated_call(template: FunctionCallTemplate, node: Any, function: str) -> str:
    """Call of a function in the generated code, from the node's input array to its output array."""
    call = template._default_function_params(node)
    namespace = node.model.config.get_writer_config().get("Namespace") or "nnet"
    return f"{namespace}::{function}<{call['input_t']}, {call['output_t']}>({call['input']}, {call['output']});"


def quantizer_node(fixed: FixedFormat, shape: Sequence[int]) -> dict[str, Any]:
    """Attributes of the hls4ml node that brings a tensor of `shape` to the format `fixed`."""
    parts = (fixed.signed, fixed.width, fixed.integer)
    sign, width, integer = (np.full((1, *shape), part, dtype=np.int16) for part in parts)
    return {
        "class_name": "ExactQuantizer",
        "mask_kbi": (sign, width, integer),
        "RND": str(fixed.rounding),
        "SAT": str(fixed.overflow),
        "fusible": None,
        "overrides": {},
    }


class QActivationHandler(ExactHandler):
    """QActivation: rounding and saturation to the quantizer's format."""

    handles = ("qkeras.qlayers.QActivation",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One quantizer node."""
        return quantizer_node(read_quantizer(layer.activation, layer.name), out_tensors[0].shape[1:])


class QDenseHandler(ExactHandler):
    """QDense: a dense node that carries the quantized values of kernel and bias."""

    handles = ("qkeras.qlayers.QDense",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One dense node."""
        kernel, bias = quantized_weights(layer)
        n_in, n_out = kernel.shape
        return {
            "class_name": "Dense",
            "data_format": "channels_last",
            "weight_data": kernel,
            "bias_data": bias,
            "n_in": n_in,
            "n_out": n_out,
        }


class HardwareScaling(Layer):
    """The hls4ml node of `InputScaling`: y = (x - offset) * 2**-shift, one offset and one shift per element.

    hls4ml's batch normalisation would be exact too, but an optimizer removes it together with the quantizer fused
    into it when all offsets and shifts are zero; and wires need no multipliers.
    """

    def initialize(self) -> None:
        """Output of the shape of the input."""
        self.add_output_variable(self.get_input_variable().shape)


@bit_exact._produce_kif.register
def _(layer: HardwareScaling) -> tuple[Any, Any, Any]:
    words = QIntervalArray.from_kif(*bit_exact.get_input_kifs(layer)[0])
    offset = np.asarray(layer.attributes["offset"], dtype=np.float64)
    scale = np.exp2(-np.asarray(layer.attributes["shift"], dtype=np.float64))
    sign, integer, fraction = ((words - offset) * scale).to_kif()
    return sign.astype(np.int16), integer, fraction


class HardwareScalingCall(FunctionCallTemplate):
    """Writes the call and the code of a `HardwareScaling` node."""

    def __init__(self) -> None:
        super().__init__(HardwareScaling, include_header=[])

    def format(self, node: Any) -> str:
        """The call; the function itself travels as generated code."""
        node.set_attr("scaling_codegen", Source(scaling_code(node)))
        return generated_call(self, node, f"scale_words_{node.index}")


def scaling_code(node: Any) -> str:
    """C++ that subtracts each offset and moves the binary point by each shift, in types that lose nothing."""
    precision = node.get_input_variable().type.precision
    word = FixedFormat(bool(precision.signed), int(precision.width), int(precision.integer))
    fraction = max(word.fraction, 0)
    lines = []
    for index, (offset, shift) in enumerate(zip(node.get_attr("offset"), node.get_attr("shift"), strict=True)):
        low, high = ((bound << (fraction - word.fraction)) - (offset << fraction) for bound in (word.low, word.high))
        moved = FixedFormat.holding(low, high, fraction)
        scaled = FixedFormat(moved.signed, moved.width, moved.integer - shift)
        lines.append(
            f"    {moved} word_{index} = inp[{index}] - ap_int<{offset.bit_length() + 1}>({offset});\n"
            f"    {scaled} value_{index};\n"
            f"    value_{index}.range() = word_{index}.range(); // moves the binary point by {shift}\n"
            f"    out[{index}] = value_{index};\n"
        )
    return (
        f"\n// {node.name}: (word - offset) * 2**-shift for each input\n"
        f"template <typename inp_t, typename out_t> void scale_words_{node.index}(inp_t *inp, out_t *out) {{\n"
        "    #pragma HLS INLINE\n" + "".join(lines) + "}\n"
    )


class InputScalingHandler(ExactHandler):
    """InputScaling: offset and power-of-two shift of each hardware word."""

    handles = ("l1ae.autoencoder.layers.InputScaling",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One scaling node."""
        return {"class_name": "HardwareScaling", "offset": list(layer.offset), "shift": list(layer.shift)}


register_layer("ExactQuantizer", ExactQuantizer)
register_layer("HardwareScaling", HardwareScaling)
for _backend in ("Vivado", "Vitis"):
    get_backend(_backend).register_template(ExactQuantizerCall)
    get_backend(_backend).register_template(HardwareScalingCall)
