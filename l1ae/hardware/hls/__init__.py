"""HLS projects for Vitis and Vivado: emitted through hls4ml, and simulated from the files that were emitted."""

from l1ae.hardware.hls.csim import CSimulation
from l1ae.hardware.hls.project import emit
from l1ae.hardware.hls.provenance import changed_files

__all__ = ["CSimulation", "changed_files", "emit"]
