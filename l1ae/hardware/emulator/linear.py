"""How a sum of products is computed: for each layer the fastest arithmetic that its proved ranges make exact.

| kind | operands | weights | sums |
|---|---|---|---|
| `quads` | 8 bits | 8 bits | below 2**31, four products an instruction |
| `pairs` | 16 bits | 16 bits | below 2**31, two products an instruction |
| `floats` | float32 | float32 | below 2**24: exact in float32, whatever the order |
| `words32`, `words64` | 32, 64 bits | 32, 64 bits | below 2**31, below 2**62 |
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.bounds import aligned_bias
from l1ae.circuit.nodes import Dense
from l1ae.circuit.ranges import FLOAT32_LIMIT, NodeRange
from l1ae.circuit.tensors import Convolution
from l1ae.errors import ConversionError

#: Outputs that are summed at the same time; weights of packed kinds come in such groups.
GROUP = 8


@dataclass(frozen=True)
class Dialect:
    """What a C text is written for: types of 32 and 64 bits, bits of the words that go in and out, kinds of sums."""

    narrow: str
    wide: str
    input_bits: int
    output_bits: int
    kinds: tuple[str, ...] = ("words32", "words64")


@dataclass(frozen=True, eq=False)
class Linear:
    """A layer of sums: `kernel` (k, f) and `start` (f,) in units of the raw result, `windows` (positions, k) or None.

    `windows`: elements of the operand under each weight, -1 for a zero; None for all elements once.
    """

    kind: str
    kernel: NDArray[np.int64]
    start: NDArray[np.int64]
    windows: NDArray[np.int64] | None = field(repr=False)
    offset: int = 0

    @property
    def positions(self) -> int:
        """How often the kernel is applied."""
        return 1 if self.windows is None else len(self.windows)

    def packed(self) -> NDArray[np.int64]:
        """Weights of `quads` and `pairs` as int32: [group of outputs][group of inputs][output of the group]."""
        together, bits = (4, 8) if self.kind == "quads" else (2, 16)
        k, f = self.kernel.shape
        inputs, outputs = -(-k // together), -(-f // GROUP)
        padded = np.zeros((inputs * together, outputs * GROUP), dtype=np.int64)
        padded[:k, :f] = self.kernel
        parts = padded.reshape(inputs, together, outputs, GROUP).transpose(2, 0, 3, 1)
        words = sum((parts[..., place] & (2**bits - 1)) << (bits * place) for place in range(together))
        return np.asarray(words, dtype=np.uint32).view(np.int32).astype(np.int64)

    def start_words(self) -> NDArray[np.int64]:
        """What the sums begin with: the bias, less what the offset of the operand adds."""
        return self.start - self.offset * self.kernel.sum(axis=0)


def choose(node: Dense, source: NodeRange, known: NodeRange, kinds: tuple[str, ...]) -> Linear:
    """The layer with the first of `kinds` that is exact for every word its operand can reach.

    Raises `ConversionError` when the weights leave 62 bits.
    """
    up = known.fraction - source.format.fraction - node.kernel_format.fraction
    kernel = node.kernel.reshape(-1, node.kernel.shape[-1])
    if int(np.abs(kernel).max()) << up >= 2**62:
        raise ConversionError(f"layer {node.name}: its weights need more than 62 bits; use fewer bits")
    kernel = kernel << np.int64(up)
    start = aligned_bias(node, known.fraction)[: kernel.shape[1]]
    windows = node.windows if isinstance(node, Convolution) else None
    low, high = int(source.low.min()), int(source.high.max())
    if windows is not None:
        low, high = min(low, 0), max(high, 0)
    offset = 128 if low < 0 else 0
    corrected = offset * int(np.abs(kernel.sum(axis=0)).max())
    largest, weight = known.raw.magnitude, int(np.abs(kernel).max())
    exact = {
        "quads": low + offset >= 0
        and high + offset <= 255
        and weight <= 127
        and largest + corrected + 255 * int(np.abs(kernel).sum(axis=0).max()) < 2**31,
        "pairs": low >= -(2**15) and high < 2**15 and weight < 2**15 and largest < 2**31,
        "floats": max(-low, high, weight, largest) < FLOAT32_LIMIT,
        "words32": max(-low, high, weight, largest) < 2**31,
        "words64": True,
    }
    kind = next(kind for kind in kinds if exact[kind])
    return Linear(kind, kernel, start, windows, offset if kind == "quads" else 0)
