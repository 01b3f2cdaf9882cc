"""The nodes that l1ae adds to hls4ml: one for generated code, one for quantizers; importing this registers them."""

from typing import Any

import numpy as np
from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.optimizer.passes import bit_exact
from hls4ml.model.optimizer.passes.hgq_proxy_model import FixedPointQuantizer
from hls4ml.model.types import Source


class ExactQuantizer(FixedPointQuantizer):
    """hls4ml's quantizer node, kept at the format that it was given; hls4ml fuses it into the node in front of it.

    hls4ml drops bits below the point that the input does not have, although values that saturate need them: the
    largest word of ap_fixed<8,4> is 7.9375 for an integer input too. It also asks the node in front for no more bits
    than it keeps, but everything in front of a quantizer is to show its exact result.
    """


@bit_exact._produce_kif.register
def _(layer: ExactQuantizer) -> tuple[Any, Any, Any]:
    sign, width, integer = (mask[0] for mask in layer.mask_kbi)
    return sign, integer - sign, width - integer


@bit_exact._request_kif.register
def _(layer: ExactQuantizer) -> Any:
    return bit_exact._request_kif.dispatch(Layer)(layer)


class HardwareNode(Layer):
    """An operation whose code and whose bits are known: `generated`, `target_shape`, and `bits` of each element."""

    def initialize(self) -> None:
        """Output of the shape that is given."""
        self.add_output_variable(list(self.attributes["target_shape"]))


@bit_exact._produce_kif.register
def _(layer: HardwareNode) -> tuple[Any, Any, Any]:
    sign, integer, fraction = (np.array(bits, dtype=np.int16) for bits in layer.attributes["bits"])
    return sign, integer, fraction


class HardwareNodeCall(FunctionCallTemplate):
    """Writes the call and the code of a `HardwareNode`."""

    def __init__(self) -> None:
        super().__init__(HardwareNode, include_header=[])

    def format(self, node: Any) -> str:
        """The call; the function itself travels as generated code."""
        code = node.get_attr("generated")
        node.set_attr("generated_codegen", Source(code.text(node.name, node.index, len(node.inputs))))
        variables = [*(node.get_input_variable(name) for name in node.inputs), node.get_output_variable()]
        namespace = node.model.config.get_writer_config().get("Namespace") or "nnet"
        types, arrays = (", ".join(names) for names in zip(*((v.type.name, v.name) for v in variables), strict=True))
        return f"{namespace}::{code.function}_{node.index}<{types}>({arrays});"


register_layer("ExactQuantizer", ExactQuantizer)
register_layer("HardwareNode", HardwareNode)
for _backend in ("Vivado", "Vitis"):
    get_backend(_backend).register_template(HardwareNodeCall)
