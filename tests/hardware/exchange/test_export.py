"""A file is written when it equals the reference, whole, and always with the same bytes."""

import sys

import numpy as np
import pytest

from l1ae.circuit import corner_words
from l1ae.errors import ConversionError, ToolchainError, VerificationError
from l1ae.hardware.exchange import FORMATS, compare, export

from .faults import other_rounding, other_weight

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("qonnx")

KINDS = pytest.mark.parametrize("kind", ["onnx", "qonnx"])


@KINDS
def test_a_file_is_compared_and_written(small, tmp_path, kind):
    words, seen = {"corner": corner_words(small)}, []
    compared = export(small, tmp_path / "model", kind, words=words, advance=seen.append)
    assert compared == len(words["corner"]) == sum(seen)
    onnx.checker.check_model(onnx.load(tmp_path / "model"))
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


@KINDS
def test_the_same_circuit_gives_the_same_bytes(small, tmp_path, kind):
    for name in "ab":
        assert export(small, tmp_path / name, kind) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    export(other_weight(small), tmp_path / "c", kind)
    assert (tmp_path / "c").read_bytes() != (tmp_path / "a").read_bytes()


@KINDS
@pytest.mark.parametrize("plant", [other_weight, other_rounding])
def test_a_fault_is_caught_and_nothing_is_written(small, tmp_path, monkeypatch, kind, plant):
    healthy = FORMATS[kind]
    monkeypatch.setitem(FORMATS, kind, lambda circuit, name: healthy(plant(circuit), name))
    with pytest.raises(
        VerificationError, match=r"differs from the reference on .* first at corner event .*output code"
    ):
        export(small, tmp_path / "model", kind, words={"corner": corner_words(small)})
    assert list(tmp_path.iterdir()) == []


@KINDS
def test_one_constant_changed_in_the_file_is_caught(small, kind):
    model = onnx.ModelProto.FromString(FORMATS[kind](small, "test"))
    (kernel,) = [one for one in model.graph.initializer if list(one.dims) == [3, 2]]
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[2, 1] += 1 if kind == "onnx" else 2.0**-3
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    with pytest.raises(VerificationError, match="output code, element 1"):
        compare(small, model.SerializeToString(), kind, {"corner": corner_words(small)})


def test_a_value_between_two_words_is_a_difference(small):
    model = onnx.ModelProto.FromString(FORMATS["qonnx"](small, "test"))
    model.graph.node[-1].op_type = "Mul"
    model.graph.node[-1].input.append("more")
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1 + 2**-20), "more"))
    with pytest.raises(VerificationError, match="differs from the reference"):
        compare(small, model.SerializeToString(), "qonnx", {"corner": corner_words(small)})


@pytest.mark.parametrize("content", [b"", b"no model at all"])
def test_a_file_that_cannot_be_loaded_is_a_failure_of_the_tool(small, content):
    with pytest.raises(ToolchainError, match="onnxruntime cannot load the file"):
        compare(small, content, "onnx", {"corner": corner_words(small)})


def test_other_formats_are_refused(small, tmp_path):
    with pytest.raises(ConversionError, match="'tflite': give one of onnx, qonnx"):
        export(small, tmp_path / "model", "tflite")


@pytest.mark.parametrize(("kind", "module"), [("onnx", "onnx"), ("onnx", "onnxruntime"), ("qonnx", "qonnx")])
def test_a_missing_package_is_named_with_the_way_to_get_it(small, tmp_path, monkeypatch, kind, module):
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ToolchainError, match=rf"cannot import {module} .*pip install 'l1ae\[export\]'"):
        export(small, tmp_path / "model", kind, words={"corner": corner_words(small)})
    assert list(tmp_path.iterdir()) == []
