"""Activation layers."""

import keras
import numpy as np
import qkeras

from l1ae.circuit.activations import activate
from l1ae.circuit.lowering_site import Converter, Site


def activation(site: Site) -> str:
    """QActivation and Activation: a quantizer or a function."""
    return activate(site.builder, site.name, site.source, site.layer.activation, site.layer.name)


def rectifier(site: Site) -> str:
    """ReLU and LeakyReLU, whose options belong to the function."""
    return activate(site.builder, site.name, site.source, site.layer, site.layer.name)


def adaptive(site: Site) -> str:
    """QAdaptiveActivation is refused, with the QActivation that does the same."""
    layer = site.layer
    integer = np.asarray(keras.ops.convert_to_numpy(layer.quantizer.integer)).ravel().tolist()
    options = f", symmetric={layer.symmetric}, alpha=1" if isinstance(layer.quantizer, qkeras.quantized_bits) else ""
    fix = f"put QActivation({type(layer.quantizer).__name__}({layer.total_bits}, {integer[0]}{options})) in its place"
    if len(set(integer)) > 1:
        fix = f"set per_channel=False (its channels have {integer} integer bits) and train again"
    raise site.refused(f"QAdaptiveActivation follows the values it sees; {fix}")


def per_element(site: Site) -> str:
    """PReLU is refused, with what can be trained instead."""
    raise site.refused("PReLU learns a float slope for each element; use LeakyReLU(negative_slope=0.25)")


ACTIVATIONS: dict[type, Converter] = {
    qkeras.QActivation: activation,
    keras.layers.Activation: activation,
    keras.layers.ReLU: rectifier,
    keras.layers.LeakyReLU: rectifier,
    keras.layers.PReLU: per_element,
    qkeras.QAdaptiveActivation: adaptive,
}
