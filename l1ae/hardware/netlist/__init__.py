"""Netlists by open tools: resources and logic levels of an RTL project, counted, and the netlist as Verilog."""

from l1ae.hardware.netlist.record import Netlist
from l1ae.hardware.netlist.synthesis import synthesise

__all__ = ["Netlist", "synthesise"]
