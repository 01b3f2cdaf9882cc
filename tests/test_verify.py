"""The verdict over several implementations: what differs is counted, found and named, and nothing else is."""

import json
from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Add, Circuit, Dense, Dot, FixedFormat, Input, Overflow, Quantize, Rounding
from l1ae.errors import VerificationError
from l1ae.rounding import float32_limits
from l1ae.verify import TRACED_EVENTS, Implementation, compare

WEIGHTS = np.arange(1, 7).reshape(3, 2)
WORDS = FixedFormat(True, 8, 8, Rounding.RND_CONV, Overflow.SAT)
SMALL = FixedFormat(True, 4, 2)


def network(kernel=WEIGHTS, width=8):
    """Words -> hidden -> its sum of squares."""
    port = replace(WORDS, width=width, integer=width)
    dense = Dense("hidden", ("words",), (2,), UNDECIDED, kernel, FixedFormat(True, 6, 6), None, None)
    return Circuit.derive([Input("words", (), (3,), port), dense, Dot("score", ("hidden",) * 2, (1,), UNDECIDED)])


def implementation(name, circuit=None, spoil=lambda traced: traced, *, float32=False):
    """The circuit, of which `spoil` may change what it traces; what follows from a changed layer is not changed."""
    circuit = circuit or network()

    def trace(values):
        return spoil(dict(circuit.trace(values)))

    def outputs(values):
        traced = trace(values)
        return np.concatenate([traced[one].reshape(len(values), -1) for one in circuit.outputs], axis=1)

    return Implementation(name, outputs, trace, float32)


@pytest.fixture
def stimuli():
    rng = np.random.default_rng(0)
    return {"data": rng.integers(-9, 9, (200, 3)), "corner": rng.integers(-99, 99, (50, 3))}


def test_equal_implementations_are_exact(stimuli):
    verdict = compare([implementation(name) for name in "abc"], stimuli, network())
    assert verdict.exact
    assert (verdict.events, verdict.mismatches) == (250, 0)
    assert [(pair.first, pair.second) for pair in verdict.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert verdict.stimuli == {"data": 200, "corner": 50}
    assert verdict.first is None
    assert verdict.explanation is None
    assert verdict.sentence == "250 events, 0 mismatches"
    verdict.check()


def test_one_wrong_weight_is_found_where_it_is(stimuli):
    wrong = WEIGHTS.copy()
    wrong[2, 1] += 1
    verdict = compare([implementation("a"), implementation("b", network(wrong))], stimuli, network())
    first = verdict.first
    assert not verdict.exact
    assert (first.layer, first.unit) == ("hidden", 1)
    words = np.array(first.words, dtype=np.int64)
    assert first.distance_lsb == abs(first.first_value - first.second_value) == abs(words[2])
    expected = sum(
        int(((words @ WEIGHTS) ** 2).sum() != ((words @ wrong) ** 2).sum() or words[2] != 0)
        for words in np.concatenate(list(stimuli.values()))
    )
    assert verdict.mismatches == expected
    with pytest.raises(VerificationError, match=r"events differ; a and b first at event .* layer hidden, unit 1"):
        verdict.check()


def test_the_difference_from_the_reference_is_explained(stimuli):
    wrong = WEIGHTS.copy()
    wrong[2, 1] += 1
    pair = [implementation("reference"), implementation("c-simulation", network(wrong))]
    found = compare(pair, stimuli, network(), ["firmware/weights/w2.h"]).explanation
    assert (found.layer, found.element) == ("hidden", 1)
    words = np.concatenate(list(stimuli.values()))[found.event]
    assert (found.expected, found.found) == (words @ WEIGHTS[:, 1], words @ wrong[:, 1])
    assert found.distance_lsb == abs(words[2]) > 0
    assert found.cause
    assert "firmware/weights/w2.h changed after the project was written" in found.detail


def test_one_wrong_event_among_many_is_found_and_named(stimuli):
    many = {"data": np.tile(stimuli["data"], (100, 1)), "corner": stimuli["corner"]}
    seen = {"rows": 0}

    def spoil_last(traced):
        # only in the run over all events, whose last corner is off by one
        if len(traced["score"]) == 20050:
            seen["rows"] += 1
            traced["score"] = traced["score"].copy()
            traced["score"][-1, 0] += 1
        return traced

    verdict = compare([implementation("a"), implementation("b", spoil=spoil_last)], many, network())
    assert seen["rows"] == 1
    assert verdict.mismatches == 1
    first = verdict.first
    assert (first.event, first.stimulus, first.layer) == (20049, "corner", "score")


def flip(traced):
    return traced | {"hidden": -traced["hidden"]}  # squares do not see a sign


def test_a_difference_inside_that_the_score_hides_is_found(stimuli):
    verdict = compare([implementation("a"), implementation("b", spoil=flip)], stimuli, network())
    assert verdict.mismatches > 0
    assert verdict.first.layer == "hidden"


def test_every_stimulus_is_traced(stimuli):
    many = {"data": np.zeros((3 * TRACED_EVENTS, 3)), "corner": stimuli["corner"]}
    verdict = compare([implementation("a"), implementation("b", spoil=flip)], many, network())
    assert verdict.first.stimulus == "corner"


def test_ties_are_counted(stimuli):
    rounded = Quantize("rounded", ("words",), (3,), FixedFormat(True, 8, 9, Rounding.RND_CONV, Overflow.SAT))
    circuit = Circuit.derive([network().input, rounded])
    verdict = compare([implementation("a", circuit), implementation("b", circuit)], stimuli, circuit)
    odd = sum(int((words % 2 == 1).sum()) for words in stimuli.values())
    assert verdict.ties == {"rounded": odd}


# Several outputs.


def two_outputs():
    nodes = network().nodes
    total = Add("total", ("words", "words"), (3,), UNDECIDED)
    return Circuit.derive([*nodes, total], outputs=("score", "total"))


def test_an_output_that_no_trace_shows_is_compared_in_every_event(stimuli):
    def hide(traced):
        rows = len(traced["total"])
        words = traced["total"].copy()
        words[-1, 1] -= 2
        # All events together are the call for the outputs; the traced ones are fewer.
        return traced | {"total": words} if rows == 20050 else traced

    many = {"data": np.tile(stimuli["data"], (100, 1)), "corner": stimuli["corner"]}
    circuit = two_outputs()
    found = compare([implementation("a", circuit), implementation("b", circuit, hide)], many, circuit).first
    assert (found.event, found.layer, found.unit, found.distance_lsb) == (20049, "total", 1, 2)


@pytest.mark.parametrize(("output", "unit"), [("score", 0), ("total", 2)])
def test_each_of_several_outputs_is_compared(stimuli, output, unit):
    def spoil(traced):
        words = traced[output].copy()
        words[7, unit] += 3
        return traced | {output: words}

    circuit = two_outputs()
    assert compare([implementation("a", circuit), implementation("b", circuit)], stimuli, circuit).exact
    found = compare([implementation("a", circuit), implementation("b", circuit, spoil)], stimuli, circuit).first
    assert (found.event, found.layer, found.unit, found.distance_lsb) == (7, output, unit, 3)


# Keras beyond 24 bits: the reference is the judge.


def wide():
    """The score needs 31 bits, the hidden layer does not."""
    circuit = network(width=12)
    assert circuit.float32_exact == {"words": True, "hidden": True, "score": False}
    return circuit


def rounding(layer, lsb=4):
    def spoil(traced):
        words = traced[layer].copy()
        words[::2] += lsb
        return traced | {layer: words}

    return spoil


def trio(circuit, keras, firmware=lambda traced: traced):
    return [
        implementation("keras", circuit, keras, float32=True),
        implementation("reference", circuit),
        implementation("c-simulation", circuit, firmware),
    ]


def test_what_float32_does_not_hold_is_no_mismatch_but_said(stimuli):
    circuit = wide()
    verdict = compare(trio(circuit, rounding("score")), stimuli, circuit)
    assert verdict.exact
    assert all(pair.mismatches == 0 for pair in verdict.pairs)
    (found,) = verdict.keras_rounding
    bits = circuit.ranges["score"].significant_bits
    assert (found.layer, found.bits, found.events, found.differing, found.largest_lsb) == ("score", bits, 250, 125, 4)
    assert str(found) == (
        f"layer score: Keras rounds here (needs {bits} bits, float32 holds 24): 125 of 250 events, at most 4 LSB"
    )
    assert str(found) in list(verdict.lines())
    assert json.loads(json.dumps(verdict.as_dict()))["keras_rounding"][0]["largest_lsb"] == 4


def test_a_layer_behind_one_that_keras_rounds_is_judged_alone(stimuli):
    nodes = wide().nodes
    circuit = Circuit.derive([*nodes, Quantize("small", ("score",), (1,), FixedFormat(False, 4, 24))])
    verdict = compare(trio(circuit, rounding("small", 1)), stimuli, circuit)
    assert verdict.exact
    assert [(one.layer, one.differing) for one in verdict.keras_rounding] == [("score", 0), ("small", 125)]
    far = compare(trio(circuit, rounding("small", 5)), stimuli, circuit)
    assert not far.exact
    assert far.first.layer == "small"


def test_what_is_not_a_number_is_never_equal(stimuli):
    verdict = compare(
        trio(network(), lambda traced: {name: words * np.nan for name, words in traced.items()}), stimuli, network()
    )
    assert verdict.mismatches == verdict.events


def test_keras_may_not_be_further_away_than_rounding_can_take_it(stimuli):
    circuit = wide()
    limit = int(float32_limits(circuit)["score"])
    assert compare(trio(circuit, rounding("score", limit)), stimuli, circuit).exact
    verdict = compare(trio(circuit, rounding("score", limit + 1)), stimuli, circuit)
    assert [pair.mismatches for pair in verdict.pairs] == [125, 125, 0]
    assert (verdict.first.layer, verdict.first.distance_lsb) == ("score", limit + 1)


def test_keras_has_to_be_right_where_float32_is(stimuli):
    circuit = wide()
    verdict = compare(trio(circuit, rounding("hidden")), stimuli, circuit)
    assert verdict.first.layer == "hidden"
    assert {(pair.first, pair.second) for pair in verdict.pairs if pair.mismatches} == {
        ("keras", "reference"),
        ("keras", "c-simulation"),
    }


def test_firmware_is_judged_beyond_24_bits_too(stimuli):
    circuit = wide()
    verdict = compare(trio(circuit, rounding("score"), rounding("score", 1)), stimuli, circuit)
    assert [pair.mismatches for pair in verdict.pairs] == [0, 0, 125]
    assert verdict.mismatches == 125
    assert verdict.first.layer == "score"


def test_a_model_within_24_bits_has_nothing_to_say_about_float32(stimuli):
    assert compare(trio(network(), lambda traced: traced), stimuli, network()).keras_rounding == ()
