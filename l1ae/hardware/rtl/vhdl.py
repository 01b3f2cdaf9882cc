"""Stages and tables of a pipeline as VHDL-93, with the names and ports of the Verilog."""

from collections.abc import Iterable

from l1ae.hardware.rtl.values import Operand, Operation, Signal, Stage, Table, pieces

_HEADER = "library ieee;\nuse ieee.std_logic_1164.all;\nuse ieee.numeric_std.all;\n"
_BINARY = {"add": "+", "subtract": "-", "and": "and", "or": "or", "xor": "xor"}


def stage_file(name: str, number: int, stage: Stage, tables: bool) -> str:
    """The entity of a stage; `tables`: whether the design has a package of tables."""
    results = [*stage.inputs, *(operation.result for operation in stage.operations)]
    signals = "\n    ".join(f"signal {signal.name} : unsigned({signal.width - 1} downto 0);" for signal in results)
    low, lines = 0, []
    for signal in stage.inputs:
        lines.append(f"{signal.name} <= unsigned(in_bits({low + signal.width - 1} downto {low}));")
        low += signal.width
    lines += [_operation(operation) for operation in stage.operations]
    low = 0
    for operand in stage.outputs:
        lines.append(
            f"out_bits({low + operand.width - 1} downto {low}) <= std_logic_vector(unsigned'({_operand(operand)}));"
        )
        low += operand.width
    body = "\n    ".join(lines if low else [*lines, "out_bits <= (others => '0');"])
    used = f"use work.{name}_tables.all;\n" if tables else ""
    return f"""{_HEADER}{used}
entity {name}_stage{number} is
    port (
        in_bits : in std_logic_vector({max(stage.input_bits, 1) - 1} downto 0);
        out_bits : out std_logic_vector({max(stage.output_bits, 1) - 1} downto 0)
    );
end entity;

architecture rtl of {name}_stage{number} is
    {signals}
begin
    {body}
end architecture;
"""


def table_package(name: str, tables: Iterable[Table]) -> str:
    """A package with a constant for each table."""
    return f"""{_HEADER}
package {name}_tables is
    attribute rom_style : string;
{"".join(_table(number, table) for number, table in enumerate(tables))}end package;
"""


def _table(number: int, table: Table) -> str:
    entries = ",\n        ".join(
        f'{address} => "{entry:0{table.width}b}"' for address, entry in enumerate(table.entries)
    )
    word = f"unsigned({table.width - 1} downto 0)"
    return f"""    type table_{number}_type is array (0 to {len(table.entries) - 1}) of {word};
    constant table_{number} : table_{number}_type := (
        {entries}
    );
    attribute rom_style of table_{number} : constant is "distributed";
"""


def _operation(operation: Operation) -> str:
    result = operation.result
    texts = [_operand(operand) for operand in operation.operands]
    match operation.kind:
        case "add" | "subtract" | "and" | "or" | "xor":
            value = f"unsigned'({texts[0]}) {_BINARY[operation.kind]} unsigned'({texts[1]})"
        case "not":
            value = f"not unsigned'({texts[0]})"
        case "any":
            value = f'"0" when unsigned\'({texts[0]}) = 0 else "1"'
        case "all":
            ones = "1" * operation.operands[0].width
            value = f'"1" when unsigned\'({texts[0]}) = unsigned\'("{ones}") else "0"'
        case "rectify":
            value = f'"{"0" * result.width}" when unsigned\'({texts[1]}) = 1 else {texts[0]}'
        case "mux":
            value = f"{texts[1]} when unsigned'({texts[0]}) = 1 else {texts[2]}"
        case "multiply":
            value = _product(operation)
        case "table":
            value = f"table_{operation.table}(to_integer(unsigned'({texts[0]})))"
        case _:
            value = texts[0]
    return f"{result.name} <= {value};"


def _product(operation: Operation) -> str:
    """Factors with a sign bit each: the lowest bits of their product."""
    a, b = (_factor(operand.signal) for operand in operation.operands)
    return f"resize(unsigned(signed'({a}) * signed'({b})), {operation.result.width})"


def _factor(signal: Signal) -> str:
    text = signal.name if signal.constant is None else f'unsigned\'("{signal.constant:0{signal.width}b}")'
    return f"signed({text})" if signal.signed else f"signed('0' & {text})"


def _operand(operand: Operand) -> str:
    texts = []
    for piece in pieces(operand):
        if not piece.name:
            texts.append(f'"{piece.bits:0{piece.count}b}"')
        elif piece.repeated:
            texts.append(f"unsigned'({piece.count - 1} downto 0 => {piece.name}({piece.low}))")
        else:
            texts.append(f"{piece.name}({piece.low + piece.count - 1} downto {piece.low})")
    return " & ".join(texts)
