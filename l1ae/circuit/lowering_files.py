"""Files of Keras models that others wrote: loaded, or refused in one line."""

import json
import re
import zipfile
from pathlib import Path

import h5py
import keras

from l1ae.autoencoder.loading import read_model
from l1ae.errors import ConversionError, RunFolderError

_UNKNOWN_CLASS = re.compile(r"(?:Could not locate class|Unknown layer:) '?([\w>]+)")
_UNKNOWN_FUNCTION = re.compile(r"Could not locate function '(\w+)'")


def load_model(path: Path) -> keras.Model:
    """The model of a `.keras` or `.h5` file of QKeras code or of l1ae, not compiled.

    Raises `RunFolderError` when there is no such file, and `ConversionError` when it holds no model that can be loaded.
    """
    path = Path(path)
    if path.is_dir():
        raise ConversionError(f"{path} is a folder; write one file with model.save('model.keras') and give that")
    if not path.is_file():
        raise RunFolderError(f"no model {path}: give the .keras or .h5 file that model.save() wrote")
    version = _version(path)
    if version is None and path.suffix == ".keras" and h5py.is_hdf5(path):
        raise ConversionError(f"{path} is an HDF5 file under the name of another kind; rename it to {path.stem}.h5")
    if version is None:
        raise ConversionError(f"{path} is no model of Keras; write one with model.save('model.keras')")
    try:
        return read_model(path)
    except Exception as error:  # Keras has no class of its own for what it cannot load
        raise ConversionError(f"{path}: {_reason(error, version)}") from error


def _version(path: Path) -> str | None:
    """The version of Keras that wrote the file, "" when it does not say; None when it holds no model."""
    try:
        if zipfile.is_zipfile(path) and path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                return str(json.loads(archive.read("metadata.json")).get("keras_version", ""))
        if h5py.is_hdf5(path) and path.suffix in (".h5", ".hdf5"):
            with h5py.File(path, "r") as file:
                return str(file.attrs.get("keras_version", "")) if "model_config" in file.attrs else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return None


def _reason(error: Exception, version: str) -> str:
    text = " ".join(str(error).split())
    if match := _UNKNOWN_CLASS.search(text):
        return (
            f"{match[1]} is neither of Keras nor of QKeras nor of l1ae; build the model from their layers, or import "
            "the class, which has to be registered with Keras, and call l1ae.convert in Python"
        )
    if match := _UNKNOWN_FUNCTION.search(text):
        return f"its function {match[1]} is not in the file; use layers and quantizers of QKeras instead of Lambda"
    if "Lambda" in text:
        return "it holds a Lambda layer, whose code is not safe to run; use layers instead"
    if version.startswith(("1.", "2.")):
        return f"Keras {version} wrote it and Keras 3 cannot load it; build the model anew with qkeras-v3"
    return f"it cannot be loaded as a Keras model: {text[:300]}"
