"""Hypotheses about what is connected to what: operands, the order of elements, and the way weights are laid out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import ELEMENTWISE, Add, Dense, Input, Multiply, Node, Subtract
from l1ae.circuit.reference import Words
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.explain.region import Hypothesis, Region, Tensor, Values, finished

_MOST_ELEMENTS = 1024
_MOST_PAIRED = 128
_LISTED = 3


def operands(region: Region) -> Iterator[Hypothesis]:
    """Operands exchanged, another operation on them, or another layer of the same shape in the place of one."""
    for node in reversed(region.nodes):
        if len(node.inputs) == 2 and len(set(node.inputs)) == 2:
            text = f"{node.name} with its operands exchanged"
            yield Hypothesis("operands swapped", node.name, text, replace(node, inputs=node.inputs[::-1]))
        for kind in (Add, Subtract, Multiply):
            if isinstance(node, (Add, Subtract, Multiply)) and not isinstance(node, kind):
                other = kind(node.name, node.inputs, node.shape, node.format)
                yield Hypothesis("operation", node.name, f"{kind.__name__} instead of {type(node).__name__}", other)
        for place, name in enumerate(node.inputs):
            for source in _earlier(region, node):
                if source.shape == region.circuit[name].shape and source.name != name:
                    names = (*node.inputs[:place], source.name, *node.inputs[place + 1 :])
                    text = f"{node.name} of {source.name} instead of {name}"
                    yield Hypothesis("wrong operand", node.name, text, replace(node, inputs=names))


def _earlier(region: Region, node: Node) -> Iterator[Node]:
    for source in region.circuit.nodes:
        if source.name == node.name:
            return
        if source.name in region.tensors:
            yield source


def layouts(region: Region) -> Iterator[Hypothesis]:
    """The whole kernel or bias of a layer transposed, reversed, dropped, negated, in another order or scaled."""
    for node in reversed(region.nodes):
        if isinstance(node, Dense):
            yield from _biases(node)
            yield from _kernels(node)
            yield from _memory_orders(region, node)


def _biases(node: Dense) -> Iterator[Hypothesis]:
    bias, name = node.bias, node.name
    if bias is None:
        return
    bare = replace(node, bias=None, bias_format=None)
    yield Hypothesis("bias", name, f"{name} without its bias", bare)
    yield Hypothesis("bias sign", name, f"{name} minus its bias instead of plus", replace(node, bias=-bias))
    orders = {
        "in reverse order": bias[::-1],
        "of the next unit": np.roll(bias, -1),
        "of the unit before": np.roll(bias, 1),
    }
    for text, words in orders.items():
        yield Hypothesis("bias", name, f"{name} with the bias {text}", replace(node, bias=words))
    format_ = node.bias_format
    for by in [by for k in range(1, 9) for by in (k, -k)]:
        if format_ is not None and 1 <= format_.width <= 62:
            moved = FixedFormat(format_.signed, format_.width, format_.integer + by)
            yield Hypothesis("bias", name, f"{name} with its bias times 2**{by}", replace(node, bias_format=moved))


def _kernels(node: Dense) -> Iterator[Hypothesis]:
    kernel, name = node.kernel, node.name
    inputs, units = kernel.shape[-2:]
    layouts: list[tuple[str, str, NDArray[np.int64]]] = []
    if inputs == units:
        text = "inputs and units" if kernel.ndim == 2 else "channels and filters"
        layouts.append(("kernel transposed", f"{text} of its kernel exchanged", kernel.swapaxes(-1, -2)))
    if kernel.ndim == 4:
        if kernel.shape[0] == kernel.shape[1]:
            layouts.append(("kernel transposed", "rows and columns of its kernel exchanged", kernel.swapaxes(0, 1)))
        layouts.append(("kernel reversed", "its kernel turned by half a turn", kernel[::-1, ::-1]))
        layouts.append(("kernel reversed", "the rows of its kernel in reverse order", kernel[::-1]))
        layouts.append(("kernel reversed", "the columns of its kernel in reverse order", kernel[:, ::-1]))
    layouts += [
        ("kernel transposed", "its weights read column by column", kernel.T.reshape(kernel.shape)),
        ("kernel reversed", "the inputs of its kernel in reverse order", np.flip(kernel, -2)),
        ("kernel reversed", "the units of its kernel in reverse order", np.flip(kernel, -1)),
        ("weight sign", "all of its weights negated", -kernel),
    ]
    for cause, text, words in layouts:
        yield Hypothesis(cause, name, f"{name} with {text}", replace(node, kernel=words))
    format_ = node.kernel_format
    for by in [by for k in range(1, 9) for by in (k, -k)]:
        moved = FixedFormat(format_.signed, format_.width, format_.integer + by)
        yield Hypothesis("shift", name, f"{name} with its weights times 2**{by}", replace(node, kernel_format=moved))


def _memory_orders(region: Region, node: Dense) -> Iterator[Hypothesis]:
    """The operand flattened in another order of rows, columns and channels."""
    size, source = region.circuit[node.inputs[0]].size, region.circuit[node.inputs[0]]
    shapes = [source.shape] if len(source.shape) > 1 else []
    while isinstance(source, (Wire, *ELEMENTWISE)) and source.inputs:
        source = region.circuit[source.inputs[0]]
        if source.size == size and len(source.shape) > 1:
            shapes.append(source.shape)
            break
    for shape in shapes:
        for axes in permutations(range(len(shape))):
            order = np.arange(size).reshape(shape).transpose(axes).ravel()
            if not np.array_equal(order, np.arange(size)):
                text = f"{node.name} of its operand with axes {axes} instead of {tuple(range(len(shape)))}"
                yield _reordered(region, node, 0, order, "inputs permuted", text)


def _reordered(
    region: Region, node: Node, place: int, order: Sequence[int] | NDArray[np.int64], cause: str, text: str
) -> Hypothesis:
    """A node that reads the elements of one operand in another order."""
    chosen = np.array(order)

    def raw(given: list[Tensor]) -> Tensor:
        turned = [Tensor(x.words[:, chosen], x.fraction) if k == place else x for k, x in enumerate(given)]
        return region.compute(node, turned)

    return Hypothesis(cause, node.name, text, raw=raw)


def orders(region: Region, probe: Region) -> Iterator[Hypothesis]:
    """Elements that stand in each other's places: of the result, of an operand, of the inputs or units of a kernel."""
    yield from _result_order(region, probe)
    for node in reversed(region.nodes):
        if isinstance(node, Wire):
            yield from _wires(region, node)
        elif isinstance(node, ELEMENTWISE) or type(node).__name__ == "Scale":
            for place in range(len(node.inputs)):
                yield from _operand_order(region, probe, node, place)
        elif isinstance(node, Dense):
            yield from _swapped_inputs(probe, node)
            if not isinstance(node, Convolution):
                yield from _unit_order(region, probe, node)
        elif isinstance(node, MaxPool):
            yield from _pooling(region, node)


def _moves(order: NDArray[np.int64], what: str) -> str:
    """Says which elements stand elsewhere."""
    moved = [int(place) for place in np.flatnonzero(order != np.arange(len(order)))]
    if len(moved) == 2 and order[moved[0]] == moved[1]:
        return f"{what} {moved[0]} and {moved[1]} exchanged"
    shown = ", ".join(f"{order[place]} in the place of {place}" for place in moved[:_LISTED])
    return f"{what} {shown}" + (f" and {len(moved) - _LISTED} more moved" if len(moved) > _LISTED else "")


def _equal(
    region: Region, probe: Region, element: int, few: Values, whole: Callable[[list[int]], Values | None]
) -> int | None:
    """Which column equals what an element shows: of `few` (N, n) for the probe, then of the likely ones for all."""
    likely = [int(column) for column in np.flatnonzero((few == probe.found[:, [element]]).all(axis=0))]
    words = whole(likely) if likely else None
    if words is None:
        return None
    sure = (words == region.found[:, [element]]).all(axis=0)
    return next((column for column, same in zip(likely, sure, strict=True) if same), None)


def _result_order(region: Region, probe: Region) -> Iterator[Hypothesis]:
    if not 1 < region.target.size <= _MOST_ELEMENTS:
        return
    order = np.arange(region.target.size)
    for element in region.elements:
        column = _equal(region, probe, element, probe.expected, lambda columns: region.expected[:, columns])
        if column is None:
            return
        order[element] = column
    node = region.target

    def finish(raw: Tensor) -> Tensor:
        words, fraction = finished(node, raw)
        return Tensor(words[:, order], fraction)

    yield Hypothesis("elements permuted", node.name, _moves(order, f"{node.name} with elements"), finish=finish)


def _wires(region: Region, node: Wire) -> Iterator[Hypothesis]:
    """Elements of the result that are other elements of the operands, or zero; in the format of the node, or whole."""
    if node is not region.target:
        return
    for own in (True, False):
        operands = [finished(node, x) if own else x for x in region.operands(node)]
        given = np.concatenate([*map(region.on_grid, operands), np.zeros((len(region.found), 1))], axis=1)
        indices = list(node.indices)
        for element in region.elements:
            equal = np.flatnonzero((given == region.found[:, [element]]).all(axis=0))
            if not len(equal):
                break
            indices[element] = int(equal[0]) if equal[0] < given.shape[1] - 1 else -1
        else:
            changed = [place for place in region.elements if indices[place] != node.indices[place]]
            told = [f"element {indices[place]} instead of {node.indices[place]} at {place}" for place in changed]
            text = ", ".join(told[:_LISTED]) + (f" and {len(told) - _LISTED} more" if len(told) > _LISTED else "")
            yield Hypothesis("wiring", node.name, text, replace(node, indices=tuple(indices)))


def _operand_order(region: Region, probe: Region, node: Node, place: int) -> Iterator[Hypothesis]:
    """An operation on single elements of which some read another element of an operand."""
    size, elements = node.size, region.elements
    if not 1 < size <= _MOST_PAIRED or region.target.size != size or node.inputs.count(node.inputs[place]) > 1:
        return
    likely: dict[int, list[int]] = {element: [] for element in elements}
    for column in range(size):
        predicted = probe.predict(_reordered(probe, node, place, np.full(size, column), "", ""))
        if predicted is None:
            return
        for element in elements:
            if element != column and np.array_equal(predicted[:, element], probe.found[:, element]):
                likely[element].append(column)
    if not all(likely.values()):
        return
    # Where the probe leaves a choice, all events have to decide.
    order = np.arange(size)
    for choice in range(max(map(len, likely.values()))):
        tried = np.arange(size)
        for element, columns in likely.items():
            tried[element] = columns[min(choice, len(columns) - 1)]
        predicted = region.predict(_reordered(region, node, place, tried, "", ""))
        for element in elements:
            if predicted is not None and np.array_equal(predicted[:, element], region.found[:, element]):
                order[element] = tried[element]
    name = node.inputs[place]
    text = _moves(order, "inputs" if isinstance(region.circuit[name], Input) else f"elements of {name}")
    yield _reordered(region, node, place, order, "inputs swapped", text)


def _swapped_inputs(probe: Region, node: Dense) -> Iterator[Hypothesis]:
    """Two inputs of a sum exchanged."""
    inputs, units = node.matrix.shape
    (x,) = probe.operands(node)
    whole = probe.raws[node.name]
    if max(inputs, units) > _MOST_PAIRED or probe.settle(node, whole) is None:
        return
    up = np.int64(whole.fraction - x.fraction - node.kernel_format.fraction)
    for first in range(inputs - 1):
        others = np.arange(first + 1, inputs)
        step = x.words[:, others] - x.words[:, [first]]
        weights = node.matrix[first] - node.matrix[others]
        raw = whole.words[None] + (np.einsum("np,pu->pnu", step, weights) << up)
        words = probe.settle(node, Tensor(raw, whole.fraction))
        assert words is not None
        for other in others[(words == probe.found).all(axis=(1, 2))]:
            order = np.arange(inputs)
            order[[first, other]] = other, first
            yield _reordered(probe, node, 0, order, "inputs swapped", _moves(order, f"{node.name} with inputs"))


def _unit_order(region: Region, probe: Region, node: Dense) -> Iterator[Hypothesis]:
    """The weights of a unit used for another one, each with its own bias."""
    units = node.size
    if units > _MOST_PAIRED or region.target.size != units:
        return
    order = np.arange(units)
    for unit in region.elements:
        few = _with_bias(probe, node, unit, range(units))
        if few is None:
            return
        column = _equal(region, probe, unit, few, partial(_with_bias, region, node, unit))
        if column is None:
            return
        order[unit] = column
    text = _moves(order, f"{node.name} with the weights of units")
    yield Hypothesis("units permuted", node.name, text, replace(node, kernel=node.kernel[:, order]))


def _with_bias(region: Region, node: Dense, unit: int, columns: Sequence[int]) -> Values | None:
    """What is seen of the weights of some units with the bias of one."""
    whole, bias = region.raws[node.name], _bias_alone(region, node)
    chosen = list(columns)
    return region.settle(node, Tensor(whole.words[:, chosen] - bias[chosen] + bias[unit], whole.fraction))


def _bias_alone(region: Region, node: Dense) -> Words:
    (x,) = region.operands(node)
    bias: Words = region.compute(node, [Tensor(np.zeros_like(x.words[:1]), x.fraction)]).words[0]
    return bias


def _pooling(region: Region, node: MaxPool) -> Iterator[Hypothesis]:
    """Another choice from each window."""
    choices = {"the smallest": np.min, "the first": lambda words, axis: words.take(0, axis=axis)}
    for text, choose in choices.items():

        def raw(given: list[Tensor], choose: object = choose) -> Tensor:
            words = given[0].words[:, node.windows]
            return Tensor(choose(words, axis=-1), given[0].fraction)  # type: ignore[operator]

        yield Hypothesis("pooling", node.name, f"{text} element of each window instead of the largest", raw=raw)
