"""The stages, one by one: what each needs, what each leaves, and that together they are `l1ae run`."""

import json
import shutil

import numpy as np
import pytest
import yaml

from l1ae.circuit import Circuit
from l1ae.events.io import write_events
from l1ae.runs import RunFolder
from l1ae.samples import Samples

#: What each stage makes in the run folder.
MADE = {
    "train": ("model.keras", "history.json"),
    "convert": ("circuit.json", "conversion.json"),
    "verify": ("verification.json",),
    "rtl": ("hardware.json",),
    "report": ("report.json", "report.html"),
}
ORDER = tuple(MADE)


def stage(l1ae, place, name):
    options = ("--firmware", place.firmware) if name == "convert" else ()
    return l1ae(name, place.run, *options)


def rewind(place, name):
    """Take away what a stage and those after it have made."""
    for later in ORDER[ORDER.index(name) :]:
        for file in MADE[later]:
            (place.run / file).unlink()


def test_the_stages_one_by_one_make_what_a_whole_run_makes(l1ae, undercomplete, copy_of):
    place = copy_of(undercomplete)
    rewind(place, "train")  # the checkpoints stay: nothing is trained again
    for name, files in MADE.items():
        assert not any((place.run / file).exists() for file in files)
        ended = stage(l1ae, place, name)
        assert ended.text
        assert ended.out.startswith(f"{name}: ")
        assert all((place.run / file).is_file() for file in files)
    for file in ("circuit.json", "conversion.json", "verification.json"):
        assert (place.run / file).read_bytes() == (undercomplete.place.run / file).read_bytes()
    one, other = (json.loads((run / "report.json").read_text()) for run in (place.run, undercomplete.place.run))
    assert {**one, "created": ""} == {**other, "created": ""}


@pytest.mark.parametrize(
    ("done", "name", "first"),
    [
        (None, "convert", "train"),
        (None, "verify", "convert"),
        (None, "report", "convert"),
        ("train", "verify", "convert"),
        ("train", "report", "convert"),
        ("convert", "report", "verify"),
    ],
)
def test_a_stage_that_comes_too_early_names_the_one_that_comes_first(
    l1ae, variational, copy_of, folder_content, done, name, first
):
    place = copy_of(variational)
    following = {None: "train", "train": "convert", "convert": "verify"}
    rewind(place, following[done])
    before = folder_content(place.root)
    message = stage(l1ae, place, name).message
    assert message.endswith(f"yet: l1ae {first} {place.run}")
    assert folder_content(place.root) == before


@pytest.mark.parametrize("name", ["convert", "verify", "report"])
def test_a_folder_without_a_run_is_refused_by_every_stage(l1ae, place, folder_content, name):
    before = folder_content(place.root)
    for folder in (place.root, place.root / "nothing", place.config):
        assert "holds no run" in l1ae(name, folder).message
    assert folder_content(place.root) == before


@pytest.mark.parametrize("kind", ["variational", "undercomplete"])
def test_the_saved_circuit_computes_what_the_saved_model_computes(request, kind, many_events):
    from l1ae.autoencoder.inference import load_model, scores

    run = request.getfixturevalue(kind).place.run
    circuit = Circuit.load(run / "circuit.json")
    model = load_model(run / "model.keras")
    expected = scores(model, many_events.inputs).astype(np.float64)
    assert (circuit.value(circuit.output.name, circuit.reference(many_events.inputs)) == expected).all()
    assert circuit.proved
    assert len(np.unique(expected)) > 100


def test_a_run_folder_can_be_opened_as_an_object(variational):
    run = RunFolder.open(variational.place.run)
    assert run.config.name == "tiny"
    assert run.model.is_file()
    assert run.report_html.is_file()


def test_the_data_file_of_a_run_is_found_from_anywhere(l1ae, place, event_file, monkeypatch, tmp_path):
    """A relative path in the configuration is one from where the command was given."""
    monkeypatch.chdir(event_file.parent)
    place.change_config(lambda content: content["data"].update(file=event_file.name))
    from l1ae import pipeline

    run = pipeline.open_run(place.config, place.run, fresh=False)
    assert run.config.data.file == str(event_file)
    monkeypatch.chdir(tmp_path)
    assert Samples.open(RunFolder.open(place.run).config.data).test_events() > 0


def test_the_shipped_sample_keeps_its_name_in_the_run_folder(place, event_file, monkeypatch):
    from l1ae import pipeline
    from l1ae.events import source

    monkeypatch.setattr(source, "sample_path", lambda: event_file)
    place.change_config(lambda content: content.pop("data"))
    assert pipeline.open_run(place.config, place.run, fresh=False).config.data.file == "sample"


def test_firmware_that_another_run_has_replaced_is_not_taken_for_its_own(l1ae, variational, undercomplete, copy_of):
    place = copy_of(variational)
    shutil.rmtree(place.project)
    shutil.copytree(undercomplete.place.project, place.project)
    for name in ("verify", "report"):
        message = l1ae(name, place.run).message
        assert message == f"{place.project} was written again, by another run perhaps: l1ae convert {place.run}"


def test_a_circuit_of_another_model_is_not_taken_for_its_own(l1ae, variational, undercomplete, copy_of):
    place = copy_of(variational)
    shutil.copy(undercomplete.place.run / "circuit.json", place.run)
    assert "does not belong to" in l1ae("verify", place.run).message


def test_events_that_changed_after_the_training_are_not_evaluated(l1ae, variational, copy_of, many_events, tmp_path):
    place = copy_of(variational)
    other = tmp_path / "other.h5"
    write_events(other, many_events.take(slice(0, 2000)))
    content = yaml.safe_load((place.run / "config.yaml").read_text())
    content["data"]["file"] = str(other)
    (place.run / "config.yaml").write_text(yaml.safe_dump(content))
    assert f"{other} has changed since the training" in l1ae("report", place.run).message


def test_firmware_settings_that_changed_after_the_conversion_are_not_reported(l1ae, variational, copy_of):
    place = copy_of(variational)
    content = yaml.safe_load((place.run / "config.yaml").read_text())
    content["firmware"]["part"] = "xc7vx690tffg1927-2"
    (place.run / "config.yaml").write_text(yaml.safe_dump(content))
    for name in ("verify", "report"):
        assert "was made with other firmware settings than config.yaml" in l1ae(name, place.run).message


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (("W", "Z", "QCD", "tt", "A4l", "h0", "h+"), "holds no test event of the signal LQ"),
        (("LQ", "A4l", "h0", "h+"), "holds too few background events"),
    ],
)
def test_a_process_without_events_is_refused_before_the_training(l1ae, place, many_events, kept, message):
    file = place.root / "some.h5"
    write_events(file, many_events.of(*kept))
    place.change_config(lambda content: content["data"].update(file=str(file)))
    assert message in l1ae("run", place.config, "--out", place.run).message
    assert not place.run.exists()


def test_firmware_that_cannot_be_made_is_refused_before_the_training(l1ae, place):
    place.change_config(lambda content: content["firmware"].update(part="an old one"))
    assert "firmware.part 'an old one'" in l1ae("run", place.config, "--out", place.run).message
    assert not place.run.exists()


def test_where_float32_has_too_few_bits_the_reference_is_the_judge(l1ae, place, compiled):
    def widen(content):
        content["autoencoder"]["kind"] = "undercomplete"
        content["inputs"] = {"precision": {"width": 12, "integer": 4}}

    place.change_config(widen)
    ended = l1ae("run", place.config, "--out", place.run, "--firmware", place.firmware)
    assert ended.text
    verdict = json.loads((place.run / "verification.json").read_text())
    assert verdict["mismatches"] == 0
    (found,) = [one for one in verdict["keras_rounding"] if one["layer"] == "score"]
    circuit = Circuit.load(place.run / "circuit.json")
    assert found["bits"] == circuit.ranges["score"].significant_bits == 30
    assert 0 < found["differing"] < found["events"] == verdict["events"]
    assert found["largest_lsb"] > 0
    sentence = f"Keras rounds here (needs 30 bits, float32 holds 24): {found['differing']} of {found['events']} events"
    assert f"layer score: {sentence}, at most" in ended.out
    report = json.loads((place.run / "report.json").read_text())
    assert report["exactness"]["keras_rounding"] == verdict["keras_rounding"]
    assert "Layer score: Keras rounds here" in (place.run / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["latency", "distributed_arithmetic"])
@pytest.mark.parametrize("backend", ["Vitis", "Vivado"])
@pytest.mark.parametrize("kind", ["variational", "undercomplete"])
def test_every_kind_backend_and_strategy_is_exact(run_tiny, kind, backend, strategy):
    finished = run_tiny(kind, backend=backend, strategy=strategy)
    assert finished.ended.text
    verdict = json.loads((finished.place.run / "verification.json").read_text())
    assert verdict["mismatches"] == 0
    assert verdict["events"] >= 1500


def test_events_that_do_not_fit_into_the_memory_are_trained_on_from_the_disk(l1ae, place, monkeypatch):
    from l1ae.events import shuffle

    read = []
    scatter = shuffle._write

    def spy(chunks, folder, *rest):
        read.append(folder.name)
        return scatter(chunks, folder, *rest)

    monkeypatch.setattr(shuffle, "BUCKET_EVENTS", 200)
    monkeypatch.setattr(shuffle, "_write", spy)
    ended = l1ae("train", place.config, "--out", place.run)
    assert ended.text
    assert "training and" in ended.out
    assert read == ["training"], "750 training events in four buckets, 150 validation events in one"
    assert not (place.run / "shuffled").exists(), "the copy goes when the training is done"
    history = json.loads((place.run / "history.json").read_text())
    assert len(history["loss"]) == 2


def test_a_training_is_not_continued_on_other_events(l1ae, variational, copy_of, many_events, folder_content):
    place = copy_of(variational)
    rewind(place, "train")
    other = place.root / "other.h5"
    write_events(other, many_events.take(slice(0, 2000)))
    config = yaml.safe_load((place.run / "config.yaml").read_text())
    config["data"]["file"] = str(other)
    (place.run / "config.yaml").write_text(yaml.safe_dump(config))
    before = folder_content(place.root)
    message = stage(l1ae, place, "train").message
    assert message == f"{other} has changed since the training began: start over with l1ae run CONFIG --fresh"
    assert folder_content(place.root) == before


def test_a_run_takes_other_objects_and_features_and_several_files(l1ae, place, many_events):
    names = ("W", "Z", "QCD", "tt")
    for name, part in (("one.h5", many_events.of(*names)), ("two.h5", many_events.of("LQ", "h0"))):
        write_events(place.root / name, part)
    place.change_config(
        lambda content: content.update(
            data={
                "file": [str(place.root / "one.h5"), str(place.root / "two.h5")],
                "objects": {"muon": 2, "jet": 3, "MET": 1},
                "features": ["pt", "phi"],
                "background": list(names),
                "signals": ["LQ", "h0"],
            }
        )
    )
    assert l1ae("run", place.config, "--out", place.run, "--firmware", place.firmware).text
    circuit = Circuit.load(place.run / "circuit.json")
    assert circuit.input.shape == (12,)
    assert circuit.input.format.width == 13
    report = json.loads((place.run / "report.json").read_text())
    assert report["exactness"]["mismatches"] == 0
    assert set(report["physics"]) == {"LQ", "h0"}
    assert report["data"]["file"] == "one.h5, two.h5"
    readme = (place.project / "README.md").read_text()
    assert "jet3_phi" in readme
    assert "jet4_pt" not in readme
