"""The Keras model as one of the implementations that are compared: words in, integers out."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConversionError, RunFolderError

BATCH = 16384


def load_model(path: Path) -> keras.Model:
    """Load a `.keras` file with QKeras' and l1ae's layers; raises `RunFolderError` when it cannot be read."""
    import qkeras  # noqa: F401  (registers its layers with Keras)

    import l1ae.autoencoder.layers
    import l1ae.autoencoder.teacher  # noqa: F401  (likewise)

    if not Path(path).is_file():
        raise RunFolderError(f"no model {path}: train it first (l1ae train)")
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, OSError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]  # Keras quotes whole configurations
        raise RunFolderError(f"{path} cannot be loaded as a Keras model: {reason}") from error


def scores(model: keras.Model, words: NDArray[np.integer]) -> NDArray[np.float32]:
    """Scores (N, 1) of (N, n) hardware words."""
    return model.predict(np.asarray(words, dtype=np.float32), batch_size=BATCH, verbose=0)


def trace(model: keras.Model, words: NDArray, fractions: dict[str, int]) -> dict[str, NDArray[np.int64]]:
    """Integer words of every layer named in `fractions`, which gives the bits below the binary point of each.

    Raises `ConversionError` when a layer's output is not a multiple of its last bit.
    """
    names = [layer.name for layer in model.layers if layer.name in fractions]
    taps = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    collected: dict[str, list[NDArray[np.int64]]] = {name: [] for name in names}
    for batch in _batches(np.asarray(words, dtype=np.float32)):
        outputs = taps.predict(batch, batch_size=BATCH, verbose=0)
        for name, output in zip(names, outputs if len(names) > 1 else [outputs], strict=True):
            collected[name].append(to_integers(name, output, fractions[name]))
    return {name: np.concatenate(parts) for name, parts in collected.items()}


def to_integers(name: str, values: NDArray, fraction: int) -> NDArray[np.int64]:
    """Values as integer words with `fraction` bits below the point; `ConversionError` when one is off the grid."""
    scaled = np.asarray(values, dtype=np.float64) * 2.0**fraction
    integers = np.rint(scaled)
    off = integers != scaled
    if off.any():
        event = int(np.argwhere(off)[0][0])
        raise ConversionError(
            f"layer {name}, event {event}: a Keras output is not a multiple of 2**-{fraction}; "
            "its quantizer is not the fixed-point one of the circuit"
        )
    return integers.astype(np.int64)


def _batches(words: NDArray) -> Iterator[NDArray]:
    for start in range(0, len(words), 4 * BATCH):
        yield words[start : start + 4 * BATCH]
