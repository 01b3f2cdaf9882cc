"""`python -m benchmarks.levers CIRCUIT...`: what each way of making logic cheaper or shallower saves.

A circuit is a run folder or the file circuit.json of one. Each line has all that the lines above it have, so a step is
the difference between two lines. The figures are da4ml's estimates; with `--netlist`, also those of Yosys, all lines of
a circuit at the same number of clocks: da4ml's levels count some adders and not others, so a level is no unit of time.
"""

import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np
from rich.table import Table

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Node, Quantize, Rounding
from l1ae.config import RtlConfig
from l1ae.errors import RunFolderError
from l1ae.files import write_text
from l1ae.hardware import logic, rtl, variables
from l1ae.hardware.estimate import LATENCY_CUTOFF
from l1ae.hardware.rtl import pipeline
from l1ae.terminal import Terminal

_QUANTIZE = variables.quantize  # which `plain` stands in for
COLUMNS = ("lut", "levels", "clocks", "ff")


@dataclass(frozen=True)
class Lever:
    """One line: its name and what it is made with; each has what those before it have."""

    name: str
    plain: bool = False
    every_tie: bool = False
    odd_biases: bool = False
    fast: bool = False


LEVERS = (
    Lever("da4ml's saturation, an adder per rounding", plain=True, every_tie=True),
    Lever("saturation from the upper bits, ties corrected", every_tie=True),
    Lever("no correction where no tie is possible"),
    Lever("biases that leave no ties", odd_biases=True),
    Lever("sums with the fewest levels", odd_biases=True, fast=True),
)


def rows(name: str, circuit: Circuit, part: str | None, log: Path, ui: Terminal) -> Iterator[dict[str, Any]]:
    """One row per lever; `part`: synthesise for it as well, with the clocks that the first line needs."""
    clocks: int | None = None
    for lever in LEVERS:
        given = with_odd_biases(circuit) if lever.odd_biases else circuit
        with ExitStack() as patches:
            if lever.plain:
                patches.enter_context(mock.patch.object(variables, "quantize", plain))
            if lever.every_tie:
                ties = {node.name: np.ones(node.size, dtype=bool) for node in given.nodes}
                patches.enter_context(mock.patch.dict(given.__dict__, ties=ties))
            trace = partial(logic.trace_logic, fast=lever.fast)
            row: dict[str, Any] = {"circuit": name, "lever": lever.name, **estimated(trace(given))}
            clocks = clocks or row["clocks"]
            if part is not None:
                row |= synthesised(given, trace, part, clocks, log, ui)
        yield row


def estimated(traced: logic.TracedLogic) -> dict[str, int]:
    """LUTs, adder levels, and clocks and register bits at the usual number of levels per clock."""
    from da4ml.trace import to_pipeline

    stages = to_pipeline(traced.logic, LATENCY_CUTOFF, retiming=False, verbose=False)
    clocks, bits = len(stages.solutions), int(stages.reg_bits)
    return {"lut": math.ceil(traced.logic.cost), "levels": traced.levels, "clocks": clocks, "ff": bits}


def synthesised(
    circuit: Circuit, trace: Callable[..., logic.TracedLogic], part: str, clocks: int, log: Path, ui: Terminal
) -> dict[str, float]:
    """Figures of the whole design after synthesis, by quantity, at so many clocks from valid to valid."""
    from l1ae.hardware.netlist import synthesise

    ports = circuit.port_range
    words = np.random.default_rng(0).integers(ports[0], ports[1] + 1, (100, circuit.n_inputs))
    with tempfile.TemporaryDirectory() as folder:
        with mock.patch.object(pipeline, "trace_logic", lambda circuit, **_: trace(circuit)):
            config = RtlConfig(latency_clocks=clocks)
            project = rtl.emit_rtl(circuit, "levers", Path(folder) / "rtl", part=part, config=config, words=words)
        netlist = synthesise(project, part=part, log=log, folder=Path(folder) / "netlist", ui=ui)
    whole = [figure for figure in netlist.figures if not figure.module]
    return {f"netlist {figure.quantity}": figure.value for figure in whole if figure.value is not None}


def with_odd_biases(circuit: Circuit) -> Circuit:
    """The circuit as it is when its model is deployed with `tie_free`, for those trained without."""
    return Circuit.derive([_odd(node, circuit) for node in circuit.nodes], circuit.outputs)


def _odd(node: Node, circuit: Circuit) -> Node:
    if not isinstance(node, Dense):
        return node
    behind = [other for other in circuit.nodes if node.name in other.inputs]
    rounded = behind and all(isinstance(other, Quantize) and circuit.ties[other.name].any() for other in behind)
    if not rounded or node.bias is None or node.bias_format is None:
        return replace(node, format=UNDECIDED)
    old = node.bias_format
    more = circuit.ranges[node.name].fraction + 1 - old.fraction
    wider = FixedFormat(old.signed, old.width + more, old.integer, old.rounding, old.overflow)
    return replace(node, bias=(node.bias << more) + 1, bias_format=wider, format=UNDECIDED)


def plain(x: Any, format_: FixedFormat, *, ties: bool = True) -> Any:
    """One variable brought to a format by da4ml alone: its saturation, and an adder for ties to even."""
    step, fraction = -int(math.log2(x.step)), format_.fraction
    if x.low == x.high:
        return _QUANTIZE(x, format_)
    if format_.rounding is Rounding.RND_CONV and step > fraction:
        x = variables.add_for_even(x, fraction, step)
    rounding = format_.rounding if format_.rounding is Rounding.RND else Rounding.TRN
    integer = format_.integer - format_.signed
    return x.quantize(int(format_.signed), integer, fraction, str(format_.overflow), str(rounding))


def read(path: Path) -> tuple[str, Circuit]:
    """Name and circuit of a run folder or a circuit file; raises `RunFolderError` for anything else."""
    file = path / "circuit.json" if path.is_dir() else path
    if not file.is_file():
        raise RunFolderError(f"{path} holds no circuit.json: give a run folder or a circuit file")
    return path.resolve().name if path.is_dir() else file.stem, Circuit.load(file)


def _headings(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return ["circuit", "lever", *COLUMNS, *(key for key in found[0] if key.startswith("netlist"))]


def markdown(found: Sequence[Mapping[str, Any]]) -> str:
    """The rows as a Markdown table."""
    headings = _headings(found)
    lines = [headings, ["---"] * len(headings), *([_text(row[key]) for key in headings] for row in found)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def table(found: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for a terminal."""
    headings = _headings(found)
    result = Table(*headings)
    for row in found:
        result.add_row(*(_text(row[key]) for key in headings))
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:,.10g}"


@click.command("levers")
@click.argument("circuits", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--netlist", "part", default=None, metavar="PART", help="Synthesise each line for this part too.")
@click.option("--log", type=click.Path(path_type=Path), default=Path("levers.log"), help="Output of Yosys.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a Markdown table.")
@click.option("--json", "file", type=click.Path(path_type=Path), default=None, help="Write the rows to a file.")
def main(circuits: tuple[Path, ...], part: str | None, log: Path, as_markdown: bool, file: Path | None) -> None:
    """Measure each lever on CIRCUITS."""
    with Terminal() as ui:
        found = [row for path in circuits for row in rows(*read(path), part, log, ui)]
        if file is not None:
            write_text(file, json.dumps(found, indent=1) + "\n")
        if as_markdown:
            ui.say(markdown(found))
        else:
            ui.console.print(table(found))


if __name__ == "__main__":
    main()
