"""Each fault that is planted in a circuit is found in its layer, by its name, from what firmware shows."""

import json
from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import Clip, FixedFormat, Overflow, Rounding
from l1ae.explain import explain

from .planted import altered, images, network, shown, traces, with_format, with_word, words

NETWORK = network()
IMAGES = images()


def found(circuit, *nodes, **options):
    reference, firmware = traces(circuit, *nodes, **options)
    return explain(circuit, reference, firmware)


def swapped(array, one, other, axis=0):
    order = np.arange(array.shape[axis])
    order[[one, other]] = other, one
    return array.take(order, axis=axis)


def node(name, circuit=NETWORK):
    return circuit[name]


HIDDEN, SQUARE, SCALING = node("hidden"), node("square"), node("scaling")
WIDE = FixedFormat(True, 40, 20)

#: Name: (what is changed, the layer whose words differ first, the cause, what the evidence says)
FAULTS = {
    "truncation": (
        with_format(node("scaled"), rounding=Rounding.TRN),
        "scaled",
        "rounding mode",
        "TRN instead of RND_C",
    ),
    "ties up": (with_format(node("square_bits"), rounding=Rounding.RND), "square_bits", "rounding mode", "RND instead"),
    "wrapping": (
        with_format(node("hidden_relu"), overflow=Overflow.WRAP),
        "hidden_relu",
        "overflow mode",
        "WRAP instead of SAT",
    ),
    "symmetric": (
        with_format(node("scaled"), overflow=Overflow.SAT_SYM),
        "scaled",
        "overflow mode",
        "SAT_SYM instead of SAT",
    ),
    "both modes": (
        with_format(node("scaled"), rounding=Rounding.TRN, overflow=Overflow.WRAP),
        "scaled",
        "rounding and overflow mode",
        "TRN and WRAP",
    ),
    "no quantizer": (replace(node("square_bits"), format=WIDE), "square_bits", "lost quantizer", "no quantizer"),
    "no rectifier": (with_format(node("hidden_relu"), signed=True), "hidden_relu", "missing rectifier", "ap_fixed<8,3"),
    "a rectifier": (
        with_format(node("square_bits"), signed=False),
        "square_bits",
        "needless rectifier",
        "ap_ufixed<8,4",
    ),
    "fewer bits": (with_format(node("hidden_relu"), width=6), "hidden_relu", "precision", "ap_ufixed<6,3"),
    "more bits": (with_format(node("hidden_relu"), width=10, integer=5), "hidden_relu", "precision", "ap_ufixed<10,5"),
    "default type": (
        replace(node("hidden_relu"), format=FixedFormat(True, 16, 6)),
        "hidden_relu",
        "precision",
        "ap_fixed<16,6>",
    ),
    "narrow sum": (
        with_format(HIDDEN, width=HIDDEN.format.width - 3, integer=HIDDEN.format.integer - 3),
        "hidden_relu",
        "accumulator too narrow",
        "wraps in hidden, which needs",
    ),
    "saturating sum": (
        with_format(
            node("residual"),
            width=node("residual").format.width - 3,
            integer=node("residual").format.integer - 3,
            overflow=Overflow.SAT,
        ),
        "residual",
        "accumulator too narrow",
        "saturates in residual",
    ),
    "narrow score": (
        with_format(node("score"), width=node("score").format.width - 4, integer=node("score").format.integer - 4),
        "score",
        "accumulator too narrow",
        "wraps in score",
    ),
    "narrow score with a sign": (
        with_format(
            node("score"),
            signed=True,
            width=node("score").format.width - 4,
            integer=node("score").format.integer - 4,
        ),
        "score",
        "accumulator too narrow",
        "wraps in score",
    ),
    "coarse sum": (
        with_format(HIDDEN, width=HIDDEN.format.width - 5),
        "hidden_relu",
        "accumulator too coarse",
        "last 5",
    ),
    "score truncated": (
        with_format(node("score"), width=node("score").format.width - 2),
        "score",
        "accumulator too coarse",
        "last 2 bits in score",
    ),
    "bias dropped": (altered(HIDDEN, bias=None, bias_format=None), "hidden_relu", "bias", "hidden without its bias"),
    "biases negated": (altered(SQUARE, bias=-SQUARE.bias), "square_bits", "bias sign", "square minus its bias"),
    "biases negated in a type without a sign": (
        altered(SQUARE, bias=-SQUARE.bias % 32),
        "square_bits",
        "bias sign",
        f"the bias of unit 0 {32 - SQUARE.bias[0]} instead of {SQUARE.bias[0]}",
    ),
    "bias of the next unit": (
        altered(HIDDEN, bias=np.roll(HIDDEN.bias, -1)),
        "hidden_relu",
        "bias",
        "of the next unit",
    ),
    "one bias negated": (
        altered(SQUARE, bias=with_word(SQUARE.bias, 2, -SQUARE.bias[2])),
        "square_bits",
        "bias sign",
        f"the bias of unit 2 {-SQUARE.bias[2]} instead of {SQUARE.bias[2]}",
    ),
    "one bias off by one": (
        altered(SQUARE, bias=with_word(SQUARE.bias, 1, SQUARE.bias[1] + 1)),
        "square_bits",
        "bias",
        f"the bias of unit 1 {SQUARE.bias[1] + 1} instead of {SQUARE.bias[1]}",
    ),
    "one bit of a weight": (
        altered(HIDDEN, kernel=with_word(HIDDEN.kernel, (3, 2), HIDDEN.kernel[3, 2] ^ 4)),
        "hidden_relu",
        "weight",
        f"from input 3 to unit 2 {HIDDEN.kernel[3, 2] ^ 4} instead of {HIDDEN.kernel[3, 2]}, bit 2 flipped",
    ),
    "a weight without its sign": (
        altered(HIDDEN, kernel=with_word(HIDDEN.kernel, (1, 4), -HIDDEN.kernel[1, 4])),
        "hidden_relu",
        "weight",
        f"from input 1 to unit 4 {-HIDDEN.kernel[1, 4]} instead of",
    ),
    "a weight of a shown sum": (
        altered(node("decoded"), kernel=with_word(node("decoded").kernel, (0, 5), 31)),
        "decoded",
        "weight",
        "from input 0 to unit 5 31 instead of",
    ),
    "a weight between two words": (
        altered(
            HIDDEN,
            kernel=with_word(HIDDEN.kernel * 4, (2, 3), HIDDEN.kernel[2, 3] * 4 + 2),
            kernel_format=FixedFormat(True, 8, 2),
            format=with_format(HIDDEN, width=HIDDEN.format.width + 2).format,
        ),
        "hidden_relu",
        "weight",
        f"from input 2 to unit 3 {HIDDEN.kernel[2, 3] + 0.5:g} instead of {HIDDEN.kernel[2, 3]}",
    ),
    "two weights of two units": (
        altered(HIDDEN, kernel=with_word(with_word(HIDDEN.kernel, (1, 1), 30), (5, 4), -31)),
        "hidden_relu",
        "weight",
        "from input 1 to unit 1 30 instead of",
    ),
    "two weights of one unit": (
        altered(SQUARE, kernel=with_word(with_word(SQUARE.kernel, (1, 1), 30), (4, 1), -31)),
        "square_bits",
        "weight",
        "from input 1 to unit 1 30 instead of",
    ),
    "weights of another training": (
        altered(HIDDEN, kernel=network(5)["hidden"].kernel),
        "hidden_relu",
        "other weights",
        "of 30 changed",
    ),
    "weights negated": (altered(SQUARE, kernel=-SQUARE.kernel), "square_bits", "weight sign", "all of its weights"),
    "transposed": (altered(SQUARE, kernel=SQUARE.kernel.T), "square_bits", "kernel transposed", "inputs and units"),
    "column by column": (
        altered(HIDDEN, kernel=HIDDEN.kernel.T.reshape(HIDDEN.kernel.shape)),
        "hidden_relu",
        "kernel transposed",
        "column by column",
    ),
    "reversed": (altered(HIDDEN, kernel=HIDDEN.kernel[::-1]), "hidden_relu", "kernel reversed", "the inputs of its k"),
    "two inputs": (
        altered(HIDDEN, kernel=swapped(HIDDEN.kernel, 1, 4)),
        "hidden_relu",
        "inputs swapped",
        "hidden with inputs 1 and 4 exchanged",
    ),
    "three inputs": (
        altered(HIDDEN, kernel=HIDDEN.kernel[[1, 2, 0, 3, 4, 5]]),
        "hidden_relu",
        "inputs permuted",
        "in another order",
    ),
    "two units": (
        altered(HIDDEN, kernel=swapped(HIDDEN.kernel, 0, 3, axis=1)),
        "hidden_relu",
        "units permuted",
        "weights of units 0 and 3 exchanged",
    ),
    "weights twice as large": (
        altered(HIDDEN, kernel_format=replace(HIDDEN.kernel_format, integer=HIDDEN.kernel_format.integer + 1)),
        "hidden_relu",
        "shift",
        "its weights times 2**1",
    ),
    "an offset": (
        altered(SCALING, offset=tuple(with_word(np.array(SCALING.offset), 2, SCALING.offset[2] ^ 8).tolist())),
        "scaled",
        "input offset",
        f"offset {SCALING.offset[2] ^ 8} instead of {SCALING.offset[2]} at element 2",
    ),
    "no offsets": (altered(SCALING, offset=(0,) * 6), "scaled", "input offset", "offset 0 instead of"),
    "a shift": (altered(SCALING, shift=(5, 6, 5, 6, 4, 6)), "scaled", "shift", "shift 4 instead of 5 at element 4"),
    "exchanged operands": (
        altered(node("residual"), inputs=("decoded", "scaled")),
        "residual",
        "operands swapped",
        "residual with its operands exchanged",
    ),
    "another operand": (
        altered(node("score"), inputs=("residual", "scaled")),
        "score",
        "wrong operand",
        "score of scaled instead of residual",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named(name):
    change, layer, cause, evidence = FAULTS[name]
    explanation = found(NETWORK, change)
    assert (explanation.layer, explanation.cause) == (layer, cause), str(explanation)
    assert evidence in explanation.detail
    assert explanation.origin == change.name
    assert explanation.kind == type(NETWORK[layer]).__name__


KERNEL, FLAT = IMAGES["conv"].kernel, IMAGES["flat"]
IMAGE_FAULTS = {
    "a weight of a filter": (
        altered(IMAGES["conv"], kernel=with_word(KERNEL, (0, 1, 1, 0), KERNEL[0, 1, 1, 0] ^ 8)),
        "conv_relu",
        "weight",
        f"from row 0, column 1, channel 1 to unit 0 {KERNEL[0, 1, 1, 0] ^ 8}",
    ),
    "the bias of a filter": (altered(IMAGES["conv"], bias=np.array([9, 14])), "conv_relu", "bias sign", "unit 1 14"),
    "rows and columns": (
        altered(IMAGES["conv"], kernel=KERNEL.swapaxes(0, 1)),
        "conv_relu",
        "kernel transposed",
        "rows and columns of its kernel",
    ),
    "half a turn": (altered(IMAGES["conv"], kernel=KERNEL[::-1, ::-1]), "conv_relu", "kernel reversed", "half a turn"),
    "channels in front": (
        altered(IMAGES["code"], kernel=IMAGES["code"].kernel.reshape(2, 3, 4, 3).transpose(1, 2, 0, 3).reshape(24, 3)),
        "code",
        "inputs permuted",
        "axes (2, 0, 1) instead of (0, 1, 2)",
    ),
    "a wire": (
        altered(FLAT, indices=(*range(20), 21, 20, 22, 23)),
        "flat",
        "elements permuted",
        "elements 20 and 21 exchanged",
    ),
    "a wire to nothing": (
        altered(FLAT, indices=(*range(20), -1, 21, 22, 23)),
        "flat",
        "wiring",
        "element -1 instead of 20 at 20",
    ),
}


@pytest.mark.parametrize("name", IMAGE_FAULTS)
def test_a_fault_in_a_convolutional_network_is_named(name):
    change, layer, cause, evidence = IMAGE_FAULTS[name]
    explanation = found(IMAGES, change)
    assert (explanation.layer, explanation.cause) == (layer, cause), str(explanation)
    assert evidence in explanation.detail


@pytest.mark.parametrize("circuit", [NETWORK, IMAGES], ids=["network", "images"])
def test_equal_words_need_no_explanation(circuit):
    assert found(circuit) is None


def test_layers_that_the_firmware_does_not_show_are_computed():
    """Nothing but the score is seen, and the score is one word."""
    change = with_format(NETWORK["scaled"], rounding=Rounding.TRN)
    explanation = found(NETWORK, change, names=["square_bits", "score"])
    assert (explanation.layer, explanation.origin) == ("square_bits", "scaled")
    assert explanation.cause == "rounding mode"


def test_the_first_difference_is_counted_and_told_in_one_sentence():
    reference, firmware = traces(NETWORK)
    firmware["hidden_relu"] = firmware["hidden_relu"].copy()
    firmware["hidden_relu"][[7, 9], 3] += 2
    explanation = explain(NETWORK, reference, firmware)
    right = int(reference["hidden_relu"][7, 3])
    assert (explanation.event, explanation.element, explanation.expected) == (7, 3, right)
    assert (explanation.found, explanation.distance_lsb) == (right + 2, 2)
    assert (explanation.differing_events, explanation.differing_elements) == (2, 1)
    assert f"event 7, element 3: {right + 2} where {right} is right, 2 LSB apart" in str(explanation)
    assert "\n" not in str(explanation)
    assert json.loads(json.dumps(explanation.as_dict()))["layer"] == "hidden_relu"


def test_damage_that_follows_no_rule_is_unknown_and_described():
    reference, firmware = traces(NETWORK)
    rng = np.random.default_rng(0)
    noise = rng.integers(1, 9, reference["square_bits"].shape)
    firmware["square_bits"] = np.clip(reference["square_bits"], -100, 100) + noise
    explanation = explain(NETWORK, reference, firmware)
    assert (explanation.layer, explanation.cause, explanation.origin) == ("square_bits", "unknown", None)
    assert "all elements differ" in explanation.detail


def test_two_results_exchanged():
    hidden = altered(HIDDEN, kernel=swapped(HIDDEN.kernel, 0, 3, axis=1), bias=swapped(HIDDEN.bias, 0, 3))
    explanation = found(NETWORK, hidden)
    assert (explanation.layer, explanation.cause) == ("hidden_relu", "elements permuted")
    assert "elements 0 and 3 exchanged" in explanation.detail


def test_a_word_that_never_changes():
    reference, firmware = traces(NETWORK)
    firmware["hidden_relu"] = reference["hidden_relu"].copy()
    firmware["hidden_relu"][:, 1] = 0
    explanation = explain(NETWORK, reference, firmware)
    assert explanation.cause == "constant output"
    assert "always 0 at element 1" in explanation.detail


def test_words_of_the_event_before():
    reference, firmware = traces(NETWORK)
    late = {name: np.concatenate([array[:1], array[:-1]]) for name, array in firmware.items()}
    assert explain(NETWORK, reference, late).cause == "stale event"


def test_a_port_that_is_read_too_narrow():
    given = words(NETWORK)
    reference, _ = traces(NETWORK, given=given)
    firmware = NETWORK.trace((given + 256) % 512 - 256, shown(NETWORK))
    explanation = explain(NETWORK, reference, firmware)
    assert (explanation.layer, explanation.cause) == ("scaled", "input port")
    assert "of 9 bits that wraps" in explanation.detail


def test_two_inputs_exchanged_at_the_port():
    given = words(NETWORK)
    reference, _ = traces(NETWORK, given=given)
    firmware = NETWORK.trace(given[:, [0, 1, 4, 3, 2, 5]], shown(NETWORK))
    explanation = explain(NETWORK, reference, firmware)
    assert (explanation.layer, explanation.cause) == ("scaled", "inputs swapped")
    assert "inputs 2 and 4 exchanged" in explanation.detail


def test_values_between_two_words_are_given_as_they_are():
    explanation = found(NETWORK, replace(NETWORK["square_bits"], format=WIDE))
    assert isinstance(explanation.found, float)
    assert explanation.distance_lsb == abs(explanation.found - explanation.expected)
    assert json.dumps(explanation.as_dict())


def test_few_words_leave_a_doubt_which_is_told():
    """One event shows truncation, and other things that lose as much."""
    change = with_format(NETWORK["scaled"], rounding=Rounding.TRN)
    explanation = found(NETWORK, change, given=words(NETWORK, 1))
    assert (explanation.layer, explanation.cause) == ("scaled", "rounding mode")
    assert "so few words also follow from an accumulator without the last 2 bits in scaling" in explanation.detail


def test_a_reference_that_is_not_the_circuit_is_named_as_such():
    reference, firmware = traces(NETWORK)
    reference["hidden_relu"] = reference["hidden_relu"] + 1
    assert explain(NETWORK, reference, firmware).cause == "reference"


def test_without_the_inputs_the_place_is_known_and_the_cause_is_not():
    reference, firmware = traces(NETWORK, with_format(NETWORK["scaled"], rounding=Rounding.TRN))
    del reference["words"], reference["scaling"]
    explanation = explain(NETWORK, reference, firmware)
    assert (explanation.layer, explanation.cause) == ("scaled", "unknown")
    assert "the reference shows no words of words" in explanation.detail


def test_clip_is_a_rectifier():
    from .planted import PORT, Circuit, Input, dense

    rng = np.random.default_rng(1)
    circuit = Circuit.derive(
        [
            Input("words", (), (4,), PORT),
            dense("sum", "words", 4, 4, rng),
            Clip("relu", ("sum",), (4,), FixedFormat(False, 20, 12), 0, None, 0),
        ]
    )
    bare = Clip("relu", ("sum",), (4,), FixedFormat(True, 21, 13), None, None, 0)
    explanation = explain(circuit, *traces(circuit, bare, names=["sum", "relu"]))
    assert (explanation.layer, explanation.cause) == ("relu", "missing rectifier")
