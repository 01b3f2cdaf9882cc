"""A synthesised module as Yosys writes it (JSON): cells counted, and the longest path through its logic."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from l1ae.errors import ToolchainError

#: What a signal passes inside of a cell. `carry_in`: into a carry chain, `carry_step`: from cell to cell of a chain,
#: `carry_out`: from the chain to a sum bit.
Arc = Literal["lut", "mux", "carry_in", "carry_step", "carry_out"]
#: How a signal gets to a cell: by general routing, from a LUT into the carry cell beside it, along a carry chain, by
#: general routing and through the LUT that a carry cell needs for it, into a flip-flop beside its source, or into one
#: from another flip-flop or a port.
Net = Literal["net", "to_carry", "chain", "through", "to_ff", "ff_to_ff"]
Bit = int

_SEQUENTIAL = ("FD", "SRL", "RAM", "LD", "DSP")


@dataclass(frozen=True)
class Step:
    """One input of a cell on the way to one of its outputs: where it comes from, over which net, by which arc."""

    source: Bit
    net: Net
    arc: Arc


@dataclass(frozen=True)
class Path:
    """Cells on a path: a LUT, a carry cell (4 bits, 8 in UltraScale where Vivado merges two) and a wide multiplexer
    count one logic level each."""

    lut: int = 0
    carry: int = 0
    mux: int = 0

    @property
    def levels(self) -> int:
        """Logic levels, as Vivado counts them."""
        return self.lut + self.carry + self.mux


@dataclass(frozen=True)
class Weights:
    """What a path is measured in: how much a net with this fan-out, and an arc, add."""

    net: Callable[[Net, int], float]
    arc: Callable[[Arc], float]


#: One for each cell, nothing for nets.
LEVELS = Weights(net=lambda net, fan_out: 0, arc=lambda arc: 1)


class Module:
    """One module of a netlist; `boxes` are its cells that are other modules, by instance, and not looked into."""

    def __init__(self, content: Mapping[str, Any], name: str) -> None:
        module = content["modules"][name]
        self.name = name
        self.cells: Counter[str] = Counter()
        self.ports: dict[str, Sequence[Any]] = {}
        self.boxes: dict[str, tuple[str, dict[str, Sequence[Any]], dict[str, Sequence[Any]]]] = {}
        self.starts: set[Bit] = set()
        self.ends: list[Bit] = []
        self._into_boxes: set[Bit] = set()
        self._fan_out: Counter[Bit] = Counter()
        self._logic: dict[Bit, tuple[str, str, int, Mapping[str, Sequence[Any]]]] = {}
        for port, entry in module["ports"].items():
            if entry["direction"] == "input":
                self.starts.update(_bits(entry["bits"]))
            else:
                self.ports[port] = entry["bits"]
                self._end(entry["bits"])
        for instance, cell in module["cells"].items():
            self._cell(instance, cell)
        self.order = self._sorted()
        self.ends += sorted(self._into_boxes & self._logic.keys())

    def _cell(self, instance: str, cell: Mapping[str, Any]) -> None:
        kind, directions, connections = cell["type"], cell["port_directions"], cell["connections"]
        inputs = {port: bits for port, bits in connections.items() if directions[port] == "input"}
        outputs = {port: bits for port, bits in connections.items() if directions[port] == "output"}
        logic = kind == "INV" or kind.startswith(("LUT", "MUXF", "CARRY"))
        for bits in inputs.values():
            self._fan_out.update(_bits(bits))
        if logic:
            self.cells[kind] += 1
            for port, bits in outputs.items():
                for index, bit in enumerate(bits):
                    self._logic[bit] = (kind, port, index, inputs)
            return
        if kind.startswith("$"):
            raise ToolchainError(f"Yosys left a {kind} in {self.name}: the netlist is incomplete")
        if kind.startswith(_SEQUENTIAL):
            self.cells[kind] += 1
            for port, bits in inputs.items():
                if port not in ("C", "CLK"):
                    self._end(bits)
        elif kind not in ("VCC", "GND"):
            self.boxes[instance] = (kind, inputs, outputs)
            for bits in inputs.values():
                self._into_boxes.update(_bits(bits))
        for bits in outputs.values():
            self.starts.update(_bits(bits))

    def _end(self, bits: Sequence[Any]) -> None:
        self.ends += _bits(bits)

    def _sorted(self) -> list[tuple[Bit, tuple[Step, ...]]]:
        """The outputs of all logic cells, each behind what it depends on, with the steps that lead to it."""
        order: list[tuple[Bit, tuple[Step, ...]]] = []
        open_, done = set[Bit](), set[Bit]()
        for wanted in self._logic:
            stack = [wanted]
            while stack:
                bit = stack[-1]
                if bit in done:
                    stack.pop()
                    continue
                steps = self._steps(bit)
                missing = [step.source for step in steps if step.source in self._logic and step.source not in done]
                if not missing:
                    order.append((bit, steps))
                    done.add(bit)
                    open_.discard(bit)
                    stack.pop()
                    continue
                if bit in open_:
                    raise ToolchainError(f"the logic of {self.name} has a loop")
                open_.add(bit)
                stack += missing
        return order

    def _steps(self, bit: Bit) -> tuple[Step, ...]:
        kind, port, index, inputs = self._logic[bit]
        if not kind.startswith("CARRY"):
            arc: Arc = "mux" if kind.startswith("MUXF") else "lut"
            return tuple(Step(source, "net", arc) for bits in inputs.values() for source in _bits(bits))
        steps = []
        for entry in ("CI", "CYINIT", "CI_TOP"):
            for source in _bits(inputs.get(entry, ())):
                chained = self._logic.get(source, ("", ""))[1] == "CO"
                inner: Arc = "carry_out" if port == "O" else "carry_step"
                steps.append(Step(source, "chain", inner) if chained else Step(source, "net", "carry_in"))
        # A sum bit needs the carries below it, a carry also those of its own position.
        data = index if port == "O" else index + 1
        for entry, used in (("S", index + 1), ("DI", data)):
            for source in _bits(inputs[entry][:used]):
                beside = self._logic.get(source, ("",))[0].startswith(("LUT", "INV")) and self._fan_out[source] == 1
                other: Net = "through" if entry == "S" and source not in self._logic else "net"
                steps.append(Step(source, "to_carry" if beside else other, "carry_in"))
        return tuple(steps)

    def arrivals(self, weights: Weights, given: Mapping[Bit, float] | None = None) -> "Arrivals":
        """The longest path to every bit; `given`: how late the outputs of boxes come, everything else starts at 0."""
        late: dict[Bit, float] = dict.fromkeys(self.starts, 0.0) | dict(given or {})
        via: dict[Bit, Step] = {}
        for bit, steps in self.order:
            best = 0.0
            for step in steps:
                ends = late[step.source] + weights.net(step.net, self._fan_out[step.source]) + weights.arc(step.arc)
                if ends > best:
                    best, via[bit] = ends, step
            late[bit] = best
        return Arrivals(self, weights, late, via, frozenset(given or ()))

    def last_net(self, bit: Bit) -> tuple[Net, int]:
        """How a bit gets into the register behind it, and its fan-out."""
        return ("to_ff" if bit in self._logic else "ff_to_ff"), self._fan_out[bit] + 1


@dataclass(frozen=True)
class Arrivals:
    """How late every bit of a module is."""

    module: Module
    weights: Weights
    late: Mapping[Bit, float]
    via: Mapping[Bit, Step]
    given: frozenset[Bit]

    def of_ports(self) -> dict[str, list[float]]:
        """How late the bits of the outputs are, before the net behind them; constants are never late."""
        return {
            port: [self.late.get(bit, 0) if isinstance(bit, int) else 0 for bit in bits]
            for port, bits in self.module.ports.items()
        }

    def longest(self) -> tuple[float, Path]:
        """The longest path into a register, an output or a box, with the net to get there, and its cells.

        Paths that only leave a box are not looked at: they belong to the box.
        """
        best, last = 0.0, None
        for bit in self.module.ends:
            if bit in self.given:
                continue
            ends = self.late.get(bit, 0) + self.weights.net(*self.module.last_net(bit))
            if last is None or ends > best:
                best, last = ends, bit
        counted: Counter[str] = Counter()
        while last is not None and last in self.via:
            step = self.via[last]
            counted[step.arc.split("_")[0]] += 1
            last = step.source
        return best, Path(**counted)


def _bits(bits: Sequence[Any]) -> list[Bit]:
    return [bit for bit in bits if isinstance(bit, int)]
