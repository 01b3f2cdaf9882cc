"""A circuit as da4ml logic: what estimates, and later netlists, are made from; checked against the reference."""

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import (
    Add,
    Clip,
    Dense,
    Dot,
    Leaky,
    Lookup,
    Multiply,
    Node,
    Quantize,
    Scale,
    Subtract,
    Sum,
)
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ToolchainError
from l1ae.hardware import variables

if TYPE_CHECKING:
    from da4ml.types import CombLogic

_CHECKED_EVENTS = 2000


@dataclass(frozen=True, eq=False)
class TracedLogic:
    """da4ml logic that takes the input values of a circuit and gives its output values, all ports side by side."""

    logic: "CombLogic"
    circuit: Circuit

    @property
    def levels(self) -> int:
        """Adder levels from the inputs to the last output."""
        return math.ceil(self.logic.latency[1])

    def predict(self, words: NDArray[np.integer]) -> NDArray[np.int64]:
        """Output words (N, m) for input words (N, n), by da4ml's interpreter; raises `ToolchainError` off the grid."""
        ports, outputs = self.circuit.inputs, [self.circuit[name] for name in self.circuit.outputs]
        values = np.ldexp(self.circuit.input_words(words).astype(np.float64), -_fractions(ports))
        scaled = np.ldexp(self.logic.predict(values, n_threads=1), _fractions(outputs))
        if not np.array_equal(scaled, np.rint(scaled)):
            raise ToolchainError(
                f"da4ml {version('da4ml')} gives values between two words of {', '.join(self.circuit.outputs)}"
            )
        return scaled.astype(np.int64)


def _fractions(nodes: Sequence[Node]) -> NDArray[np.int64]:
    """Bits below the point of each element, all nodes side by side."""
    return np.concatenate([np.full(node.size, node.format.fraction) for node in nodes])


def trace_within(circuit: Circuit, levels: float) -> TracedLogic:
    """The logic with the fewest LUTs that needs at most so many adder levels, or else the one with the fewest levels.

    `levels`: those of one clock times the clocks that are allowed. Raises `ToolchainError` as `trace_logic` does.
    """
    cheap = trace_logic(circuit)
    if cheap.levels <= levels:
        return cheap
    fast = trace_logic(circuit, fast=True)
    return fast if fast.levels < cheap.levels else cheap


def trace_logic(circuit: Circuit, *, fast: bool = False) -> TracedLogic:
    """The circuit as da4ml logic that computes `circuit.reference`, half-even rounding included.

    `fast`: sums of products take as few adder levels as they can, for some 5 % more LUTs. Raises `ToolchainError` when
    da4ml is missing or when its logic gives anything else on a sample of words.
    """
    try:
        from da4ml.trace import comb_trace
    except ImportError as error:
        raise ToolchainError("da4ml is needed for resource estimates: pip install da4ml==0.6.0") from error

    try:
        with decimal.localcontext(prec=200):  # its intervals are Decimals; the usual 28 digits would round them
            tensors: dict[str, Any] = {}
            for node in circuit.nodes:
                operands = [tensors[name] for name in node.inputs]
                tensors[node.name] = trace_node(node, operands, circuit) if operands else _port(node, fast)
            ports, outputs = (
                [variable for name in names for variable in variables.elements(tensors[name])]
                for names in ([port.name for port in circuit.inputs], circuit.outputs)
            )
            like = tensors[circuit.inputs[0].name]
            logic = comb_trace(variables.array(ports, like), variables.array(outputs, like))
        traced = TracedLogic(logic, circuit)
        _check(traced)
    except (AssertionError, RuntimeError, ValueError, ArithmeticError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise ToolchainError(f"da4ml {version('da4ml')} cannot build the circuit: {reason}; use fewer bits") from error
    return traced


def _check(traced: TracedLogic) -> None:
    """Compare with the reference on words of all magnitudes, each input alone, and both ends of the port."""
    (low, high), n = traced.circuit.port_range, traced.circuit.n_inputs
    rng = np.random.default_rng(0)
    magnitudes = np.exp2(rng.uniform(0, 1, (_CHECKED_EVENTS, 1)) * np.log2(high - low + 1.0))
    random = rng.uniform(-1, 1, (_CHECKED_EVENTS, n)) * magnitudes
    words = np.clip(np.concatenate([random, np.diag(high), low[None]]), low, high).astype(np.int64)
    wrong = int((traced.predict(words) != traced.circuit.output_words(words)).any(axis=1).sum())
    if wrong:
        raise ToolchainError(
            f"da4ml {version('da4ml')} gives other outputs than the circuit for {wrong} of {len(words)} events, so its "
            "estimate means nothing; use fewer bits per layer"
        )


def _port(node: Node, fast: bool = False) -> Any:
    from da4ml.trace import FixedVariableArray, HWConfig

    bits = (int(node.format.signed), node.format.integer - node.format.signed, node.format.fraction)
    # One adder per level, no carry model: the delay unit of `latency_cutoff`.
    return FixedVariableArray.from_kif(
        *(np.full(node.size, count) for count in bits),
        hwconf=HWConfig(1, -1, -1),
        solver_options={"hard_dc": 0} if fast else {},  # levels beyond the fewest that da4ml may spend to share adders
    )


@singledispatch
def trace_node(node: Node, operands: Sequence[Any], circuit: Circuit) -> Any:
    """The da4ml variables of a node, given those of its operands."""
    raise TypeError(f"no rule for {type(node).__name__}")


@trace_node.register
def _(node: Quantize, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(operands[0], node, circuit)


@trace_node.register
def _(node: Scale, operands: Sequence[Any], circuit: Circuit) -> Any:
    shifted = (operands[0] - np.array(node.offset, dtype=np.float64)) * np.exp2(-np.array(node.shift, dtype=np.float64))
    return _to_format(shifted, node, circuit)


@trace_node.register
def _(node: Dense, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(_with_bias(operands[0] @ _kernel(node), node), node, circuit)


@trace_node.register
def _(node: Convolution, operands: Sequence[Any], circuit: Circuit) -> Any:
    # Position by position, as hls4ml builds it: adders are shared between filters, not between positions.
    kernel = _kernel(node)
    found = []
    for window in node.windows:
        inside = window >= 0
        sums = operands[0][window[inside]] @ kernel[inside]
        found += variables.elements(_with_bias(sums, node))
    return _to_format(variables.array(found, operands[0]), node, circuit)


def _kernel(node: Dense) -> NDArray[np.float64]:
    """Weights (products, units) as numbers."""
    weights: NDArray[np.float64] = np.ldexp(node.kernel.astype(np.float64), -node.kernel_format.fraction)
    return weights.reshape(-1, weights.shape[-1])


def _with_bias(sums: Any, node: Dense) -> Any:
    if node.bias is None or node.bias_format is None:
        return sums
    return sums + np.ldexp(node.bias.astype(np.float64), -node.bias_format.fraction)


@trace_node.register
def _(node: Wire, operands: Sequence[Any], circuit: Circuit) -> Any:
    every = [variable for operand in operands for variable in variables.elements(operand)]
    every.append(every[0].from_const(0.0, hwconf=every[0].hwconf))  # the last one, where the index -1 finds it
    return _to_format(variables.array([every[index] for index in node.indices], operands[0]), node, circuit)


@trace_node.register
def _(node: Clip, operands: Sequence[Any], circuit: Circuit) -> Any:
    low, high = (None if end is None else math.ldexp(end, -node.fraction) for end in (node.low, node.high))
    limited = [variables.clip(x, low, high) for x in variables.elements(operands[0])]
    return _to_format(variables.array(limited, operands[0]), node, circuit)


@trace_node.register
def _(node: Leaky, operands: Sequence[Any], circuit: Circuit) -> Any:
    leaky = [variables.leaky(x, node.shift) for x in variables.elements(operands[0])]
    return _to_format(variables.array(leaky, operands[0]), node, circuit)


@trace_node.register
def _(node: MaxPool, operands: Sequence[Any], circuit: Circuit) -> Any:
    largest = [variables.largest([operands[0][index] for index in window]) for window in node.windows]
    return _to_format(variables.array(largest, operands[0]), node, circuit)


@trace_node.register
def _(node: Subtract, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(operands[0] - operands[1], node, circuit)


@trace_node.register
def _(node: Add, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(operands[0] + operands[1], node, circuit)


@trace_node.register
def _(node: Dot, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(np.sum(_products(node, *operands), keepdims=True), node, circuit)


@trace_node.register
def _(node: Multiply, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(_products(node, *operands), node, circuit)


@trace_node.register
def _(node: Sum, operands: Sequence[Any], circuit: Circuit) -> Any:
    return _to_format(np.sum(operands[0], keepdims=True), node, circuit)


@trace_node.register
def _(node: Lookup, operands: Sequence[Any], circuit: Circuit) -> Any:
    (x,) = operands
    tables = np.broadcast_to(
        np.ldexp(node.tables.astype(np.float64), -node.format.fraction), (node.size, node.tables.shape[1])
    )
    found = [
        variables.lookup(element, table, node.low, node.fraction_in)
        for element, table in zip(variables.elements(x), tables, strict=True)
    ]
    return _to_format(variables.array(found, x), node, circuit)


def _products(node: Node, a: Any, b: Any) -> Any:
    same = node.inputs[0] == node.inputs[1]
    pairs = zip(variables.elements(a), variables.elements(b), strict=True)
    return variables.array([variables.square(x) if same else x * y for x, y in pairs], a)


def _to_format(tensor: Any, node: Node, circuit: Circuit) -> Any:
    known = circuit.ranges[node.name]
    if known.overflow == "never" and not known.lost_bits:
        return tensor  # proved: the format changes nothing
    rounded = [
        variables.quantize(x, node.format, ties=bool(ties))
        for x, ties in zip(variables.elements(tensor), circuit.ties[node.name], strict=True)
    ]
    return variables.array(rounded, tensor)
