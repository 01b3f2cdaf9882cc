"""From a Keras model to a circuit: every layer becomes exact nodes, or the model is refused by name."""

import difflib
import itertools

import keras

from l1ae.circuit.builder import Builder
from l1ae.circuit.formats import FixedFormat
from l1ae.circuit.graph import Circuit
from l1ae.circuit.lowering_activations import ACTIVATIONS
from l1ae.circuit.lowering_graph import Call, Graph, walk
from l1ae.circuit.lowering_layers import LAYERS
from l1ae.circuit.lowering_merge import MERGES
from l1ae.circuit.lowering_ports import NOTHING, Formats, port_formats
from l1ae.circuit.lowering_site import Converter, Site, identifier
from l1ae.circuit.lowering_tensors import TENSORS
from l1ae.circuit.lowering_trace import Lowered, Step
from l1ae.circuit.nodes import Input
from l1ae.errors import ConversionError

_CONVERTERS: dict[type, Converter] = {
    **ACTIVATIONS,
    **LAYERS,
    **TENSORS,
    **MERGES,
    **dict.fromkeys(NOTHING, lambda site: site.source),
}
_OWN = {"InputScaling", "Select", "SumOver", "TableLookup"}
#: Names of layers that are worth suggesting.
_SUPPORTED = sorted({kind.__name__ for kind in _CONVERTERS} - {"PReLU", "QAdaptiveActivation"} - _OWN)
_ELSE = "use other layers of Keras and QKeras; docs/convert.md lists what is refused, and the fix"
#: How alike two names are, from 0 to 1, so that the one is worth suggesting for the other.
_NEAR = 0.85
#: Layers that have no exact meaning, and what to take instead.
_INSTEAD = {
    **{f"{kind}": f"its weights are floats; use Q{kind}" for kind in ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D")},
    **{f"{kind}": f"its weights are floats; use Q{kind}" for kind in ("SeparableConv1D", "SeparableConv2D")},
    **dict.fromkeys(
        ("Conv1DTranspose", "Conv2DTranspose", "QConv2DTranspose"), "use UpSampling2D (or 1D) and QConv2D (or 1D)"
    ),
    **dict.fromkeys(("Softmax", "ELU", "LayerNormalization"), "leave it out: rank or cut on what is in front of it"),
    "Normalization": "use InputScaling of l1ae, or Rescaling by a power of two",
    **dict.fromkeys(
        ("LSTM", "GRU", "SimpleRNN", "QLSTM", "QGRU", "QSimpleRNN", "Bidirectional", "QBidirectional"),
        "nothing recurrent has; use QConv1D over the steps, or a Flatten and QDense",
    ),
    "TimeDistributed": "use the layer inside of it, QDense and QConv work on every step",
    "Lambda": "its code cannot be read; use layers",
}


def lower(
    model: keras.Model,
    input_formats: Formats = None,
) -> Circuit:
    """The circuit of a functional or Sequential Keras model; see `lower_model`."""
    return lower_model(model, input_formats).circuit


def lower_model(
    model: keras.Model,
    input_formats: Formats = None,
) -> Lowered:
    """The circuit of a functional or Sequential Keras model, and which layer each of its nodes comes from.

    `input_formats`: of the input ports, for inputs that do not go into a QActivation; one for all, one each in the
    order of the inputs, or by name. Raises `ConversionError`, naming layer, option and fix, for anything that has no
    exact integer meaning.
    """
    if keras.config.floatx() != "float32":
        raise ConversionError(f"Keras computes in {keras.config.floatx()}; set keras.config.set_floatx('float32')")
    graph = walk(model)
    lowering = _Lowering(graph)
    for number, format_ in zip(graph.inputs, port_formats(graph, input_formats), strict=True):
        lowering.add_input(number, format_)
    for call in graph.calls:
        lowering.add_call(call)
    outputs = tuple(lowering.output(number) for number in graph.outputs)
    return Lowered(model, Circuit(tuple(lowering.builder.nodes.values()), outputs), tuple(lowering.steps))


class _Lowering:
    """The circuit so far, and which node holds each tensor of the model."""

    def __init__(self, graph: Graph) -> None:
        self.builder = Builder()
        self.steps: list[Step] = []
        self._tensors = graph.tensors
        self._nodes: dict[int, str] = {}
        self._reserved = {identifier(call.layer.name) for call in graph.calls if not call.path}
        self._aliases: set[int] = set()  # tensors without a node of their own
        self._outputs: set[str] = set()

    def add_input(self, number: int, format_: FixedFormat) -> None:
        tensor = self._tensors[number]
        name = self.builder.unused(identifier(tensor.name))
        self._nodes[number] = self.builder.add(Input(name, (), tensor.shape, format_)).name
        self._aliases.add(number)

    def add_call(self, call: Call) -> None:
        operands = tuple(self._nodes[number] for number in call.inputs)
        site = Site(self.builder, call.layer, self._name(call), operands, self._tensors[call.output].shape)
        result = self._nodes[call.output] = _converted(site)
        if result in operands:
            self._aliases.add(call.output)
        else:
            self.steps.append(Step(call.layer, call.node, operands, result))

    def _name(self, call: Call) -> str:
        """The name of a layer; of one in an inner model with the models' names in front, where it is taken."""
        own = identifier(call.layer.name)
        inner = bool(call.path)
        if inner and (own in self._reserved or own in self.builder.nodes):
            own = "__".join(map(identifier, (*call.path, call.layer.name)))
        tried = itertools.chain([own], (f"{own}_{count}" for count in itertools.count(2)))
        kept = self._reserved - (set() if inner else {own})
        return next(name for name in tried if name not in self.builder.nodes and name not in kept)

    def output(self, number: int) -> str:
        """The node of an output; a tensor that shares its node with another one gets a wire of its own."""
        found = self._nodes[number]
        if number in self._aliases or found in self._outputs:
            name = self.builder.unused(identifier(self._tensors[number].name))
            site = Site(self.builder, None, name, (found,), self.builder.shape(found))
            self.steps.append(Step(None, None, (found,), site.wire(name, [found], site.elements(found))))
            found = name
        self._outputs.add(found)
        return found


def _converted(site: Site) -> str:
    layer, kind = site.layer, type(site.layer)
    if kind not in _CONVERTERS:
        near = difflib.get_close_matches(kind.__name__, _SUPPORTED, 1, _NEAR)
        other = f"the nearest supported layer is {near[0]}" if near else _ELSE
        reason = _INSTEAD.get(kind.__name__, other)
        raise site.refused(f"{kind.__name__} has no exact integer meaning; {reason}")
    if layer.dtype_policy.name != "float32":
        raise site.refused(f"its dtype is {layer.dtype_policy.name}; build the model in float32")
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        raise site.refused(f"data_format={layer.data_format!r}; set data_format='channels_last'")
    result = _CONVERTERS[kind](site)
    if site.builder.shape(result) != site.shape:
        raise site.refused(f"its shape is {site.builder.shape(result)} and Keras says {site.shape}; build it anew")
    return result
