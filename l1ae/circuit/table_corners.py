"""Input words for tables: every entry read, and every sum behind tables at its bounds."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Add, Clip, Leaky, Lookup, Multiply, Node, Quantize, Scale, Subtract
from l1ae.circuit.slopes import SUMS, slopes

Words = NDArray[np.int64]

#: Ports up to this width are scanned word by word; wider ones at evenly spaced words.
_SCAN_BITS = 16
_ROWS_PER_TABLE = 4096


def one_by_one(circuit: Circuit, port: Node) -> list[Node]:
    """Nodes of the shape of the port in which element i follows input i of it alone."""
    found: list[Node] = []
    names: set[str] = set()
    for node in circuit.nodes:
        kinds = (Scale, Quantize, Lookup, Add, Subtract, Multiply, Clip, Leaky)
        inside = isinstance(node, kinds) and node.shape == port.shape and names.issuperset(node.inputs)
        if node is port or inside:
            found.append(node)
            names.add(node.name)
    return found


def placed(circuit: Circuit, port: Node, rows: Words) -> Words:
    """Words (M, size) of one port as words (M, n_inputs) of all, the others at zero."""
    words = np.zeros((len(rows), circuit.n_inputs), dtype=np.int64)
    words[:, circuit.columns[port.name]] = rows
    return words


def scan_words(circuit: Circuit, port: Node, names: Sequence[str]) -> tuple[Words, dict[str, Words]]:
    """Words of one input over the whole port, (M,), and the named nodes (M, n) when all its inputs take them at once.

    Nodes of more than one dimension come flattened.
    """
    low, high = port.format.low, port.format.high
    if port.format.width <= _SCAN_BITS:
        scan = np.arange(low, high + 1, dtype=np.int64)
    else:
        scan = np.unique(np.linspace(low, high, 2**_SCAN_BITS).astype(np.int64))
    traced = circuit.trace(placed(circuit, port, np.repeat(scan[:, None], port.size, axis=1)), sorted(set(names)))
    return scan, {name: words.reshape(len(words), -1) for name, words in traced.items()}


def every_entry(circuit: Circuit) -> Iterator[Words]:
    """Rows that read every entry an input can reach, of each table that follows one input alone."""
    for port in circuit.inputs:
        tables = [node for node in one_by_one(circuit, port) if isinstance(node, Lookup)]
        scan, traced = scan_words(circuit, port, [node.inputs[0] for node in tables])
        for node in tables:
            columns = []
            for seen in traced[node.inputs[0]].T:
                _, first = np.unique(seen, return_index=True)
                kept = np.linspace(0, len(first) - 1, min(len(first), _ROWS_PER_TABLE)).astype(np.intp)
                columns.append(scan[first[kept]])
            rows = max(len(column) for column in columns)
            yield placed(circuit, port, np.stack([np.resize(column, rows) for column in columns], axis=1))


def table_driven(circuit: Circuit) -> Iterator[Words]:
    """For the `driven` elements of each sum behind such a table the two rows that drive it to its bounds.

    Exact where the sum adds up functions of one input each; deeper ones follow their slopes.
    """
    ports = {port.name: _Curves(circuit, port) for port in circuit.inputs}
    if not any(curves.bent for curves in ports.values()):
        return  # everything rises or falls with its input, see the words that are chosen by sign
    followed = {name for curves in ports.values() for name in curves.names}
    for target in circuit.nodes:
        if isinstance(target, SUMS):
            found = slopes(circuit, target, followed)
            yield np.concatenate([curves.driving(target, found) for curves in ports.values()], axis=1)


class _Curves:
    """What the rest of a circuit sees of the inputs of one port, as functions of one word each.

    `names`: all nodes that follow one input each; `bent`: a table is among them.
    """

    def __init__(self, circuit: Circuit, port: Node) -> None:
        nodes = one_by_one(circuit, port)
        self.names = {node.name for node in nodes}
        self.bent = any(isinstance(node, (Lookup, Clip)) for node in nodes)
        others = [node for node in circuit.nodes if node.name not in self.names]
        read = {name for node in others for name in node.inputs} | {n.name for n in nodes if isinstance(n, SUMS)}
        self._size, self._ends = port.size, sorted(self.names & read)
        self._scan, traced = scan_words(circuit, port, self._ends)
        if self._ends:
            curves = np.stack([circuit.value(name, traced[name]) for name in self._ends])
            # Most words differ only in what is rounded away or saturates.
            self._distinct = [
                np.unique(curves[:, :, feature], axis=1, return_index=True) for feature in range(self._size)
            ]

    def driving(self, target: Node, found: Mapping[str, NDArray[np.float64]]) -> Words:
        """The words (2 * elements, size of the port) that drive `target` up, then down; `found` are its slopes."""
        count = len(found[target.name])
        if not self._ends:
            return np.zeros((2 * count, self._size), dtype=np.int64)
        zero = np.zeros((count, self._size))
        weights = np.stack([found.get(name, zero) for name in self._ends])
        columns = []
        for feature, (values, first) in enumerate(self._distinct):
            reached = weights[:, :, feature].T @ values
            columns.append(self._scan[first[np.concatenate([reached.argmax(axis=1), reached.argmin(axis=1)])]])
        return np.stack(columns, axis=1)


class NewEntries:
    """Which entries the elements of one table node have read so far; at most some thousand events are kept for them."""

    def __init__(self, node: Lookup) -> None:
        self.node = node
        self._seen = np.zeros(node.size * node.tables.shape[1], dtype=bool)
        self._left = _ROWS_PER_TABLE

    def rows(self, words: Words) -> list[int]:
        """Events of `words` (N, ...), the input of the table, in which an element reads an entry for the first time."""
        index = words.reshape(len(words), -1) - self.node.low + np.arange(self.node.size) * self.node.tables.shape[1]
        entries, first = np.unique(index, return_index=True)
        chosen = np.unique(first[~self._seen[entries]] // index.shape[1])[: self._left]
        self._seen[index[chosen]] = True
        self._left -= len(chosen)
        return [int(row) for row in chosen]
