"""Building a circuit node by node, each with its range as soon as its operands have one."""

from dataclasses import replace

from l1ae.circuit import nodes as operations
from l1ae.circuit import ranges as proofs
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import UNDECIDED, Node
from l1ae.circuit.ranges import NodeRange
from l1ae.errors import ConversionError


class Builder:
    """Nodes in the order in which they are added; what is `UNDECIDED` gets the smallest format that loses nothing.

    `ranges`: what is proved about each node so far, by name.
    """

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.ranges: dict[str, NodeRange] = {}

    def add(self, node: Node) -> Node:
        """Check a node against its operands, which have to be there, and keep it; returns it with its format."""
        if node.name in self.nodes:
            raise ConversionError(f"two layers are named {node.name}: give every layer its own name")
        missing = next((name for name in node.inputs if name not in self.nodes), None)
        if missing is not None:
            raise ConversionError(f"layer {node.name}: its input {missing} does not come before it")
        operations.check(node, [self.nodes[name] for name in node.inputs])
        if node.format is UNDECIDED:
            node = replace(node, format=proofs.exact_format(node, self.ranges))
        self.nodes[node.name] = node
        self.ranges[node.name] = proofs.node_range(node, self.ranges)
        return node

    def format(self, name: str) -> FixedFormat:
        """The format of a node."""
        return self.nodes[name].format

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of one event of a node."""
        return self.nodes[name].shape

    def unused(self, name: str) -> str:
        """`name`, or the first of name_2, name_3 and so on that no node has."""
        count, found = 1, name
        while found in self.nodes:
            count += 1
            found = f"{name}_{count}"
        return found
