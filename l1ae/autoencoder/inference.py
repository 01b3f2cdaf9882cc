"""The Keras model as one of the implementations that are compared: words in, integers out."""

from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from l1ae.errors import ConversionError, RunFolderError

BATCH = 16384


def load_model(path: Path) -> keras.Model:
    """Load a `.keras` file with QKeras' and l1ae's layers; raises `RunFolderError` when it cannot be read."""
    from l1ae.autoencoder.loading import read_model

    if not Path(path).is_file():
        raise RunFolderError(f"no model {path}: train it first (l1ae train)")
    try:
        return read_model(Path(path))
    except (ValueError, OSError, TypeError) as error:
        reason = " ".join(str(error).split())[:300]  # Keras quotes whole configurations
        raise RunFolderError(f"{path} cannot be loaded as a Keras model: {reason}") from error


def scores(model: keras.Model, words: NDArray[np.integer]) -> NDArray[np.float32]:
    """Scores (N, 1) of (N, n) hardware words."""
    return model.predict(np.asarray(words, dtype=np.float32), batch_size=BATCH, verbose=0)


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
