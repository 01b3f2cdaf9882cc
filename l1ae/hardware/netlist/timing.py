"""A clock period from a netlist that was not placed: a range between two sets of delays, no single number.

Nobody has calibrated this against a routed design of ours. The delays are those that published timing reports and
models show; congestion, crossings between dies and clock skew are not in it.

UltraScale+: the quick end from FloPoCo's model of the xcvu3p-2 (VirtexUltrascalePlus.hpp, "copied from Vivado timing
reports"), the slow end from routed Vivado 2021.2 reports of the xczu3eg-1 (gussmith23/lakeroad-evaluation).
7-series: the quick end from FloPoCo's Kintex7.hpp (xc7k70t-3), the slow end from routed reports of the speed grade -1.
Both ends lie around the speed grade -2 of trigger boards. UltraScale: no published delays were found.
"""

from dataclasses import dataclass

from l1ae.hardware.netlist.graph import Arc, Net, Weights
from l1ae.hardware.parts import Family


@dataclass(frozen=True)
class Delays:
    """Delays in ns; `load`: what every further input on a net of general routing adds. A carry cell has 4 bits."""

    clock_to_q: float
    setup: float
    lut: float
    mux: float
    carry_in: float
    carry_step: float
    carry_out: float
    net: float
    load: float
    to_carry: float
    chain: float
    to_ff: float

    def weights(self) -> Weights:
        """These delays as what a path is measured in; the first and the last register come on top."""
        arcs: dict[Arc, float] = {
            "lut": self.lut,
            "mux": self.mux,
            "carry_in": self.carry_in,
            "carry_step": self.carry_step,
            "carry_out": self.carry_out,
        }
        near: dict[Net, float] = {"to_carry": self.to_carry, "chain": self.chain, "to_ff": self.to_ff}

        def net(kind: Net, fan_out: int) -> float:
            routed = self.net + self.load * max(fan_out - 1, 0)
            return near.get(kind, routed) + (self.lut if kind == "through" else 0)

        return Weights(net=net, arc=arcs.__getitem__)

    @property
    def registers(self) -> float:
        """What the registers at both ends of a path take."""
        return self.clock_to_q + self.setup


#: Quick and slow end by family.
MODELS: dict[Family, tuple[Delays, Delays]] = {
    "UltraScale+": (
        Delays(
            clock_to_q=0.08, setup=0.025, lut=0.035, mux=0.035, carry_in=0.115, carry_step=0.0075, carry_out=0.095,
            net=0.10, load=0.002, to_carry=0.010, chain=0.013, to_ff=0.02,
        ),
        Delays(
            clock_to_q=0.10, setup=0.06, lut=0.18, mux=0.18, carry_in=0.25, carry_step=0.012, carry_out=0.146,
            net=0.35, load=0.005, to_carry=0.011, chain=0.014, to_ff=0.06,
        ),
    ),
    "7-series": (
        Delays(
            clock_to_q=0.216, setup=0.02, lut=0.043, mux=0.10, carry_in=0.20, carry_step=0.049, carry_out=0.11,
            net=0.25, load=0.004, to_carry=0.0, chain=0.0, to_ff=0.0,
        ),
        Delays(
            clock_to_q=0.27, setup=0.10, lut=0.124, mux=0.22, carry_in=0.30, carry_step=0.058, carry_out=0.16,
            net=0.80, load=0.0154, to_carry=0.0, chain=0.009, to_ff=0.05,
        ),
    ),
}  # fmt: skip

#: What stands beside every modelled period.
NOTE = (
    "uncalibrated model on the unplaced netlist, between published delays of faster and slower devices than speed "
    "grade -2; no congestion, die crossing or skew"
)
