"""Input words for tables: every entry read, and every sum behind tables at its bounds."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Add, Input, Lookup, Multiply, Node, Quantize, Scale, Subtract
from l1ae.circuit.slopes import SUMS, slopes

Words = NDArray[np.int64]

#: Ports up to this width are scanned word by word; wider ones at evenly spaced words.
_SCAN_BITS = 16
_ROWS_PER_TABLE = 4096


def one_by_one(circuit: Circuit) -> list[Node]:
    """Nodes of the shape of the port in which element i follows input i alone."""
    found: list[Node] = []
    names: set[str] = set()
    for node in circuit.nodes:
        kinds = (Input, Scale, Quantize, Lookup, Add, Subtract, Multiply)
        if isinstance(node, kinds) and node.shape == circuit.input.shape and names.issuperset(node.inputs):
            found.append(node)
            names.add(node.name)
    return found


def scan_words(circuit: Circuit, names: Sequence[str]) -> tuple[Words, dict[str, Words]]:
    """Words of one input over the whole port, (M,), and the named nodes (M, n) when all inputs take them at once."""
    port, n = circuit.input.format, circuit.input.shape[0]
    if port.width <= _SCAN_BITS:
        scan = np.arange(port.low, port.high + 1, dtype=np.int64)
    else:
        scan = np.unique(np.linspace(port.low, port.high, 2**_SCAN_BITS).astype(np.int64))
    return scan, circuit.trace(np.repeat(scan[:, None], n, axis=1), sorted(set(names)))


def every_entry(circuit: Circuit) -> Iterator[Words]:
    """Rows that read every entry an input can reach, of each table that follows one input alone."""
    tables = [node for node in one_by_one(circuit) if isinstance(node, Lookup)]
    scan, traced = scan_words(circuit, [node.inputs[0] for node in tables])
    for node in tables:
        columns = []
        for seen in traced[node.inputs[0]].T:
            _, first = np.unique(seen, return_index=True)
            kept = np.linspace(0, len(first) - 1, min(len(first), _ROWS_PER_TABLE)).astype(np.intp)
            columns.append(scan[first[kept]])
        rows = max(len(column) for column in columns)
        yield np.stack([np.resize(column, rows) for column in columns], axis=1)


def table_driven(circuit: Circuit) -> Iterator[Words]:
    """For each element of each sum behind such a table the two rows that drive it to its bounds.

    Exact where the sum adds up functions of one input each; deeper ones follow their slopes.
    """
    nodes = one_by_one(circuit)
    if not any(isinstance(node, Lookup) for node in nodes):
        return  # everything rises or falls with its input, see the words that are chosen by sign
    names = {node.name for node in nodes}
    others = [node for node in circuit.nodes if node.name not in names]
    read = {name for node in others for name in node.inputs} | {node.name for node in nodes if isinstance(node, SUMS)}
    ends = sorted(names & read)
    scan, traced = scan_words(circuit, ends)
    curves = np.stack([circuit.value(name, traced[name]) for name in ends])
    # Most words differ only in what is rounded away or saturates.
    distinct = [np.unique(curves[:, :, feature], axis=1, return_index=True) for feature in range(curves.shape[2])]
    for target in circuit.nodes:
        if isinstance(target, SUMS):
            found = slopes(circuit, target, names)
            zero = np.zeros((target.size, circuit.input.size))
            weights = np.stack([found.get(name, zero) for name in ends])
            columns = []
            for feature, (values, first) in enumerate(distinct):
                reached = weights[:, :, feature].T @ values
                columns.append(scan[first[np.concatenate([reached.argmax(axis=1), reached.argmin(axis=1)])]])
            yield np.stack(columns, axis=1)


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
