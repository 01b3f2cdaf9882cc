"""Words of many elements as the bits of one wide port, element 0 in the lowest ones, and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.nodes import Node

_LANE = 64


@dataclass(frozen=True, eq=False)
class PortBits:
    """Where each element of a port lies: its first bit, its width (up to 62), and whether it has a sign."""

    first: NDArray[np.int64]
    widths: NDArray[np.int64]
    signed: NDArray[np.bool_]

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "PortBits":
        """The elements of all nodes side by side."""
        return cls.elements([node.format for node in nodes for _ in range(node.size)])

    @classmethod
    def elements(cls, formats: Sequence[FixedFormat]) -> "PortBits":
        """One element of each format."""
        widths = np.array([format_.width for format_ in formats], dtype=np.int64)
        signed = np.array([format_.signed for format_ in formats], dtype=bool)
        return cls(np.cumsum(widths) - widths, widths, signed)

    @property
    def bits(self) -> int:
        """Bits of the whole port."""
        return int(self.widths.sum())

    @property
    def lanes(self) -> int:
        """Words of 64 bits that hold the port."""
        return -(-self.bits // _LANE)

    def pack(self, words: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Bits (N, 2 * lanes), 32 in each, of words (N, n); bits that a word has beyond its width are left out."""
        lanes = np.zeros((self.lanes, len(words)), dtype=np.uint64)
        columns = np.ascontiguousarray(words.T).view(np.uint64)
        for column, first, width in zip(columns, self.first.tolist(), self.widths.tolist(), strict=True):
            kept = column & np.uint64(2**width - 1)
            lane, shift = divmod(first, _LANE)
            lanes[lane] |= kept << np.uint64(shift)
            if shift + width > _LANE:
                lanes[lane + 1] |= kept >> np.uint64(_LANE - shift)
        return np.ascontiguousarray(lanes.T).astype("<u8", copy=False).view("<u4")

    def unpack(self, bits: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Words (N, n) of bits (N, 2 * lanes)."""
        lanes = np.ascontiguousarray(np.ascontiguousarray(bits).view("<u8").T)
        words = np.empty((len(self.first), len(bits)), dtype=np.uint64)
        for index, (first, width) in enumerate(zip(self.first.tolist(), self.widths.tolist(), strict=True)):
            lane, shift = divmod(first, _LANE)
            found = lanes[lane] >> np.uint64(shift)
            if shift + width > _LANE:
                found = found | lanes[lane + 1] << np.uint64(_LANE - shift)
            words[index] = found & np.uint64(2**width - 1)
        # Subtracting the weight of the sign twice makes two's complement of it, in the arithmetic of 64 bits.
        weights = np.where(self.signed, np.left_shift(np.uint64(1), (self.widths - 1).astype(np.uint64)), np.uint64(0))
        signs = weights.astype(np.uint64)[:, None]
        return np.ascontiguousarray(((words ^ signs) - signs).view(np.int64).T)
