"""`l1ae compare`: finished runs in one table, from their reports alone."""

import json

import pytest
import yaml

from l1ae.report import write_report
from l1ae.report.comparison_record import Comparison

from ..conftest import tiny_config
from ..made_reports import report


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the runs a_seed1 and a_seed2, which differ in the seed, b, and elsewhere, on other events."""
    monkeypatch.chdir(tmp_path)
    for one in (
        report("a_seed1", seed=1, auc=0.90),
        report("a_seed2", seed=2, auc=0.92),
        report("b", same_but_seed="b" * 12, auc=0.95, lut=3000.0),
        report("elsewhere", same_but_seed="c" * 12, sha256="cd" * 32),
    ):
        write_report(tmp_path / "runs" / one.name / "report.json", one)
    return tmp_path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_runs_are_shown_and_nothing_is_written(l1ae, folder):
    before = files(folder)
    text = l1ae("compare", "runs/a_seed1", "runs/a_seed2", "runs/b").text
    assert "0.910(14)" in text
    assert "2: 1, 2" in text
    assert "0.9500(40)" in text
    assert max(map(len, text.splitlines())) <= 120
    assert files(folder) == before


def test_the_records_are_written_with_the_command_as_it_was_typed(l1ae, folder):
    typed = (
        "runs/b",
        "runs/a_seed1",
        "--json",
        "out/all.json",
        "--markdown",
        "out/my models.md",
        "--html",
        "out/all.html",
    )
    text = l1ae("compare", *typed).text
    made = {name: (folder / "out" / name).read_text() for name in ("all.json", "my models.md", "all.html")}
    comparison = Comparison.model_validate_json(made["all.json"])
    assert [row.name for row in comparison.rows] == ["b", "a_seed1"]
    command = "l1ae compare runs/b runs/a_seed1 --json out/all.json --markdown 'out/my models.md' --html out/all.html"
    assert comparison.command == command
    assert f"    {command}\n" in made["my models.md"]
    assert "<h1>Runs compared</h1>" in made["all.html"]
    assert all(f"  out/{name}\n" in text for name in made)
    assert len(files(folder / "out")) == 3


def test_sorting_and_choosing_signals(l1ae, folder):
    def rows(*options):
        assert l1ae("compare", "runs/a_seed1", "runs/b", *options, "--json", "all.json").text
        return json.loads((folder / "all.json").read_text())["rows"]

    assert [row["name"] for row in rows()] == ["a_seed1", "b"]
    assert [row["name"] for row in rows("--sort", "auc")] == ["b", "a_seed1"]
    assert list(rows("--signals", "A4l")[0]["auc"]) == ["A4l"]
    assert l1ae("compare", "runs/b", "--signals", "Z").message == "runs/b has no signal Z; it has LQ, A4l"
    assert l1ae("compare", "runs/b", "--sort", "speed").message.startswith(
        "no column speed to sort by; there are name,"
    )


def test_runs_on_different_events_need_to_be_asked_for(l1ae, folder):
    ended = l1ae("compare", "runs/b", "runs/elsewhere", "--json", "all.json")
    assert ended.code == 2
    assert ended.message.startswith("runs/b and runs/elsewhere were tested on different events")
    assert not (folder / "all.json").exists()
    text = l1ae("compare", "runs/b", "runs/elsewhere", "--mixed").text
    assert "Data 2: made_up.h5 (SHA-256 cdcdcdcd)" in text


def test_a_report_can_be_named_instead_of_its_run(l1ae, folder):
    assert "0.9500(40)" in l1ae("compare", "runs/b/report.json").text


def test_a_run_without_a_report_is_named_with_the_command_that_writes_it(l1ae, folder):
    (folder / "runs" / "new").mkdir()
    (folder / "runs" / "new" / "config.yaml").write_text(yaml.safe_dump(tiny_config("variational")))
    assert l1ae("compare", "runs/b", "runs/new").message == "runs/new has no report.json yet: l1ae report runs/new"
    assert "runs/none holds no run" in l1ae("compare", "runs/none").message


def test_a_report_of_another_version_is_named_with_the_command_that_writes_it_again(l1ae, folder):
    file = folder / "runs" / "b" / "report.json"
    content = json.loads(file.read_text())
    del content["model"]["same_but_seed"]
    file.write_text(json.dumps(content))
    message = l1ae("compare", "runs/a_seed1", "runs/b").message
    assert message.startswith("runs/b/report.json is not a report of this version of l1ae: model.same_but_seed: Field")
    assert message.endswith(": write it again with l1ae report runs/b")


def test_the_help_tells_both_comparisons_apart(l1ae):
    assert "For event files: l1ae data compare." in " ".join(l1ae("compare", "--help").out.split())
    assert "For finished runs: l1ae compare." in " ".join(l1ae("data", "compare", "--help").out.split())


def test_a_finished_run_can_be_compared(l1ae, variational, undercomplete, tmp_path):
    runs = variational.place.run, undercomplete.place.run
    text = l1ae("compare", *runs, "--html", tmp_path / "all.html").text
    assert "variational" in text
    assert "undercomplete" in text
    assert "tiny (" in text, "both are called tiny, and told apart by their folders"
    assert "not verified" not in text
