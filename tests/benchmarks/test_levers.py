"""The table of what each lever saves, on a circuit of a few units."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import levers
from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Quantize


def tiny(seed=0):
    rng = np.random.default_rng(seed)
    weights, biases = FixedFormat.parse("ap_fixed<6,2>"), FixedFormat.parse("ap_fixed<6,3>")
    nodes = [Input("words", (), (4,), FixedFormat.parse("ap_fixed<6,4,RND_CONV,SAT>"))]
    for number, (size, units) in enumerate([(4, 5), (5, 2)]):
        kernel, bias = rng.integers(-32, 32, (size, units)), rng.integers(-32, 32, units)
        dense = Dense(f"dense_{number}", (nodes[-1].name,), (units,), UNDECIDED, kernel, weights, bias, biases)
        after = FixedFormat.parse("ap_ufixed<5,2,RND_CONV,SAT>" if number == 0 else "ap_fixed<6,3,RND_CONV,SAT>")
        nodes += [dense, Quantize(f"rounded_{number}", (dense.name,), (units,), after)]
    return Circuit.derive(nodes)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("levers")
    tiny().save(folder / "circuit.json")
    tiny(1).save(folder / "other.json")
    arguments = [str(folder), str(folder / "other.json"), "--json", str(folder / "levers.json")]
    result = CliRunner().invoke(levers.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads((folder / "levers.json").read_text())


def test_one_line_per_circuit_and_lever(found):
    assert [row["lever"] for row in found] == 2 * [lever.name for lever in levers.LEVERS]
    assert {row["circuit"] for row in found[5:]} == {"other"}


def test_the_levers_save_levels_and_luts(found):
    for rows in (found[:5], found[5:]):
        first, *_, cheap, shallow = rows
        assert cheap["levels"] <= first["levels"] - 3  # a rounding each, and one of the two limits of the signed format
        assert cheap["lut"] < first["lut"]
        assert shallow["levels"] <= cheap["levels"]


def test_the_levers_are_off_again_afterwards(found):
    circuit = tiny()
    assert levers.estimated(levers.logic.trace_logic(circuit))["levels"] == found[2]["levels"]


def test_odd_biases_leave_no_ties_and_move_a_sum_by_half_its_last_bit():
    circuit = tiny()
    odd = levers.with_odd_biases(circuit)
    assert all(circuit.ties[name].any() for name in ("rounded_0", "rounded_1"))
    assert not any(ties.any() for ties in odd.ties.values())
    words = np.random.default_rng(2).integers(-32, 32, (200, 4))
    sums, moved = (one.trace(words, ["dense_0"])["dense_0"] for one in (circuit, odd))
    np.testing.assert_array_equal(moved, 2 * sums + 1)


def test_the_same_as_markdown(found):
    lines = levers.markdown(found).splitlines()
    assert len(lines) == 2 + len(found)
    assert lines[0] == "| circuit | lever | lut | levels | clocks | ff |"
    assert f"| {found[0]['levels']} |" in lines[2]


def test_a_path_without_a_circuit_is_refused(tmp_path):
    from l1ae.errors import RunFolderError

    with pytest.raises(RunFolderError, match=r"holds no circuit\.json: give a run folder"):
        levers.read(tmp_path)
