"""Scores that need no neural network: what an autoencoder has to beat on the same events."""

from l1ae.evaluation.baselines.forest import IsolationForestBaseline
from l1ae.evaluation.baselines.menu import MenuBaseline, menu_paths
from l1ae.evaluation.baselines.pca import PcaBaseline
from l1ae.evaluation.baselines.simple import leading_object_pt_sum, total_pt
from l1ae.evaluation.baselines.supervised import SupervisedBaseline
from l1ae.evaluation.baselines.tables import TableBaseline
from l1ae.evaluation.quantities import object_count

__all__ = [
    "IsolationForestBaseline",
    "MenuBaseline",
    "PcaBaseline",
    "SupervisedBaseline",
    "TableBaseline",
    "leading_object_pt_sum",
    "menu_paths",
    "object_count",
    "total_pt",
]
