"""How well a score separates signals from background: ROC, thresholds, baselines."""

from l1ae.evaluation.baselines import PcaBaseline, leading_object_pt_sum, object_count, total_pt
from l1ae.evaluation.evaluate import differences, evaluate
from l1ae.evaluation.performance import AucDifference, SignalPerformance, WorkingPoint
from l1ae.evaluation.roc import Auc, Roc, auc, auc_difference, roc
from l1ae.evaluation.working_points import (
    LEVEL,
    TARGETS,
    Interval,
    clopper_pearson,
    rate,
    target_label,
    threshold,
    working_point,
)

__all__ = [
    "LEVEL",
    "TARGETS",
    "Auc",
    "AucDifference",
    "Interval",
    "PcaBaseline",
    "Roc",
    "SignalPerformance",
    "WorkingPoint",
    "auc",
    "auc_difference",
    "clopper_pearson",
    "differences",
    "evaluate",
    "leading_object_pt_sum",
    "object_count",
    "rate",
    "roc",
    "target_label",
    "threshold",
    "total_pt",
    "working_point",
]
