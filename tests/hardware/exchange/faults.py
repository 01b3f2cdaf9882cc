"""Faults that are planted into the circuit behind an exported file."""

from dataclasses import replace

from l1ae.circuit import Rounding


def other_weight(circuit):
    """The circuit with one bit of one weight changed."""
    kernel = circuit["hidden"].kernel.copy()
    kernel[1, 0] ^= 1
    return circuit.replace(replace(circuit["hidden"], kernel=kernel))


def other_rounding(circuit):
    """The circuit with ties rounded up instead of to even."""
    node = circuit["code"]
    return circuit.replace(replace(node, format=replace(node.format, rounding=Rounding.RND)))
