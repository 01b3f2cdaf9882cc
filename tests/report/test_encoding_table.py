"""An encoding as text: every figure that the record holds, and what it does not hold, said plainly."""

import io

import pytest
from rich.console import Console

from l1ae.evaluation.compression import Bits, Deviation, Encoding, FeatureLoss, Loss, Presence
from l1ae.report.encoding_table import summarise_encoding


def deviation(rms):
    return Deviation(entries=1234, rms=rms, mean_absolute=rms / 2, bias=-rms / 4)


NONE = Deviation(entries=0, rms=None, mean_absolute=None, bias=None)


def feature(kind, name, unit, **figures):
    return FeatureLoss(kind=kind, feature=name, quantity=name, unit=unit, **figures)


def loss(*processes, rms=8.0, entropy=(2.0, 3.0), **changes):
    content = {
        "processes": processes,
        "events": 5678,
        "fields_entropy_bits": 40.0,
        "entropy_bits": entropy,
        "seen": deviation(0.5),
        "features": (
            feature("jet", "pt", "GeV", network=deviation(rms), inputs=deviation(0.25), spread=16.5, unseen=0),
            feature("MET", "phi", "rad", network=NONE, inputs=NONE, spread=None, unseen=1),
        ),
        "presence": (Presence(kind="jet", present=200, lost=7, absent=0, invented=0),),
    }
    return Loss(**content | changes)


def encoding(**changes):
    content = {
        "run": "made",
        "circuit_sha256": "0" * 64,
        "file": "events.h5",
        "file_sha256": "1" * 64,
        "part": "test",
        "events": 5678,
        "code_format": "ap_fixed<8,4,RND_CONV,SAT>",
        "latent": 2,
        "target": "scaled",
        "bits": Bits(fields=48, port=52, code=16),
        "ratio": 3.0,
        "softest_gev": {},
        "background": loss("W", "Z"),
        "processes": (loss("W"), loss("h0", rms=64.0)),
        "notes": (),
    }
    return Encoding(**content | changes)


def shown(found):
    console = Console(file=io.StringIO(), width=160)
    console.print(summarise_encoding(found))
    return console.file.getvalue()


def row(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"│ {name}")).strip("│").split("│")


def test_bits_entropies_errors_and_processes_are_shown():
    text = shown(encoding())
    assert "bits per event: 48 (52 at the port) -> 16 (2 x ap_fixed<8,4,RND_CONV,SAT>): 3.0 times fewer" in text
    assert "entropy, field by field, of background: 5,678 events: 40.0 -> 5.0: 8.0 times fewer" in text
    cells = [cell.strip() for cell in row(text, "jet pt")]
    assert cells == ["jet pt", "GeV", "1,234", "8", "4", "-2", "16.5", "0.25"]
    assert [cell.strip() for cell in row(text, "jet ")][1:] == cells[1:]
    assert "7 (3.5 %)" in text
    assert [cell.strip() for cell in row(text, "h0")] == ["h0", "5,678", "5.0", "0.5", "64"]
    assert "note" not in text


def test_an_input_that_the_network_does_not_see_is_called_so():
    cells = [cell.strip() for cell in row(shown(encoding()), "MET phi")]
    assert cells[0] == "MET phi (the network does not see it)"
    assert cells[2:] == ["0", "-", "-", "-", "-", "-"]


@pytest.mark.parametrize("notes", [("only the codes are known",), ("one", "another")])
def test_what_could_not_be_measured_is_said(notes):
    bare = loss("W", seen=None, features=(), presence=())
    text = shown(encoding(background=bare, processes=(bare,), notes=notes))
    assert [line.strip() for line in text.splitlines() if "note" in line] == [f"note: {note}" for note in notes]
    assert "RMS" not in text


def test_behind_an_embedding_the_error_is_one_line():
    embedded = loss("W", features=(), presence=())
    text = shown(encoding(background=embedded, processes=(embedded,), target="embedded"))
    assert "reconstructed minus true embedded: RMS 0.5, mean absolute 0.25, bias -0.125" in text


def test_without_background_the_first_process_stands_in_front():
    text = shown(encoding(background=None, processes=(loss("h0"),)))
    assert "h0: 5,678 events" in text
    assert "background" not in text


def test_codes_that_are_all_the_same_carry_nothing():
    same = loss("W", entropy=(0.0, 0.0))
    assert "every event has the same code" in shown(encoding(background=same))
