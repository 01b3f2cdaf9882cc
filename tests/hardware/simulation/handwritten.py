"""A small design written by hand: three tables, their sum, a threshold; three clocks, and places to break it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from l1ae.circuit import UNDECIDED, Circuit, Clip, FixedFormat, Input, Lookup, Sum

NAME = "tiny"
INPUT = FixedFormat(True, 5, 5)
ENTRY = FixedFormat(True, 8, 8)


@dataclass(frozen=True)
class Project:
    """What a simulation asks of an RTL project."""

    name: str
    sources: tuple[Path, ...]
    of: Circuit
    latency_clocks: int = 3
    has_threshold: bool = True
    output_port: str = "score"
    clock_mhz: float = 240.0
    part: str = "xcvu13p-flga2577-2-e"

    def circuit(self):
        return self.of


def tiny_circuit() -> Circuit:
    tables = np.random.default_rng(5).integers(ENTRY.low, ENTRY.high + 1, (3, 32))
    return Circuit.derive(
        [
            Input("words", (), (3,), INPUT),
            Lookup("tables", ("words",), (3,), ENTRY, tables, INPUT.low, 0),
            Sum("score", ("tables",), (1,), UNDECIDED),
        ]
    )


def tiny_verilog(circuit: Circuit) -> str:
    tables = "\n".join(_table(index, row) for index, row in enumerate(circuit["tables"].tables.tolist()))
    width = circuit.output.format.width
    assert circuit.output.format.signed
    return f"""
module tiny_stage1 (input [14:0] in_bits, output [23:0] out_bits);
    tiny_table_0 t0 (in_bits[4:0], out_bits[7:0]);
    tiny_table_1 t1 (in_bits[9:5], out_bits[15:8]);
    tiny_table_2 t2 (in_bits[14:10], out_bits[23:16]);
endmodule

module tiny (
    input clk, input rst, input in_valid, input [14:0] in_words, input [{width - 1}:0] threshold,
    output reg out_valid, output reg [{width - 1}:0] score, output reg trigger
);
    wire [23:0] entries;
    reg [23:0] entries_1;
    reg signed [{width - 1}:0] pair_2;
    reg signed [7:0] third_2;
    reg valid_1, valid_2;
    wire signed [7:0] a = entries_1[7:0], b = entries_1[15:8], c = entries_1[23:16];
    wire signed [{width - 1}:0] total = pair_2 + third_2;
    wire above = total >= $signed(threshold);
    tiny_stage1 stage1 (.in_bits(in_words), .out_bits(entries));
    always @(posedge clk) begin
        entries_1 <= entries;
        valid_1 <= in_valid & ~rst;
        pair_2 <= a + b;
        third_2 <= c;
        valid_2 <= valid_1 & ~rst;
        score <= total;
        out_valid <= valid_2 & ~rst;
        trigger <= above & valid_2 & ~rst;
    end
endmodule
{tables}"""


def _table(index: int, entries: list[int]) -> str:
    order = {word & 31: entry for word, entry in zip(range(INPUT.low, INPUT.high + 1), entries, strict=True)}
    cases = "\n".join(f"        5'd{address}: word = 8'h{entry & 255:02x};" for address, entry in order.items())
    return f"""
module tiny_table_{index} (input [4:0] address, output reg [7:0] word);
    always @(*) case (address)
{cases}
    endcase
endmodule
"""


def wide_circuit() -> Circuit:
    """Two ports of more than a thousand bits together, with and without sign, and both of them as outputs."""
    return Circuit.derive(
        [
            Input("signed", (), (60,), FixedFormat(True, 17, 12)),
            Input("unsigned", (), (30,), FixedFormat(False, 3, 3)),
            Input("long", (), (2,), FixedFormat(True, 61, 61)),
            Clip("first", ("signed",), (60,), UNDECIDED, -(2**16), 2**16 - 1, 5),
            Clip("second", ("unsigned",), (30,), UNDECIDED, 0, 7, 0),
            Clip("third", ("long",), (2,), UNDECIDED, -(2**60), 2**60 - 1, 0),
        ],
        ("first", "second", "third"),
    )


def wide_verilog(bits: int) -> str:
    """One register, and nothing in front of it."""
    return f"""
module wide (
    input clk, input rst, input in_valid, input [{bits - 1}:0] in_words,
    output reg out_valid, output reg [{bits - 1}:0] out_words
);
    always @(posedge clk) begin
        out_valid <= in_valid & ~rst;
        out_words <= in_words;
    end
endmodule
"""
