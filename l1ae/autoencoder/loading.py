"""Files of Keras models with the layers of QKeras and of l1ae, also those that QKeras saves and cannot load."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import qkeras
from qkeras.utils import _add_supported_quantized_objects

import l1ae.autoencoder.layers
import l1ae.autoencoder.teacher  # noqa: F401  (registers its layers with Keras, as the line above)

#: Options of batch normalization that QDenseBatchnorm saves and does not take.
_NOT_TAKEN = ("synchronized", "renorm", "renorm_clipping", "renorm_momentum")


# Keras finds the weights in a file by the name of the class, so the names are those of QKeras.
class QDenseBatchnorm(qkeras.QDenseBatchnorm):
    """Reads its own configuration."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer of a configuration as QKeras saves it."""
        return super().from_config(without_foreign_options(config))


class QDepthwiseConv2DBatchnorm(qkeras.QDepthwiseConv2DBatchnorm):
    """Reads its own variables."""

    def load_own_variables(self, store: Any) -> None:
        """Take the variables of a file, which holds the counter twice: for QKeras that is a variable too many."""
        names = set(store.keys()) - {"iteration"}
        keras.layers.Layer.load_own_variables(self, {name: store[name] for name in names})


_LOADERS = (QDenseBatchnorm, QDepthwiseConv2DBatchnorm)


def read_model(path: Path) -> keras.Model:
    """The model of a `.keras` or `.h5` file, not compiled; raises whatever Keras raises."""
    objects: dict[str, Any] = {}
    _add_supported_quantized_objects(objects)  # files of Keras 2 have the bare names
    with _registered({f"{package}{kind.__name__}": kind for kind in _LOADERS for package in ("", "qkeras>")}):
        model = keras.models.load_model(path, custom_objects=objects, compile=False)
    for layer in model._flatten_layers():
        if type(layer) in _LOADERS:
            layer.__class__ = type(layer).__base__  # from here on it is what was saved
    return model


@contextmanager
def _registered(classes: dict[str, type]) -> Iterator[None]:
    """Classes that Keras finds under these names, before those that are given to `load_model`."""
    registry = keras.saving.get_custom_objects()
    before = {name: registry.get(name) for name in classes}
    registry.update(classes)
    try:
        yield
    finally:
        for name, kind in before.items():
            if kind is None:
                del registry[name]
            else:
                registry[name] = kind


def without_foreign_options(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a QDenseBatchnorm as it can be read again."""
    return {key: value for key, value in config.items() if key not in _NOT_TAKEN}
