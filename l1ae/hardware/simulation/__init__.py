"""Verilog run clock by clock, with Verilator, and compared with the integer reference."""

from l1ae.hardware.simulation.bench import Simulated, simulate
from l1ae.hardware.simulation.check import check_rtl
from l1ae.hardware.simulation.verdict import PatternResult, RtlMismatch, RtlVerdict

__all__ = ["PatternResult", "RtlMismatch", "RtlVerdict", "Simulated", "check_rtl", "simulate"]
