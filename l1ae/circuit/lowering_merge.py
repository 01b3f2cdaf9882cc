"""Layers of several operands, element by element or joined."""

from collections.abc import Callable

import keras
import numpy as np

from l1ae.circuit.lowering_site import Converter, Site
from l1ae.circuit.nodes import UNDECIDED, Add, Clip, Dot, Multiply, Node, Subtract

Pairwise = Callable[[Site, str, str, str], str]


def _merged(pairwise: Pairwise) -> Converter:
    """A converter that takes the operands two by two from the left, as Keras does."""

    def convert(site: Site) -> str:
        return _reduced(site, site.name, pairwise)

    return convert


def _reduced(site: Site, name: str, pairwise: Pairwise) -> str:
    result, *others = _broadcast(site)
    for index, other in enumerate(others, start=1):
        result = pairwise(site, name if index == len(others) else site.part("part"), result, other)
    return result


def _broadcast(site: Site) -> list[str]:
    """The operands in one shape; Keras repeats axes of length 1, and puts such axes in front where some are missing."""
    shape = np.broadcast_shapes(*(site.builder.shape(source) for source in site.inputs))
    found = []
    for source in site.inputs:
        if site.builder.shape(source) != shape:
            source = site.wire(site.part("broadcast"), [source], np.broadcast_to(site.elements(source), shape))
        found.append(source)
    return found


def _node(kind: type[Node]) -> Pairwise:
    def pair(site: Site, name: str, left: str, right: str) -> str:
        return site.add(kind(name, (left, right), site.builder.shape(left), UNDECIDED))

    return pair


_add, _subtract, _multiply = _node(Add), _node(Subtract), _node(Multiply)


def _maximum(site: Site, name: str, left: str, right: str) -> str:
    """left + max(right - left, 0)."""
    return _add(site, name, left, _rectified(site, right, left))


def _minimum(site: Site, name: str, left: str, right: str) -> str:
    """left - max(left - right, 0)."""
    return _subtract(site, name, left, _rectified(site, left, right))


def _rectified(site: Site, left: str, right: str) -> str:
    difference = _subtract(site, site.part("difference"), left, right)
    clip = Clip(site.part("positive"), (difference,), site.builder.shape(left), UNDECIDED, 0, None, 0)
    return site.add(clip)


def _average(site: Site) -> str:
    shift = len(site.inputs).bit_length() - 1
    if len(site.inputs) != 1 << shift:
        raise site.refused(f"an average of {len(site.inputs)} is no fixed-point number; average 2, 4, 8, ... tensors")
    return site.shifted(site.name, _reduced(site, site.part("sum"), _add), shift)


def _concatenate(site: Site) -> str:
    rank = len(site.shape) + 1
    axis = site.layer.axis % rank
    if axis == 0:
        raise site.refused(f"axis={site.layer.axis} joins events; set axis=-1")
    parts, first = [], 0
    for source in site.inputs:
        parts.append(site.elements(source, first))
        first += parts[-1].size
    return site.wire(site.name, site.inputs, np.concatenate(parts, axis=axis - 1))


def _dot(site: Site) -> str:
    layer = site.layer
    axes = layer.axes if isinstance(layer.axes, (tuple, list)) else (layer.axes, layer.axes)
    if any(axis not in (1, -1) for axis in axes):
        raise site.refused(f"axes={layer.axes}; only a sum over the last axis is supported, set axes=1")
    if layer.normalize:
        raise site.refused("normalize=True divides by a square root; set normalize=False")
    return site.add(Dot(site.name, site.inputs, site.shape, UNDECIDED))


MERGES: dict[type, Converter] = {
    keras.layers.Add: _merged(_add),
    keras.layers.Subtract: _merged(_subtract),
    keras.layers.Multiply: _merged(_multiply),
    keras.layers.Maximum: _merged(_maximum),
    keras.layers.Minimum: _merged(_minimum),
    keras.layers.Average: _average,
    keras.layers.Concatenate: _concatenate,
    keras.layers.Dot: _dot,
}
