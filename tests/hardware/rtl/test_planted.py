"""Faults in the emitted files, one at a time: the emitted test bench finds each."""

import re
import shutil

import numpy as np
import pytest

from l1ae.circuit.corners import corner_words
from l1ae.config import RtlConfig
from l1ae.hardware.rtl import emit_rtl, read_rtl

from .samples import PART, port_words, scored

_CLOCKS = 4


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    circuit = scored()
    folder = tmp_path_factory.mktemp("sound") / "rtl"
    config = RtlConfig(latency_clocks=_CLOCKS)
    words = np.concatenate([corner_words(circuit), port_words(circuit, 300)])
    return emit_rtl(circuit, "tiny", folder, part=PART, config=config, words=words)


@pytest.fixture
def copy(sound, tmp_path):
    return read_rtl(shutil.copytree(sound.path, tmp_path / "rtl"))


def edit(file, pattern, change, count=1):
    """Replace what the pattern finds, which has to be there."""
    text, found = re.subn(pattern, change, file.read_text(), count=count)
    assert found == count
    file.write_text(text)


def test_nothing_wrong(bench, copy):
    assert copy.changed_files() == ()
    assert bench(copy).passed


def test_one_wrong_table_entry(bench, copy):
    def flip(match):
        return f"{match[1]}{match[2]}'h{int(match[3], 16) ^ 1 << int(match[2]) - 1:x};"

    edit(copy.path / "src" / "tiny_tables.v", r"(\n +\d+'d3: entry = )(\d+)'h([0-9a-f]+);", flip)
    ended = bench(copy)
    assert not ended.passed
    assert "first difference at event" in ended.text
    assert copy.changed_files() == ("src/tiny_tables.v",)


def test_one_missing_pipeline_register(bench, copy):
    # Stage 3 reads what stage 2 gives in the same clock: an event meets the half of another one.
    edit(copy.path / "src" / "tiny.v", r"\.in_bits\(register2\)", ".in_bits(stage2_out)")
    assert not bench(copy).passed


def test_one_missing_register_of_the_valid_bit(bench, copy):
    edit(copy.path / "src" / "tiny.v", r"valid2 <= valid1", "valid2 <= in_valid")
    assert not bench(copy).passed


def test_a_reset_that_forgets_a_valid_bit(bench, copy):
    edit(copy.path / "src" / "tiny.v", r"(valid3 <= valid2) & ~rst", r"\1")
    assert not bench(copy).passed


def vectors_of_another(copy, folder, count):
    """Lines of the vector file of another circuit with the same ports."""
    other = scored(seed=9)
    written = emit_rtl(other, "tiny", folder, part=PART, config=RtlConfig(), words=port_words(other, count))
    return (written.path / "tb" / "vectors.hex").read_text().splitlines()


def test_stale_vectors(bench, copy, tmp_path):
    mine = copy.path / "tb" / "vectors.hex"
    events = len(mine.read_text().splitlines()) - 2
    mine.write_text("\n".join(vectors_of_another(copy, tmp_path / "other", events)) + "\n")
    ended = bench(copy)
    assert not ended.passed
    assert "those of another circuit" in ended.text


def test_stale_vectors_under_the_right_name(bench, copy, tmp_path):
    mine = copy.path / "tb" / "vectors.hex"
    lines = mine.read_text().splitlines()
    lines[2:] = vectors_of_another(copy, tmp_path / "other", len(lines) - 2)[2:]
    mine.write_text("\n".join(lines) + "\n")
    ended = bench(copy)
    assert not ended.passed
    assert "first difference at event" in ended.text


@pytest.mark.parametrize("change", [-5, 5])
def test_vectors_that_are_more_or_fewer(bench, copy, change):
    mine = copy.path / "tb" / "vectors.hex"
    lines = mine.read_text().splitlines()
    mine.write_text("\n".join(lines[:change] if change < 0 else lines + lines[-change:]) + "\n")
    assert bench(copy).code != 0


def test_one_wrong_shift(bench, copy):
    # A sum with an operand that is shifted to the left: by one bit less.
    wanted = re.compile(r"(\{)(\w+)(\[\d+:\d+\])?, (\d+)'h0\}")
    for file in copy.sources:
        found = next((m for m in wanted.finditer(file.read_text()) if int(m[4]) > 1), None)
        if found is not None:
            break
    changed = f"{{1'h0, {found[2]}{found[3] or ''}, {int(found[4]) - 1}'h0}}"
    file.write_text(file.read_text().replace(found[0], changed, 1))
    assert not bench(copy).passed


@pytest.mark.parametrize("wrong", [">", "=="], ids=["greater", "equal"])
def test_a_wrong_comparison_with_the_threshold(bench, copy, wrong):
    edit(copy.path / "src" / "tiny.v", r"(wire fires = .*) >= ", rf"\1 {wrong} ")
    assert not bench(copy).passed


def test_a_trigger_without_an_event(bench, copy):
    edit(copy.path / "src" / "tiny.v", r"trigger <= fires & valid3 & ~rst", "trigger <= fires & ~rst")
    assert not bench(copy).passed


def test_a_board_that_starts_before_its_crossing_is_complete(bench, copy):
    edit(copy.path / "board" / "tiny_board.v", r"== FRAMES - 1\)", "== FRAMES - 2)")
    assert not bench(copy, board=True).passed


def test_a_board_whose_crossing_numbers_are_one_clock_late(bench, copy):
    edit(
        copy.path / "board" / "tiny_board.v",
        r"assign \{bc0_out, bx_out\} = tags\[13\*LATENCY-1",
        "assign {bc0_out, bx_out} = tags[13*(LATENCY-2)-1",
    )
    assert not bench(copy, board=True).passed
