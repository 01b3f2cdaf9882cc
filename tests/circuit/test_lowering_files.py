"""Files of models that others wrote: loaded with all that QKeras has, or refused in one line."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import qkeras
from keras import layers

from l1ae.autoencoder.layers import InputScaling
from l1ae.circuit import lower
from l1ae.circuit.lowering_files import load_model
from l1ae.errors import ConversionError, L1aeError, RunFolderError

from ..lowered import assert_exact, bits, chain, quantized

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*HDF5 file.*legacy:UserWarning",
    "ignore:.*__array__ implementation doesn't accept a copy:DeprecationWarning",
)
KERNEL: dict[str, Any] = {"kernel_quantizer": bits(8, 3), "bias_quantizer": bits(8, 3)}
DEPTHWISE: dict[str, Any] = {"depthwise_quantizer": bits(8, 3), "bias_quantizer": bits(8, 3)}

MODELS: dict[str, Callable[[], Any]] = {
    "plain": lambda: chain((4,), qkeras.QDense(3, name="dense", activation=qkeras.quantized_relu(5, 2), **KERNEL)),
    "of l1ae": lambda: chain((3,), InputScaling([1, 0, -3], [0, 1, 2]), quantized(bits(6, 3), "scaled")),
    "images": lambda: chain(
        (5, 4, 2),
        qkeras.QConv2D(3, 2, name="conv", **KERNEL),
        qkeras.QActivation(qkeras.quantized_relu(6, 3)),
        qkeras.QAveragePooling2D(2, average_quantizer=bits(6, 1)),
        layers.Flatten(),
    ),
    "normalizations inside": lambda: chain(
        (5, 4, 2),
        qkeras.QConv2DBatchnorm(3, 2, name="conv", **KERNEL),
        quantized(bits(6, 3), "bits_1"),
        qkeras.QDepthwiseConv2DBatchnorm(2, name="depthwise", **DEPTHWISE),
        quantized(bits(6, 3), "bits_2"),
        qkeras.QDenseBatchnorm(3, name="dense", **KERNEL),
    ),
}


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", list(MODELS))
def test_a_file_gives_the_circuit_of_the_model(name: str, ending: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    model.save(tmp_path / f"model{ending}")
    loaded = load_model(tmp_path / f"model{ending}")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert lower(loaded) == lower(model)
    assert_exact(loaded)


def test_a_loaded_model_can_be_saved_and_loaded_again(tmp_path: Path) -> None:
    model = MODELS["normalizations inside"]()
    model.save(tmp_path / "first.keras")
    load_model(tmp_path / "first.keras").save(tmp_path / "second.keras")
    assert lower(load_model(tmp_path / "second.keras")) == lower(model)


def test_names_without_a_package_as_keras_2_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    MODELS["plain"]().save(path)
    with h5py.File(path, "r+") as file:
        text = file.attrs["model_config"]
        assert "qkeras>QDense" in text or '"QDense"' in text
        file.attrs["model_config"] = text.replace("qkeras>", "")
    assert lower(load_model(path)) == lower(MODELS["plain"]())


class Foreign(layers.Layer):
    """A layer that no one but this test knows."""

    def call(self, inputs: Any) -> Any:
        return inputs


def saved(path: Path, layer: Any) -> Path:
    words = keras.Input((4,), name="words")
    keras.Model(words, layer(quantized(bits())(words))).save(path)
    return path


def edited(path: Path, change: Callable[[dict[str, Any]], None], member: str = "metadata.json") -> Path:
    """A `.keras` file with one of its JSON members changed."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    values = json.loads(content[member])
    change(values)
    content[member] = json.dumps(values).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def missing(folder: Path) -> Path:
    return folder / "model.keras"


def text_file(folder: Path) -> Path:
    (folder / "model.keras").write_text("not a model")
    return folder / "model.keras"


def weights_only(folder: Path) -> Path:
    MODELS["plain"]().save_weights(folder / "model.weights.h5")
    return folder / "model.weights.h5"


def other_ending(folder: Path) -> Path:
    MODELS["plain"]().save(folder / "model.keras")
    return (folder / "model.keras").rename(folder / "model.zip")


def unknown_to_keras(folder: Path) -> Path:
    def change(config: dict[str, Any]) -> None:
        config["config"]["layers"][1] |= {"class_name": "Strange", "module": "elsewhere", "registered_name": "Strange"}

    return edited(saved(folder / "model.keras", layers.ReLU()), change, "config.json")


def of_keras_2(folder: Path) -> Path:
    def broken(config: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["from_keras_2"] = True

    def old(metadata: dict[str, Any]) -> None:
        metadata["keras_version"] = "2.15.0"

    return edited(edited(saved(folder / "model.keras", layers.ReLU()), broken, "config.json"), old)


def damaged(folder: Path) -> Path:
    MODELS["plain"]().save(folder / "model.h5")
    with h5py.File(folder / "model.h5", "r+") as file:
        del file["model_weights"]
    return folder / "model.h5"


def unknown_function(x: Any) -> Any:
    return x


def with_code() -> Any:
    return layers.Lambda(lambda x: x)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (missing, RunFolderError, r"no model .*model\.keras: give the \.keras or \.h5 file"),
        (lambda folder: folder, ConversionError, "is a folder; write one file with model.save"),
        (text_file, ConversionError, r"model\.keras is no model of Keras; write one with model\.save"),
        (weights_only, ConversionError, r"weights\.h5 is no model of Keras"),
        (other_ending, ConversionError, r"model\.zip is no model of Keras"),
        (lambda folder: saved(folder / "model.keras", Foreign()), ConversionError, "Foreign is neither of Keras"),
        (lambda folder: saved(folder / "model.h5", Foreign()), ConversionError, "Foreign is neither of Keras"),
        (unknown_to_keras, ConversionError, "Strange is neither of Keras nor of QKeras"),
        (lambda folder: saved(folder / "model.keras", with_code()), ConversionError, "it holds a Lambda layer, whose"),
        (lambda folder: saved(folder / "model.h5", with_code()), ConversionError, "it holds a Lambda layer, whose"),
        (lambda folder: saved(folder / "model.keras", layers.Lambda(unknown_function)), ConversionError,
         "its function unknown_function is not in the file; use layers and quantizers"),
        (of_keras_2, ConversionError, r"Keras 2\.15\.0 wrote it and Keras 3 cannot load it; build the model anew"),
        (damaged, ConversionError, "it cannot be loaded as a Keras model: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_files_that_are_refused(make: Any, kind: type[L1aeError], message: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(kind, match=message) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_weights_are_those_of_the_file(tmp_path: Path) -> None:
    model = MODELS["normalizations inside"]()
    model.save(tmp_path / "model.keras")
    for old, new in zip(model.get_weights(), load_model(tmp_path / "model.keras").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_hdf5_file_under_another_name_says_how_to_rename_it(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
    with pytest.raises(ConversionError, match=r"model\.keras is an HDF5 file .* rename it to model\.h5"):
        load_model(path)
