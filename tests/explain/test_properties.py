"""What holds for every circuit and every fault: the layer is right, and a single weight is found where it can be."""

from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Quantize
from l1ae.explain import explain

from ..circuits import circuits
from .planted import PORT, RELU, on_grid, traces, with_word, words

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def dense_circuits(draw):
    """One dense layer, seen as it is or behind a rectifier."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inputs, units, width = draw(st.integers(1, 8)), draw(st.integers(1, 6)), draw(st.integers(2, 9))
    weights = FixedFormat(True, width, draw(st.integers(0, 3)))
    kernel = rng.integers(weights.low, weights.high + 1, (inputs, units)) * (rng.random((inputs, units)) < 0.7)
    bias = rng.integers(weights.low, weights.high + 1, units) if draw(st.booleans()) else None
    nodes = [
        Input("words", (), (inputs,), PORT),
        Dense("sum", ("words",), (units,), UNDECIDED, kernel, weights, bias, None if bias is None else weights),
    ]
    if draw(st.booleans()):
        relu = replace(RELU, integer=draw(st.integers(3, 12)))
        nodes.append(Quantize("relu", ("sum",), (units,), relu))
    return Circuit.derive(nodes)


@given(dense_circuits(), st.data())
@RELAXED
def test_one_bit_of_one_weight_is_found(circuit, data):
    node = circuit["sum"]
    place = tuple(data.draw(st.integers(0, length - 1)) for length in node.kernel.shape)
    old = int(node.kernel[place])
    bit = data.draw(st.integers(0, node.kernel_format.width - 1))
    new = (old ^ (1 << bit)) if bit < node.kernel_format.width - 1 else old ^ -(1 << bit)
    # The accumulator of the fault is as wide as it needs, so that the fault is the weight and nothing else.
    broken = Circuit.derive(
        [
            replace(node, kernel=with_word(node.kernel, place, new), format=UNDECIDED) if other is node else other
            for other in circuit.nodes
        ]
    )
    given_ = words(circuit, 400)
    names = [circuit.output.name]
    found = broken.trace(given_, names)
    firmware = {name: on_grid(circuit, broken, name, array) for name, array in found.items()}
    reference = circuit.trace(given_)
    explanation = explain(circuit, reference, firmware)
    if explanation is None:
        assert np.array_equal(firmware[names[0]], reference[names[0]])
        return
    assert explanation.layer == names[0]
    if isinstance(circuit.output, Dense) and np.count_nonzero(node.kernel) > 2:
        assert explanation.cause == "weight"
        assert f"from input {place[0]} to unit {place[1]} {new} instead of {old}" in explanation.detail


@given(circuits(), st.data())
@RELAXED
def test_the_first_layer_that_differs_is_named_whatever_it_does(circuit, data):
    node = data.draw(st.sampled_from([node for node in circuit.nodes if not isinstance(node, Input)]))
    given_ = words(circuit, 200)
    reference = circuit.trace(given_)
    firmware = {name: array for name, array in reference.items() if not isinstance(circuit[name], Input)}
    hidden = data.draw(st.sets(st.sampled_from(list(firmware)), max_size=2)) - {node.name}
    element, damage = data.draw(st.integers(0, node.size - 1)), data.draw(st.sampled_from(["+1", "0", "*2", "noise"]))
    words_ = firmware[node.name].reshape(len(given_), -1).copy()
    changes = {
        "+1": words_[:, element] + 1,
        "0": words_[:, element] * 0,
        "*2": words_[:, element] * 2,
        "noise": words_[:, element] ^ np.random.default_rng(0).integers(0, 2, len(words_)),
    }
    words_[:, element] = changes[damage]
    assume(not np.array_equal(words_, firmware[node.name].reshape(words_.shape)))
    shown = {name: array for name, array in firmware.items() if name not in hidden}
    explanation = explain(circuit, reference, {**shown, node.name: words_.reshape(firmware[node.name].shape)})
    assert explanation.layer == node.name
    assert explanation.element == element
    assert explanation.cause
    assert node.name in explanation.detail or explanation.cause == "unknown"


@given(circuits())
@RELAXED
def test_equal_words_are_never_explained(circuit):
    reference, firmware = traces(circuit, given=words(circuit, 50))
    assert explain(circuit, reference, firmware) is None
