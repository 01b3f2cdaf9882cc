"""`l1ae report`: only about the firmware that was verified."""

import json

import pytest


def refused(l1ae, place, folder_content):
    before = folder_content(place.root)
    ended = l1ae("report", place.run)
    assert ended.code == 2
    assert folder_content(place.root) == before
    return ended.message


@pytest.mark.parametrize("file", ["firmware/defines.h", "firmware/weights/b9.h", "tiny_bridge.cpp"])
def test_firmware_that_changed_after_it_was_verified_is_refused(l1ae, variational, copy_of, folder_content, file):
    place = copy_of(variational)
    (place.project / file).write_text((place.project / file).read_text() + "// an edit\n")
    message = refused(l1ae, place, folder_content)
    assert message == f"{place.project} has changed since it was verified: l1ae verify {place.run}"


@pytest.mark.parametrize(
    ("name", "command"), [("conversion.json", "convert"), ("verification.json", "verify"), ("history.json", "train")]
)
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null"])
def test_a_damaged_record_is_named_with_the_command_that_makes_it_again(
    l1ae, variational, copy_of, folder_content, name, command, content
):
    place = copy_of(variational)
    (place.run / name).write_text(content)
    message = refused(l1ae, place, folder_content)
    assert message == f"{place.run / name} is damaged: remove it, then l1ae {command} {place.run}"


def test_a_damaged_circuit_is_named(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    (place.run / "circuit.json").write_text("{}")
    assert "circuit.json has changed since it was verified" in refused(l1ae, place, folder_content)
    assert f"{place.run / 'circuit.json'} is not a circuit" in l1ae("verify", place.run).message


def test_events_that_are_gone_are_named(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    record = place.run / "config.yaml"
    lines = record.read_text().splitlines()
    record.write_text("\n".join("  file: gone.h5" if line.startswith("  file: ") else line for line in lines))
    assert "no event file gone.h5" in refused(l1ae, place, folder_content)


def test_a_run_and_its_firmware_can_be_moved_together(l1ae, variational, copy_of, monkeypatch):
    """The figures are the same after the move; drawing them again is left out."""
    from l1ae.report import page

    monkeypatch.setattr(page, "run_plots", lambda *_: [])
    place = copy_of(variational)
    (place.run / "report.json").unlink()
    assert l1ae("report", place.run).text
    before, after = (json.loads((run / "report.json").read_text()) for run in (variational.place.run, place.run))
    assert before.pop("created") <= after.pop("created")
    assert before == after
