"""The model of delays against paths that Vivado has reported for other people's designs."""

import pytest

from l1ae.hardware.netlist.timing import MODELS

# Shortest periods in ns (5 ns less the slack) of routed paths in the public reports of gussmith23/lakeroad-evaluation
# (Vivado 2021.2, xczu3eg-1: if, invoke-memory, and one with a mac): LUTs, the length of the carry chain in CARRY8, and
# the fan-outs of the nets of general routing.
ROUTED = [
    (1.619, 3, [2], [73, 16, 1]),
    (1.704, 3, [1], [50, 2, 1]),
    (2.848, 4, [4], [19, 15, 65, 2]),
]


def delay(model, luts, chains, fan_outs):
    weights = model.weights()
    total = model.registers + luts * weights.arc("lut") + sum(weights.net("net", loads) for loads in fan_outs)
    for cells in chains:
        steps = 2 * cells - 2  # each CARRY8 is two cells of four bits
        total += weights.net("to_carry", 1) + weights.arc("carry_in") + steps * weights.arc("carry_step")
        total += weights.net("chain", 1) * (steps + 1) + weights.arc("carry_out")
    return total + weights.net("to_ff", 1)


@pytest.mark.parametrize("path", ROUTED)
def test_published_routed_paths_lie_between_the_ends(path):
    reported, *cells = path
    quick, slow = (delay(model, *cells) for model in MODELS["UltraScale+"])
    assert quick < reported < slow


@pytest.mark.parametrize("family", MODELS)
def test_the_quick_end_is_never_slower(family):
    quick, slow = MODELS[family]
    assert all(low <= getattr(slow, name) for name, low in vars(quick).items())


@pytest.mark.parametrize("family", MODELS)
def test_more_loads_and_longer_ways_take_longer(family):
    for model in MODELS[family]:
        weights = model.weights()
        assert weights.net("net", 10) > weights.net("net", 1) > weights.net("to_carry", 1)
        assert weights.net("through", 1) > weights.net("net", 1)


def test_a_family_without_published_delays_has_no_model():
    assert "UltraScale" not in MODELS
