import numpy as np
import pytest

from l1ae.verify import TRACED_EVENTS, Implementation, compare

WEIGHTS = np.arange(1, 7).reshape(3, 2)
LAYERS = ["words", "hidden", "score"]


def implementation(name, weights=WEIGHTS, spoil=lambda hidden: hidden):
    """A two-layer integer network; `spoil` changes its hidden words."""

    def trace(words):
        words = np.asarray(words).astype(np.int64)
        hidden = spoil(words @ weights)
        return {"words": words, "hidden": hidden, "score": (hidden**2).sum(axis=1, keepdims=True)}

    return Implementation(name, lambda words: trace(words)["score"], trace)


@pytest.fixture
def stimuli():
    rng = np.random.default_rng(0)
    return {"data": rng.integers(-9, 9, (200, 3)), "corner": rng.integers(-99, 99, (50, 3))}


def test_equal_implementations_are_exact(stimuli):
    verdict = compare([implementation(name) for name in "abc"], stimuli, LAYERS, {"hidden": 3})
    assert verdict.exact
    assert (verdict.events, verdict.mismatches) == (250, 0)
    assert [(pair.first, pair.second) for pair in verdict.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert verdict.stimuli == {"data": 200, "corner": 50}
    assert all(pair.first_mismatch is None for pair in verdict.pairs)


def test_one_wrong_weight_is_found_where_it_is(stimuli):
    wrong = WEIGHTS.copy()
    wrong[2, 1] += 1
    verdict = compare([implementation("a"), implementation("b", wrong)], stimuli, LAYERS, {})
    first = verdict.pairs[0].first_mismatch
    assert not verdict.exact
    assert (first.layer, first.unit) == ("hidden", 1)
    words = np.array(first.words, dtype=np.int64)
    assert first.distance_lsb == abs(first.first_value - first.second_value) == abs(words[2])
    expected = sum(
        int(((words @ WEIGHTS) ** 2).sum() != ((words @ wrong) ** 2).sum() or words[2] != 0)
        for words in np.concatenate(list(stimuli.values()))
    )
    assert verdict.mismatches == expected


def test_one_wrong_event_among_many_is_found_and_named(stimuli):
    many = {"data": np.tile(stimuli["data"], (100, 1)), "corner": stimuli["corner"]}
    seen = {"rows": 0}

    def spoil_last(hidden):
        # only in the run over all events, whose last corner is off by one
        if len(hidden) == 20050:
            seen["rows"] += 1
            hidden = hidden.copy()
            hidden[-1, 0] += 1
        return hidden

    verdict = compare([implementation("a"), implementation("b", spoil=spoil_last)], many, LAYERS, {})
    assert seen["rows"] == 1
    assert verdict.mismatches == 1
    first = verdict.pairs[0].first_mismatch
    assert (first.event, first.stimulus, first.layer) == (20049, "corner", "score")


def test_a_difference_inside_that_the_score_hides_is_found(stimuli):
    flipped = implementation("b", spoil=lambda hidden: -hidden)  # squares do not see a sign
    verdict = compare([implementation("a"), flipped], stimuli, LAYERS, {})
    assert verdict.mismatches > 0
    assert verdict.pairs[0].first_mismatch.layer == "hidden"


def test_every_stimulus_is_traced(stimuli):
    many = {"data": np.zeros((3 * TRACED_EVENTS, 3)), "corner": stimuli["corner"]}
    flipped = implementation("b", spoil=lambda hidden: -hidden)
    verdict = compare([implementation("a"), flipped], many, LAYERS, {})
    assert verdict.pairs[0].first_mismatch.stimulus == "corner"
