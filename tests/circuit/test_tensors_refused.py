"""Layers, nodes and files of tensors that have no exact meaning, or none at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import qkeras

from l1ae.autoencoder.layers import InputScaling
from l1ae.circuit import UNDECIDED, Circuit, Convolution, FixedFormat, Input, MaxPool, Node, Subtract, Wire, lower
from l1ae.errors import ConversionError, RunFolderError

from ..convolutional import SMALL, bits, convolution, image

PORT = FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")
WEIGHTS = FixedFormat.parse("ap_fixed<6,2,RND_CONV,SAT>")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"strides": [1, 1]', '"strides": [1, 0]'),
        ('"padding": [0, 0]', '"padding": [3, 0]'),
        ('"pool": [3, 1]', '"pool": [3, 1.5]'),
        ('"indices": [0, 1', '"indices": [0, 999'),
        ('"indices": [0, 1', '"indices": [0, 0.5'),
        ('"input_shape": [9, 2, 1]', '"input_shape": [9, 1, 2]'),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "circuit.json"
    lower(SMALL["encoder"]()).save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RunFolderError, match=r"circuit\.json"):
        Circuit.load(path)


def model_of(*layers: Any) -> Any:
    words, _, tensor = image(4, 3)
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(words, tensor)


def flat() -> Any:
    return keras.layers.Flatten(name="flat")


def conv(**options: Any) -> Any:
    return convolution(2, (2, 2), "conv", **options)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([conv(dilation_rate=(2, 1)), flat()], r"conv: dilation_rate=\(2, 1\).*leave it at \(1, 1\)"),
        ([conv(mask=np.ones((2, 2))), flat()], "conv: mask=array of shape .*leave it at None"),
        ([conv(activation="relu"), flat()], "conv: activation= on a QConv2D.*QActivation"),
        ([conv(kernel_quantizer=None), flat()], "conv: no kernel_quantizer"),
        ([conv(kernel_quantizer=bits(8, 2, alpha="auto")), flat()], r"conv \(kernel_quantizer\).*alpha='auto'"),
        ([keras.layers.Conv2D(2, 2, name="conv"), flat()], "conv: Conv2D has no exact.*use QConv2D"),
        ([keras.layers.AveragePooling2D((3, 1), name="pool"), flat()], "pool: AveragePooling2D.*use MaxPooling2D"),
        ([keras.layers.MaxPooling2D((2, 1), strides=1, name="pool"), flat()], "pool: padding='valid' and strides=.*"),
        ([keras.layers.MaxPooling2D((3, 1), padding="same", name="pool"), flat()], "pool: padding='same'.*set padding"),
        ([keras.layers.ZeroPadding2D(name="zeros"), flat()], "zeros: ZeroPadding2D.*padding='same' in the QConv2D"),
        ([keras.layers.UpSampling2D(interpolation="bilinear", name="up"), flat()], "up: interpolation='bilinear'"),
        ([keras.layers.Flatten(data_format="channels_first", name="flat")], "flat: data_format='channels_first'"),
        ([keras.layers.Reshape((2, 2, 3, 1), name="four"), flat()], "four: shape .*one to three dimensions"),
        ([qkeras.QDense(2, kernel_quantizer=bits(8, 2), use_bias=False, name="dense"), flat()], "dense: .*Flatten"),
        ([InputScaling([0], [1], name="scaling_2"), flat()], "scaling_2: .*put a Flatten"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refusals(layers: list[Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        lower(model_of(*layers))
    assert "\n" not in str(caught.value)


WORDS = Input("words", (), (4,), PORT)
IMAGE = Wire("image", ("words",), (2, 2, 1), PORT, (0, 1, 2, 3))


def convolve(shape: tuple[int, ...] = (1, 1, 1), kernel: tuple[int, ...] = (2, 2, 1, 1), **options: Any) -> Convolution:
    settings = {"input_shape": (2, 2, 1), "strides": (1, 1), "padding": (0, 0), **options}
    return Convolution("conv", ("image",), shape, UNDECIDED, np.ones(kernel), WEIGHTS, None, None, **settings)


def pool(shape: tuple[int, ...], window: tuple[int, int]) -> Node:
    return MaxPool("pool", ("image",), shape, UNDECIDED, (2, 2, 1), window, window, (0, 0))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (convolve(kernel=(2, 2, 2, 1)), r"conv: kernel of shape \(2, 2, 2, 1\)"),
        (convolve(shape=(3, 1, 1)), "conv: .*positions beyond"),
        (convolve(strides=(1,)), "conv: strides"),
        (convolve(input_shape=(4, 1, 1)), "conv: input of shape"),
        (convolve(shape=(0, 1, 1)), "conv: .*larger than its input"),
        (replace(convolve(), inputs=("words",)), "conv: input of shape .*use a Reshape"),
        (replace(convolve(), inputs=("image", "image")), "conv: 2 operands where 1"),
        (replace(convolve(), kernel=np.full((2, 2, 1, 1), 99)), "conv: a weight does not fit"),
        (pool((3, 1, 1), (2, 1)), "pool: .*beyond its operand"),
        (pool((0, 2, 1), (3, 1)), "pool: .*larger than its input"),
        (pool((1, 2, 2), (2, 1)), "pool: 2 channels where 1 are pooled"),
        (pool((1, 1, 1), (2, 0)), "pool: .*two whole numbers"),
        (Wire("wire", ("image",), (3,), UNDECIDED, (0, 1)), "wire: 2 indices"),
        (Wire("wire", ("image",), (2,), UNDECIDED, (0, 4)), "wire: an index lies outside"),
        (Wire("wire", ("image",), (1, 1, 1, 1), UNDECIDED, (0,)), "wire: shape"),
        (Subtract("difference", ("image", "words"), (4,), UNDECIDED), "difference: operands of different shapes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nodes_that_do_not_fit_together(node: Node, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        Circuit.derive([WORDS, IMAGE, node])
