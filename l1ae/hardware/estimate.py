"""What a circuit costs before any synthesis: LUTs, registers and pipeline stages by da4ml's model, and EBOPs.

da4ml turns products with constants into shared shift-and-add trees (distributed arithmetic), so nothing needs a DSP.
Its figures are estimates: they carry the stage "estimate" and must not share a column with those of a netlist.
"""

import math
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Dense, Dot, Multiply
from l1ae.hardware.logic import trace_logic

#: Adder levels per pipeline stage; with this value the published AXOL1TL v4 weights come out at 7 stages.
LATENCY_CUTOFF = 5


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
