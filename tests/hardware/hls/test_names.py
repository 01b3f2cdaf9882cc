"""Names of layers in C++: safe, unique, and unchanged where they can stay."""

import pytest

from l1ae.hardware.hls.names import IDENTIFIER, RESERVED, Names, is_identifier


@pytest.mark.parametrize("name", ["words", "encoder_1", "q_dense", "Code", "x", "i", "scaled_2"])
def test_a_safe_name_stays(name):
    assert Names().add(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("dense-1", "dense_1"),
        ("a/b:0", "a_b_0"),
        ("score__word", "score_word"),
        ("_own_", "own"),
        ("int", "layer_int"),
        ("input", "layer_input"),
        ("result", "layer_result"),  # hls4ml has a result_t of its own
        ("size", "layer_size"),  # and so has C
        ("w5", "layer_w5"),
        ("layer3_out", "layer_layer3_out"),
        ("2nd", "layer_2nd"),
        ("größe", "gr_e"),
        ("日本", "layer"),
        ("", "layer"),
        ("x" * 300, "x" * 100),
    ],
)
def test_any_other_becomes_the_nearest_safe_one(name, safe):
    assert Names().add(name) == safe


def test_names_differ_in_more_than_upper_and_lower_case():
    names = Names(["trigger"])
    assert [names.add(name) for name in ("code", "Code", "CODE", "Trigger")] == [
        "code",
        "Code_2",
        "CODE_3",
        "Trigger_2",
    ]
    assert [names.add(name) for name in ("a/b", "a-b", "a_b_2")] == ["a_b", "a_b_2", "a_b_2_2"]


@pytest.mark.parametrize("pair", [("code", "code_accum"), ("code_weight", "code"), ("x_ap", "x"), ("x", "x_t")])
def test_types_made_of_names_differ_too(pair):
    """hls4ml writes a code_accum_t for the layer code, which a layer code_accum could claim for its result."""
    names = Names()
    first, second = map(names.add, pair)
    assert (first, second) == (pair[0], f"{pair[1]}_2")


def test_functions():
    assert all(is_identifier(name) for name in ("trigger", "dense_ae", "T1"))
    assert not any(is_identifier(name) for name in ("my-trigger", "1st", "", "_t", "double", None, 5))
    taken = "ap_int size_t int8_t uint64_t hls std nnet main hls_stream input_t w2 errno ENOMEM AP_RND isnan in words"
    assert not any(is_identifier(name) for name in taken.split())
    assert all(is_identifier(name) for name in ("sin", "port", "EGAMMA", "x", "Jet_1", "layered", "input"))
    assert all(IDENTIFIER.fullmatch(word) for word in RESERVED)
