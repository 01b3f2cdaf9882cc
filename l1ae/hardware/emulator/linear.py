"""How a sum of products is computed: for each layer the fastest arithmetic that its proved ranges make exact.

| kind | operands | weights | sums |
|---|---|---|---|
| `quads` | 8 bits | 8 bits | below 2**31, four products an instruction |
| `pairs` | 16 bits | 16 bits | below 2**31, two products an instruction |
| `floats` | float32 | float32 | below 2**24: exact in float32, whatever the order |
| `words32`, `words64` | 32, 64 bits | 32, 64 bits | below 2**31, below 2**63 |
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import aligned_bias
from l1ae.circuit.nodes import Dense
from l1ae.circuit.ranges import FLOAT32_LIMIT, NodeRange
from l1ae.circuit.tensors import Convolution
from l1ae.errors import ConversionError
from l1ae.hardware.emulator.arithmetic import bits_for

#: Outputs that vectors sum at the same time; their weights lie side by side.
GROUP = 8
#: Products of one instruction, and the bits of their operands.
_TOGETHER = {"quads": (4, 8), "pairs": (2, 16)}


@dataclass(frozen=True, eq=False)
class Linear:
    """A layer of sums: `kernel` (k, f) and `start` (f,) in units of the raw result, `windows` (positions, k) or None.

    `windows`: elements of the operand under each weight, -1 for a zero; None for all elements once. `offset` is added
    to each operand, and `start` takes back what that adds.
    """

    kind: str
    kernel: NDArray[np.int64]
    start: NDArray[np.int64]
    windows: NDArray[np.int64] | None = field(repr=False)
    offset: int = 0

    @property
    def bits(self) -> int:
        """Of operands and sums in their arrays."""
        return 64 if self.kind == "words64" else 32

    @property
    def positions(self) -> int:
        """How often the kernel is applied."""
        return 1 if self.windows is None else len(self.windows)

    def grouped(self) -> NDArray[np.int64]:
        """Weights as [group of outputs][word of operands][output of the group], packed where words hold several."""
        together, bits = _TOGETHER.get(self.kind, (1, 64))
        k, f = self.kernel.shape
        inputs, outputs = -(-k // together), -(-f // GROUP)
        padded = np.zeros((inputs * together, outputs * GROUP), dtype=np.int64)
        padded[:k, :f] = self.kernel
        parts = padded.reshape(inputs, together, outputs, GROUP).transpose(2, 0, 3, 1)
        if together == 1:
            return parts[..., 0]
        words = sum((parts[..., place] & (2**bits - 1)) << (bits * place) for place in range(together))
        return _low32(np.asarray(words))


def choose(node: Dense, source: NodeRange, known: NodeRange, kinds: tuple[str, ...]) -> Linear:
    """The layer with the first of `kinds` that is exact for every word its operand can reach.

    Raises `ConversionError` when the weights leave 62 bits.
    """
    up = known.fraction - source.format.fraction - node.kernel_format.fraction
    kernel = node.kernel.reshape(-1, node.kernel.shape[-1])
    weight = int(np.abs(kernel).max()) << up
    if weight >= 2**62:
        raise ConversionError(f"layer {node.name}: its weights need more than 62 bits; use fewer bits")
    kernel = kernel << np.int64(up)
    start = aligned_bias(node, known.fraction)[: kernel.shape[1]]
    windows = node.windows if isinstance(node, Convolution) else None
    low, high = int(source.low.min()), int(source.high.max())
    if windows is not None:
        low, high = min(low, 0), max(high, 0)  # a window reads zeros beyond the edge
    offset = 128 if low < 0 else 0
    largest = known.raw.magnitude
    # Packed sums are right modulo 2**32, so that only the result has to fit.
    fits = bits_for(largest, -largest) == 32
    signed_bytes = kernel.min() >= -(2**7) and kernel.max() < 2**7
    exact = {
        "quads": low + offset >= 0 and high + offset <= 255 and signed_bytes and fits,
        "pairs": low >= -(2**15) and high < 2**15 and weight < 2**15 and fits,
        "floats": max(-low, high, weight, largest) < FLOAT32_LIMIT,
        "words32": bits_for(low, high, weight) == 32 and fits,
        "words64": True,
    }
    kind = next(kind for kind in kinds if exact[kind])
    if kind == "quads":
        return Linear(kind, kernel, _low32(start - offset * kernel.sum(axis=0)), windows, offset)
    return Linear(kind, kernel, start, windows)


def _low32(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last 32 bits of each word, as a signed word."""
    return words.astype(np.uint32).view(np.int32).astype(np.int64)
