"""The tools of AMD/Xilinx: reading their reports, and running Vitis HLS, Vivado HLS and Vivado."""

from l1ae.hardware.vendor.build import BuildOptions, Built, Plan, TimingError, build, plan_hls, plan_rtl
from l1ae.hardware.vendor.cosim import read_cosim
from l1ae.hardware.vendor.csynth import read_csynth
from l1ae.hardware.vendor.export import read_export
from l1ae.hardware.vendor.figures import figures
from l1ae.hardware.vendor.outcome import (
    DesignRecord,
    StepRecord,
    VendorRecord,
    design_record,
    read_vendor,
    write_vendor,
)
from l1ae.hardware.vendor.records import (
    Clock,
    CoSimulation,
    CSynthesis,
    Export,
    ModuleRow,
    Report,
    Timing,
    Utilisation,
    VendorReports,
)
from l1ae.hardware.vendor.reports import read_report, read_reports
from l1ae.hardware.vendor.text import ReportError
from l1ae.hardware.vendor.vivado import read_timing, read_utilisation

__all__ = [
    "BuildOptions",
    "Built",
    "CSynthesis",
    "Clock",
    "CoSimulation",
    "DesignRecord",
    "Export",
    "ModuleRow",
    "Plan",
    "Report",
    "ReportError",
    "StepRecord",
    "Timing",
    "TimingError",
    "Utilisation",
    "VendorRecord",
    "VendorReports",
    "build",
    "design_record",
    "figures",
    "plan_hls",
    "plan_rtl",
    "read_cosim",
    "read_csynth",
    "read_export",
    "read_report",
    "read_reports",
    "read_timing",
    "read_utilisation",
    "read_vendor",
    "write_vendor",
]
