"""Random circuits: the integer reference against rational arithmetic, ranges, files, logic."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from l1ae.circuit import (
    Add,
    Circuit,
    Clip,
    Convolution,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Leaky,
    Lookup,
    MaxPool,
    Multiply,
    Node,
    Overflow,
    Quantize,
    Rounding,
    Scale,
    Subtract,
    Sum,
    Wire,
    corner_words,
)

from ..circuits import awkward_words, circuits


def rational(circuit: Circuit, event: Any) -> dict[str, list[Fraction]]:
    """Values of every node for one event, by the definitions of the operations alone."""
    values: dict[str, list[Fraction]] = {}
    start = 0
    for node in circuit.nodes:
        if isinstance(node, Input):
            exact = [Fraction(float(value)) for value in event[start : start + node.size]]
            start += node.size
        else:
            exact = operation(node, [values[name] for name in node.inputs])
        values[node.name] = [to_format(value, node.format) for value in exact]
    return values


def operation(node: Node, operands: list[list[Fraction]]) -> list[Fraction]:
    x, y = operands[0], operands[-1]
    match node:
        case Quantize():
            return x
        case Scale():
            pairs = zip(x, node.offset, node.shift, strict=True)
            return [(value - offset) / Fraction(2) ** shift for value, offset, shift in pairs]
        case Convolution():
            return convolution(node, x)
        case Dense():
            kernel, bias = weights(node)
            return [
                sum((x[i] * kernel[i][j] for i in range(len(x))), Fraction(0)) + bias[j] for j in range(len(kernel[0]))
            ]
        case Subtract():
            return [a - b for a, b in zip(x, y, strict=True)]
        case Add():
            return [a + b for a, b in zip(x, y, strict=True)]
        case Multiply():
            return [a * b for a, b in zip(x, y, strict=True)]
        case Dot():
            return [sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))]
        case Sum():
            return [sum(x, Fraction(0))]
        case Clip():
            low, high = (
                None if end is None else Fraction(end) / Fraction(2) ** node.fraction for end in (node.low, node.high)
            )
            raised = [value if low is None else max(value, low) for value in x]
            return [value if high is None else min(value, high) for value in raised]
        case Leaky():
            return [value if value >= 0 else value / 2**node.shift for value in x]
        case Lookup():
            rows = [node.tables[index % len(node.tables)] for index in range(len(x))]
            words = [value * Fraction(2) ** node.fraction_in for value in x]
            return [on_grid(row[int(word) - node.low], node.format) for row, word in zip(rows, words, strict=True)]
        case Wire():
            every = [value for operand in operands for value in operand] + [Fraction(0)]
            return [every[index] for index in node.indices]
        case MaxPool():
            return pooled(node, x)
    raise AssertionError(node)


def on_grid(word: Any, format_: FixedFormat) -> Fraction:
    return Fraction(int(word)) / Fraction(2) ** format_.fraction


def weights(node: Dense) -> tuple[Any, list[Fraction]]:
    units = node.kernel.shape[-1]
    kernel = [[on_grid(word, node.kernel_format) for word in row] for row in node.kernel.reshape(-1, units)]
    if node.bias is None or node.bias_format is None:
        return kernel, [Fraction(0)] * units
    return kernel, [on_grid(word, node.bias_format) for word in node.bias]


def places(node: Convolution | MaxPool, window: tuple[int, ...]) -> Any:
    """For each position the pixels under the window; None beyond the image."""
    rows, columns = node.input_shape[:2]
    for row in range(node.shape[0]):
        for column in range(node.shape[1]):
            corner = row * node.strides[0] - node.padding[0], column * node.strides[1] - node.padding[1]
            pixels = [(corner[0] + i, corner[1] + j) for i in range(window[0]) for j in range(window[1])]
            yield [(i, j) if 0 <= i < rows and 0 <= j < columns else None for i, j in pixels]


def convolution(node: Convolution, x: list[Fraction]) -> list[Fraction]:
    kernel, bias = weights(node)
    channels, columns = node.input_shape[2], node.input_shape[1]
    found = []
    for pixels in places(node, node.kernel.shape[:2]):
        for filter_ in range(node.shape[2]):
            total = bias[filter_]
            for place, pixel in enumerate(pixels):
                for channel in range(channels if pixel else 0):
                    element = (pixel[0] * columns + pixel[1]) * channels + channel
                    total += x[element] * kernel[place * channels + channel][filter_]
            found.append(total)
    return found


def pooled(node: MaxPool, x: list[Fraction]) -> list[Fraction]:
    columns, channels = node.input_shape[1:]
    return [
        max(x[(pixel[0] * columns + pixel[1]) * channels + channel] for pixel in pixels if pixel)
        for pixels in places(node, node.pool)
        for channel in range(channels)
    ]


def to_format(value: Fraction, format_: FixedFormat) -> Fraction:
    """As AMD UG1399 defines ap_fixed."""
    scaled = value * Fraction(2) ** format_.fraction
    word = {
        Rounding.TRN: math.floor,
        Rounding.RND: lambda exact: math.floor(exact + Fraction(1, 2)),
        Rounding.RND_CONV: round,
    }[format_.rounding](scaled)
    if format_.overflow is Overflow.WRAP:
        word = (word - format_.low) % 2**format_.width + format_.low
    return on_grid(min(max(word, format_.low), format_.high), format_)


def same_as_rational(circuit: Circuit, seed: int) -> None:
    events = awkward_words(circuit, 12, seed)
    traced = circuit.trace(events)
    for row, event in enumerate(events):
        for name, expected in rational(circuit, event).items():
            found = [on_grid(word, circuit[name].format) for word in traced[name][row].ravel()]
            assert found == expected, (name, circuit[name])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits())
def test_the_reference_is_rational_arithmetic(circuit: Circuit) -> None:
    same_as_rational(circuit, 0)


@pytest.mark.slow
@settings(max_examples=4000, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits(nodes=12, ports=3, widest=12))
def test_the_reference_is_rational_arithmetic_in_thousands_of_circuits(circuit: Circuit) -> None:
    same_as_rational(circuit, 1)


def test_another_rounding_is_not_rational_arithmetic() -> None:
    port = FixedFormat(True, 6, 4, Rounding.RND_CONV, Overflow.SAT)
    small = FixedFormat(True, 4, 4, Rounding.RND_CONV, Overflow.SAT)
    circuit = Circuit((Input("words", (), (1,), port), Quantize("small", ("words",), (1,), small)))
    other = circuit.replace(Quantize("small", ("words",), (1,), replace(small, rounding=Rounding.RND)))
    event = np.array([2.5])
    assert rational(circuit, event)["small"] == [2]
    assert rational(other, event)["small"] == [3]
    assert other.reference(event[None])[0, 0] == 3


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits())
def test_ranges_hold_every_word(circuit: Circuit) -> None:
    events = np.concatenate([corner_words(circuit), circuit.input_words(awkward_words(circuit, 300))])
    for name, words in circuit.trace(events).items():
        known = circuit.ranges[name]
        flat = words.reshape(len(words), -1)
        assert (flat >= known.low).all(), name
        assert (flat <= known.high).all(), name
    assert circuit.proved


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(circuit=circuits())
def test_files_hold_the_whole_circuit(circuit: Circuit, tmp_path_factory: pytest.TempPathFactory) -> None:
    path: Path = tmp_path_factory.mktemp("circuit") / "circuit.json"
    circuit.save(path)
    assert Circuit.load(path) == circuit


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits(ports=3))
def test_corner_words_fit_the_ports_and_drive_first_sums_to_their_ends(circuit: Circuit) -> None:
    words = corner_words(circuit)
    low, high = circuit.port_range
    assert (words >= low).all()
    assert (words <= high).all()
    ports = {port.name for port in circuit.inputs}
    for node in circuit.nodes:
        if isinstance(node, Dense) and ports.issuperset(node.inputs):
            reached = circuit.trace(words, [node.name])[node.name].reshape(len(words), -1)
            np.testing.assert_array_equal(reached.min(axis=0), circuit.ranges[node.name].low)
            np.testing.assert_array_equal(reached.max(axis=0), circuit.ranges[node.name].high)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(circuit=circuits(ports=3))
def test_several_arrays_are_one_matrix(circuit: Circuit) -> None:
    values = awkward_words(circuit, 20)
    parts = [values[:, circuit.columns[port.name]].reshape(-1, *port.shape) for port in circuit.inputs]
    whole = circuit.output_words(values)
    found = circuit.reference(parts if len(parts) > 1 else parts[0])
    found = found if isinstance(found, tuple) else (found,)
    np.testing.assert_array_equal(np.concatenate([array.reshape(20, -1) for array in found], axis=1), whole)
    assert [array.shape[1:] for array in found] == [circuit[name].shape for name in circuit.outputs]
