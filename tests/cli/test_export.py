"""`l1ae export`: one file of a run or a project, compared with the reference before it is written."""

import re
import sys

import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.hardware.exchange import FORMATS

from .. import models

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("qonnx")


def test_a_run_becomes_onnx_that_gives_its_score_words(l1ae, undercomplete, tmp_path):
    file = tmp_path / "run.onnx"
    said = l1ae("export", undercomplete.place.run, "--format", "onnx", "--out", file).text
    compared = re.search(r"(\d+) events equal to the reference", said)
    assert int(compared[1]) > 500
    circuit = Circuit.load(undercomplete.place.run / "circuit.json")
    low, high = circuit.port_range
    words = np.random.default_rng(3).integers(low, high + 1, (100, circuit.n_inputs))
    (found,) = onnxruntime.InferenceSession(file).run(None, {circuit.input.name: words})
    np.testing.assert_array_equal(found, circuit.reference(words))


@pytest.mark.parametrize("kind", ["onnx", "qonnx"])
def test_a_project_gives_the_same_bytes_each_time_checked_or_not(l1ae, undercomplete, tmp_path, kind):
    project, first, second = undercomplete.place.project, tmp_path / "first", tmp_path / "second"
    assert "events equal to the reference" in l1ae("export", project, "--format", kind, "--out", first).text
    assert l1ae("export", project, "--format", kind, "--out", second, "--no-check").text
    assert first.read_bytes() == second.read_bytes()


def test_without_a_check_it_says_so(l1ae, undercomplete, tmp_path):
    said = l1ae("export", undercomplete.place.run, "--format", "onnx", "--out", tmp_path / "x", "--no-check").text
    assert "not compared with the reference" in said


def test_a_file_that_differs_ends_with_1_and_is_not_written(l1ae, undercomplete, tmp_path, monkeypatch):
    healthy = FORMATS["onnx"]

    def faulty(circuit, name):
        return healthy(_other_rounding(circuit), name)

    monkeypatch.setitem(FORMATS, "onnx", faulty)
    ended = l1ae("export", undercomplete.place.run, "--format", "onnx", "--out", tmp_path / "x")
    assert ended.code == 1
    assert "the onnx file differs from the reference" in ended.message
    assert list(tmp_path.iterdir()) == []


def _other_rounding(circuit):
    """The circuit with its first rounding towards minus infinity."""
    from dataclasses import replace

    from l1ae.circuit import Quantize, Rounding

    node = next(one for one in circuit.nodes if isinstance(one, Quantize) and circuit.ranges[one.name].lost_bits)
    return circuit.replace(replace(node, format=replace(node.format, rounding=Rounding.TRN)))


@pytest.fixture(scope="module")
def wide(l1ae, tmp_path_factory):
    """The project of a model whose sum has more bits than float32."""
    folder = tmp_path_factory.mktemp("wide")
    project = folder / "firmware"
    assert l1ae("convert", models.save(models.wide(), folder / "wide.keras"), "--out", project).text
    return project


def test_what_float32_would_round_is_refused_with_the_layer_and_onnx_is_not(l1ae, wide, tmp_path):
    ended = l1ae("export", wide, "--format", "qonnx", "--out", tmp_path / "x")
    assert ended.code == 2
    assert "layer score: it needs" in ended.message
    assert list(tmp_path.iterdir()) == []
    assert "equal to the reference" in l1ae("export", wide, "--format", "onnx", "--out", tmp_path / "x").text


def test_a_missing_package_is_named(l1ae, undercomplete, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    ended = l1ae("export", undercomplete.place.run, "--format", "onnx", "--out", tmp_path / "x", "--no-check")
    assert ended.code == 2
    assert "pip install 'l1ae[export]'" in ended.message


def test_a_model_file_has_to_be_converted_first(l1ae, tmp_path):
    file = tmp_path / "model.keras"
    file.write_bytes(b"")
    assert "l1ae convert" in l1ae("export", file, "--format", "onnx", "--out", tmp_path / "x").message
