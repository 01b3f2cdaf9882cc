"""`l1ae verify`: faults planted in the firmware are found and named, and nothing else is."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree as XML

import numpy as np
import pytest

from .. import models


def plant(place, file, change):
    """Edit one file of the firmware; returns what it held."""
    path = place.project / file
    healthy = path.read_text()
    faulty = change(healthy)
    assert faulty != healthy
    path.write_text(faulty)
    return healthy


def found(l1ae, place, file, layer):
    """Where `l1ae verify` says that the firmware differs first; asserts that it says so everywhere, and rightly."""
    record = place.root / "verdict.json"
    ended = l1ae("verify", place.run, "--json", record)
    assert ended.code == 1
    (result,) = json.loads(record.read_text())["results"]
    verdict = result["verdict"]
    assert (result["path"], result["kind"], result["status"]) == (str(place.run), "run", "differs")
    assert json.loads((place.run / "verification.json").read_text()) == verdict
    assert verdict["edited_files"] == [file]
    assert f"note: {file} was changed or added after the project was written" in ended.out

    pairs = {(pair["first"], pair["second"]): pair for pair in verdict["pairs"]}
    model = pairs.pop(("keras", "reference"))
    assert (model["mismatches"], model["first_mismatch"]) == (0, None)
    assert set(pairs) == {("keras", "c-simulation"), ("reference", "c-simulation")}
    for pair in pairs.values():
        assert 0 < pair["mismatches"] == verdict["mismatches"] <= verdict["events"]
        assert pair["first_mismatch"] == pairs["keras", "c-simulation"]["first_mismatch"]

    first = pairs["keras", "c-simulation"]["first_mismatch"]
    assert first["layer"] == layer
    assert first["distance_lsb"] == abs(first["first_value"] - first["second_value"]) > 0
    place_of_it = (
        f"event {first['event']} ({first['stimulus']}), layer {layer}, unit {first['unit']}: "
        f"{first['first_value']} against {first['second_value']}, {first['distance_lsb']} LSB apart"
    )
    assert f"keras and c-simulation first at {place_of_it}" in ended.message
    assert f"{verdict['mismatches']} of {verdict['events']} events differ" in ended.message
    assert place_of_it in ended.out
    explanation = verdict["explanation"]
    assert explanation["layer"] == layer
    assert f"{file} changed after the project was written" in explanation["detail"]
    assert explanation["cause"] in ended.out
    return first


def circuit_of(place):
    from l1ae.circuit import Circuit

    return Circuit.load(place.run / "circuit.json")


def test_firmware_as_it_was_written_is_exact(l1ae, variational, copy_of):
    place = copy_of(variational)
    record = place.root / "new" / "verdict.json"
    ended = l1ae("verify", place.run, "--json", record)
    assert ended.text
    assert ended.out.count(": 0 of ") == 3
    assert "note:" not in ended.out
    (result,) = json.loads(record.read_text())["results"]
    assert result["status"] == "exact"
    assert result["verdict"] == json.loads((variational.place.run / "verification.json").read_text())
    assert result["verdict"]["mismatches"] == 0
    assert (place.run / "report.html").exists()


def test_one_bit_of_one_weight_is_found_until_it_is_repaired(l1ae, variational, copy_of):
    place = copy_of(variational)
    file, bit = "firmware/weights/w7.h", 3
    circuit = circuit_of(place)
    dense = circuit["encoder_2"]
    alive = circuit.trace(np.random.default_rng(0).integers(-500, 500, (500, 57)), ["encoder_1_relu"])
    row = int((alive["encoder_1_relu"] > 0).sum(axis=0).argmax())
    kernel = dense.kernel.copy()
    kernel[row, 1] ^= 1 << bit

    def flip(text):
        start, end = text.index("{") + 1, text.index("}")
        values = text[start:end].split(", ")
        index = row * dense.kernel.shape[1] + 1
        assert float(values[index]) == dense.kernel[row, 1] * dense.kernel_format.lsb
        values[index] = f"{kernel[row, 1] * dense.kernel_format.lsb:.12f}"
        return text[:start] + ", ".join(values) + text[end:]

    healthy = plant(place, file, flip)
    first = found(l1ae, place, file, "encoder_2_relu")

    # Both values are what the model computes with the right weight, and with the wrong one.
    words = np.array([first["words"]])
    wrong = circuit.replace(replace(dense, kernel=kernel))
    assert first["unit"] == 1
    assert first["first_value"] == circuit.trace(words)["encoder_2_relu"][0, 1]
    assert first["second_value"] == wrong.trace(words)["encoder_2_relu"][0, 1]

    # What was said about the healthy firmware is gone, and the new report says what is.
    assert not (place.run / "report.json").exists()
    assert not (place.run / "report.html").exists()
    ended = l1ae("report", place.run)
    assert ended.text
    assert "Not exact" in ended.out
    report = json.loads((place.run / "report.json").read_text())
    assert report["exactness"]["mismatches"] > 0
    assert report["exactness"]["edited_files"] == [file]

    (place.project / file).write_text(healthy)
    ended = l1ae("verify", place.run)
    assert ended.text
    assert "note:" not in ended.out
    verdict = json.loads((place.run / "verification.json").read_text())
    assert (verdict["mismatches"], verdict["edited_files"]) == (0, [])


@pytest.mark.parametrize(
    ("type_", "mode", "layer"),
    [("encoder_2_t", "AP_TRN", "encoder_2_relu"), ("code_t", "AP_RND", "code_quantized")],
    ids=["truncation", "ties away from even"],
)
def test_one_rounding_mode_is_found(l1ae, variational, copy_of, type_, mode, layer):
    place = copy_of(variational)

    def swap(text):
        return re.sub(rf"AP_RND_CONV(,AP_SAT,0> {type_};)", rf"{mode}\1", text)

    plant(place, "firmware/defines.h", swap)
    first = found(l1ae, place, "firmware/defines.h", layer)
    assert first["distance_lsb"] == 1


def test_values_that_no_word_of_the_model_has_are_a_verdict_too(l1ae, variational, copy_of):
    place = copy_of(variational)

    def widen(text):
        return text.replace("ap_ufixed<8,3,AP_RND_CONV,AP_SAT,0> encoder_2_t;", "ap_ufixed<9,3> encoder_2_t;")

    plant(place, "firmware/defines.h", widen)
    ended = l1ae("verify", place.run)
    assert ended.code == 1
    assert re.search(r"layer encoder_2_relu, unit \d: \d+ against \d+\.5, \d+\.5 LSB apart", ended.message)
    assert json.loads((place.run / "verification.json").read_text())["mismatches"] > 0
    assert not any((place.run / name).exists() for name in ("report.json", "report.html"))


def test_firmware_that_hides_a_layer_is_not_verified(l1ae, variational, copy_of):
    place = copy_of(variational)

    def hide(text):
        return re.sub(r".*save_layer_output<\w+>\(\w+, \"encoder_1\".*\n", "", text)

    plant(place, "firmware/tiny.cpp", hide)
    ended = l1ae("verify", place.run)
    assert ended.code == 2
    assert "no longer shows layer encoder_1_relu" in ended.message


def test_one_shift_in_one_adder_tree_is_found(l1ae, undercomplete, copy_of):
    place = copy_of(undercomplete)
    file = "firmware/nnet_utils/nnet_code_gen.h"

    def shift(text):
        inside = text.index("void dense_da_7(")
        amount = re.compile(r"bit_shift<(-?\d+)>").search(text, inside)
        return f"{text[: amount.start(1)]}{int(amount.group(1)) + 1}{text[amount.end(1) :]}"

    plant(place, file, shift)
    found(l1ae, place, file, "encoder_2_relu")


def test_a_real_process_says_and_returns_the_same(variational, copy_of):
    place = copy_of(variational)
    code = "import sys; from l1ae.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(place.run)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": 0 of ") == 3


# What cannot be verified: one line, exit code 2, no verdict.


def refused(l1ae, place, folder_content):
    before = folder_content(place.root)
    record = place.root.parent / "verdict.json"
    ended = l1ae("verify", place.run, "--json", record)
    assert ended.code == 2
    assert folder_content(place.root) == before
    (result,) = json.loads(record.read_text())["results"]
    assert (result["status"], result["message"], result["verdict"]) == ("refused", ended.message, None)
    return ended.message


def test_without_a_compiler_there_is_no_verdict(l1ae, variational, copy_of, folder_content, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(l1ae, copy_of(variational), folder_content).startswith("g++ not found: install it")


def test_firmware_that_does_not_compile_is_no_verdict(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    plant(place, "firmware/tiny.cpp", lambda text: f"#error half an edit\n{text}")
    message = refused(l1ae, place, folder_content)
    assert "g++ failed on project tiny" in message
    assert "half an edit" in message
    assert str(place.run / "logs" / "g++.log") in message
    assert "half an edit" in (place.run / "logs" / "g++.log").read_text()


@pytest.mark.parametrize("file", ["provenance.json", "firmware/defines.h", "firmware/tiny.h"])
def test_firmware_that_lacks_a_file_is_no_verdict(l1ae, variational, copy_of, folder_content, file):
    place = copy_of(variational)
    (place.project / file).unlink()
    assert str(place.project) in refused(l1ae, place, folder_content)


def test_firmware_that_is_gone_is_no_verdict(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    place.project.rename(place.root / "hidden")
    message = refused(l1ae, place, folder_content)
    assert f"the firmware project {place.project} is gone: l1ae convert {place.run}" in message


def test_firmware_that_is_edited_during_the_comparison_is_no_verdict(
    l1ae, variational, copy_of, folder_content, monkeypatch
):
    from l1ae.hardware.hls import CSimulation

    place = copy_of(variational)
    build = CSimulation.build

    def build_and_edit(*arguments, **options):
        simulation = build(*arguments, **options)
        plant(place, "firmware/defines.h", lambda text: text + "\n")
        return simulation

    monkeypatch.setattr(CSimulation, "build", build_and_edit)
    verdict = (place.run / "verification.json").read_bytes()
    assert "was edited while it was being verified" in l1ae("verify", place.run).message
    assert (place.run / "verification.json").read_bytes() == verdict


def test_an_interrupted_comparison_is_no_verdict(l1ae, variational, copy_of, folder_content, monkeypatch):
    from l1ae.hardware.hls import CSimulation

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    place = copy_of(variational)
    (place.run / "verification.json").unlink()
    before = folder_content(place.root)
    monkeypatch.setattr(CSimulation, "predict", interrupt)
    assert l1ae("verify", place.run).code == 130
    assert folder_content(place.root) == before


# Projects, model files, and many paths at once.


@pytest.fixture(scope="module")
def files(tmp_path_factory, compiled):
    """Model files, and a project that was converted from one of them."""
    from l1ae.firmware import convert

    folder = tmp_path_factory.mktemp("models")
    models.save(models.trigger(), folder / "trigger.keras")
    models.save(models.trigger("small", units=3), folder / "small.h5")
    (folder / "broken.keras").write_text("no model")
    convert(folder / "trigger.keras", folder / "project")
    return folder


@pytest.fixture
def spoiled(files, tmp_path):
    """A copy of the project with one weight of its first layer changed."""
    project = shutil.copytree(files / "project", tmp_path / "spoiled")
    models.change_weight(project)
    return project


def test_a_project_and_a_model_file_are_verified(l1ae, files, tmp_path):
    for path, kind in ((files / "project", "project"), (files / "trigger.keras", "model")):
        before = sorted(files.iterdir())
        ended = l1ae("verify", path, "--events", 300, "--json", tmp_path / "verdict.json")
        assert ended.text
        assert ended.out.count(": 0 of ") == 3
        content = json.loads((tmp_path / "verdict.json").read_text())
        (result,) = content["results"]
        assert content["schema"] == "l1ae verification 1"
        assert (result["kind"], result["status"]) == (kind, "exact")
        assert result["verdict"]["stimuli"]["random"] == 270
        assert result["layers"] > 3
        assert sorted(files.iterdir()) == before


def test_a_fault_in_one_of_several_is_found_and_the_others_are_verified(l1ae, files, spoiled, variational, tmp_path):
    paths = [files / "small.h5", spoiled, files / "broken.keras", variational.place.run, tmp_path / "nothing"]
    record, junit = tmp_path / "verdicts.json", tmp_path / "verdicts.xml"
    ended = l1ae("verify", *paths, "--events", 300, "--json", record, "--junit", junit)
    assert ended.code == 1
    assert ended.message == (
        f"1 of 5 differ from their model ({spoiled}); 2 of 5 cannot be verified ({paths[2]}, {paths[4]})"
    )
    content = json.loads(record.read_text())
    assert (content["exact"], content["differs"], content["refused"]) == (2, 1, 2)
    states = {result["path"]: result["status"] for result in content["results"]}
    assert list(states) == [str(path) for path in paths]
    assert list(states.values()) == ["exact", "differs", "refused", "exact", "refused"]
    verdict = content["results"][1]["verdict"]
    assert verdict["explanation"]["layer"] == "hidden_relu"
    table = ended.out[ended.out.index("mismatches") :]
    assert re.search(r"differs.*hidden_relu", table, re.DOTALL)

    suite = XML.parse(junit).getroot().find("testsuite")
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 5, "failures": 1, "errors": 2, "skipped": 0}
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert list(cases) == list(states)
    (failure,) = suite.iter("failure")
    assert failure in list(cases[str(spoiled)])
    assert "layer hidden_relu, unit 1" in failure.get("message")
    assert verdict["explanation"]["cause"] in failure.text
    assert [error.get("message") for error in suite.iter("error")] == [
        result["message"] for result in content["results"] if result["status"] == "refused"
    ]
    properties = {one.get("name"): one.get("value") for one in cases[str(spoiled)].iter("property")}
    assert properties["events"] == str(verdict["events"])
    assert properties["layers"] == str(content["results"][1]["layers"])
    assert properties["ties rounded"] == str(verdict["ties"]["rounded"])
    assert all(float(case.get("time")) >= 0 for case in cases.values())


@pytest.mark.parametrize("unwritable", ["--json", "--junit"])
def test_a_file_that_cannot_be_written_costs_neither_the_other_nor_the_exit_code(
    l1ae, files, spoiled, tmp_path, unwritable
):
    (tmp_path / "folder").mkdir()
    other, found = {"--json": "--junit", "--junit": "--json"}[unwritable], tmp_path / "found"
    options = ("--events", 50, unwritable, tmp_path / "folder", other, found)
    different = l1ae("verify", spoiled, *options)
    assert different.code == 1
    assert "layer hidden_relu, unit 1" in different.message
    assert f"cannot write {tmp_path / 'folder'}: " in different.message
    assert found.read_text()
    found.unlink()
    exact = l1ae("verify", files / "project", *options)
    assert (exact.code, exact.message) == (2, f"cannot write {tmp_path / 'folder'}: Is a directory")
    assert found.read_text()


def test_an_unexpected_error_of_one_path_is_its_outcome_and_the_others_are_verified(l1ae, files, tmp_path, monkeypatch):
    from l1ae import many

    def fail(*_, **__):
        raise ValueError("two lines\nof a library")

    monkeypatch.setattr(many, "_model", fail)
    ended = l1ae("verify", files / "small.h5", files / "project", "--events", 10, "--json", tmp_path / "found.json")
    assert ended.code == 2
    broken, healthy = json.loads((tmp_path / "found.json").read_text())["results"]
    assert broken["status"] == "refused"
    assert "unexpected ValueError: two lines of a library; " in broken["message"]
    assert healthy["status"] == "exact"


def test_what_cannot_be_verified_alone_ends_with_2(l1ae, files, tmp_path):
    ended = l1ae("verify", files / "project", files / "broken.keras", "--events", 10)
    assert ended.code == 2
    assert ended.message == f"1 of 2 cannot be verified ({files / 'broken.keras'})"
    assert f"{files / 'broken.keras'} cannot be verified: " in ended.out


def test_all_exact_ends_with_0_and_one_table(l1ae, files):
    ended = l1ae("verify", files / "project", files / "small.h5", "--events", 10)
    assert ended.text
    assert ended.out.count("exact") == 2


def test_a_path_given_twice_is_verified_once(l1ae, files, tmp_path):
    ended = l1ae("verify", files / "project", files / "project", "--events", 10, "--json", tmp_path / "verdict.json")
    assert ended.text
    assert len(json.loads((tmp_path / "verdict.json").read_text())["results"]) == 1


def test_a_model_file_is_converted_with_the_options_of_convert(l1ae, files, tmp_path):
    file = models.save(models.several(), tmp_path / "several.keras")
    assert "--input-format" in l1ae("verify", file).message
    assert l1ae("verify", file, "--events", 50, "--input-format", "vector=ap_fixed<7,3,RND_CONV,SAT>").text


def test_other_ap_types_can_be_given(l1ae, files, tmp_path):
    types = files / "project" / "firmware" / "ap_types"
    assert l1ae("verify", files / "project", "--events", 10, "--ap-types", types).text
    ended = l1ae("verify", files / "project", "--events", 10, "--ap-types", tmp_path)
    assert ended.code == 2
    assert "ap_fixed.h" in ended.message


def test_fewer_events_of_a_run_are_verified_when_asked_for(l1ae, variational, copy_of):
    place = copy_of(variational)
    assert l1ae("verify", place.run, "--events", 100).text
    stimuli = json.loads((place.run / "verification.json").read_text())["stimuli"]
    assert (stimuli["data"], stimuli["random"], stimuli["past the range"]) == (100, 90, 10)


def test_the_firmware_of_a_run_is_a_project_too(l1ae, variational):
    ended = l1ae("verify", variational.place.project, "--events", 100)
    assert ended.text
    assert ended.out.count(": 0 of ") == 3
