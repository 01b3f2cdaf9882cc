"""A part of a circuit computes what the whole circuit computes there."""

import numpy as np
import pytest

from l1ae.circuit import Circuit, Dense, FixedFormat, Input, Quantize, Wire
from l1ae.circuit.nodes import UNDECIDED
from l1ae.errors import ConversionError

from ..coders import autoencoder

WORDS = np.random.default_rng(0).integers(-4096, 4096, (500, 57))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("code_quantized", "reconstruction"),
        ("words", "code_quantized"),
        ("scaled", "score"),
        ("encoder_1_relu", "code"),
    ],
)
def test_a_part_computes_exactly_what_the_whole_circuit_computes(source, target):
    whole = autoencoder()
    part = whole.between(source, target)
    traced = whole.trace(WORDS, [source, target])
    assert (part.reference(traced[source]) == traced[target]).all()
    assert (part.input.format, part.output.format) == (whole[source].format, whole[target].format)
    assert len(np.unique(traced[target])) > 2  # a part that computes nothing would not pass by chance


def test_the_target_is_the_output_unless_another_one_is_named():
    whole = autoencoder()
    assert whole.between("scaled") == whole.between("scaled", "score")
    assert whole.between("words") == whole


def test_a_part_holds_nothing_that_its_target_does_not_need():
    part = autoencoder().between("code_quantized", "reconstruction")
    names = ["code_quantized", "decoder_1", "decoder_1_relu", "output", "reconstruction"]
    assert [node.name for node in part.nodes] == names


def test_what_follows_from_more_than_one_node_is_refused():
    with pytest.raises(ConversionError, match="layer score needs words too, not only code_quantized"):
        autoencoder().between("code_quantized")
    with pytest.raises(ConversionError, match="layer residual needs words too"):
        autoencoder().between("reconstruction", "residual")


def test_what_lies_in_front_or_beside_is_refused():
    with pytest.raises(ConversionError, match="layer scaled does not follow from code"):
        autoencoder().between("code", "scaled")
    with pytest.raises(ConversionError, match="at least one operation"):
        autoencoder().between("code", "code")
    with pytest.raises(KeyError):
        autoencoder().between("code", "nothing")


def test_an_image_can_be_an_input_too():
    bits = FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")
    circuit = Circuit.derive(
        [
            Input("words", (), (4,), bits),
            Wire("image", ("words",), (2, 2, 1), bits, (0, 1, 2, 3)),
            Quantize("small", ("image",), (2, 2, 1), bits),
            Wire("flat", ("small",), (4,), bits, (3, 2, 1, 0)),
            Dense("sum", ("flat",), (1,), UNDECIDED, np.ones((4, 1), dtype=int), bits, None, None),
        ]
    )
    pixels = np.array([[[[1], [2]], [[3], [1]]]])
    assert circuit.between("image").reference(pixels)[0, 0] == 7
    assert circuit.between("flat").reference(np.array([[1, 2, 3, 1]]))[0, 0] == 7
