"""The layers of a Keras model in the order in which they compute, models inside of it laid open."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.models.functional import Functional  # what keras.Model(inputs, outputs) makes; Keras has no other name

from l1ae.errors import ConversionError

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tensor:
    """One tensor of the model: the name of the layer that makes it and the shape of one event."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Call:
    """One use of a layer: Keras' record of it, the models around it, and the numbers of its tensors."""

    layer: Any
    node: Any
    path: tuple[str, ...]
    inputs: tuple[int, ...]
    output: int


@dataclass
class Graph:
    """A model as a list of calls; every tensor has a number, its place in `tensors`, and the inputs are the first."""

    model: Any
    tensors: list[Tensor] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def readers(self, tensor: int) -> Iterator[Call]:
        """All uses of a tensor."""
        return (call for call in self.calls if tensor in call.inputs)


@dataclass
class _Scope:
    """One use of a model: the numbers of its tensors by identity, the models around it, and those used inside of it."""

    path: tuple[str, ...] = ()
    numbers: dict[int, int] = field(default_factory=dict)
    inner: dict[int, "_Scope"] = field(default_factory=dict)


def walk(model: Any) -> Graph:
    """The calls that the outputs of a functional or Sequential model depend on, operands first.

    Raises `ConversionError` for models and calls whose meaning is not in the graph.
    """
    _check_model(model)
    graph, scope = Graph(model), _Scope()
    for tensor in model.inputs:
        _check_input(model, tensor)
        graph.inputs.append(_numbered(graph, scope, tensor, name_of(tensor)))
    graph.outputs = [_visit(graph, tensor, scope) for tensor in model.outputs]
    return graph


def _numbered(graph: Graph, scope: _Scope, tensor: Any, name: str) -> int:
    graph.tensors.append(Tensor(name, _shape(tensor, name)))
    scope.numbers[id(tensor)] = len(graph.tensors) - 1
    return scope.numbers[id(tensor)]


def _visit(graph: Graph, tensor: Any, scope: _Scope) -> int:
    """The number of a tensor of the model of `scope`, after everything that it depends on."""
    # A stack of its own: a model may be deeper than Python lets functions call each other.
    stack, number = [_numbering(graph, tensor, scope)], None
    while stack:
        try:
            needed = stack[-1].send(number)
        except StopIteration as done:
            stack.pop()
            number = done.value
        else:
            stack.append(_numbering(graph, *needed))
            number = None
    assert number is not None
    return number


def _numbering(graph: Graph, tensor: Any, scope: _Scope) -> Generator[tuple[Any, _Scope], int | None, int]:
    """Yields the tensors that it needs with their scopes, is sent their numbers, and returns that of `tensor`."""
    if id(tensor) in scope.numbers:
        return scope.numbers[id(tensor)]
    layer, index, place = tensor._keras_history  # the one record Keras keeps of how a tensor was made
    node = layer._inbound_nodes[index]
    _check_call(layer, node)
    if isinstance(layer, keras.Model):
        inner = scope.inner.get(id(node)) or (yield from _entered(graph, layer, node, scope))
        scope.numbers[id(tensor)] = _sent((yield layer.outputs[place], inner))
        return scope.numbers[id(tensor)]
    inputs = []
    for source in node.input_tensors:
        inputs.append(_sent((yield source, scope)))
    if len(node.outputs) != 1:
        kind, count = type(layer).__name__, len(node.outputs)
        raise ConversionError(f"layer {layer.name}: {kind} has {count} outputs; use layers with one")
    number = _numbered(graph, scope, tensor, layer.name)
    graph.calls.append(Call(layer, node, scope.path, tuple(inputs), number))
    return number


def _sent(number: int | None) -> int:
    assert number is not None
    return number


def _entered(graph: Graph, model: Any, node: Any, scope: _Scope) -> Generator[tuple[Any, _Scope], int | None, _Scope]:
    """The scope of a model that is used in another one, its inputs known."""
    _check_model(model)
    inner = scope.inner[id(node)] = _Scope((*scope.path, model.name))
    for tensor, given in zip(model.inputs, node.input_tensors, strict=True):
        _check_input(model, tensor)
        number = inner.numbers[id(tensor)] = _sent((yield given, scope))
        wanted = _shape(tensor, name_of(tensor))
        if wanted != graph.tensors[number].shape:
            raise ConversionError(
                f"layer {model.name}: this model takes {wanted} and is given {graph.tensors[number].shape}; "
                "put a Reshape in front of it"
            )
    return inner


def _check_model(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise ConversionError(f"{type(model).__name__} is no Keras model; give a keras.Model, or the file of one")
    sequential = isinstance(model, keras.Sequential)
    if sequential and not model.built:
        raise ConversionError(
            f"model {model.name}: this Sequential has no inputs yet; put keras.Input(shape) in front of its layers"
        )
    plain = keras.Sequential if sequential else Functional
    if not isinstance(model, plain) or type(model).call is not plain.call:
        raise ConversionError(
            f"model {model.name}: {type(model).__name__} computes in a call() of its own; build the same with "
            "keras.Model(inputs, outputs) from layers"
        )


def _check_input(model: Any, tensor: Any) -> None:
    where = f"input {name_of(tensor)} of {model.name}"
    if tensor.dtype != "float32" or getattr(tensor, "sparse", False):
        kind = "sparse" if getattr(tensor, "sparse", False) else tensor.dtype
        raise ConversionError(f"{where}: it is {kind}; leave dtype and sparse out of Input")
    if tensor.shape[0] is not None:
        raise ConversionError(f"{where}: leave batch_size out of Input")


def name_of(tensor: Any) -> str:
    """The name of the layer that a tensor comes from, which is the same in a saved model."""
    return str(tensor._keras_history.operation.name)


def _check_call(layer: Any, node: Any) -> None:
    """Refuse constants and options that a layer was called with."""
    if not isinstance(layer, keras.layers.Layer):
        raise ConversionError(
            f"operation {layer.name}: keras.ops and operators such as x + y are no layers; use a layer instead "
            "(keras.layers.Add, Subtract, Multiply, Reshape, Concatenate, ...)"
        )
    for name, value in node.arguments.kwargs.items():
        if _holds_constants(value):
            raise ConversionError(f"layer {layer.name}: it was called with {name}={value!r}; call it without")
    if any(map(_holds_constants, node.arguments.args)):
        raise ConversionError(f"layer {layer.name}: it was called with a constant; call it with tensors of the model")


def _holds_constants(value: Any) -> bool:
    """Whether an argument is more than tensors, and than what means the same as leaving it out."""
    items = keras.tree.flatten(value)
    return any(item is not None and item is not False and not isinstance(item, keras.KerasTensor) for item in items)


def _shape(tensor: Any, name: str) -> Shape:
    shape = tuple(tensor.shape[1:])
    if not 1 <= len(shape) <= 3 or None in shape:
        raise ConversionError(f"layer {name}: shape {shape}; one to three dimensions of a known length are supported")
    return tuple(int(length) for length in shape)
