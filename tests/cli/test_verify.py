"""`l1ae verify`: faults planted in the firmware are found and named, and nothing else is."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest


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
    verdict = json.loads(record.read_text())
    assert json.loads((place.run / "verification.json").read_text()) == verdict
    assert verdict["edited_files"] == [file]
    assert f"note: {file} was changed after the project was written" in ended.out

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
    assert json.loads(record.read_text())["mismatches"] == 0
    assert record.read_bytes() == (variational.place.run / "verification.json").read_bytes()
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
    ended = l1ae("verify", place.run, "--json", place.root / "verdict.json")
    assert ended.code == 2
    assert folder_content(place.root) == before
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
