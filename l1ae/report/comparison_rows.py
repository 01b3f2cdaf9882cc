"""One row of a `Comparison`: figures of one run, or mean and spread over the seeds of several."""

from collections.abc import Iterable, Mapping, Sequence
from math import hypot
from statistics import fmean, stdev
from typing import NamedTuple

from l1ae.evaluation import SignalPerformance, WorkingPoint
from l1ae.hardware.figures import HardwareFigure
from l1ae.report.comparison_record import (
    AUC,
    SHOWN,
    TRIVIAL,
    WORKING_POINT,
    Agreement,
    BaselineRow,
    Beaten,
    CostColumn,
    Figure,
    RunRow,
)
from l1ae.report.findings import SIGNIFICANT
from l1ae.report.record import RunReport

Performance = Mapping[str, SignalPerformance]


class Run(NamedTuple):
    """A report and the name that the user gave its run, such as a folder."""

    path: str
    report: RunReport


class Group(NamedTuple):
    """Runs that differ only in the seed, the name of their row, and the number of their test sample."""

    name: str
    data: int
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the runs, in order."""
        return tuple(run.report.model.seed for run in self.runs)


def run_row(group: Group, columns: Sequence[CostColumn], common: Sequence[str]) -> RunRow:
    """The row of a group; `common`: the signals that its mean AUC is over."""
    reports = [run.report for run in group.runs]
    model = reports[0].model
    auc, mean_auc, tpr = _figures_of([report.physics for report in reports], common)
    return RunRow(
        name=group.name,
        data=group.data,
        seeds=group.seeds,
        auc=auc,
        mean_auc=mean_auc,
        tpr=tpr,
        collapsed=_collapsed(report.physics for report in reports),
        runs=tuple(run.path for run in group.runs),
        **model.model_dump(
            include={
                *("kind", "architecture", "inputs", "transform", "angles", "latent", "score"),
                *("weight_format", "weight_bits", "parameters"),
            }
        ),
        zero_weights=_spread([r.model.zero_weights / r.model.weights if r.model.weights else None for r in reports]),
        exactness=_agreement(reports),
        costs=tuple(_spread([_cost(report, column) for report in reports]) for column in columns),
        beats=_beats(reports),
    )


def _figures_of(
    performances: Sequence[Performance], common: Sequence[str]
) -> tuple[dict[str, Figure], Figure, dict[str, dict[str, Figure]]]:
    """AUC by signal, its mean over the common signals, and TPR by FPR and signal: of one score, or over seeds."""
    first = performances[0]
    labels = [label for label in SHOWN if all(label in found.tpr for found in first.values())]
    means = [fmean(found[name].auc for name in common) if common else None for found in performances]
    if len(performances) > 1:
        auc = {name: _spread([found[name].auc for found in performances]) for name in first}
        tpr = {
            label: {name: _spread([found[name].tpr[label].value for found in performances]) for name in first}
            for label in labels
        }
        return auc, _spread(means), tpr
    auc = {name: _plus_minus(found.auc, found.auc_error) for name, found in first.items()}
    mean = means[0]
    error = fmean(first[name].auc_error for name in common) if common else 0.0
    points = {label: {name: _bar(found.tpr[label]) for name, found in first.items()} for label in labels}
    return auc, Figure(value=None) if mean is None else _plus_minus(mean, error), points


def _plus_minus(value: float, error: float) -> Figure:
    return Figure(value=value, low=value - error, high=value + error)


def _bar(point: WorkingPoint) -> Figure:
    return Figure(value=point.value, low=point.low, high=point.high)


def _spread(values: Sequence[float | None]) -> Figure:
    """Mean and standard deviation over seeds; without a bar for one, and nothing where a seed has no value."""
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return Figure(value=None)
    return Figure(value=known[0]) if len(known) == 1 else _plus_minus(fmean(known), stdev(known))


def _collapsed(performances: Iterable[Performance]) -> bool:
    return any(found.collapsed for performance in performances for found in performance.values())


def _agreement(reports: Sequence[RunReport]) -> Agreement | None:
    found = [report.exactness for report in reports if report.exactness is not None]
    if len(found) < len(reports):
        return None
    return Agreement(
        events=sum(one.events for one in found),
        mismatches=sum(one.mismatches for one in found),
        pairs=min(len(one.pairs) for one in found),
    )


def figures(report: RunReport) -> list[HardwareFigure]:
    """What is known about the firmware of a run as a whole."""
    found = () if report.firmware is None else report.firmware.figures
    return [item for item in found if item.value is not None and not item.module]


def column_of(item: HardwareFigure) -> CostColumn:
    """The column that a figure belongs to."""
    return CostColumn.model_validate(item.model_dump(exclude={"value", "module"}))


def _cost(report: RunReport, column: CostColumn) -> float | None:
    return next((item.value for item in figures(report) if column_of(item) == column), None)


def _beats(reports: Sequence[RunReport]) -> dict[str, dict[str, Beaten]]:
    """Against each trivial score that all reports have, by AUC (paired errors) and by TPR at the working point."""
    found: dict[str, dict[str, Beaten]] = {}
    for name in TRIVIAL:
        if all(name in report.baselines for report in reports):
            by_auc = [_by_auc(report, name) for report in reports]
            by_tpr = [_by_tpr(report, name) for report in reports]
            found[name] = {AUC: _beaten(by_auc), WORKING_POINT: _beaten(by_tpr)}
    return found


def _by_auc(report: RunReport, baseline: str) -> dict[str, float]:
    """By signal: how far the model lies above the baseline, in units of what counts as a difference."""
    gain = report.baselines[baseline].gain
    return {name: _ratio(gain[name].value, SIGNIFICANT * gain[name].error) for name in report.physics}


def _by_tpr(report: RunReport, baseline: str) -> dict[str, float]:
    """The same for the TPR; signals without it are left out. The errors of both are taken as independent."""
    found = {}
    for name, performance in report.physics.items():
        points = performance.tpr.get(WORKING_POINT), report.baselines[baseline].performance[name].tpr.get(WORKING_POINT)
        mine, other = (Figure(value=None) if point is None else _bar(point) for point in points)
        if mine.value is None or other.value is None:
            continue
        upper, lower = (mine, other) if mine.value > other.value else (other, mine)
        error = hypot((upper.value or 0) - (upper.low or 0), (lower.high or 0) - (lower.value or 0))
        found[name] = _ratio(mine.value - other.value, SIGNIFICANT * error)
    return found


def _ratio(difference: float, unit: float) -> float:
    return difference / unit if unit else float("inf") * difference if difference else 0.0


def _beaten(by_seed: Sequence[Mapping[str, float]]) -> Beaten:
    names = [name for name in by_seed[0] if all(name in found for found in by_seed)]
    return Beaten(
        above=sum(all(found[name] > 1 for found in by_seed) for name in names),
        below=sum(all(found[name] < -1 for found in by_seed) for name in names),
        signals=len(names),
    )


def baseline_row(name: str, group: Group, common: Sequence[str]) -> BaselineRow:
    """A baseline of the runs of a group: one figure where it does not depend on the seed, else mean and spread."""
    found = [(run.report.model.seed, run.report) for run in group.runs if name in run.report.baselines]
    shown = list(found[0][1].physics)
    performances = [{signal: report.baselines[name].performance[signal] for signal in shown} for _, report in found]
    same = all(performance == performances[0] for performance in performances)
    auc, mean_auc, tpr = _figures_of(performances[:1] if same else performances, common)
    first = found[0][1].baselines[name]
    return BaselineRow(
        name=name,
        data=group.data,
        seeds=() if same else tuple(seed for seed, _ in found),
        auc=auc,
        mean_auc=mean_auc,
        tpr=tpr,
        collapsed=_collapsed(performances),
        baseline=name,
        description=first.description,
        of=(group.name,),
        sees_signal=first.sees_signal,
    )
