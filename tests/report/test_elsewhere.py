"""A run on other files; the circuit is a stand-in that sums the pT words."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from l1ae.config import DataConfig
from l1ae.errors import DataError
from l1ae.evaluation import QUANTITIES, Scores, efficiencies, evaluate, pile_up_dependence, rates
from l1ae.events.inspection import Inspection
from l1ae.events.io import write_events
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.events.schema import EventSet
from l1ae.events.split import PARTS, part_codes
from l1ae.files import sha256
from l1ae.report.elsewhere import Chosen, FileEvaluation, evaluate_files
from l1ae.report.elsewhere_table import summarise_files
from l1ae.settings import TriggerConfig

DATA = DataConfig(file="training.h5", background=("W", "Z", "QCD", "tt"), signals=("LQ",))


def score(events):
    return events.words[..., 0].sum(axis=1, dtype=np.int64)


CIRCUIT = SimpleNamespace(
    output_words=lambda inputs: inputs.reshape(-1, 19, 3)[..., 0].sum(axis=1, dtype=np.int64)[:, None],
    output=SimpleNamespace(format=SimpleNamespace(high=2**20)),
)


def scores_of(events):
    return Scores(
        score(events.of(*DATA.background)), {name: score(events.of(name)) for name in ("LQ", "A4l", "h0", "h+")}
    )


@pytest.fixture
def finished(report, event_file, many_events):
    """The report of a run that was trained on `event_file`."""
    test = many_events.take(part_codes(many_events.event_id) == PARTS.index("test"))
    found = scores_of(test)
    return report.model_copy(
        update={
            "physics": evaluate(found.background, found.signals),
            "rates": rates(found, TriggerConfig(rates_khz=(3000.0, 0.001))),
            "efficiency": efficiencies(found, {quantity.name: found for quantity in QUANTITIES}),
            "data": report.data.model_copy(update={"sha256": sha256(event_file)}),
        }
    )


@pytest.fixture
def other_file(tmp_path, many_events):
    """The same events in another order: another file."""
    path = tmp_path / "other.h5"
    write_events(path, many_events.take(np.arange(len(many_events))[::-1]))
    return path


def use(report, *paths, **chosen):
    return evaluate_files(DATA, report, CIRCUIT, [Inspection(str(path)) for path in paths], Chosen(**chosen))


def test_of_the_training_file_only_the_test_part_is_used(finished, event_file, many_events):
    found = use(finished, event_file)
    test = many_events.take(part_codes(many_events.event_id) == PARTS.index("test"))
    assert found.files[0].part == "test"
    assert "trained on the rest" in found.files[0].why
    assert sum(found.events.values()) == len(test)
    assert found.physics == finished.physics
    for point in found.in_force:
        assert point.background == point.before


def test_of_another_file_every_event_is_used(finished, other_file, many_events):
    found = use(finished, other_file)
    assert found.files[0].part == "whole"
    assert sum(found.events.values()) == len(many_events)
    expected = scores_of(many_events.take(np.arange(len(many_events))[::-1]))
    assert found.physics == evaluate(expected.background, expected.signals)
    assert found.rates == rates(expected, finished.rates.basis)


def test_the_thresholds_in_force_are_those_of_the_report(finished, other_file, many_events):
    found = use(finished, other_file)
    expected = scores_of(many_events)
    assert [point.target for point in found.in_force] == ["FPR 1e-2", "3000 kHz"], "the others were not reachable"
    for point in found.in_force:
        assert point.background.passed == (expected.background >= point.threshold).sum()
        assert point.rate.value == pytest.approx(
            finished.rates.input_khz * (expected.background >= point.threshold).mean()
        )
        for name, share in point.signals.items():
            assert share.passed == (expected.signals[name] >= point.threshold).sum()
    assert found.in_force[0].threshold == finished.physics["LQ"].tpr["1e-2"].threshold


def test_processes_are_those_of_the_run_unless_they_are_named(finished, other_file):
    found = use(finished, other_file)
    assert found.background == ("W", "Z", "QCD", "tt")
    assert sorted(found.signals) == ["A4l", "LQ", "h+", "h0"]
    named = use(finished, other_file, background=("LQ", "tt"), signals=("W",))
    assert (named.background, named.signals) == (("LQ", "tt"), ("W",))
    assert list(named.events) == ["LQ", "tt", "W"]


def test_several_files_are_one_sample(finished, tmp_path, event_file, many_events):
    paths = [tmp_path / f"{name}.h5" for name in ("first", "second")]
    for path, part in zip(paths, (many_events.of("W"), many_events.of("LQ")), strict=True):
        write_events(path, part)
    found = use(finished, *paths)
    assert found.events == {"W": len(many_events.of("W")), "LQ": len(many_events.of("LQ"))}
    mixed = use(finished, event_file, paths[1])
    assert [file.part for file in mixed.files] == ["test", "whole"]


def test_pile_up_is_that_of_the_background_at_the_threshold_of_the_report(finished, tmp_path, many_crowded):
    write_events(tmp_path / "crowded.h5", many_crowded.take(np.arange(len(many_crowded))[::-1]))
    found = use(finished, tmp_path / "crowded.h5")
    background = many_crowded.of(*DATA.background)
    expected = pile_up_dependence(score(background), background.pile_up, finished.efficiency.threshold)
    assert found.pile_up.threshold == finished.efficiency.threshold
    assert found.pile_up.correlation == pytest.approx(expected.correlation, abs=1e-12)
    assert found.pile_up.bins == expected.bins
    uncut = use(finished.model_copy(update={"efficiency": None}), tmp_path / "crowded.h5")
    assert uncut.pile_up.correlation == found.pile_up.correlation
    assert (uncut.pile_up.threshold, uncut.pile_up.bins) == (None, ())


def test_of_the_training_file_the_pile_up_of_the_test_part_is_used(finished, tmp_path, many_crowded):
    path = tmp_path / "crowded.h5"
    write_events(path, many_crowded)
    trained = finished.model_copy(update={"data": finished.data.model_copy(update={"sha256": sha256(path)})})
    test = many_crowded.take(part_codes(many_crowded.event_id) == PARTS.index("test")).of(*DATA.background)
    found = use(trained, path)
    assert found.pile_up == pile_up_dependence(score(test), test.pile_up, finished.efficiency.threshold)


def test_pile_up_is_known_when_every_file_holds_it(finished, tmp_path, many_crowded):
    parts = many_crowded.of("W"), many_crowded.of("QCD"), many_crowded.of("LQ").without_pile_up()
    paths = [tmp_path / name for name in ("W.h5", "QCD.h5", "LQ.h5")]
    for path, part in zip(paths, parts, strict=True):
        write_events(path, part)
    both = use(finished, *paths[:2]).pile_up
    counts = np.concatenate([part.pile_up for part in parts[:2]])
    scores = np.concatenate([score(part) for part in parts[:2]])
    assert both == pile_up_dependence(scores, counts, finished.efficiency.threshold)
    assert use(finished, *paths).pile_up is None
    assert use(finished, paths[0], paths[2]).pile_up is None


def test_background_alone_has_rates_and_no_physics(finished, tmp_path, many_events):
    write_events(tmp_path / "background.h5", many_events.of("QCD", "W"))
    found = use(finished, tmp_path / "background.h5")
    assert (found.physics, found.signals) == ({}, ())
    assert found.rates.points[0].rate is not None
    assert found.in_force[0].background.events == len(many_events.of("QCD", "W"))


def test_more_objects_than_the_run_takes_are_cut_off(finished, tmp_path, many_events):
    rows, _ = GLOBAL_TRIGGER.positions(LEPTON)
    words = np.zeros((len(many_events), *GLOBAL_TRIGGER.shape), np.int16)
    words[:, rows] = many_events.words
    words[:, -1, 0] = 7  # a tau, which the run does not take
    wide = EventSet(words, many_events.process, many_events.process_names, many_events.event_id, layout=GLOBAL_TRIGGER)
    write_events(tmp_path / "wide.h5", wide)
    expected = scores_of(many_events)
    assert use(finished, tmp_path / "wide.h5").physics == evaluate(expected.background, expected.signals)


def test_when_the_training_files_are_gone_the_careful_half_is_taken(finished, other_file, event_file):
    gone = DATA.model_copy(update={"file": ("gone.h5", "gone_too.h5")})
    found = evaluate_files(gone, finished, CIRCUIT, [Inspection(str(other_file))])
    assert found.files[0].part == "test"
    assert "are gone, so it may be one of them" in found.files[0].why


def test_one_of_several_training_files_is_known_by_its_content(finished, other_file, event_file):
    from l1ae.events.source import digest

    two = DATA.model_copy(update={"file": (str(event_file), str(other_file))})
    record = finished.data.model_copy(update={"sha256": digest([event_file, other_file])})
    found = evaluate_files(two, finished.model_copy(update={"data": record}), CIRCUIT, [Inspection(str(other_file))])
    assert found.files[0].part == "test"
    assert "trained on the rest" in found.files[0].why


def test_another_layout_is_refused_with_the_first_difference(finished, tmp_path, many_events):
    few = tmp_path / "few.h5"
    write_events(few, many_events.select(LEPTON.select({"jet": 10, "muon": 4})))
    with pytest.raises(DataError, match=r"few.h5 has another layout than the run: the events hold no MET"):
        use(finished, few)
    kinds = list(LEPTON.kinds)
    pt = kinds[1].fields["pt"].model_copy(update={"lsb": 0.25})
    kinds[1] = kinds[1].model_copy(update={"fields": kinds[1].fields | {"pt": pt}})
    write_events(tmp_path / "fine.h5", replace(many_events, layout=LEPTON.model_copy(update={"kinds": tuple(kinds)})))
    with pytest.raises(
        DataError, match=r"fine.h5 has another layout than the run: e/gamma pt has another hardware scale"
    ):
        use(finished, tmp_path / "fine.h5")


def test_processes_that_are_not_there_are_named(finished, tmp_path, many_events):
    path = tmp_path / "signal.h5"
    write_events(path, many_events.of("LQ"))
    with pytest.raises(
        DataError, match=r"none of the run's background processes W, Z, QCD, tt in .*, which holds LQ: name"
    ):
        use(finished, path)
    with pytest.raises(DataError, match=r"no event of HH in .*signal.h5, which holds LQ"):
        use(finished, path, background=("LQ",), signals=("HH",))
    with pytest.raises(DataError, match="LQ cannot be background and signal"):
        use(finished, path, background=("LQ",), signals=("LQ",))
    with pytest.raises(DataError, match="named twice"):
        use(finished, path, path)


def test_a_report_of_an_older_version_is_refused(finished, other_file):
    with pytest.raises(DataError, match="older l1ae"):
        use(finished.model_copy(update={"layout": None}), other_file)


def test_records_survive_json_and_the_table_says_it_all(finished, other_file, many_events, tmp_path):
    found = use(finished, other_file)
    assert FileEvaluation.model_validate_json(found.model_dump_json()) == found
    with (tmp_path / "table.txt").open("w") as file:
        Console(file=file, width=120).print(summarise_files(found))
    text = (tmp_path / "table.txt").read_text()
    assert "other.h5: the whole file: the run was not trained on it" in " ".join(text.split())
    assert f"{len(many_events.of('QCD')):,} QCD" in text
    for name, performance in found.physics.items():
        assert f"{performance.auc:.4f} ± {performance.auc_error:.4f}" in text, name
    for point in found.in_force:
        assert f"{point.rate.value:.4g}" in text
    assert "40 MHz of bunch crossings" in text
    assert "pure" not in text
    assert "Dependence on pile-up: not available: the events carry no pile-up count." in " ".join(text.split())


def test_pile_up_is_shown_in_bins(finished, many_crowded, tmp_path):
    write_events(tmp_path / "crowded.h5", many_crowded)
    found = use(finished, tmp_path / "crowded.h5")
    assert FileEvaluation.model_validate_json(found.model_dump_json()) == found
    with (tmp_path / "table.txt").open("w") as file:
        Console(file=file, width=120).print(summarise_files(found))
    text = (tmp_path / "table.txt").read_text()
    assert f"over {found.pile_up.events:,} background events" in " ".join(text.split())
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines()]
    for one in found.pile_up.bins:
        assert [one.text, f"{one.passing.events:,}"] in [cells[:2] for cells in rows]
