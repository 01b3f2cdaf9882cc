"""Records of what is proved about the nodes of a circuit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat

#: Bits of an integer that float32 holds.
FLOAT32_BITS = 24
#: Integers up to this size are exact in float32, whatever the order of a sum.
FLOAT32_LIMIT = 2**FLOAT32_BITS


@dataclass(frozen=True, eq=False)
class Bounds:
    """Exact result of an operation before its format: words from `low` to `high` (int64, one per element).

    `magnitude` is the largest integer that a float32 evaluation of the operation meets, in units of its last bit.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    magnitude: int


@dataclass(frozen=True, eq=False)
class NodeRange:
    """What is proved about one node.

    `low`, `high`: reachable words per element (flattened), int64, in `format`. `raw`, `fraction`: the same before the
    format is applied. `float32_exact`: Keras, computing in float32, gets this tensor exactly for every input.
    """

    name: str
    format: FixedFormat
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    raw: Bounds
    fraction: int
    overflow: Literal["never", "saturates", "wraps"]
    float32_exact: bool

    @property
    def lost_bits(self) -> int:
        """Bits that the format rounds away."""
        return max(self.fraction - self.format.fraction, 0)

    @property
    def significant_bits(self) -> int:
        """Bits that a float needs to evaluate this node exactly; float32 has 24."""
        return (self.raw.magnitude - 1).bit_length() if self.raw.magnitude else 0

    def __str__(self) -> str:
        lsb = 2.0**-self.fraction
        reach = f"values from {int(self.raw.low.min()) * lsb:g} to {int(self.raw.high.max()) * lsb:g}"
        lost = f"rounds {self.lost_bits} bits ({self.format.rounding})" if self.lost_bits else ""
        fate = {
            "never": f"no overflow, {lost} as intended" if lost else "no overflow and no loss for any input",
            "saturates": f"saturates {f'and {lost} ' if lost else ''}as intended",
            "wraps": "WRAPS for some input",
        }[self.overflow]
        float32 = "" if self.float32_exact else f", not exact in float32 ({self.significant_bits} bits here)"
        return f"{self.name}: {self.format}, {reach}, {fate}{float32}"
