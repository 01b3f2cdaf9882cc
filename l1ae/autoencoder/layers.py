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


#: Integers up to this size are exact in float32.
_FLOAT32_INTEGERS = 2**24


@keras.saving.register_keras_serializable(package="l1ae")
class TableLookup(keras.layers.Layer):
    """Look each input up in a table: x_i = word * 2**-fraction_in gives tables[i][word - low] * 2**-fraction_out.

    `tables`: integers of up to 24 bits, shape (n, size), or (1, size) for one table that all inputs share; `low`: the
    word of the first entry. A word beyond a table takes the nearest entry (firmware is only made where none is); no
    gradient flows. Raises `ValueError` for tables of another shape or type.
    """

    def __init__(self, tables: Any, low: int, fraction_in: int, fraction_out: int, **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.tables = np.asarray(tables)
        if self.tables.ndim != 2 or not self.tables.size:
            raise ValueError(f"tables of shape {self.tables.shape}: give (inputs, entries), or (1, entries) for all")
        if self.tables.dtype.kind not in "iu":
            raise ValueError(f"tables of type {self.tables.dtype}: give integers, in units of 2**-fraction_out")
        self.low, self.fraction_in, self.fraction_out = int(low), int(fraction_in), int(fraction_out)
        last = self.low + self.tables.shape[1] - 1
        if max(abs(self.low), abs(last), int(np.abs(self.tables).max())) > _FLOAT32_INTEGERS:
            raise ValueError("a table reaches beyond 24 bits, which is all that Keras computes exactly in float32")
        self._values = np.ldexp(self.tables.ravel().astype(np.float64), -self.fraction_out).astype(np.float32)

    def build(self, input_shape: Any) -> None:
        """Refuse inputs that are not as many as the tables."""
        if len(self.tables) not in (1, input_shape[-1]):
            raise ValueError(f"{len(self.tables)} tables for {input_shape[-1]} inputs: give one each, or one for all")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Look up values of shape (..., n)."""
        count, size = self.tables.shape
        words = keras.ops.round(keras.ops.stop_gradient(inputs) * 2.0**self.fraction_in)
        index = keras.ops.cast(keras.ops.clip(words, self.low, self.low + size - 1) - self.low, "int32")
        if count > 1:
            index = index + np.arange(count, dtype=np.int32) * size
        return keras.ops.take(self._values, index)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Tables and their formats, for saving."""
        own = {"tables": self.tables.tolist(), "low": self.low}
        return {**super().get_config(), **own, "fraction_in": self.fraction_in, "fraction_out": self.fraction_out}


@keras.saving.register_keras_serializable(package="l1ae")
class SumOver(keras.layers.Layer):
    """Sum over the last axis, which stays with length 1."""

    def call(self, inputs: Any) -> Any:
        """Sum values of shape (..., n) to (..., 1)."""
        return keras.ops.sum(inputs, axis=-1, keepdims=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input with a last axis of length 1."""
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable(package="l1ae")
class Select(keras.layers.Layer):
    """Some elements of the last axis, in a fixed order: y[j] = x[indices[j]]. Wires, in firmware."""

    def __init__(self, indices: list[int], **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.indices = [int(index) for index in indices]
        if not self.indices or min(self.indices) < 0:
            raise ValueError(f"indices {self.indices}: give one number or more, counted from 0")

    def build(self, input_shape: Any) -> None:
        """Refuse indices that the input does not have."""
        if max(self.indices) >= input_shape[-1]:
            raise ValueError(f"index {max(self.indices)} of an input with {input_shape[-1]} elements")
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Choose from inputs of shape (..., n)."""
        return keras.ops.take(inputs, np.asarray(self.indices, dtype=np.int32), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input with as many elements in the last axis as there are indices."""
        return (*input_shape[:-1], len(self.indices))

    def get_config(self) -> dict[str, Any]:
        """The indices, for saving."""
        return {**super().get_config(), "indices": self.indices}
