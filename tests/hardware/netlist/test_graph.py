"""Longest paths through small netlists that are written down here."""

import pytest

from l1ae.errors import ToolchainError
from l1ae.hardware.netlist.graph import LEVELS, Module, Path

LUT = {"I0": "input", "I1": "input", "O": "output"}
INV = {"I": "input", "O": "output"}
CARRY = {"CI": "input", "CYINIT": "input", "DI": "input", "S": "input", "O": "output", "CO": "output"}
FF = {"C": "input", "CE": "input", "D": "input", "R": "input", "Q": "output"}


def cell(kind, directions, **bits):
    return {"type": kind, "port_directions": directions, "connections": bits}


def module(inputs, outputs, *cells):
    ports = {"a": {"direction": "input", "bits": inputs}, "o": {"direction": "output", "bits": outputs}}
    named = {f"cell{number}": entry for number, entry in enumerate(cells)}
    return Module({"modules": {"top": {"ports": ports, "cells": named}}}, "top")


def levels(of):
    found, path = of.arrivals(LEVELS).longest()
    return found, path


def carry(low, ci="0"):
    """A carry cell whose S is low..low+3, DI low+4..low+7, O low+8..low+11 and CO low+12..low+15."""
    bits = [list(range(low + 4 * part, low + 4 * part + 4)) for part in range(4)]
    return cell("CARRY4", CARRY, CI=[ci], CYINIT=["0"], S=bits[0], DI=bits[1], O=bits[2], CO=bits[3])


def test_every_lut_and_every_inverter_is_a_level():
    chain = module([1, 2], [5], cell("INV", INV, I=[1], O=[3]), cell("LUT2", LUT, I0=[3], I1=[2], O=[4]),
                   cell("LUT2", LUT, I0=[4], I1=[1], O=[5]))  # fmt: skip
    assert levels(chain) == (3, Path(lut=3))
    assert chain.cells == {"INV": 1, "LUT2": 2}


def test_the_order_of_cells_in_the_file_does_not_matter():
    chain = module([1, 2], [5], cell("LUT2", LUT, I0=[4], I1=[1], O=[5]), cell("LUT2", LUT, I0=[1], I1=[2], O=[4]))
    assert levels(chain) == (2, Path(lut=2))


def test_a_chain_of_carry_cells_is_a_level_for_each():
    first, second = carry(10), carry(30, ci=25)
    both = module([*range(10, 18), *range(30, 38)], [41], first, second)
    assert levels(both) == (2, Path(carry=2))


def test_a_sum_bit_waits_for_the_bits_below_it_only():
    late = cell("LUT2", LUT, I0=[1], I1=[2], O=[13])  # into S[3]
    low = module([1, 2, 10, 11, 12, 14, 15, 16, 17], [18, 19, 20], late, carry(10))
    high = module([1, 2, 10, 11, 12, 14, 15, 16, 17], [21], late, carry(10))
    assert levels(low) == (1, Path(carry=1))
    assert levels(high) == (2, Path(lut=1, carry=1))


def test_a_flip_flop_ends_a_path_and_begins_another():
    store = cell("FDRE", FF, C=[9], CE=["1"], D=[3], R=["0"], Q=[4])
    pair = module([1, 2, 9], [5], cell("LUT2", LUT, I0=[1], I1=[2], O=[3]), store,
                  cell("LUT2", LUT, I0=[4], I1=["1"], O=[5]))  # fmt: skip
    assert levels(pair) == (1, Path(lut=1))
    assert pair.cells["FDRE"] == 1


def test_a_path_goes_on_behind_a_box():
    box = cell("top_stage1", {"in": "input", "out": "output"}, **{"in": [1, 2], "out": [3, 4]})
    around = module([1, 2], [4, 5], box, cell("LUT2", LUT, I0=[3], I1=[2], O=[5]))
    assert around.boxes["cell0"][0] == "top_stage1"
    assert around.arrivals(LEVELS, {3: 6, 4: 9}).longest() == (7, Path(lut=1))


def test_wires_have_no_levels():
    assert levels(module([1], [1])) == (0, Path())
    assert levels(module([1], ["0", "1"])) == (0, Path())


def test_a_loop_is_an_error_and_not_an_endless_search():
    with pytest.raises(ToolchainError, match="loop"):
        module([1], [3], cell("LUT2", LUT, I0=[1], I1=[3], O=[2]), cell("LUT2", LUT, I0=[2], I1=[1], O=[3]))


def test_what_was_not_mapped_is_an_error():
    with pytest.raises(ToolchainError, match="incomplete"):
        module([1], [2], cell("$add", {"A": "input", "Y": "output"}, A=[1], Y=[2]))
