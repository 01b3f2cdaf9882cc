"""The proof in words: what is true of every layer for any input, and how much of it the test vectors have reached."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from l1ae.circuit.graph import Circuit
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.reference import Values


@dataclass(frozen=True)
class Statement:
    """What interval arithmetic has proved about one layer; `str` of it is one sentence.

    `low`, `high`: values that its exact result stays between, before its format; `lost_bits`: bits that the format
    rounds away; `significant_bits`: bits that a float needs to compute it. Each of its elements has two bounds, of
    which the events of a test have reached `reached`; the others are limits that no input may come to.
    """

    layer: str
    operation: str
    format: str
    low: float
    high: float
    overflow: str
    lost_bits: int
    significant_bits: int
    float32_exact: bool
    bounds: int
    reached: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def prove(circuit: Circuit, events: Values | Sequence[Values]) -> tuple[Statement, ...]:
    """One statement per node, in their order; `events`, as for `Circuit.input_words`, try to reach the bounds."""
    traced = circuit.trace(events)
    found = []
    for node in circuit.nodes:
        known, words = circuit.ranges[node.name], traced[node.name].reshape(-1, node.size)
        reached = 0
        if len(words):
            reached = int((words.min(axis=0) == known.low).sum() + (words.max(axis=0) == known.high).sum())
        lsb = 2.0**-known.fraction
        found.append(
            Statement(
                layer=node.name,
                operation=type(node).__name__,
                format=str(node.format),
                low=int(known.raw.low.min()) * lsb,
                high=int(known.raw.high.max()) * lsb,
                overflow=known.overflow,
                lost_bits=known.lost_bits,
                significant_bits=known.significant_bits,
                float32_exact=known.float32_exact,
                bounds=2 * node.size,
                reached=reached,
                sentence=f"{known}; {_tightness(known, reached)}",
            )
        )
    return tuple(found)


def _tightness(known: NodeRange, reached: int) -> str:
    bounds = 2 * len(known.low)
    if reached == bounds:
        return "test vectors reach every bound"
    return f"test vectors reach {reached} of {bounds} bounds, the others may be wider than what any input reaches"


def proof_text(circuit: Circuit, events: Values | Sequence[Values]) -> str:
    """The statements as text, one line each, below a line that says whether the circuit is proved."""
    proved = "Proved for every input: no sum overflows; only quantizers of the model round or saturate."
    head = proved if circuit.proved else "NOT proved: a sum overflows for some input."
    return "\n".join([head, "", *map(str, prove(circuit, events)), ""])
