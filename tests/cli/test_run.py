"""`l1ae run`: everything in order, from a configuration to a report, or one line that says why not."""

import json
from pathlib import Path

import h5py
import jsonschema
import numpy as np
import pytest
import yaml

SCHEMA = Path(__file__).parents[2] / "docs" / "report-schema.json"
STAGES = ("train", "convert", "verify", "report")


@pytest.fixture(params=["variational", "undercomplete"])
def finished(request):
    """Variational on Vitis with multipliers, and undercomplete on Vivado with adder trees."""
    return request.getfixturevalue(request.param)


def test_a_run_ends_with_0_names_its_stages_and_says_nothing_else(finished):
    assert finished.ended.text
    found = [line.split(":")[0] for line in finished.ended.out.splitlines() if line.startswith(STAGES)]
    assert tuple(found) == STAGES
    assert "keras = c-simulation: 0 of" in finished.ended.out
    assert "reference = c-simulation: 0 of" in finished.ended.out


def test_a_run_leaves_every_record(finished):
    names = {path.name for path in finished.place.run.iterdir()}
    with_decoder = "kind: variational" in finished.place.config.read_text()
    assert names == {
        *(["decoded.json"] if with_decoder else []),
        *("config.yaml", "model.keras", "circuit.json", "history.json", "conversion.json", "verification.json"),
        *("hardware.json", "costs.jsonl", "report.json", "report.html", "checkpoints", "logs"),
    }
    assert all(path.stat().st_size for path in finished.place.run.iterdir() if path.is_file())
    logs = {path.stem for path in (finished.place.run / "logs").iterdir()}
    assert logs >= set(STAGES)
    assert [path.name for path in finished.place.firmware.iterdir()] == ["tiny"]


def test_the_report_follows_its_schema_and_says_what_was_asked_for(finished):
    report = json.loads((finished.place.run / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    config = yaml.safe_load(finished.place.config.read_text())
    assert report["name"] == "tiny"
    assert report["model"]["kind"] == config["autoencoder"]["kind"]
    assert report["model"]["latent"] == 2
    assert {key: report["firmware"][key] for key in ("backend", "strategy")} == config["firmware"]
    assert report["firmware"]["part"] == "xcvu13p-flga2577-2-e"
    assert report["firmware"]["clock_ns"] == 5.0
    assert report["firmware"]["project"] == "../firmware/tiny"
    assert report["training"]["epochs"] == 2
    assert {"python", "tensorflow", "keras", "hls4ml", "da4ml", "l1ae"} <= set(report["versions"])


def test_the_report_holds_the_verdict(finished):
    report = json.loads((finished.place.run / "report.json").read_text())
    verdict = json.loads((finished.place.run / "verification.json").read_text())
    assert len(verdict.pop("firmware_sha256")) == len(verdict.pop("circuit_sha256")) == 64
    assert report["exactness"] == verdict
    assert verdict["mismatches"] == 0
    assert verdict["events"] == sum(verdict["stimuli"].values()) >= 1500
    assert set(verdict["stimuli"]) == {"data", "random", "past the range", "corner"}
    assert [(pair["first"], pair["second"]) for pair in verdict["pairs"]] == [
        ("keras", "reference"),
        ("keras", "c-simulation"),
        ("reference", "c-simulation"),
    ]
    assert all(pair["events"] == verdict["events"] and pair["layers_compared"] for pair in verdict["pairs"])
    assert all(verdict["ties"].values()), "a rounding that never met a tie proves nothing about ties"


def test_the_report_holds_the_physics_of_every_signal(finished):
    report = json.loads((finished.place.run / "report.json").read_text())
    assert set(report["physics"]) == {"LQ", "A4l", "h0", "h+"}
    for signal in report["physics"].values():
        assert 0 < signal["auc"] < 1
        assert signal["auc_error"] > 0
        assert set(signal["tpr"]) == {"1e-2", "1e-3", "1e-4", "1e-5"}
        point = signal["tpr"]["1e-2"]
        assert point["low"] <= point["value"] <= point["high"]
        assert isinstance(point["threshold"], int)
        assert point["fpr"] <= 1e-2
        rare = signal["tpr"]["1e-3"]  # one in a thousand, of some six hundred events
        assert {rare[key] for key in ("value", "low", "high", "threshold")} == {None}
        assert "not reachable" in rare["reason"]


def test_every_figure_about_the_firmware_names_its_source(finished):
    figures = json.loads((finished.place.run / "report.json").read_text())["firmware"]["figures"]
    tools = {"estimate": {"da4ml", "hls4ml"}, "RTL simulation": {"Verilator"}}
    for item in figures:
        assert item["tool"] in tools[item["stage"]]
        assert item["version"]
        assert item["note"] if item["value"] is None else item["value"] > 0


def test_the_page_stands_alone_and_states_the_verdict(finished):
    page = (finished.place.run / "report.html").read_text()
    assert "0 mismatches" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert str(finished.place.root) not in page


def test_a_second_run_takes_the_trained_model_and_ends_with_the_same_firmware(l1ae, variational, copy_of):
    place = copy_of(variational)
    first = {name: (place.run / name).read_bytes() for name in ("model.keras", "circuit.json", "verification.json")}
    ended = l1ae("run", place.config, "--out", place.run, "--firmware", place.firmware)
    assert ended.text
    assert "is trained already" in ended.out
    assert "epochs in" not in ended.out
    assert {name: (place.run / name).read_bytes() for name in first} == first


# Input that cannot be used: one line, exit code 2, nothing written.


def refused(l1ae, place, folder_content, *options):
    """The message of a refused `l1ae run`, which must have left everything as it was."""
    before = folder_content(place.root)
    ended = l1ae("run", place.config, "--out", place.run, "--firmware", place.firmware, *options)
    assert ended.code == 2
    assert ended.out == ""
    assert folder_content(place.root) == before
    return ended.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(speed="high"), "speed: unknown key"),
        (lambda content: content["training"].update(epoch=3), "training.epoch: unknown key"),
        (lambda content: content["training"].update(epochs="3"), "training.epochs: "),
        (lambda content: content["autoencoder"].update(hidden=[6.5]), "autoencoder.hidden.0: "),
        (lambda content: content["autoencoder"].update(hidden=[]), "autoencoder.hidden: "),
        (lambda content: content["autoencoder"].update(kind="convolutional"), "autoencoder.kind: "),
        (lambda content: content["autoencoder"].update(weights={"width": 64, "integer": 2}), "weights.width: "),
        (lambda content: content["autoencoder"].update(weights={"width": 4, "integer": 6}), "6 integer bits"),
        (lambda content: content["firmware"].update(strategy="magic"), "firmware.strategy: "),
        (lambda content: content["firmware"].update(clock_ns=0), "firmware.clock_ns: "),
        (lambda content: content.update(name="../../etc"), "name: "),
        (lambda content: content.pop("autoencoder"), "autoencoder: "),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(l1ae, place, folder_content, change, message):
    place.change_config(change)
    found = refused(l1ae, place, folder_content)
    assert found.startswith(f"{place.config}: ")
    assert message in found


@pytest.mark.parametrize("text", ["", "a: [1", "- a\n- b\n", "\t- x", "name: tiny\nname:: [}"])
def test_a_file_that_is_no_configuration_is_refused(l1ae, place, folder_content, text):
    place.config.write_text(text)
    assert str(place.config) in refused(l1ae, place, folder_content)


def test_a_configuration_that_is_not_there_is_refused(l1ae, place, folder_content):
    place.config.unlink()
    assert refused(l1ae, place, folder_content) == f"no configuration file {place.config}"


def spoil(change):
    """A damage to the event file that rewrites its words."""

    def apply(path):
        with h5py.File(path, "a") as file:
            words = change(file["words"][:])
            del file["words"]
            file["words"] = words

    return apply


def with_nan(words):
    words = words.astype(np.float32)
    words[7, 2, 1] = np.nan
    return words


DAMAGES = {
    "missing": (lambda path: path.unlink(), "no event file"),
    "empty": (lambda path: path.write_bytes(b""), "may be truncated"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "may be truncated"),
    "not HDF5": (lambda path: path.write_text("pt,eta,phi\n1,2,3\n"), "cannot be read as HDF5"),
    "NaN": (spoil(with_nan), "words are float32, expected int16"),
    "floats": (spoil(lambda words: words.astype(np.float32)), "words are float32, expected int16"),
    "too few objects": (spoil(lambda words: words[:, :18]), r"shape (3000, 18, 3), expected (N, 19, 3)"),
    "too few events": (spoil(lambda words: words[:5]), "5 events with 3000 labels"),
    "past the hardware word": (spoil(lambda words: words + 4096), "the hardware word holds"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_event_file_that_cannot_be_used_is_refused(l1ae, place, folder_content, event_file, damage):
    spoiled = place.root / "spoiled.h5"
    spoiled.write_bytes(event_file.read_bytes())
    apply, message = DAMAGES[damage]
    apply(spoiled)
    place.change_config(lambda content: content["data"].update(file=str(spoiled)))
    assert message in refused(l1ae, place, folder_content)


@pytest.mark.parametrize("key", ["background", "signals"])
def test_a_process_that_the_file_does_not_hold_is_refused(l1ae, place, folder_content, key):
    place.change_config(lambda content: content["data"].update({key: ["graviton"]}))
    assert "no process graviton in " in refused(l1ae, place, folder_content)


# Folders that are in use.


def test_another_run_in_the_output_folder_is_left_alone(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    place.change_config(lambda content: content["autoencoder"].update(latent=3))
    message = refused(l1ae, place, folder_content)
    assert "holds another run (autoencoder.latent: 2 there, 3 here)" in message
    assert "--fresh" in message


@pytest.mark.parametrize("options", [(), ("--fresh",)])
def test_other_files_in_the_output_folder_are_left_alone(l1ae, place, folder_content, options):
    place.run.mkdir()
    (place.run / "thesis.tex").write_text("precious")
    assert "holds no run" in refused(l1ae, place, folder_content, *options)


def test_fresh_does_not_delete_what_somebody_keeps_beside_a_run(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    (place.run / "thesis.tex").write_text("precious")
    assert "holds thesis.tex, which is no part of a run" in refused(l1ae, place, folder_content, "--fresh")


def test_fresh_does_not_delete_a_folder_whose_config_is_not_ours(l1ae, place, folder_content):
    place.run.mkdir()
    (place.run / "config.yaml").write_text("theme: dark\n")
    assert f"{place.run / 'config.yaml'}: " in refused(l1ae, place, folder_content, "--fresh")


def test_an_output_folder_that_is_a_file_is_refused(l1ae, place, folder_content):
    place.run.write_text("")
    assert "is a file" in refused(l1ae, place, folder_content)
