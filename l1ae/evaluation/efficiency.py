"""Which events fire: the efficiency of a threshold against what a trigger reads off an event without a network."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from l1ae.evaluation.performance import FiniteRecord, Share
from l1ae.evaluation.quantities import ht, leading_pt, object_count
from l1ae.evaluation.scores import Scores
from l1ae.evaluation.working_points import TARGETS, reachable_threshold, share
from l1ae.events.schema import EventSet

#: Name of the background among the processes of a curve.
BACKGROUND = "background"
#: The false positive rate at which curves are drawn, where the background has events enough.
TARGET = 1e-3


class Quantity(NamedTuple):
    """A number of each event and its bins: from each edge to the next, the last without end."""

    name: str
    unit: str
    edges: tuple[float, ...]
    function: Callable[[EventSet], NDArray[Any]]


QUANTITIES = (
    Quantity("leading-object pT", "GeV", (0, 10, 20, 30, 40, 60, 80, 120, 160, 240, 400), leading_pt),
    Quantity("HT", "GeV", (0, 30, 60, 100, 150, 200, 300, 400, 600, 800, 1200), ht),
    Quantity("object multiplicity", "", (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12), object_count),
)


class EfficiencyCurve(FiniteRecord):
    """Share of the events that fire in bins of a quantity, for the background and each signal.

    `edges`: lower ends of the bins in `unit`; the last bin has no upper end. `processes`: one share per bin, None
    without events.
    """

    quantity: str
    unit: str
    edges: tuple[float, ...]
    processes: dict[str, tuple[Share | None, ...]]


class Efficiencies(FiniteRecord):
    """Efficiency curves at one threshold, that of the FPR `target`; without one, `reason` says why."""

    target: float | None
    threshold: int | float | None
    curves: tuple[EfficiencyCurve, ...]
    reason: str | None


def efficiencies(
    scores: Scores,
    values: Mapping[str, Scores],
    quantities: Sequence[Quantity] = QUANTITIES,
    highest_word: int | None = None,
) -> Efficiencies:
    """Efficiency curves at the FPR `TARGET`, or at the smallest target of the working points that can be reached.

    `values`: the quantities by name, of the same events in the same order as the scores.
    """
    wanted = sorted(target for target in TARGETS if target >= TARGET)
    found = {target: reachable_threshold(scores.background, target, highest_word) for target in wanted}
    reached = [(target, cut) for target, (cut, _) in found.items() if cut is not None]
    if not reached:
        return Efficiencies(target=None, threshold=None, curves=(), reason=found[wanted[-1]][1])
    target, cut = reached[0]
    curves = []
    for quantity in quantities:
        of = values[quantity.name]
        processes = {BACKGROUND: _bins(quantity, of.background, scores.background >= cut)}
        processes |= {name: _bins(quantity, of.signals[name], own >= cut) for name, own in scores.signals.items()}
        curves.append(
            EfficiencyCurve(quantity=quantity.name, unit=quantity.unit, edges=quantity.edges, processes=processes)
        )
    return Efficiencies(target=target, threshold=cut, curves=tuple(curves), reason=None)


def _bins(quantity: Quantity, values: NDArray[Any], passes: NDArray[np.bool_]) -> tuple[Share | None, ...]:
    place = np.searchsorted(quantity.edges, values, side="right") - 1
    masks = [place == number for number in range(len(quantity.edges))]
    return tuple(share(passes[mask]) if mask.any() else None for mask in masks)
