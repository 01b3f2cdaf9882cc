"""The Verilog and VHDL files of a pipeline."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Node
from l1ae.hardware.rtl import verilog, vhdl
from l1ae.hardware.rtl.names import vhdl_name
from l1ae.hardware.rtl.pipeline import has_threshold
from l1ae.hardware.rtl.render import render
from l1ae.hardware.rtl.values import Design


@dataclass(frozen=True)
class Ports:
    """The top module: its name, the nodes whose words go in and out, widths in bits, and the name of its output.

    `threshold_bits` is 0 where there is no threshold.
    """

    name: str
    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    input_bits: int
    output_bits: int
    threshold_bits: int
    threshold_signed: bool
    output_port: str


def describe(design: Design, circuit: Circuit, name: str) -> Ports:
    """The ports of the top module `name` of a pipeline."""
    outputs = tuple(circuit[output] for output in circuit.outputs)
    bits = design.stages[-1].output_bits
    compared = has_threshold(circuit)
    return Ports(
        name=name,
        inputs=circuit.inputs,
        outputs=outputs,
        input_bits=design.stages[0].input_bits,
        output_bits=bits,
        threshold_bits=bits if compared else 0,
        threshold_signed=outputs[0].format.signed,
        output_port="score" if compared else "out_words",
    )


def write_sources(folder: Path, design: Design, ports: Ports) -> list[str]:
    """Write src/ and vhdl/ into a project; the names of the Verilog files in the order in which they compile."""
    files: dict[str, str] = {}
    name = ports.name
    if design.tables:
        files[f"src/{name}_tables.v"] = verilog.table_modules(name, design.tables)
    for number, stage in enumerate(design.stages, 1):
        files[f"src/{name}_stage{number}.v"] = verilog.stage_file(name, number, stage)
    files[f"src/{name}.v"] = top_module(design, ports)
    for subfolder in ("src", "vhdl"):
        (folder / subfolder).mkdir()
    for file, text in (files | _vhdl(design, ports)).items():
        (folder / file).write_text(text, encoding="utf-8")
    return list(files)


def _vhdl(design: Design, ports: Ports) -> dict[str, str]:
    """The same pipeline in VHDL, by file."""
    entity = vhdl_name(ports.name)
    files = {f"vhdl/{entity}_tables.vhd": vhdl.table_package(entity, design.tables)} if design.tables else {}
    for number, stage in enumerate(design.stages, 1):
        files[f"vhdl/{entity}_stage{number}.vhd"] = vhdl.stage_file(entity, number, stage, bool(design.tables))
    return files | {f"vhdl/{entity}.vhd": _top("top.vhd", design, ports)}


def top_module(design: Design, ports: Ports) -> str:
    """The top module in Verilog: stages, registers, valid bits, trigger."""
    return _top("top.v", design, ports)


def _top(template: str, design: Design, ports: Ports) -> str:
    content = {"stages": design.stages, "clocks": len(design.stages), "version": version("l1ae")}
    return render(template, entity=vhdl_name(ports.name), **content, **vars(ports))
