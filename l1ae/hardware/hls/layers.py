"""From a circuit to the list of layers that hls4ml makes its graph of: one node each, and what holds them together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Add, Dense, Dot, Input, Multiply, Node, Quantize, Subtract
from l1ae.circuit.tensors import Convolution, Wire
from l1ae.errors import ConversionError
from l1ae.hardware.hls.bits import Bits, changes, format_bits, needed_bits, needed_fraction
from l1ae.hardware.hls.code import Code, code, wires
from l1ae.hardware.hls.names import Names

#: Bits below the point with which hls4ml looks for the type of a weight.
_FINEST = 32


@dataclass(frozen=True)
class HlsNode:
    """A node of hls4ml's graph: its name in C++, its operation (or Copy), and the circuit nodes that it stands for.

    `computes`: whose exact result it computes; `shows`: whose words its result holds, those of a quantizer that hls4ml
    has fused into it perhaps; `exact`, `bits`: what that result and these words need.
    """

    name: str
    kind: str
    computes: str
    shows: str
    exact: Bits
    bits: Bits


class Plan(NamedTuple):
    """The layer list for hls4ml with its outputs; the nodes that will remain of it; those of the ports, in order."""

    layers: list[dict[str, Any]]
    outputs: list[str]
    nodes: dict[str, HlsNode]
    inputs: list[str]
    output_nodes: list[str]


class _Draft:
    """Layers and nodes as they are added.

    `at`: the layer that holds the words of a circuit node; `node_of`: the node that will be left of a layer.
    """

    def __init__(self, circuit: Circuit, backend: str, project: str) -> None:
        self.circuit, self.backend = circuit, backend
        self.names = Names([project])
        self.layers: list[dict[str, Any]] = []
        self.nodes: dict[str, HlsNode] = {}
        self.at: dict[str, str] = {}
        self.node_of: dict[str, str] = {}
        self.bits = needed_bits(circuit)
        self.readers = Counter(name for node in circuit.nodes for name in set(node.inputs))
        self.readers.update(circuit.outputs)
        # The ports come first: what they are called is what a user of the firmware sees.
        self.given = {node.name: self.names.add(node.name) for node in circuit.inputs}
        self.given |= {node.name: self.names.add(node.name) for node in circuit.nodes if node.name not in self.given}

    def add(self, node: HlsNode, operands: Sequence[str], told: dict[str, Any]) -> None:
        """A layer that stays a node, and what hls4ml is told about it."""
        self._layer(node.name, operands, told)
        self.nodes[node.name] = node
        self.at[node.shows] = self.node_of[node.name] = node.name

    def fuse(self, name: str, operand: str, shows: str, fixed: FixedFormat) -> None:
        """A quantizer that hls4ml will fuse into the layer of `operand`, which then holds the words of `shows`."""
        front = self.nodes[self.node_of[self.at[operand]]]
        parts = (fixed.signed, fixed.width, fixed.integer)
        mask = tuple(np.full((1, *self.circuit[operand].shape), part, dtype=np.int16) for part in parts)
        modes: dict[str, Any] = {
            "RND": str(fixed.rounding),
            "SAT": str(fixed.overflow),
            "fusible": None,
            "overrides": {},
        }
        self._layer(name, [operand], {"class_name": "ExactQuantizer", "mask_kbi": mask, **modes})
        self.nodes[front.name] = replace(front, shows=shows, bits=self.bits[shows][1])
        self.at[shows], self.node_of[name] = name, front.name

    def _layer(self, name: str, operands: Sequence[str], told: dict[str, Any]) -> None:
        shapes = [list(self.circuit[operand].shape) for operand in operands]
        inputs = [self.at[operand] for operand in operands]
        self.layers.append({"name": name, "inputs": inputs, "input_shape": shapes, **told})


def plan(circuit: Circuit, backend: str, project: str) -> Plan:
    """The layers of a circuit for a backend, Vitis or Vivado, and a project of that name.

    hls4ml fuses a quantizer into the node in front of it, so where that would lose something (that node has been fused
    with a quantizer already, or something else reads it too), the quantizer is a node with code of its own. An output
    that is read inside too, or that is an input, leaves through a copy: hardware cannot read its output ports.
    """
    draft = _Draft(circuit, backend, project)
    for node in circuit.nodes:
        _add(draft, node)
    outputs = []
    for name in circuit.outputs:
        holder = draft.nodes[draft.node_of[draft.at[name]]]
        if draft.readers[name] > 1 or holder.kind == "Input":
            node = circuit[name]
            copy = HlsNode(draft.names.add(f"{name}_out"), "Copy", name, name, draft.bits[name][1], draft.bits[name][1])
            kept = format_bits(node.format, node.size)
            draft.add(copy, [name], _generated(wires(range(node.size), [node.size]), node.shape, kept))
            holder = copy
        outputs.append((draft.at[name], holder.name))
    layers, nodes = (list(names) for names in zip(*outputs, strict=True))
    return Plan(draft.layers, layers, draft.nodes, [draft.given[port.name] for port in circuit.inputs], nodes)


def _add(draft: _Draft, node: Node) -> None:
    circuit, name = draft.circuit, draft.given[node.name]
    exact, bits = draft.bits[node.name]
    whole = HlsNode(name, type(node).__name__, node.name, node.name, exact, bits)
    if isinstance(node, Input):
        draft.add(whole, [], {"class_name": "InputLayer", "input_shape": list(node.shape)})
        if not _is_port(circuit, node):
            draft.fuse(draft.names.add(f"{node.name}_port"), node.name, node.name, node.format)
    elif isinstance(node, Quantize) and _is_fusible(draft, node):
        draft.fuse(name, node.inputs[0], node.name, node.format)
    else:
        kept = format_bits(node.format, node.size) if isinstance(node, Quantize) else exact
        told = attributes(node, circuit) or _generated(code(node, circuit, draft.backend), node.shape, kept)
        draft.add(whole, node.inputs, told)
        if changes(circuit.ranges[node.name]) and not isinstance(node, Quantize):
            if not _reaches(node, exact, node.format):
                raise ConversionError(f"layer {node.name}: {node.format} keeps none of its bits; use a finer one")
            draft.fuse(draft.names.add(f"{node.name}_format"), node.name, node.name, node.format)


def _is_fusible(draft: _Draft, node: Quantize) -> bool:
    """Is a quantizer the first and the only thing behind its operand?"""
    (operand,) = node.inputs
    source = draft.circuit[operand]
    if isinstance(source, Input):
        return _is_port(draft.circuit, source)
    first = not isinstance(source, Quantize) and not changes(draft.circuit.ranges[operand])
    return first and draft.readers[operand] == 1 and _reaches(source, draft.bits[operand][0], node.format)


def _reaches(node: Node, bits: Bits, fixed: FixedFormat) -> bool:
    """Has every element of a node bits that a format keeps? ap_fixed cannot round words whose type has none.

    What is always zero shares its type with the other elements, unless wires bring it from elsewhere, or unless it
    comes from an adder tree, where it is an ap_ufixed<1,0>.
    """
    something = (bits.signed + bits.integer + bits.fraction) != 0
    if isinstance(node, Wire) and (~something & (np.array(node.indices) >= 0)).any():
        return False
    reached = bits.signed + bits.integer + fixed.fraction >= 1
    return bool(something.any() and reached[something | isinstance(node, Dense)].all())


def _is_port(circuit: Circuit, node: Input) -> bool:
    """Is the only thing that reads an input a quantizer of the port's format?"""
    readers = [other for other in circuit.nodes if node.name in other.inputs]
    alone = len(readers) == 1 and node.name not in circuit.outputs
    return alone and isinstance(readers[0], Quantize) and readers[0].format == node.format


def _generated(code: Code, shape: Sequence[int], bits: Bits) -> dict[str, Any]:
    """What hls4ml is told about a node with code of ours."""
    parts = tuple(part.reshape(shape) for part in bits)
    return {"class_name": "HardwareNode", "target_shape": list(shape), "generated": code, "bits": parts}


@singledispatch
def attributes(node: Node, circuit: Circuit) -> dict[str, Any] | None:
    """What hls4ml is told about an operation that it has an exact node for; None for any other."""
    return None


@attributes.register
def _(node: Dense, circuit: Circuit) -> dict[str, Any]:
    n_in, n_out = node.kernel.shape
    return {"class_name": "Dense", **_weights(node), "n_in": n_in, "n_out": n_out}


@attributes.register
def _(node: Convolution, circuit: Circuit) -> dict[str, Any]:
    ends = []
    for axis in (0, 1):
        length, window, stride = node.input_shape[axis], node.kernel.shape[axis], node.strides[axis]
        before = node.padding[axis]
        after = max((node.shape[axis] - 1) * stride + window - before - length, 0)
        if (before + length + after - window) // stride + 1 != node.shape[axis]:
            raise ConversionError(
                f"layer {node.name}: {node.shape[axis]} positions, although more windows fit its input of "
                f"{node.input_shape}; crop the input in front of it"
            )
        ends += [before, after]
    top, bottom, left, right = ends
    return {
        "class_name": "Conv2D",
        **_weights(node),
        "filt_height": node.kernel.shape[0],
        "filt_width": node.kernel.shape[1],
        "stride_height": node.strides[0],
        "stride_width": node.strides[1],
        "pad_top": top,
        "pad_bottom": bottom,
        "pad_left": left,
        "pad_right": right,
        "in_height": node.input_shape[0],
        "in_width": node.input_shape[1],
        "out_height": node.shape[0],
        "out_width": node.shape[1],
        "n_filt": node.shape[2],
        "n_chan": node.input_shape[2],
        "parallelization_factor": node.shape[0] * node.shape[1],  # all positions in parallel
    }


@attributes.register(Add)
@attributes.register(Subtract)
@attributes.register(Multiply)
def _(node: Node, circuit: Circuit) -> dict[str, Any]:
    return {"class_name": "Merge", "op": type(node).__name__.lower(), "output_shape": list(node.shape)}


@attributes.register
def _(node: Dot, circuit: Circuit) -> dict[str, Any]:
    return {"class_name": "Dot", "op": "dot1d", "axes": 1, "output_shape": list(node.shape)}


def _weights(node: Dense) -> dict[str, Any]:
    """Kernel and bias as the values that the firmware multiplies with."""
    bias = None if node.bias is None or node.bias_format is None else _values(node, node.bias, node.bias_format)
    return {
        "data_format": "channels_last",
        "use_bias": bias is not None,
        "weight_data": _values(node, node.kernel, node.kernel_format),
        "bias_data": bias,
    }


def _values(node: Dense, words: NDArray[np.int64], fixed: FixedFormat) -> NDArray[np.float64]:
    if np.abs(words).max() > 2**53 or needed_fraction(words, fixed.fraction).max() > _FINEST:
        raise ConversionError(
            f"layer {node.name}: hls4ml takes weights of 53 bits, {_FINEST} of them below the point, and these are "
            f"{fixed}; use fewer bits"
        )
    return np.ldexp(words.astype(np.float64), -fixed.fraction)
