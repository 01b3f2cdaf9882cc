"""`l1ae convert`: from a trained run, or a model file of others, to an HLS project, written whole or not at all."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml

from .. import models


def test_a_project_is_written_where_it_is_asked_for(l1ae, variational, copy_of, tmp_path):
    place = copy_of(variational)
    ended = l1ae("convert", place.run, "--firmware", tmp_path / "elsewhere")
    assert ended.text
    project = tmp_path / "elsewhere" / "tiny"
    assert str(project) in ended.out
    for name in ("firmware/tiny.cpp", "firmware/defines.h", "tiny_test.cpp", "README.md", "provenance.json"):
        assert (project / name).read_bytes()
        if name != "provenance.json":  # it holds the date
            assert (project / name).read_bytes() == (place.project / name).read_bytes()


def test_a_new_project_makes_the_old_verdict_and_the_old_report_void(l1ae, variational, copy_of):
    place = copy_of(variational)
    assert l1ae("convert", place.run, "--firmware", place.firmware).text
    for name in ("verification.json", "report.json", "report.html"):
        assert not (place.run / name).exists()
    assert "l1ae verify" in l1ae("report", place.run).message


def test_foreign_files_in_the_place_of_the_project_are_left_alone(l1ae, variational, copy_of, folder_content, tmp_path):
    place = copy_of(variational)
    mine = tmp_path / "elsewhere" / "tiny" / "trigger.v"
    mine.parent.mkdir(parents=True)
    mine.write_text("module trigger; endmodule\n")
    before = folder_content(tmp_path)
    ended = l1ae("convert", place.run, "--firmware", tmp_path / "elsewhere")
    assert ended.code == 2
    assert f"{mine.parent} exists and is no firmware project of l1ae" in ended.message
    assert folder_content(tmp_path) == before


def test_a_firmware_folder_that_is_a_file_is_refused(l1ae, variational, copy_of, folder_content, tmp_path):
    place = copy_of(variational)
    (tmp_path / "file").write_text("")
    before = folder_content(tmp_path)
    assert "cannot write" in l1ae("convert", place.run, "--firmware", tmp_path / "file").message
    assert folder_content(tmp_path) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"part": "an old one"}, "firmware.part 'an old one'"), ({"reuse_factor": 7}, "firmware.reuse_factor 7")],
)
def test_firmware_that_cannot_be_made_is_refused(l1ae, variational, copy_of, folder_content, setting, message):
    place = copy_of(variational)
    record = yaml.safe_load((place.run / "config.yaml").read_text())
    record["firmware"].update(setting)
    (place.run / "config.yaml").write_text(yaml.safe_dump(record))
    before = folder_content(place.root)
    assert message in l1ae("convert", place.run, "--firmware", place.firmware).message
    assert folder_content(place.root) == before


def test_a_damaged_model_is_named(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    model = place.run / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    before = folder_content(place.root)
    assert "model.keras" in l1ae("convert", place.run, "--firmware", place.firmware).message
    assert folder_content(place.root) == before


# A model file.


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with model files that a script of others has written, which imports keras and qkeras only."""
    folder = tmp_path_factory.mktemp("foreign")
    script = folder / "script.py"
    script.write_text(models.SCRIPT)
    done = subprocess.run([sys.executable, script, folder, "7"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_foreign_model_becomes_firmware_through_the_command_line_alone(l1ae, saved, compiled, tmp_path, ending):
    project = tmp_path / "project"
    ended = l1ae("convert", saved / f"trigger.{ending}", "--out", project, "--part", "xc7vx690tffg1927-2")
    assert ended.text
    assert "in  x: 8 of ap_fixed<8,4,RND_CONV,SAT>" in ended.out
    assert "out rounded: 2 of ap_fixed<10,5,RND_CONV,SAT>" in ended.out
    assert f"l1ae verify {project}" in ended.out
    assert (project / "firmware" / "trigger.cpp").is_file()
    assert json.loads((project / "provenance.json").read_text())["firmware"]["part"] == "xc7vx690tffg1927-2"
    verified = l1ae("verify", project, "--events", 500)
    assert verified.text
    assert verified.out.count(": 0 of ") == 3


def test_what_l1ae_makes_of_a_foreign_model_is_what_keras_computes(l1ae, saved, tmp_path):
    from l1ae.firmware import Firmware

    assert l1ae("convert", saved / "trigger.keras", "--firmware", tmp_path).text
    firmware = Firmware.open(tmp_path / "trigger")
    x = np.random.default_rng(0).normal(0, 6, (1000, 8)).astype(np.float32)
    expected = firmware.model.predict(x, verbose=0)
    assert len(np.unique(expected)) > 100
    assert (firmware.circuit.value("rounded", firmware.circuit.reference(x)) == expected).all()


def test_every_setting_has_an_option(l1ae, saved, tmp_path):
    options = ["--backend", "Vivado", "--strategy", "distributed_arithmetic", "--clock-ns", 25, "--name", "mine"]
    ended = l1ae("convert", saved / "trigger.h5", "--out", tmp_path / "project", *options, "--reuse-factor", 1)
    assert ended.text
    record = json.loads((tmp_path / "project" / "provenance.json").read_text())
    assert record["project"] == "mine"
    assert record["info"]["convert"]["model"] == "trigger.h5"
    settings = {"backend": "Vivado", "strategy": "distributed_arithmetic", "clock_ns": 25.0, "reuse_factor": 1}
    assert record["firmware"].items() > settings.items()


@pytest.mark.parametrize("given", [["ap_fixed<6,3,RND_CONV,SAT>"], ["x=ap_fixed<6,3,RND_CONV,SAT>"]])
def test_the_format_of_an_input_is_given(l1ae, saved, tmp_path, given):
    options = [word for one in given for word in ("--input-format", one)]
    assert l1ae("convert", saved / "trigger.keras", "--out", tmp_path / "project", *options).text
    circuit = json.loads((tmp_path / "project" / "circuit.json").read_text())
    assert circuit["nodes"][0]["format"] == "ap_fixed<6,3,RND_CONV,SAT>"


def test_adaptations_are_said(l1ae, saved, tmp_path):
    file = models.save(models.scaled(), tmp_path / "scaled.keras")
    refused = l1ae("convert", file, "--out", tmp_path / "project")
    assert "layer hidden" in refused.message
    assert "snap_scales=True" in refused.message
    ended = l1ae("convert", file, "--out", tmp_path / "project", "--snap-scales")
    assert ended.text
    record = json.loads((tmp_path / "project" / "provenance.json").read_text())["info"]["convert"]
    assert record["snap_scales"] is True
    assert record["notes"]
    assert f"note: {record['notes'][0]}" in ended.out


@pytest.mark.parametrize(
    ("file", "options", "message"),
    [
        ("unclear.keras", ["--input-format", "ap_fixed<8,4>"], "layer float_layer: .*QDense"),
        ("nothing.keras", [], r"nothing\.keras"),
        ("script.keras", [], r"script\.keras"),
        ("trigger.keras", ["--backend", "Quartus"], "firmware.backend 'Quartus'"),
        ("trigger.keras", ["--input-format", "wide"], "'wide' is not a format"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_line(l1ae, saved, folder_content, tmp_path, file, options, message):
    (saved / "script.keras").write_text(models.SCRIPT)
    before = folder_content(tmp_path)
    ended = l1ae("convert", saved / file, "--out", tmp_path / "project", *options)
    assert ended.code == 2
    assert re.search(message, ended.message)
    assert folder_content(tmp_path) == before


@pytest.mark.parametrize(
    "options",
    [["--out", "x"], ["--part", "xcvu13p-flga2577-2-e"], ["--snap-scales"], ["--input-format", "ap_fixed<8,4>"]],
)
def test_a_run_has_settings_of_its_own(l1ae, variational, options):
    ended = l1ae("convert", variational.place.run, *options)
    assert ended.code == 2
    assert f"{options[0]} goes with a model file" in ended.err


@pytest.mark.parametrize("options", [[], ["--out", "x"], ["--snap-scales"]])
def test_what_is_neither_a_model_file_nor_a_run_is_called_so(l1ae, tmp_path, options):
    for source in (tmp_path, tmp_path / "nothing", "/dev/null"):
        message = l1ae("convert", source, *options).message
        assert f"{source} holds no run (no config.yaml) and is no model file (.keras, .h5, .hdf5)" in message


@pytest.mark.parametrize("formats", [["ap_fixed<8,4>", "ap_fixed<8,4>"], ["x=ap_fixed<8,4>", "ap_fixed<8,4>"]])
def test_formats_that_do_not_say_of_which_input_are_refused(l1ae, saved, formats):
    ended = l1ae("convert", saved / "trigger.keras", *(word for one in formats for word in ("--input-format", one)))
    assert ended.code == 2
    assert "NAME=FMT" in ended.err
