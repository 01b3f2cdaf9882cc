"""Layers, nodes and files of tensors that have no exact meaning, or none at all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Convolution, FixedFormat, Input, MaxPool, Node, Subtract, Wire, lower
from l1ae.errors import ConversionError, RunFolderError

from ..convolutional import SMALL

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
