"""RTL: a circuit as pipelined Verilog and VHDL, with test benches, constraints and a wrapper for a board."""

from l1ae.hardware.rtl.project import RtlProject, emit_rtl, read_rtl

__all__ = ["RtlProject", "emit_rtl", "read_rtl"]
