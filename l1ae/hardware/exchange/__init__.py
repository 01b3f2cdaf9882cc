"""The deployed model in the files of others: ONNX, QONNX and plain C, each checked against the integer reference."""

from l1ae.hardware.exchange.check import compare
from l1ae.hardware.exchange.export import FORMATS, export
from l1ae.hardware.exchange.packages import need

__all__ = ["FORMATS", "compare", "export", "need"]
