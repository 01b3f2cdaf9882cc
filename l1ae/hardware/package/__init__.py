"""Emulator packages: a model as C++ that the software of an experiment builds, loads and runs."""

from l1ae.hardware.package.package import Package, write_package

__all__ = ["Package", "write_package"]
