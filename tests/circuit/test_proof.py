import json

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, Dot, FixedFormat, Input, Quantize, corner_words
from l1ae.circuit.proof import proof_text, prove


@pytest.fixture
def circuit() -> Circuit:
    """Two units of opposite signs, a rectifier that saturates and rounds, and the sum of both squares."""
    port, small = FixedFormat.parse("ap_fixed<6,4,RND_CONV,SAT>"), FixedFormat.parse("ap_ufixed<3,3,RND_CONV,SAT>")
    kernel = np.array([[3, -3], [1, -1]])
    return Circuit.derive(
        [
            Input("words", (), (2,), port),
            Dense("dense", ("words",), (2,), UNDECIDED, kernel, FixedFormat.parse("ap_fixed<4,4>"), None, None),
            Quantize("relu", ("dense",), (2,), small),
            Dot("score", ("relu", "relu"), (1,), UNDECIDED),
        ]
    )


def test_one_sentence_per_layer(circuit: Circuit) -> None:
    statements = prove(circuit, corner_words(circuit))
    assert [statement.layer for statement in statements] == ["words", "dense", "relu", "score"]
    sentences = dict(zip([statement.layer for statement in statements], map(str, statements), strict=True))
    assert sentences["dense"] == (
        "dense: ap_fixed<9,7>, values from -32 to 32, no overflow and no loss for any input; "
        "test vectors reach every bound"
    )
    assert "saturates and rounds 2 bits (RND_CONV) as intended" in sentences["relu"]
    # The units are opposite, so both squares are never large at once: the bound of their sum is not tight.
    assert "values from 0 to 98" in sentences["score"]
    assert "test vectors reach 1 of 2 bounds, the others may be wider" in sentences["score"]


def test_bounds_count_as_reached_only_when_an_event_is_there(circuit: Circuit) -> None:
    none, all_ = prove(circuit, np.zeros((1, 2), dtype=int)), prove(circuit, corner_words(circuit))
    assert [statement.reached for statement in none] == [0, 0, 2, 1]
    assert [statement.reached for statement in all_] == [4, 4, 4, 1]
    assert [statement.bounds for statement in all_] == [4, 4, 4, 2]
    assert [statement.reached for statement in prove(circuit, np.zeros((0, 2), dtype=int))] == [0, 0, 0, 0]


def test_statements_are_json(circuit: Circuit) -> None:
    record = json.loads(json.dumps([statement.as_dict() for statement in prove(circuit, corner_words(circuit))]))
    assert record[1] | {"sentence": ""} == {
        "layer": "dense",
        "operation": "Dense",
        "format": "ap_fixed<9,7>",
        "low": -32.0,
        "high": 32.0,
        "overflow": "never",
        "lost_bits": 0,
        "significant_bits": 7,
        "float32_exact": True,
        "bounds": 4,
        "reached": 4,
        "sentence": "",
    }


def test_a_sum_that_wraps_is_no_proof(circuit: Circuit) -> None:
    node = circuit["dense"]
    narrow = Dense(
        "dense", node.inputs, (2,), FixedFormat.parse("ap_fixed<7,5>"), node.kernel, node.kernel_format, None, None
    )
    assert proof_text(circuit, corner_words(circuit)).startswith("Proved for every input: no sum overflows")
    text = proof_text(circuit.replace(narrow), corner_words(circuit))
    assert text.startswith("NOT proved")
    assert "dense: ap_fixed<7,5>, values from -32 to 32, WRAPS for some input" in text
