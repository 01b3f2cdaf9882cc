"""`l1ae.convert` and `l1ae.Firmware`: any QKeras model in; exact firmware, or a refusal that helps."""

import inspect
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import l1ae
from l1ae import firmware
from l1ae.circuit import Circuit, FixedFormat, corner_words
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError, DataError, RunFolderError, VerificationError
from l1ae.hardware.hls import CSimulation
from l1ae.hardware.hls.sources import identity

from . import models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("firmware")


@pytest.fixture(scope="module")
def model():
    return models.trigger()


@pytest.fixture(scope="module")
def made(model, folder, compiled):
    return l1ae.convert(model, folder / "trigger", words=np.full((3, 8), 17))


@pytest.fixture(scope="module")
def several(folder, compiled):
    return l1ae.convert(models.several(), folder / "several", input_format={"vector": "ap_fixed<7,3,RND_CONV,SAT>"})


@pytest.fixture
def copy(made, tmp_path):
    """A copy of the project, to be spoiled."""
    return l1ae.Firmware.open(shutil.copytree(made.folder, tmp_path / "copy"))


def values(count, seed=0):
    """Inside and past the range of the port, on its grid and between."""
    return np.random.default_rng(seed).normal(0, 6, (count, 8))


# What is written.


def test_the_project_holds_what_it_was_made_of(made, model):
    assert made.folder.name == "trigger"
    assert made.notes == ()
    assert Circuit.load(made.folder / "circuit.json") == made.circuit
    for name in ("README.md", "firmware/trigger.cpp", "trigger_test.cpp", "model.keras", "provenance.json"):
        assert (made.folder / name).is_file()
    x = values(200).astype(np.float32)
    assert np.array_equal(made.model.predict(x, verbose=0), model.predict(x, verbose=0))


def test_what_is_proved_is_said_layer_by_layer(made):
    statements = json.loads((made.folder / "proof.json").read_text())
    assert [one["layer"] for one in statements] == [node.name for node in made.circuit.nodes]
    assert all(one["overflow"] != "wraps" for one in statements)
    text = (made.folder / "proof.txt").read_text()
    assert text.startswith("Proved for every input")
    assert all(one["sentence"] in text for one in statements)


def test_the_settings_are_kept(several):
    record = json.loads((several.folder / "provenance.json").read_text())
    assert record["info"]["convert"] == {
        "model": "several",
        "inputs": ["image", "vector"],
        "input_formats": {"vector": "ap_fixed<7,3,RND_CONV,SAT>"},
        "snap_scales": False,
        "fold_batchnorm": False,
        "notes": [],
    }
    assert record["firmware"] == FirmwareConfig().model_dump()


def test_the_defaults_are_those_of_a_configuration():
    parameters = inspect.signature(l1ae.convert).parameters
    for name, value in FirmwareConfig().model_dump().items():
        assert parameters[name].default == value
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_the_test_vectors_are_given_words_corners_and_random_words(made):
    lines = (made.folder / "tb_data" / "tb_input_features.dat").read_text().splitlines()
    corners = corner_words(made.circuit)
    assert len(lines) == 3 + len(corners) + 1000
    rows = made.circuit.input_words(np.array([[float(word) for word in line.split()] for line in lines]))
    assert (rows[:3] == 17).all()
    assert (rows[3 : 3 + len(corners)] == corners).all()
    low, high = made.circuit.port_range
    assert (rows[3 + len(corners) :].min(axis=0) < 0.9 * low).all()
    assert (rows[3 + len(corners) :].max(axis=0) > 0.9 * high).all()


def test_the_same_model_gives_the_same_project_again(made, model, tmp_path):
    again = l1ae.convert(model, tmp_path / "project", words=np.full((3, 8), 17))
    assert identity(again.folder) == identity(made.folder)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_file_gives_what_its_model_gives(made, model, tmp_path, ending):
    file = models.save(model, tmp_path / f"saved{ending}")
    from_file = l1ae.convert(str(file), tmp_path / "project")
    assert from_file.circuit == made.circuit
    assert (from_file.folder / "firmware" / "trigger.cpp").read_text() == (
        made.folder / "firmware" / "trigger.cpp"
    ).read_text()


def test_settings_reach_the_project(model, tmp_path):
    options = {"part": "xc7vx690tffg1927-2", "clock_ns": 25, "backend": "Vivado", "strategy": "distributed_arithmetic"}
    project = l1ae.convert(model, tmp_path / "project", name="mine", **options).folder
    assert (project / "firmware" / "mine.cpp").is_file()
    record = json.loads((project / "provenance.json").read_text())
    assert record["firmware"] == {**options, "reuse_factor": 1}
    assert "xc7vx690tffg1927-2" in (project / "project.tcl").read_text()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("my-net 2", "my_net_2"),
        ("2nd", "model_2nd"),
        ("double", "model_double"),
        ("_x", "x"),
        ("ap_int", "model_ap_int"),
    ],
)
def test_the_name_of_the_model_becomes_that_of_the_function(name, function, tmp_path):
    project = l1ae.convert(models.trigger(name), tmp_path / "project").folder
    assert (project / "firmware" / f"{function}.cpp").is_file()


@pytest.mark.parametrize(
    ("name", "function"),
    [("size_t", "model_size_t_top"), ("2nd_t", "model_2nd_t_top"), ("日本", "model"), ("w2", "model_w2")],
)
def test_a_name_that_cpp_has_already_becomes_a_free_one(name, function):
    assert firmware._function(name) == function


def test_a_format_without_modes_rounds_and_saturates(tmp_path):
    """In C++ it would truncate and wrap around, which no model does at its inputs."""
    plain = l1ae.convert(models.several(), tmp_path / "plain", input_format={"vector": "ap_fixed<7,3>"})
    assert str(plain.circuit["vector"].format) == "ap_fixed<7,3,RND_CONV,SAT>"
    record = json.loads((plain.folder / "provenance.json").read_text())["info"]["convert"]
    assert record["input_formats"] == {"vector": "ap_fixed<7,3,RND_CONV,SAT>"}
    past = plain.circuit.input_words([np.zeros((2, 2, 2, 1)), np.array([[1e3, -1e3, 0.03125]] * 2)])
    assert past[0, plain.circuit.columns["vector"]].tolist() == [63, -64, 0]
    assert firmware._formats("ap_fixed<7,3,RND,SAT_SYM>") == FixedFormat.parse("ap_fixed<7,3,RND,SAT_SYM>")
    assert firmware._formats(FixedFormat.parse("ap_fixed<7,3>")) == plain.circuit["vector"].format


# What it computes.


def test_predictions_are_values_with_the_axis_of_the_events(made, model):
    x = values(500)
    found = made.predict(x)
    assert (found.dtype, found.shape) == (np.float64, (500, 2))
    assert np.array_equal(found, model.predict(x.astype(np.float32), verbose=0).astype(np.float64))
    assert np.array_equal(made.predict(x[:1]), found[:1])
    assert made.predict(x[:0]).shape == (0, 2)


def test_integers_are_words_of_the_port(made):
    words = np.random.default_rng(0).integers(-128, 128, (50, 8))
    assert np.array_equal(made.predict(words), made.predict(words / 16))
    assert not np.array_equal(made.predict(words), made.predict(words.astype(float)))


def test_several_inputs_and_outputs_are_lists_and_tuples(several):
    rng = np.random.default_rng(0)
    image, vector = rng.integers(-32, 32, (40, 2, 2, 1)) / 8, rng.integers(-64, 64, (40, 3)) / 16
    total, doubled = several.predict([image, vector])
    expected = several.model.predict([image, vector], verbose=0)
    assert (total.shape, doubled.shape) == ((40, 2), (40, 4, 2, 1))
    assert np.array_equal(total, expected[0])
    assert np.array_equal(doubled, expected[1])
    for same in ({"vector": vector, "image": image}, (image, vector)):
        assert np.array_equal(several.predict(same)[0], total)
    assert [part.shape for part in several.predict([image[:0], vector[:0]])] == [(0, 2), (0, 4, 2, 1)]


@pytest.mark.parametrize("x", [np.zeros(8), np.zeros((2, 7)), np.zeros((2, 8), dtype=bool), np.full((1, 8), np.nan)])
def test_inputs_of_another_kind_are_refused(made, x):
    with pytest.raises(DataError):
        made.predict(x)
    with pytest.raises(DataError):
        made.verify(x)


def test_an_input_of_another_name_is_refused(several):
    with pytest.raises(DataError, match="inputs image, other: the model takes image, vector"):
        several.predict({"image": np.zeros((1, 2, 2, 1)), "other": np.zeros((1, 3))})


def test_inputs_go_by_the_names_that_they_have_in_keras(tmp_path):
    import keras
    from qkeras import QActivation

    inputs = [keras.Input((2,), name=name) for name in ("a b", "a-b")]
    halves = [QActivation(models.fixed(6, 2), name=f"port_{i}")(one) for i, one in enumerate(inputs)]
    joined = keras.Model(inputs, keras.layers.Concatenate(name="joined")(halves), name="alike")
    made = l1ae.convert(joined, tmp_path / "project", words={"a-b": np.ones((1, 2), int), "a b": np.zeros((1, 2), int)})
    assert [port.name for port in made.circuit.inputs] == ["a_b", "a_b_2"]
    x = {"a-b": np.full((1, 2), 1.5), "a b": np.full((1, 2), -0.5)}
    for opened in (made, l1ae.Firmware.open(made.folder)):
        assert firmware._words(opened.circuit, x, opened._input_names).tolist() == [[-4, -4, 12, 12]]
    same = {"a_b": x["a b"], "a_b_2": x["a-b"]}
    assert firmware._words(made.circuit, same, made._input_names).tolist() == [[-4, -4, 12, 12]]
    with pytest.raises(DataError, match="inputs a: the model takes a b, a-b"):
        made.predict({"a": x["a b"]})


def test_a_model_of_nothing_but_its_port_is_verified(tmp_path, compiled):
    import keras
    from qkeras import QActivation

    inputs = keras.Input((3,), name="x")
    made = l1ae.convert(keras.Model(inputs, QActivation(models.fixed(6, 2), name="port")(inputs)), tmp_path / "project")
    traced = CSimulation.build(made.folder).trace(np.array([[0.5, 1e3, -1e3]]))
    assert {name: words.tolist() for name, words in traced.items()} == {"port": [[4, 31, -32]]}
    verdict = made.verify(events=200)
    assert verdict.exact
    assert verdict.events > 200
    defines = made.folder / "firmware" / "defines.h"
    text = defines.read_text()
    assert "AP_RND_CONV,AP_SAT" in text
    defines.write_text(text.replace("AP_RND_CONV,AP_SAT", "AP_TRN,AP_SAT"))
    assert not made.verify(events=200).exact


# Whether that is right.


def test_firmware_is_verified_on_corners_and_random_values(made):
    verdict = made.verify(events=2000)
    assert verdict.exact
    assert {(pair.first, pair.second) for pair in verdict.pairs} == {
        ("keras", "reference"),
        ("keras", "c-simulation"),
        ("reference", "c-simulation"),
    }
    assert verdict.stimuli == {
        "random": 1800,
        "past the range": 200,
        "corner": len(corner_words(made.circuit, 1)),
    }
    assert verdict.ties["rounded"] > 0
    assert verdict.first is None


def test_firmware_is_verified_on_given_values_and_corners(made):
    x = values(300)
    verdict = made.verify(x)
    assert verdict.exact
    assert verdict.stimuli == {"given": 300, "corner": len(corner_words(made.circuit, 1))}
    assert made.verify(x[:0]).stimuli == {"corner": verdict.stimuli["corner"]}


def test_several_inputs_and_outputs_are_verified(several):
    verdict = several.verify(events=500)
    assert verdict.exact
    assert verdict.events > 500
    rng = np.random.default_rng(0)
    given = several.verify([rng.integers(-32, 32, (40, 2, 2, 1)), rng.normal(0, 9, (40, 3))])
    assert given.exact
    assert given.stimuli["given"] == 40


def test_a_changed_weight_is_found_and_explained(copy):
    name = models.change_weight(copy.folder)
    verdict = copy.verify(events=1000)
    assert not verdict.exact
    assert verdict.edited_files == (name,)
    first = verdict.first
    assert (first.layer, first.unit) == ("hidden_relu", 1)
    found = verdict.explanation
    assert (found.layer, found.element) == ("hidden_relu", 1)
    assert found.distance_lsb > 0
    assert name in str(found)
    assert str(found) in list(verdict.lines())
    with pytest.raises(VerificationError, match="layer hidden_relu, unit 1"):
        verdict.check()
    assert json.loads(json.dumps(verdict.as_dict()))["explanation"]["cause"] == found.cause


def test_beyond_24_bits_the_reference_is_the_judge(folder, compiled):
    firmware = l1ae.convert(models.wide(), folder / "wide")
    verdict = firmware.verify(events=2000)
    assert verdict.exact
    (found,) = verdict.keras_rounding
    assert found.layer == "score"
    assert found.bits == firmware.circuit.ranges["score"].significant_bits > 24
    assert 0 < found.differing <= found.events == verdict.events
    assert found.largest_lsb > 0
    x = np.array([[4095.0, 4094.0, 4093.0, 1.0]])
    assert firmware.predict(x)[0, 0] == (x**2).sum()
    assert firmware.model.predict(x.astype(np.float32), verbose=0)[0, 0] != (x**2).sum()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"events": 0}, "events 0: "),
        ({"events": -5}, "events -5: "),
        ({"events": 1.5}, "events 1.5: "),
        ({"seed": -1}, "seed -1: "),
        ({"x": np.zeros((1, 8)), "seed": -1}, "seed -1: "),
    ],
)
def test_numbers_that_make_no_sense_are_refused_in_one_line(made, options, message):
    with pytest.raises(DataError, match=message) as refused:
        made.verify(**options)
    assert "\n" not in str(refused.value)


# Opened again.


def test_a_project_is_opened_and_used_without_tensorflow(made):
    code = (
        "import sys, numpy, l1ae\n"
        "firmware = l1ae.Firmware.open(sys.argv[1])\n"
        "print(firmware.predict(numpy.full((1, 8), 17)).tolist())\n"
        "sys.exit(str({'tensorflow', 'keras', 'qkeras', 'hls4ml'} & set(sys.modules) or '') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, made.folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == made.predict(np.full((1, 8), 17)).tolist()


def test_an_opened_project_is_what_was_converted(made):
    opened = l1ae.Firmware.open(made.folder)
    assert (opened.folder, opened.circuit, opened.notes) == (made.folder, made.circuit, made.notes)
    assert opened.verify(events=10).exact


def test_what_is_no_project_cannot_be_opened(tmp_path, copy):
    with pytest.raises(RunFolderError, match="holds no firmware project of l1ae"):
        l1ae.Firmware.open(tmp_path)
    (copy.folder / "circuit.json").unlink()
    with pytest.raises(RunFolderError, match=r"circuit\.json"):
        l1ae.Firmware.open(copy.folder)


def test_a_circuit_that_is_not_that_of_the_model_is_no_verdict(copy, several):
    several.circuit.save(copy.folder / "circuit.json")
    with pytest.raises(RunFolderError, match=r"circuit\.json does not belong to model\.keras beside it"):
        l1ae.Firmware.open(copy.folder).verify()


# What is refused, before anything is written.


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "Quartus"}, r"firmware.backend 'Quartus': Input should be 'Vitis' or 'Vivado'"),
        ({"strategy": "resource"}, "firmware.strategy 'resource'"),
        ({"part": "an old one"}, "firmware.part 'an old one' is no part number"),
        ({"clock_ns": 0}, "firmware.clock_ns 0"),
        ({"reuse_factor": 0}, "firmware.reuse_factor 0"),
        ({"reuse_factor": 7}, "firmware.reuse_factor 7"),
        ({"strategy": "distributed_arithmetic", "reuse_factor": 2}, "firmware.reuse_factor 2"),
        ({"name": "1st"}, "project name '1st'"),
        ({"name": "double"}, "project name 'double'"),
        ({"name": "int8_t"}, "project name 'int8_t'"),
        ({"name": 5}, "project name 5"),
        ({"input_format": "16 bits"}, "'16 bits' is not a format"),
        ({"input_format": {"y": "ap_fixed<8,4>"}}, "a format for y: the inputs are x"),
        ({"input_format": 16}, "input_format 16"),
    ],
)
def test_what_cannot_be_made_is_refused(model, tmp_path, options, message):
    with pytest.raises(ConversionError, match=message) as refused:
        l1ae.convert(model, tmp_path / "project", **options)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [None, 5, "", "a\0b"])
def test_what_is_no_folder_is_refused(model, folder):
    with pytest.raises(ConversionError, match=r"output_dir .*: give the path of a folder") as refused:
        l1ae.convert(model, folder)
    assert "\n" not in str(refused.value)


def test_a_model_that_keras_does_not_give_back_is_refused(model, tmp_path, monkeypatch):
    from l1ae.circuit import lowering_files

    other = models.trigger(units=5)
    monkeypatch.setattr(lowering_files, "load_model", lambda path: other)
    with pytest.raises(ConversionError, match="Keras saves it, and loads something else"):
        l1ae.convert(model, tmp_path / "project")

    def fail(path):
        raise NotImplementedError("no config\nat all")

    monkeypatch.setattr(model, "save", fail)
    with pytest.raises(ConversionError, match=r"model trigger: Keras cannot save it \(no config at all\)"):
        l1ae.convert(model, tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_that_has_no_exact_meaning_is_refused(tmp_path):
    import keras

    unclear = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="float_layer")])
    with pytest.raises(ConversionError, match=r"float_layer.*QDense"):
        l1ae.convert(unclear, tmp_path / "project", input_format="ap_fixed<8,4>")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["nothing.keras", "nothing", 7, None])
def test_what_is_no_model_is_refused(tmp_path, source):
    with pytest.raises(ConversionError):
        l1ae.convert(tmp_path / source if isinstance(source, str) else source, tmp_path / "project")
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_are_left_alone_and_an_old_project_is_replaced(model, copy, tmp_path, folder_content):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "trigger.v").write_text("module trigger; endmodule\n")
    before = folder_content(foreign)
    with pytest.raises(ConversionError, match="is no firmware project of l1ae"):
        l1ae.convert(model, foreign)
    assert folder_content(foreign) == before
    again = l1ae.convert(model, copy.folder, name="second")
    assert (again.folder / "firmware" / "second.cpp").is_file()
    assert not (again.folder / "firmware" / "trigger.cpp").exists()
