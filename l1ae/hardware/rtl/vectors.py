"""Vectors of the test benches: words in and the words that have to come out, as hexadecimal numbers."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.graph import Circuit
from l1ae.hardware.rtl.sources import Ports

_NIBBLE = 4
_DIGEST_BITS = 64


def digits(bits: int) -> int:
    """Hexadecimal digits for so many bits."""
    return -(-bits // _NIBBLE)


def line_bits(ports: Ports) -> int:
    """Bits of a line: outputs above inputs, each in whole digits, and at least the digest of the circuit."""
    return max(_NIBBLE * (digits(ports.input_bits) + digits(ports.output_bits)), _DIGEST_BITS)


def vectors(circuit: Circuit, ports: Ports, words: NDArray[np.int64], digest: str) -> str:
    """The vector file for input words (N, n): the digest of the circuit, then `outputs_inputs` for each event."""
    lines = [
        f"// {ports.name}: {len(words)} events, circuit {digest}. The digest, then outputs_inputs of each event.",
        digest[: digits(_DIGEST_BITS)],
    ]
    inputs = packed(words, [port.format.width for port in ports.inputs for _ in range(port.size)])
    outputs = packed(
        circuit.output_words(words), [node.format.width for node in ports.outputs for _ in range(node.size)]
    )
    sizes = digits(ports.output_bits), digits(ports.input_bits)
    lines += [f"{out:0{sizes[0]}x}_{into:0{sizes[1]}x}" for into, out in zip(inputs, outputs, strict=True)]
    return "\n".join(lines) + "\n"


def packed(words: NDArray[np.int64], widths: list[int]) -> Iterator[int]:
    """For each row of words one number: side by side in two's complement, the first one in the lowest bits."""
    for row in words.tolist():
        number = 0
        for word, width in zip(reversed(row), reversed(widths), strict=True):
            number = number << width | word & (1 << width) - 1
        yield number
