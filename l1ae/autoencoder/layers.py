"""Keras layers of l1ae's own: what QKeras lacks."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="l1ae")
class InputScaling(keras.layers.Layer):
    """Scale each hardware word by y = (x - offset) * 2**-shift, as the Global Trigger firmware does.

    `offset` and `shift`: one integer per input (last axis). Exact in float32 for words of up to 24 bits.
    """

    def __init__(self, offset: list[int], shift: list[int], **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        if len(offset) != len(shift):
            raise ValueError(f"{len(offset)} offsets and {len(shift)} shifts: give one of each per input")
        self.offset = [int(value) for value in offset]
        self.shift = [int(value) for value in shift]

    def call(self, inputs: Any) -> Any:
        """Scale words of shape (..., n)."""
        offset = np.asarray(self.offset, dtype=np.float32)
        scale = np.exp2(-np.asarray(self.shift, dtype=np.float32))
        return (inputs - offset) * scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Offsets and shifts, for saving."""
        return {**super().get_config(), "offset": self.offset, "shift": self.shift}
