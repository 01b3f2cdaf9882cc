"""The figures of a netlist: what was counted for the whole design and for every stage, and what stands beside it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from l1ae.errors import ToolchainError
from l1ae.hardware.figures import HardwareFigure
from l1ae.hardware.netlist.graph import LEVELS, Arrivals, Module, Path
from l1ae.hardware.netlist.timing import MODELS, NOTE, Delays
from l1ae.hardware.parts import Family, find_part
from l1ae.records import Record

Cells = Mapping[str, int]


class Netlist(Record):
    """A synthesised design: its figures, its cells by module, and itself as Verilog with the same ports."""

    part: str
    tool: str
    version: str
    figures: tuple[HardwareFigure, ...]
    cells: dict[str, dict[str, int]]
    verilog: FilePath

    def value(self, quantity: str, module: str = "") -> float:
        """The value of a figure of the whole design, or of one of its modules."""
        found = (entry.value for entry in self.figures if (entry.quantity, entry.module) == (quantity, module))
        return next(value for value in found if value is not None)


@dataclass(frozen=True)
class Measured:
    """One module: its cells, its logic levels with a path that has as many, and its delays in ns, quick and slow end.

    Of the module around the stages, a path may begin inside of a stage; `path` shows its own cells.
    """

    cells: Cells
    levels: int
    path: Path
    delays_ns: tuple[float, float] | None


def measure(design: Module, stages: Mapping[str, Module], family: Family) -> dict[str, Measured]:
    """Count and measure every stage, and, under the name of the design, what lies around them."""
    models = MODELS.get(family, ())
    scales = (LEVELS, *(model.weights() for model in models))
    late: list[dict[int, float]] = [{} for _ in scales]
    found = {}
    for name, stage in stages.items():
        arrivals = [stage.arrivals(scale) for scale in scales]
        for given, arrival in zip(late, arrivals, strict=True):
            ports = arrival.of_ports()
            for kind, _, outputs in design.boxes.values():
                if kind == name:
                    for port, bits in outputs.items():
                        given |= dict(zip(bits, ports[port], strict=True))
        found[name] = _measured(arrivals, models)
    around = [design.arrivals(scale, given) for scale, given in zip(scales, late, strict=True)]
    return found | {design.name: _measured(around, models)}


def _measured(arrivals: Sequence[Arrivals], models: Sequence[Delays]) -> Measured:
    (levels, path), *delays = (arrival.longest() for arrival in arrivals)
    periods = [delay + model.registers for (delay, _), model in zip(delays, models, strict=True)]
    ends = (periods[0], periods[1]) if models else None
    return Measured(arrivals[0].module.cells, int(levels), path, ends)


def figures(
    measured: Mapping[str, Measured], name: str, part: str, tool: str, version: str
) -> Iterator[HardwareFigure]:
    """Figures of the whole design (module ""), of each of its stages, and of the registers around them."""

    def figure(quantity: str, value: float, unit: str, note: str, module: str) -> HardwareFigure:
        source = {"stage": "netlist", "tool": tool, "version": version, "part": part, "module": module}
        return HardwareFigure.model_validate(
            source | {"quantity": quantity, "value": value, "unit": unit, "note": note}
        )

    whole: Counter[str] = sum((Counter(entry.cells) for entry in measured.values()), Counter())
    known = find_part(part)
    slowest = max(measured.values(), key=lambda entry: entry.levels)
    for quantity, value in counted(whole).items():
        share = None if known is None else known.share(quantity, value)
        note = "" if share is None else f"{share:.2g} % of the {known.name if known else part}"
        yield figure(quantity, value, "", "; ".join(filter(None, (note, _note(quantity, whole)))), "")
    if known is not None:
        for quantity in ("LUT", "FF", "DSP", "BRAM36"):
            share = known.share(quantity, counted(whole)[quantity])
            if share is not None:
                of = f"of the {known.name} ({known.source})"
                yield figure(f"{quantity} share", round(share, 4), "%", of, "")
    for module, entry in measured.items():
        for quantity, value in counted(entry.cells).items():
            if value or quantity == "LUT":
                yield figure(quantity, value, "", "", module)
    for module, entry in (("", slowest), *measured.items()):
        path = f"{entry.path.lut} LUT, {entry.path.carry} carry cells of 4 bits, {entry.path.mux} wide multiplexers"
        note = "out of a stage and through the logic behind it" if entry is measured[name] else path
        yield figure("logic levels", entry.levels, "", note, module)
    ends = [entry.delays_ns for entry in measured.values() if entry.delays_ns is not None]
    for index, end in enumerate(("quick end", "slow end") if ends else ()):
        period = max(pair[index] for pair in ends)
        yield figure(f"clock period, modelled, {end}", round(period, 3), "ns", NOTE, "")


def counted(cells: Cells) -> dict[str, int | float]:
    """Resources of a module; raises `ToolchainError` for a cell that is none of them."""
    found: dict[str, int | float] = dict.fromkeys(("LUT", "LUT as memory", "FF", "CARRY", "MUXF", "DSP", "BRAM36"), 0)
    for kind, number in cells.items():
        names = next((names for pattern, names in _RESOURCES.items() if re.fullmatch(pattern, kind)), None)
        if names is None:
            raise ToolchainError(f"Yosys made {number} cells of the kind {kind}, which is no known resource")
        for name in names:
            found[name] += number / 2 if kind.startswith("RAMB18") else number
    return found


# An inverter that Yosys keeps is a LUT of one input: abc found no LUT around it that could take it in.
_RESOURCES: dict[str, tuple[str, ...]] = {
    r"LUT[1-6]|INV": ("LUT",),
    r"SRL\w*": ("LUT", "LUT as memory"),
    r"FD[RSCP]E(_1)?": ("FF",),
    r"CARRY[48]": ("CARRY",),
    r"MUXF[789]": ("MUXF",),
    r"DSP48\w*": ("DSP",),
    r"RAMB(36|18)\w*": ("BRAM36",),
}


def _note(quantity: str, cells: Cells) -> str:
    if quantity == "LUT":
        sizes = ", ".join(
            f"{number} {kind}" for kind, number in sorted(cells.items()) if kind.startswith(("LUT", "INV"))
        )
        return f"{sizes}; an inverter counts as a LUT; before placement, which puts small LUTs together"
    if quantity == "FF":
        return "stages synthesised apart: no shift registers made of LUTs across them"
    return "cells of 4 bits" if quantity == "CARRY" else ""
