"""hls4ml nodes for tables and sums: their types are exact, and their code is generated.

Tables become distributed memories (LUTs). Importing this module adds the handlers to hls4ml's own registry.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate
from hls4ml.model.layers import Layer, register_layer
from hls4ml.model.optimizer.passes import bit_exact
from hls4ml.model.types import Source
from hls4ml.utils.qinterval import QIntervalArray

from l1ae.circuit.formats import FixedFormat
from l1ae.hardware.hls.handlers import ExactHandler, generated_call

#: How each tool is told to take LUTs, not block memories, and as many read ports as needed (UG902, UG1399).
_IN_LUTS = {
    "Vivado": "#pragma HLS RESOURCE variable={0} core=ROM_nP_LUTRAM",
    "Vitis": "#pragma HLS BIND_STORAGE variable={0} type=rom_np impl=lutram",
}
_ENTRIES_PER_LINE = 16


class HardwareLookup(Layer):
    """The hls4ml node of `TableLookup`: one table per element, or one for all."""

    def initialize(self) -> None:
        """Output of the shape of the input."""
        self.add_output_variable(self.get_input_variable().shape)


@bit_exact._produce_kif.register
def _(layer: HardwareLookup) -> tuple[Any, Any, Any]:
    shape = bit_exact.get_output_shape(layer)
    tables, lsb = layer.attributes["entries"], 2.0 ** -layer.attributes["fraction_out"]
    low, high = (np.broadcast_to(ends * lsb, shape) for ends in (tables.min(axis=1), tables.max(axis=1)))
    sign, integer, fraction = QIntervalArray(low, high, np.full(shape, lsb)).to_kif()
    return sign.astype(np.int16), integer, fraction


class HardwareLookupCall(FunctionCallTemplate):
    """Writes the call and the code of a `HardwareLookup` node."""

    def __init__(self) -> None:
        super().__init__(HardwareLookup, include_header=[])

    def format(self, node: Any) -> str:
        """The call; the function itself travels as generated code."""
        node.set_attr("lookup_codegen", Source(lookup_code(node)))
        return generated_call(self, node, f"look_up_{node.index}")


def lookup_code(node: Any) -> str:
    """C++ that finds each element's entry: tables of whole words, indexed by the distance from the first word."""
    tables, low, fraction = (node.get_attr(name) for name in ("entries", "low", "fraction_in"))
    word = _format(node.get_input_variable())
    integer = max(word.integer, 1 - fraction)
    # The word as the table counts it: every input that can come has just these bits below the point.
    counted = FixedFormat(word.signed, integer + fraction, integer)
    index = FixedFormat.holding(0, tables.shape[1] - 1, 0).width
    entry = FixedFormat.holding(int(tables.min()), int(tables.max()), node.get_attr("fraction_out"))
    distinct, which = np.unique(tables, axis=0, return_inverse=True)
    pragma = _IN_LUTS[node.model.config.get_config_value("Backend")]
    lines = []
    for number, table in enumerate(distinct.tolist()):
        lines.append(f"    static const entry_t table_{number}[{len(table)}] = {{\n{_listed(table)}\n    }};\n")
        lines.append(f"    {pragma.format(f'table_{number}')}\n")
    numbers = np.broadcast_to(which.ravel(), node.get_input_variable().size()).tolist()
    for element, number in enumerate(numbers):
        lines.append(
            f"    {counted} word_{element} = inp[{element}];\n"
            f"    {_integer(counted)} counted_{element};\n"
            f"    counted_{element}.range() = word_{element}.range();\n"
            f"    ap_uint<{index}> index_{element} = counted_{element} - ap_int<{int(low).bit_length() + 1}>({low});\n"
            f"    {_integer(entry)} entry_{element} = table_{number}[index_{element}];\n"
            f"    {entry} value_{element};\n"
            f"    value_{element}.range() = entry_{element}.range();\n"
            f"    out[{element}] = value_{element};\n"
        )
    return (
        f"\n// {node.name}: the entry of each input's table; the first one is for the word {low}\n"
        f"template <typename inp_t, typename out_t> void look_up_{node.index}(inp_t *inp, out_t *out) {{\n"
        "    #pragma HLS INLINE\n"
        "#ifdef __SYNTHESIS__\n"
        f"    typedef {_integer(entry)} entry_t;\n"
        "#else\n"
        f"    typedef {'short' if entry.width < 16 else 'int'} entry_t; // g++ needs a minute for tables of ap_int\n"
        "#endif\n" + "".join(lines) + "}\n"
    )


def _format(variable: Any) -> FixedFormat:
    precision = variable.type.precision
    return FixedFormat(bool(precision.signed), int(precision.width), int(precision.integer))


def _integer(format_: FixedFormat) -> str:
    """The integer type with the bits of a format."""
    return f"ap_{'' if format_.signed else 'u'}int<{format_.width}>"


def _listed(table: list[int]) -> str:
    rows = (table[start : start + _ENTRIES_PER_LINE] for start in range(0, len(table), _ENTRIES_PER_LINE))
    return ",\n".join("        " + ", ".join(map(str, row)) for row in rows)


class TableLookupHandler(ExactHandler):
    """TableLookup: tables of integers."""

    handles = ("l1ae.autoencoder.layers.TableLookup",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One node with its tables."""
        return {
            "class_name": "HardwareLookup",
            "entries": layer.tables.astype(np.int64),
            "low": layer.low,
            "fraction_in": layer.fraction_in,
            "fraction_out": layer.fraction_out,
        }


class HardwareSum(Layer):
    """The hls4ml node of `SumOver`: the sum of a vector."""

    def initialize(self) -> None:
        """One element."""
        self.add_output_variable([1])


@bit_exact._produce_kif.register
def _(layer: HardwareSum) -> tuple[Any, Any, Any]:
    words = QIntervalArray.from_kif(*bit_exact.get_input_kifs(layer)[0])
    low, high, lsb = words.min.sum(keepdims=True), words.max.sum(keepdims=True), words.delta.min(keepdims=True)
    sign, integer, fraction = QIntervalArray(low, high, lsb).to_kif()
    return sign.astype(np.int16), integer, fraction


class HardwareSumCall(FunctionCallTemplate):
    """Writes the call and the code of a `HardwareSum` node."""

    def __init__(self) -> None:
        super().__init__(HardwareSum, include_header=[])

    def format(self, node: Any) -> str:
        """The call; the function itself travels as generated code."""
        node.set_attr("sum_codegen", Source(sum_code(node)))
        return generated_call(self, node, f"sum_over_{node.index}")


def sum_code(node: Any) -> str:
    """C++ that adds up all elements in a type that holds every sum of them."""
    size, word = node.get_input_variable().size(), _format(node.get_input_variable())
    total = FixedFormat.holding(size * word.low, size * word.high, word.fraction)
    return (
        f"\n// {node.name}: the sum of {size} elements\n"
        f"template <typename inp_t, typename out_t> void sum_over_{node.index}(inp_t *inp, out_t *out) {{\n"
        "    #pragma HLS INLINE\n"
        f"    {total} total = 0;\n"
        f"    for (int i = 0; i < {size}; i++) {{\n"
        "        #pragma HLS UNROLL\n"
        "        total += inp[i];\n"
        "    }\n"
        "    out[0] = total;\n"
        "}\n"
    )


class SumOverHandler(ExactHandler):
    """SumOver: the sum of a vector."""

    handles = ("l1ae.autoencoder.layers.SumOver",)

    def handle(self, layer: Any, in_tensors: Sequence[Any], out_tensors: Sequence[Any]) -> dict[str, Any]:
        """One summing node."""
        return {"class_name": "HardwareSum"}


register_layer("HardwareLookup", HardwareLookup)
register_layer("HardwareSum", HardwareSum)
for _backend in ("Vivado", "Vitis"):
    get_backend(_backend).register_template(HardwareLookupCall)
    get_backend(_backend).register_template(HardwareSumCall)
