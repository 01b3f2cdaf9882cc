"""How hls4ml reads layers of rows, columns and channels; importing this module adds the handlers to its registry.

Convolutions and maxima are hls4ml's own nodes. Layers that only rewire are one node of ours, so that each has a
result of its own to be compared, and a quantizer behind it is fused into it and into nothing further up.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate
from hls4ml.converters.keras_v3._base import registry
from hls4ml.converters.keras_v3.conv import gen_conv_config
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.optimizer.passes import bit_exact
from hls4ml.model.types import Source

from l1ae.circuit.lowering_tensors import wire_indices
from l1ae.hardware.hls.checks import quantized_weights
from l1ae.hardware.hls.handlers import ExactHandler, generated_call

#: Layers that hls4ml has handlers of its own for.
_SHARED = ("keras.src.layers.reshaping.reshape.Reshape", "keras.src.layers.reshaping.flatten.Flatten")


class QConv2DHandler(ExactHandler):
    """QConv2D: a convolution node that carries the quantized values of kernel and bias, all positions in parallel."""

    handles = ("qkeras.qconvolutional.QConv2D",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One convolution node."""
        kernel, bias = quantized_weights(layer)
        input_shape, output_shape = in_tensors[0].shape[1:], out_tensors[0].shape[1:]
        return {
            **gen_conv_config(
                in_shape=input_shape,
                out_shape=output_shape,
                ker_px_shape=kernel.shape[:2],
                strides=layer.strides,
                padding=layer.padding,
                data_format="channels_last",
                name=layer.name,
            ),
            "class_name": "Conv2D",
            "data_format": "channels_last",
            "weight_data": kernel,
            "bias_data": bias,
            "parallelization_factor": output_shape[0] * output_shape[1],
        }


class HardwareWires(Layer):
    """The hls4ml node of every layer that only rewires: out[j] = in[indices[j]], both flattened."""

    def initialize(self) -> None:
        """Output of the shape that the layer gives."""
        self.add_output_variable(list(self.attributes["target_shape"]))


@bit_exact._produce_kif.register
def _(layer: HardwareWires) -> tuple[Any, Any, Any]:
    shape, indices = tuple(layer.attributes["target_shape"]), layer.attributes["indices"]
    sign, integer, fraction = (np.ravel(bits)[indices].reshape(shape) for bits in bit_exact.get_input_kifs(layer)[0])
    return sign, integer, fraction


class HardwareWiresCall(FunctionCallTemplate):
    """Writes the call and the code of a `HardwareWires` node."""

    def __init__(self) -> None:
        super().__init__(HardwareWires, include_header=[])

    def format(self, node: Any) -> str:
        """The call; the function itself travels as generated code."""
        function = f"connect_{node.index}"
        lines = (f"    out[{to}] = inp[{source}];\n" for to, source in enumerate(node.get_attr("indices")))
        code = (
            f"\n// {node.name}: wires\n"
            f"template <typename inp_t, typename out_t> void {function}(inp_t *inp, out_t *out) {{\n"
            "    #pragma HLS INLINE\n" + "".join(lines) + "}\n"
        )
        node.set_attr("wires_codegen", Source(code))
        return generated_call(self, node, function)


class WireHandler(ExactHandler):
    """UpSampling2D, Cropping2D and Select, and, while `in_charge`, the Reshape and Flatten that hls4ml knows too."""

    handles = (
        "keras.src.layers.reshaping.up_sampling2d.UpSampling2D",
        "keras.src.layers.reshaping.cropping2d.Cropping2D",
        "l1ae.autoencoder.layers.Select",
    )

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One node of wires."""
        return {
            "class_name": "HardwareWires",
            "indices": wire_indices(layer, in_tensors[0].shape[1:]),
            "target_shape": list(out_tensors[0].shape[1:]),
        }


@contextlib.contextmanager
def in_charge() -> Iterator[None]:
    """Read Reshape and Flatten as wires of ours; outside of this, hls4ml reads them as it always does."""
    theirs = {name: registry[name] for name in _SHARED}
    registry.update(dict.fromkeys(_SHARED, WireHandler()))
    try:
        yield
    finally:
        registry.update(theirs)


register_layer("HardwareWires", HardwareWires)
for _backend in ("Vivado", "Vitis"):
    get_backend(_backend).register_template(HardwareWiresCall)
