"""What a circuit costs before any synthesis: LUTs, registers and pipeline stages by da4ml's model, and EBOPs.

da4ml turns products with constants into shared shift-and-add trees (distributed arithmetic), so nothing needs a DSP.
Its figures are estimates: they carry the stage "estimate" and must not share a column with those of a netlist.
"""

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Add, Dense, Dot, Lookup, Multiply, Node, Quantize, Scale, Subtract, Sum
from l1ae.circuit.tensors import Convolution, MaxPool, Wire
from l1ae.errors import ToolchainError
from l1ae.hardware import variables

if TYPE_CHECKING:
    from da4ml.types import CombLogic

#: Adder levels per pipeline stage; with this value the published AXOL1TL v4 weights come out at 7 stages.
LATENCY_CUTOFF = 5
_CHECKED_EVENTS = 2000


@dataclass(frozen=True)
class ResourceEstimate:
    """Resources of one circuit, fully parallel, one event per clock.

    `lut`: LUTs; `ff`: register bits; `latency_stages`: clocks at `latency_cutoff` adder levels per clock;
    `adder_levels`: levels from input to output; `ebops`: effective bit operations; the rest counts weights (without
    biases, those of a convolution once) and products (those of a convolution at every position).
    """

    lut: int
    ff: int
    latency_stages: int
    latency_cutoff: float
    adder_levels: int
    ebops: int
    n_multiplications: int
    n_weights: int
    n_zero_weights: int
    tool: str
    version: str
    stage: str = "estimate"


def estimate(circuit: Circuit, *, latency_cutoff: float = LATENCY_CUTOFF) -> ResourceEstimate:
    """Estimate the resources of a circuit at `latency_cutoff` adder levels per pipeline stage."""
    logic = trace_logic(circuit).logic
    from da4ml.trace import to_pipeline

    pipeline = to_pipeline(logic, latency_cutoff, retiming=False, verbose=False)
    weighted = [node for node in circuit.nodes if isinstance(node, Dense)]
    n_weights = sum(node.kernel.size for node in weighted)
    nonzero = sum(int(np.count_nonzero(node.kernel)) for node in weighted)
    products = sum(int(np.count_nonzero(node.matrix)) for node in weighted)
    products += sum(circuit[node.inputs[0]].size for node in circuit.nodes if isinstance(node, (Dot, Multiply)))
    return ResourceEstimate(
        lut=math.ceil(logic.cost),
        ff=int(pipeline.reg_bits),
        latency_stages=len(pipeline.solutions),
        latency_cutoff=latency_cutoff,
        adder_levels=math.ceil(logic.latency[1]),
        ebops=ebops(circuit),
        n_multiplications=products,
        n_weights=n_weights,
        n_zero_weights=n_weights - nonzero,
        tool="da4ml",
        version=version("da4ml"),
    )


def ebops(circuit: Circuit) -> int:
    """Effective bit operations: the sum over all products of the bits of both factors (HGQ, arXiv:2405.00645).

    A weight counts the bits from its first to its last non-zero bit, without sign; an activation counts the bits of
    the words it can reach, with sign, and none if it never changes. Additions, biases and tables are not counted.
    """
    total = 0
    for node in circuit.nodes:
        bits = [_activation_bits(circuit, name) for name in node.inputs]
        if isinstance(node, Dense):
            total += int((bits[0] @ _weight_bits(node.matrix)).sum())
        elif isinstance(node, (Dot, Multiply)):
            total += int((bits[0] * bits[1]).sum())
    return total


def _activation_bits(circuit: Circuit, name: str) -> NDArray[np.int64]:
    known = circuit.ranges[name]
    ends = zip(known.low.tolist(), known.high.tolist(), strict=True)
    return np.array([FixedFormat.holding(low, high, 0).width if low < high else 0 for low, high in ends])


def _weight_bits(kernel: NDArray[np.int64]) -> NDArray[np.int64]:
    def bits(weight: int) -> int:
        weight = abs(weight)
        return (weight // (weight & -weight)).bit_length() if weight else 0

    return np.array([[bits(weight) for weight in row] for row in kernel.tolist()], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class TracedLogic:
    """da4ml logic that takes the input values of a circuit and gives its output values."""

    logic: "CombLogic"
    circuit: Circuit

    def predict(self, words: NDArray[np.integer]) -> NDArray[np.int64]:
        """Output words (N, 1) for input words (N, n), by da4ml's interpreter; raises `ToolchainError` off the grid."""
        inputs = self.circuit.value(self.circuit.input.name, self.circuit.input_words(words))
        outputs = self.logic.predict(inputs, n_threads=1)
        scaled = np.ldexp(outputs, self.circuit.output.format.fraction)
        if not np.array_equal(scaled, np.rint(scaled)):
            raise ToolchainError(
                f"da4ml {version('da4ml')} gives scores between two words of {self.circuit.output.format}"
            )
        return scaled.astype(np.int64)


def trace_logic(circuit: Circuit) -> TracedLogic:
    """The circuit as da4ml logic that computes `circuit.reference`, half-even rounding included.

    Raises `ToolchainError` when da4ml is missing or when its logic gives anything else on a sample of words.
    """
    try:
        from da4ml.trace import comb_trace
    except ImportError as error:
        raise ToolchainError("da4ml is needed for resource estimates: pip install da4ml==0.6.0") from error

    try:
        with decimal.localcontext(prec=200):  # its intervals are Decimals; the usual 28 digits would round them
            tensors: dict[str, Any] = {circuit.input.name: _port(circuit.input)}
            for node in circuit.nodes[1:]:
                tensors[node.name] = trace_node(node, [tensors[name] for name in node.inputs], circuit)
            logic = comb_trace(tensors[circuit.input.name], tensors[circuit.output.name])
        traced = TracedLogic(logic, circuit)
        _check(traced)
    except (AssertionError, RuntimeError, ValueError, ArithmeticError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())
        raise ToolchainError(f"da4ml {version('da4ml')} cannot build the circuit: {reason}; use fewer bits") from error
    return traced


def _check(traced: TracedLogic) -> None:
    """Compare with the reference on words of all magnitudes, each input alone, and both ends of the port."""
    port, n = traced.circuit.input.format, traced.circuit.input.shape[0]
    rng = np.random.default_rng(0)
    magnitudes = np.exp2(rng.uniform(0, port.width, (_CHECKED_EVENTS, 1)))
    words = np.concatenate(
        [rng.uniform(-1, 1, (_CHECKED_EVENTS, n)) * magnitudes, np.eye(n) * port.high, np.full((1, n), port.low)]
    ).astype(np.int64)
    wrong = int((traced.predict(words) != traced.circuit.reference(words)).sum())
    if wrong:
        raise ToolchainError(
            f"da4ml {version('da4ml')} gives another score than the circuit for {wrong} of {len(words)} events, so its "
            "estimate means nothing; use fewer bits per layer"
        )


def _port(node: Node) -> Any:
    from da4ml.trace import FixedVariableArray, HWConfig

    bits = (int(node.format.signed), node.format.integer - node.format.signed, node.format.fraction)
    # One adder per level, no carry model: the delay unit of `latency_cutoff`.
    return FixedVariableArray.from_kif(*(np.full(node.shape, count) for count in bits), hwconf=HWConfig(1, -1, -1))


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
    return _to_format(operands[0][np.array(node.indices)], node, circuit)


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
    return variables.array([variables.quantize(x, node.format) for x in variables.elements(tensor)], tensor)
