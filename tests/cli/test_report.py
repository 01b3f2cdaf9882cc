"""`l1ae report`: only about the firmware that was verified."""

import json
from pathlib import Path

import pytest
import yaml

from l1ae.report import write_report

from ..made_reports import report, routed, simulated, staged, with_hardware


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


@pytest.mark.parametrize(("allowed", "code"), [(1, 1), (100_000, 0)])
def test_a_budget_is_held_against_the_netlist_of_the_run(l1ae, synthesised, copy_of, monkeypatch, allowed, code):
    from l1ae.report import page

    monkeypatch.setattr(page, "run_plots", lambda *_: [])
    place = copy_of(synthesised)
    config = yaml.safe_load((place.run / "config.yaml").read_text())
    config["budget"]["lut"] = allowed
    (place.run / "config.yaml").write_text(yaml.safe_dump(config))
    ended = l1ae("report", place.run, "--check")
    assert ended.code == code
    (row,) = json.loads((place.run / "report.json").read_text())["budget"]["rows"]
    assert (row["stage"], row["verdict"]) == ("netlist", "exceeded" if code else "within")
    if code:
        assert f"the budget is exceeded: LUT {row['spent']:,.6g} of 1 (netlist, {row['tool']}" in ended.message
    assert len((place.run / "costs.jsonl").read_text().splitlines()) == 1


# One table over the reports of many runs.


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the runs small, large, which exceeds its budget, and wrong, whose netlist differs."""
    monkeypatch.chdir(tmp_path)
    for one in (
        with_hardware(report("small"), staged(), {"lut": 10_000, "latency_ns": 50}, rtl=simulated()),
        with_hardware(report("large"), (*staged(20_000.0), *routed(18_000.0)), {"lut": 10_000}, rtl=simulated()),
        with_hardware(report("wrong"), staged(), rtl=simulated(), netlist=simulated(3)),
    ):
        write_report(tmp_path / "runs" / one.name / "report.json", one)
    return tmp_path


def test_many_runs_make_one_table_and_nothing_is_written(l1ae, folder, folder_content):
    before = folder_content(folder)
    text = l1ae("report", "runs/small", "runs/large").text
    assert max(map(len, text.splitlines())) <= 120
    for word in ("10,000", "18,000", "Place and route", "exceeded: LUT 18,000 of 10,000"):
        assert word in " ".join(text.split())
    assert folder_content(folder) == before


@pytest.mark.parametrize(
    ("form", "beginning"), [("json", "{"), ("csv", "run,name,"), ("markdown", "# Latency"), ("html", "<!DOCTYPE html>")]
)
def test_a_format_goes_to_the_screen_or_into_a_file(l1ae, folder, form, beginning):
    shown = l1ae("report", "runs/small", "--format", form).text
    assert shown.startswith(beginning)
    ending = {"markdown": "md"}.get(form, form)
    assert l1ae("report", "runs/small", "--out", f"out/table.{ending}").text == f"  out/table.{ending}\n"
    assert Path(f"out/table.{ending}").read_text() == shown


def test_an_ending_that_is_no_format_is_refused(l1ae, folder):
    ended = l1ae("report", "runs/small", "--out", "table.pdf")
    assert ended.code == 2
    assert "--out table.pdf: give it one of the endings .txt, .json, .csv, .md, .html" in ended.err


def test_the_check_ends_with_1_when_a_measured_figure_exceeds_the_budget(l1ae, folder):
    assert l1ae("report", "runs/small", "--format", "text", "--check").text
    ended = l1ae("report", "runs/small", "runs/large", "--check")
    assert ended.code == 1
    assert ended.message == "runs/large: the budget is exceeded: LUT 18,000 of 10,000 (place and route, Vivado 2024.1)"
    assert "18,000" in ended.out, "the table is shown all the same"
    assert l1ae("report", "runs/small", "runs/large").code == 0


def test_the_check_ends_with_1_when_a_netlist_differs(l1ae, folder):
    ended = l1ae("report", "runs/wrong", "--format", "csv", "--check")
    assert ended.code == 1
    assert ended.message == (
        "runs/wrong is not exact: C simulation 0 of 1,000, RTL 0 of 100,000, netlist 3 of 100,000 differ"
    )


# A baseline.


def test_a_run_is_as_good_as_the_baseline_that_it_wrote(l1ae, folder):
    assert "costs.json" in l1ae("report", "runs/small", "--format", "text", "--write-baseline", "costs.json").text
    assert l1ae("report", "runs/small", "--format", "text", "--baseline", "costs.json").text


def test_what_got_worse_is_told_line_by_line_with_exit_code_1(l1ae, folder):
    expected = {
        "netlist.LUT": {"value": 9_000, "relative": 0.1},
        "netlist.DSP": {"value": 4},
        "auc.LQ": {"value": 0.95, "absolute": 0.01},
        "place and route.LUT": {"value": 5},
    }
    Path("costs.json").write_text(json.dumps({"figures": expected}))
    ended = l1ae("report", "runs/small", "--format", "text", "--baseline", "costs.json")
    assert ended.code == 1
    assert ended.message == (
        "3 figures are worse than costs.json, or missing: netlist.LUT, auc.LQ, place and route.LUT"
    )
    assert [line.strip() for line in ended.out.splitlines() if line.startswith("  ") and ":" in line][-4:] == [
        "worse: netlist.LUT is 10,000, expected 9,000, at most 900 worse",
        "worse: auc.LQ is 0.92, expected 0.95, at most 0.01 worse",
        "missing: place and route.LUT, expected 5",
        "better: netlist.DSP is 0, was 4",
    ]


def test_a_baseline_is_about_one_run(l1ae, folder):
    ended = l1ae("report", "runs/small", "runs/large", "--baseline", "costs.json")
    assert ended.code == 2
    assert "a baseline is about one run" in ended.err


def test_a_table_needs_reports(l1ae, folder):
    assert "runs/none holds no run" in l1ae("report", "runs/small", "runs/none").message
