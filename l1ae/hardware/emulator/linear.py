"""How a sum of products is computed: in the narrower of 32 and 64 bits that its proved ranges make exact."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import aligned_bias
from l1ae.circuit.nodes import Dense
from l1ae.circuit.ranges import NodeRange
from l1ae.circuit.tensors import Convolution
from l1ae.errors import ConversionError
from l1ae.hardware.emulator.arithmetic import bits_for


@dataclass(frozen=True, eq=False)
class Linear:
    """A layer of sums: `kernel` (k, f) and `start` (f,) in units of the raw result, `windows` (positions, k) or None.

    `bits`: of operands, weights and sums. `windows`: elements of the operand under each weight, -1 for a zero; None for
    all elements once.
    """

    bits: int
    kernel: NDArray[np.int64]
    start: NDArray[np.int64]
    windows: NDArray[np.int64] | None = field(repr=False)

    @property
    def positions(self) -> int:
        """How often the kernel is applied."""
        return 1 if self.windows is None else len(self.windows)


def linear(node: Dense, source: NodeRange, known: NodeRange) -> Linear:
    """The sums of a node, exact for every word its operand can reach.

    Raises `ConversionError` when the weights leave 62 bits.
    """
    up = known.fraction - source.format.fraction - node.kernel_format.fraction
    kernel = node.kernel.reshape(-1, node.kernel.shape[-1])
    if int(np.abs(kernel).max()) << up >= 2**62:
        raise ConversionError(f"layer {node.name}: its weights need more than 62 bits; use fewer bits")
    kernel = kernel << np.int64(up)
    start = aligned_bias(node, known.fraction)[: kernel.shape[1]]
    windows = node.windows if isinstance(node, Convolution) else None
    bits = bits_for(int(source.low.min()), int(source.high.max()), int(np.abs(kernel).max()), known.raw.magnitude)
    return Linear(bits, kernel, start, windows)
