"""How well a score separates signals from background: ROC, thresholds, rates, efficiencies, baselines."""

from l1ae.evaluation.baselines import (
    IsolationForestBaseline,
    MenuBaseline,
    PcaBaseline,
    SupervisedBaseline,
    TableBaseline,
    leading_object_pt_sum,
    menu_paths,
    object_count,
    total_pt,
)
from l1ae.evaluation.efficiency import BACKGROUND, QUANTITIES, Efficiencies, EfficiencyCurve, Quantity, efficiencies
from l1ae.evaluation.evaluate import differences, evaluate
from l1ae.evaluation.performance import AucDifference, Share, SignalPerformance, WorkingPoint
from l1ae.evaluation.pile_up import PileUpBin, PileUpDependence, pile_up_dependence
from l1ae.evaluation.quantities import ht, leading_pt
from l1ae.evaluation.rates import MenuPoint, Rate, RatePoint, Rates, fired, rate_of, rates
from l1ae.evaluation.roc import Auc, Roc, auc, auc_difference, roc
from l1ae.evaluation.scores import Scores, SignalScores
from l1ae.evaluation.working_points import (
    LEVEL,
    TARGETS,
    clopper_pearson,
    reachable_threshold,
    share,
    share_of,
    target_label,
    threshold,
    working_point,
)

__all__ = [
    "BACKGROUND",
    "LEVEL",
    "QUANTITIES",
    "TARGETS",
    "Auc",
    "AucDifference",
    "Efficiencies",
    "EfficiencyCurve",
    "IsolationForestBaseline",
    "MenuBaseline",
    "MenuPoint",
    "PcaBaseline",
    "PileUpBin",
    "PileUpDependence",
    "Quantity",
    "Rate",
    "RatePoint",
    "Rates",
    "Roc",
    "Scores",
    "Share",
    "SignalPerformance",
    "SignalScores",
    "SupervisedBaseline",
    "TableBaseline",
    "WorkingPoint",
    "auc",
    "auc_difference",
    "clopper_pearson",
    "differences",
    "efficiencies",
    "evaluate",
    "fired",
    "ht",
    "leading_object_pt_sum",
    "leading_pt",
    "menu_paths",
    "object_count",
    "pile_up_dependence",
    "rate_of",
    "rates",
    "reachable_threshold",
    "roc",
    "share",
    "share_of",
    "target_label",
    "threshold",
    "total_pt",
    "working_point",
]
