"""Faults planted in a design: each is found, and the verdict says what is wrong."""

import pytest

from l1ae.errors import VerificationError
from l1ae.hardware.simulation import check_rtl


@pytest.fixture
def judged(broken, stimuli, log, cache):
    """judged(old, new, ...) -> the verdict on a design with parts of its text exchanged, which must not be good."""

    def judge(*pairs, **changes):
        project = broken(*pairs, **changes)
        verdict = check_rtl(project, stimuli, log=log, cache=cache)
        assert not verdict.exact
        with pytest.raises(VerificationError) as raised:
            verdict.check()
        assert str(raised.value) == verdict.sentence
        assert all(figure.value is None for figure in verdict.figures(project))
        return verdict

    return judge


def by_name(verdict):
    return {pattern.name: pattern for pattern in verdict.patterns}


def test_one_wrong_table_entry(judged, circuit, stimuli):
    entry = int(circuit["tables"].tables[1, 16 + 9])  # of the word 9
    line = f"5'd9: word = 8'h{entry & 255:02x};"
    verdict = judged(line, "5'd9: word = 8'h00;", behind="module tiny_table_1")
    everywhere = by_name(verdict)["back to back"]
    assert everywhere.wrong == sum(int((words[:, 1] == 9).sum()) for words in stimuli.values())
    assert everywhere.lost == everywhere.spurious == 0
    first = verdict.first
    assert first.fault == "wrong words"
    assert stimuli[first.origin][first.event, 1] == 9
    expected = circuit.output_words(stimuli[first.origin][first.event][None])[0, 0]
    assert (first.element, first.expected, first.found) == (0, expected, expected - entry)
    assert f"event {first.event} ({first.origin})" in verdict.sentence
    assert verdict.latency_clocks == 3


def test_a_missing_pipeline_register_on_one_path(judged):
    """A part of the sum is that of the event behind."""
    verdict = judged("third_2 <= c;", "", "pair_2 + third_2", "pair_2 + $signed(entries_1[23:16])")
    assert verdict.first.fault == "wrong words"
    assert verdict.latency_clocks == 3
    assert by_name(verdict)["back to back"].wrong > 9000


def test_data_a_clock_ahead_of_their_valid(judged):
    verdict = judged("entries_1 <= entries;", "", "reg [23:0] entries_1;", "wire [23:0] entries_1 = entries;")
    assert by_name(verdict)["back to back"].wrong > 9000
    assert verdict.first.fault == "wrong words"
    assert verdict.latency_clocks == 3


@pytest.mark.parametrize("late", [False, True])
def test_a_valid_bit_out_of_step(judged, late):
    if late:
        pairs = ("out_valid <= valid_2 & ~rst;", "valid_3 <= valid_2 & ~rst; out_valid <= valid_3 & ~rst;")
        verdict = judged(*pairs, "valid_1, valid_2;", "valid_1, valid_2, valid_3;")
    else:
        verdict = judged("out_valid <= valid_2 & ~rst;", "out_valid <= valid_1 & ~rst;")
    assert verdict.latency_clocks == (4 if late else 2)
    assert f"latency {verdict.latency_clocks} clocks where 3 are promised" in verdict.sentence
    assert by_name(verdict)["back to back"].wrong > 9000


def test_a_design_that_is_slower_than_promised_and_otherwise_right(judged):
    verdict = judged(latency_clocks=2)
    assert verdict.mismatches == 0
    assert verdict.first is None
    assert verdict.sentence == "tiny: 0 mismatches; latency 3 clocks where 2 are promised, initiation interval 1"


def test_a_trigger_that_leaves_out_its_threshold(judged):
    verdict = judged("total >= $signed", "total > $signed")
    assert verdict.first.fault == "wrong trigger"
    assert (verdict.first.expected, verdict.first.found) == (1, 0)
    # Of each score one trigger is wrong, and more where another score, or an end of the format, is the same.
    assert by_name(verdict)["thresholds"].wrong >= 256
    assert f"the score is {verdict.first.threshold}" in str(verdict.first)


def test_a_trigger_that_forgets_the_sign(judged):
    verdict = judged("total >= $signed(threshold)", "total >= threshold")
    assert verdict.first.fault == "wrong trigger"


def test_a_trigger_without_an_output(judged):
    verdict = judged("trigger <= above & valid_2 & ~rst;", "trigger <= above;")
    assert verdict.first.fault == "trigger without an output"
    assert by_name(verdict)["random gaps"].spurious > 100
    assert by_name(verdict)["back to back"].wrong == 0


def test_a_reset_that_leaves_a_valid_bit(judged):
    verdict = judged("valid_2 <= valid_1 & ~rst;", "valid_2 <= valid_1;")
    assert verdict.first.fault == "output without an event"
    assert by_name(verdict)["resets"].spurious > 10
    assert by_name(verdict)["resets"].wrong == by_name(verdict)["resets"].lost == 0
    assert by_name(verdict)["random gaps"].wrong == 0


def test_a_reset_that_nothing_looks_at(judged):
    pairs = (
        "in_valid & ~rst;",
        "in_valid;",
        "valid_1 & ~rst;",
        "valid_1;",
        "out_valid <= valid_2 & ~rst;",
        "out_valid <= valid_2;",
    )
    verdict = judged(*pairs)
    assert by_name(verdict)["resets"].spurious > 100


def test_a_reset_after_which_nothing_comes(judged):
    pairs = (
        "reg valid_1, valid_2;",
        "reg valid_1, valid_2, dead; always @(posedge clk) if (in_valid & rst) dead <= 1;",
    )
    verdict = judged(*pairs, "out_valid <= valid_2 & ~rst;", "out_valid <= valid_2 & ~rst & ~dead;")
    assert verdict.latency_clocks is None
    assert verdict.initiation_interval is None
    assert verdict.first.fault == "no output"
    assert "nothing comes out" in verdict.sentence


def test_a_stuck_bit(judged):
    verdict = judged("score <= total;", "score <= total | 4;")
    assert verdict.first.fault == "wrong words"
    assert verdict.first.found == verdict.first.expected | 4


def test_a_register_that_keeps_what_was(judged):
    """Alone and in gaps, where nothing else is on its way, the words are right."""
    verdict = judged("third_2 <= c;", "if (in_valid | valid_1) third_2 <= valid_2 ? third_2 : c;")
    found = by_name(verdict)
    assert found["single events"].mismatches == 0
    assert found["back to back"].wrong > 8000


def test_what_depends_on_how_registers_wake_up(judged):
    pairs = ("reg valid_1, valid_2;", "reg valid_1, valid_2; reg [3:0] never_set;")
    verdict = judged(*pairs, "score <= total;", "score <= total + never_set;")
    assert verdict.first.fault == "wrong words"


def test_an_event_taken_every_second_clock(judged):
    pairs = (
        "reg valid_1, valid_2;",
        "reg valid_1, valid_2, busy; always @(posedge clk) busy <= in_valid & ~busy & ~rst;",
    )
    verdict = judged(*pairs, "valid_1 <= in_valid & ~rst;", "valid_1 <= in_valid & ~busy & ~rst;")
    assert verdict.initiation_interval == 2
    assert by_name(verdict)["single events"].mismatches == 0
    assert by_name(verdict)["back to back"].lost == 4750
    assert verdict.first.fault == "no output"


def test_events_that_come_out_twice(judged):
    verdict = judged("out_valid <= valid_2 & ~rst;", "out_valid <= (valid_2 | (out_valid & ~valid_1)) & ~rst;")
    assert verdict.first.fault == "output without an event"
    assert verdict.latency_clocks == 3


def test_an_output_that_is_always_valid(judged):
    verdict = judged("out_valid <= valid_2 & ~rst;", "out_valid <= 1;")
    assert by_name(verdict)["random gaps"].spurious > 1000


def test_words_of_a_neighbour_are_named(judged):
    """The words wait a clock more when nothing is behind them, so that alone they are right."""
    pairs = (
        "reg signed [7:0] third_2;",
        "reg signed [7:0] third_2; reg [14:0] kept; always @(posedge clk) kept <= in_words;",
    )
    verdict = judged(*pairs, ".in_bits(in_words)", ".in_bits(valid_1 ? kept : in_words)")
    assert by_name(verdict)["single events"].mismatches == 0
    assert "its words are those of the event 1 clock before it: valid and data are out of step" in verdict.sentence
