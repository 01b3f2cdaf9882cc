"""Scores and trigger decisions of whole event files, in bounded memory, resumed after an interruption."""

from l1ae.emulation.emulate import PART, Emulated, Job, emulate_file

__all__ = ["PART", "Emulated", "Job", "emulate_file"]
