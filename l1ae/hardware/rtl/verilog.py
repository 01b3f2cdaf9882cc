"""Stages and tables of a pipeline as Verilog-2001: one module each, no file but the source itself."""

from collections.abc import Iterable

from l1ae.hardware.rtl.values import Operand, Operation, Signal, Stage, Table, pieces

_BINARY = {"add": "+", "subtract": "-", "and": "&", "or": "|", "xor": "^"}
_UNARY = {"not": "~", "any": "|", "all": "&"}


def stage_file(name: str, number: int, stage: Stage) -> str:
    """The file of a stage. Sums are cut and shifted on purpose: some bits of some wires are not read."""
    return f"""`timescale 1ns / 1ps
`default_nettype none
// verilator lint_off UNUSEDSIGNAL
// verilator lint_off WIDTHEXPAND
// verilator lint_off WIDTHTRUNC

{stage_module(name, number, stage)}
// verilator lint_on WIDTHTRUNC
// verilator lint_on WIDTHEXPAND
// verilator lint_on UNUSEDSIGNAL
`default_nettype wire
"""


def stage_module(name: str, number: int, stage: Stage) -> str:
    """The module of a stage: purely combinational, from its input bits to the bits of the registers behind it."""
    widths = {signal.name: signal.width for signal in stage.inputs}
    widths |= {operation.result.name: operation.result.width for operation in stage.operations}
    low, lines = 0, []
    for signal in stage.inputs:
        lines.append(f"wire [{signal.width - 1}:0] {signal.name} = in_bits[{low + signal.width - 1}:{low}];")
        low += signal.width
    lines += [_operation(name, operation, widths) for operation in stage.operations]
    # The lowest bits come last in a concatenation.
    ends = ",\n        ".join(_operand(operand, widths) for operand in reversed(stage.outputs)) or "1'b0"
    body = "\n    ".join(lines)
    return f"""module {name}_stage{number} (
    input wire [{max(stage.input_bits, 1) - 1}:0] in_bits,
    output wire [{max(stage.output_bits, 1) - 1}:0] out_bits
);
    {body}
    assign out_bits = {{
        {ends}
    }};
endmodule
"""


def table_modules(name: str, tables: Iterable[Table]) -> str:
    """A module for each table: the entry for an address, as logic of the fabric."""
    modules = "\n".join(_table(f"{name}_table_{number}", table) for number, table in enumerate(tables))
    return f"""`timescale 1ns / 1ps
`default_nettype none
// verilator lint_off DECLFILENAME

{modules}
// verilator lint_on DECLFILENAME
`default_nettype wire
"""


def _table(name: str, table: Table) -> str:
    digits = -(-table.width // 4)
    cases = "\n".join(
        f"            {table.address}'d{address}: entry = {table.width}'h{entry:0{digits}x};"
        for address, entry in enumerate(table.entries)
    )
    return f"""module {name} (
    input wire [{table.address - 1}:0] address,
    output wire [{table.width - 1}:0] word
);
    (* rom_style = "distributed" *) reg [{table.width - 1}:0] entry;
    always @(*)
        case (address)
{cases}
            default: entry = {table.width}'h0;
        endcase
    assign word = entry;
endmodule
"""


def _operation(name: str, operation: Operation, widths: dict[str, int]) -> str:
    result = operation.result
    wire = f"wire [{result.width - 1}:0] {result.name}"
    texts = [_operand(operand, widths) for operand in operation.operands]
    match operation.kind:
        case "copy":
            value = texts[0]
        case "add" | "subtract" | "and" | "or" | "xor":
            value = f"{texts[0]} {_BINARY[operation.kind]} {texts[1]}"
        case "not" | "any" | "all":
            value = f"{_UNARY[operation.kind]}{texts[0]}"
        case "rectify":
            value = f"{texts[1]} ? {result.width}'h0 : {texts[0]}"
        case "mux":
            value = f"{texts[0]} ? {texts[1]} : {texts[2]}"
        case "multiply":
            value = " * ".join(_factor(operand.signal) for operand in operation.operands)
        case "table":
            return (
                f"{wire}; {name}_table_{operation.table} at_{result.name} (.address({texts[0]}), .word({result.name}));"
            )
    return f"{wire} = {value};"


def _factor(signal: Signal) -> str:
    if signal.constant is not None:
        bits = f"{signal.width}'h{signal.constant:x}"
        return f"$signed({bits})" if signal.signed else f"$signed({{1'b0, {bits}}})"
    return f"$signed({signal.name})" if signal.signed else f"$signed({{1'b0, {signal.name}}})"


def _operand(operand: Operand, widths: dict[str, int]) -> str:
    texts = []
    for piece in pieces(operand):
        if not piece.name:
            texts.append(f"{piece.count}'h{piece.bits:x}")
        elif piece.repeated:
            bit = f"{piece.name}[{piece.low}]"
            texts.append(bit if piece.count == 1 else f"{{{piece.count}{{{bit}}}}}")
        elif piece.count == widths[piece.name]:
            texts.append(piece.name)
        else:
            texts.append(f"{piece.name}[{piece.low + piece.count - 1}:{piece.low}]")
    return texts[0] if len(texts) == 1 else "{" + ", ".join(texts) + "}"
