"""C++ of the operations that hls4ml has no exact node for; every type in it is one that the circuit has proved.

Tables become distributed memories (LUTs). The code works on flat arrays, all elements in parallel.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Clip, Leaky, Lookup, Node, Quantize, Scale, Sum
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import MaxPool, Wire

#: How each tool is told to take LUTs, not block memories, and as many read ports as needed (UG902, UG1399).
_IN_LUTS = {
    "Vivado": "#pragma HLS RESOURCE variable={0} core=ROM_nP_LUTRAM",
    "Vitis": "#pragma HLS BIND_STORAGE variable={0} type=rom_np impl=lutram",
}
_ENTRIES_PER_LINE = 16


@dataclass(frozen=True)
class Code:
    """A function template in C++: its name up to the number of its node, what it does, its statements.

    `helper` is another function that it needs, with the number of the node written as `{index}`.
    """

    function: str
    comment: str
    statements: str
    helper: str = ""

    def text(self, name: str, index: int, operands: int) -> str:
        """The definition for the node `name` with the number `index`, which reads that many arrays."""
        inputs = ["inp"] if operands == 1 else [f"inp_{number}" for number in range(operands)]
        types = ", ".join(f"typename {array}_t" for array in (*inputs, "out"))
        arrays = ", ".join(f"{array}_t *{array}" for array in (*inputs, "out"))
        statements, helper = (part.replace("{index}", str(index)) for part in (self.statements, self.helper))
        return (
            f"\n// {name}: {self.comment}\n{helper}"
            f"template <{types}> void {self.function}_{index}({arrays}) {{\n"
            f"    #pragma HLS INLINE\n{statements}}}\n"
        )


@singledispatch
def code(node: Node, circuit: Circuit, backend: str) -> Code:
    """The C++ that computes the exact result of a node, before its format is applied, for Vitis or Vivado."""
    raise TypeError(f"no code for {type(node).__name__}")


def wires(indices: Iterable[int], sizes: Iterable[int]) -> Code:
    """Element j of the result is element indices[j] of operands of these sizes, one behind the other; -1 is a zero."""
    sizes = list(sizes)
    names = ["inp"] if len(sizes) == 1 else [f"inp_{number}" for number in range(len(sizes))]
    places = [f"{name}[{place}]" for name, size in zip(names, sizes, strict=True) for place in range(size)]
    places.append("0")  # the last one, where the index -1 finds it
    return Code(
        "connect", "wires", "".join(f"    out[{to}] = {places[source]};\n" for to, source in enumerate(indices))
    )


@code.register
def _(node: Wire, circuit: Circuit, backend: str) -> Code:
    return wires(node.indices, [circuit[name].size for name in node.inputs])


@code.register
def _(node: Quantize, circuit: Circuit, backend: str) -> Code:
    source, fixed = circuit[node.inputs[0]].format, node.format
    # ap_fixed cannot round words all of whose bits lie below the last one that stays.
    integer = max(source.integer, 2 - fixed.fraction)
    word = f"ap_{'' if source.signed else 'u'}fixed<{integer + source.fraction},{integer}>"
    kind = "ap_fixed" if fixed.signed else "ap_ufixed"
    type_ = f"{kind}<{fixed.width},{fixed.integer},AP_{fixed.rounding},AP_{fixed.overflow}>"
    steps = [f"{word} word = inp[i];", f"out[i] = {type_}(word);"]
    return Code("quantize", f"rounding and overflow of {fixed}", _loop(node.size, *steps))


@code.register
def _(node: Scale, circuit: Circuit, backend: str) -> Code:
    known = circuit.ranges[node.inputs[0]]
    unit = known.format.fraction
    fraction = max(unit, 0)
    lines = []
    for index, (offset, shift) in enumerate(zip(node.offset, node.shift, strict=True)):
        low, high = ((int(end[index]) << (fraction - unit)) - (offset << fraction) for end in (known.low, known.high))
        if low == high == 0:
            lines.append(f"    out[{index}] = 0;\n")
            continue
        moved = FixedFormat.holding(low, high, fraction)
        scaled = FixedFormat(moved.signed, moved.width, moved.integer - shift)
        lines.append(
            f"    {moved} word_{index} = inp[{index}] - ap_int<{offset.bit_length() + 1}>({_literal(offset)});\n"
            f"    {scaled} value_{index};\n"
            f"    value_{index}.range() = word_{index}.range(); // moves the binary point by {shift}\n"
            f"    out[{index}] = value_{index};\n"
        )
    return Code("scale_words", "(word - offset) * 2**-shift for each input", "".join(lines))


@code.register
def _(node: Lookup, circuit: Circuit, backend: str) -> Code:
    tables, low = node.tables, node.low
    counted = _plain(circuit[node.inputs[0]].format)
    index = FixedFormat.holding(0, tables.shape[1] - 1, 0).width
    entry = FixedFormat.holding(int(tables.min()), int(tables.max()), node.format.fraction)
    distinct, which = np.unique(tables, axis=0, return_inverse=True)
    number_type = "short" if entry.width < 16 else "int" if entry.width < 32 else "long long"
    lines = [
        "#ifdef __SYNTHESIS__\n"
        f"    typedef {_integer(entry)} entry_t;\n"
        "#else\n"
        f"    typedef {number_type} entry_t; // g++ needs a minute for tables of ap_int\n"
        "#endif\n"
    ]
    for number, table in enumerate(distinct.tolist()):
        lines.append(f"    static const entry_t table_{number}[{len(table)}] = {{\n{_listed(table)}\n    }};\n")
        lines.append(f"    {_IN_LUTS[backend].format(f'table_{number}')}\n")
    for element, number in enumerate(np.broadcast_to(which.ravel(), node.size).tolist()):
        lines.append(
            f"    {counted} word_{element} = inp[{element}];\n"
            f"    {_integer(counted)} counted_{element};\n"
            f"    counted_{element}.range() = word_{element}.range();\n"
            f"    ap_uint<{index}> index_{element} = "
            f"counted_{element} - ap_int<{low.bit_length() + 1}>({_literal(low)});\n"
            f"    {_integer(entry)} entry_{element} = table_{number}[index_{element}];\n"
            f"    {entry} value_{element};\n"
            f"    value_{element}.range() = entry_{element}.range();\n"
            f"    out[{element}] = value_{element};\n"
        )
    return Code("look_up", f"the entry of each input's table; the first one is for the word {low}", "".join(lines))


@code.register
def _(node: Sum, circuit: Circuit, backend: str) -> Code:
    size = circuit[node.inputs[0]].size
    total = _exact(circuit.ranges[node.name])
    statements = f"    {total} total = 0;\n" + _loop(size, "total += inp[i];") + "    out[0] = total;\n"
    return Code("sum_over", f"the sum of {size} elements", statements)


@code.register
def _(node: MaxPool, circuit: Circuit, backend: str) -> Code:
    def largest(places: list[int]) -> str:
        if len(places) == 1:
            return f"inp[{places[0]}]"
        half = (len(places) + 1) // 2
        return f"larger_{{index}}<inp_t>({largest(places[:half])}, {largest(places[half:])})"

    windows = (list(dict.fromkeys(window)) for window in node.windows.tolist())
    statements = "".join(f"    out[{to}] = {largest(window)};\n" for to, window in enumerate(windows))
    helper = (
        "template <typename word_t> word_t larger_{index}(word_t a, word_t b) {\n"
        "    #pragma HLS INLINE\n    return a > b ? a : b;\n}\n"
    )
    rows, columns = node.pool
    return Code("pool", f"the largest of each window of {rows} x {columns}", statements, helper)


@code.register
def _(node: Clip, circuit: Circuit, backend: str) -> Code:
    known, source = circuit.ranges[node.name], circuit.ranges[node.inputs[0]]
    limits = {
        name: limit << known.fraction - node.fraction
        for name, limit in (("low", node.low), ("high", node.high))
        if limit is not None
    }
    up = known.fraction - source.format.fraction
    ends = [int(source.low.min()) << up, int(source.high.max()) << up, *limits.values()]
    common = FixedFormat.holding(min(ends), max(ends), known.fraction)  # holds the limits and every word
    lines = []
    for name, limit in limits.items():
        lines.append(f"    {_integer(common)} {name}_word = {_literal(limit)};\n    {common} {name};\n")
        lines.append(f"    {name}.range() = {name}_word.range();\n")
    result = "word"
    if "high" in limits:
        result = f"word > high ? high : {result}"
    if "low" in limits:
        result = f"word < low ? low : {result}"
    steps = [f"{common} word = inp[i];", f"out[i] = {result};"]
    return Code("clip", "the value or the nearest limit", "".join(lines) + _loop(node.size, *steps))


@code.register
def _(node: Leaky, circuit: Circuit, backend: str) -> Code:
    word, wide = _plain(circuit[node.inputs[0]].format), _exact(circuit.ranges[node.name])
    less = FixedFormat(word.signed, word.width, word.integer - node.shift)
    steps = [
        f"{word} word = inp[i];",
        f"{less} less;",
        f"less.range() = word.range(); // moves the binary point by {node.shift}",
        f"out[i] = word < 0 ? {wide}(less) : {wide}(word);",
    ]
    return Code("leak", f"the value, where it is negative times 2**-{node.shift}", _loop(node.size, *steps))


def _exact(known: NodeRange) -> FixedFormat:
    """A type for the exact result of a node; partial sums may wrap in it, what they add up to does not."""
    return FixedFormat.holding(int(known.raw.low.min()), int(known.raw.high.max()), known.fraction)


def _plain(fixed: FixedFormat) -> FixedFormat:
    """The format without its rounding and overflow: only words that fit are ever given to it."""
    return FixedFormat(fixed.signed, fixed.width, fixed.integer)


def _integer(fixed: FixedFormat) -> str:
    """The integer type with the bits of a format."""
    return f"ap_{'' if fixed.signed else 'u'}int<{fixed.width}>"


def _literal(value: int) -> str:
    return f"{value}LL" if abs(value) >= 2**31 else str(value)


def _loop(size: int, *steps: str) -> str:
    body = "".join(f"        {step}\n" for step in steps)
    return f"    for (int i = 0; i < {size}; i++) {{\n        #pragma HLS UNROLL\n{body}    }}\n"


def _listed(table: list[int]) -> str:
    rows = (table[start : start + _ENTRIES_PER_LINE] for start in range(0, len(table), _ENTRIES_PER_LINE))
    return ",\n".join("        " + ", ".join(map(_literal, row)) for row in rows)
