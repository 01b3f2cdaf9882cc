"""All plots of a run, with captions that say what was counted."""

from l1ae.evaluation import LEVEL, target_label
from l1ae.report.arrays import RunArrays
from l1ae.report.efficiency_plots import plot_efficiency
from l1ae.report.event_plots import plot_objects
from l1ae.report.plots import plot_loss, plot_roc, plot_roc_comparison, plot_scores
from l1ae.report.record import RunReport
from l1ae.report.style import Plot


def run_plots(report: RunReport, arrays: RunArrays) -> tuple[Plot, ...]:
    """The plots that the arrays of a run allow, in the order of the page."""
    return (
        *_score_plots(report, arrays),
        *_comparisons(report, arrays),
        *_efficiencies(report),
        *_loss(report, arrays),
        *_inputs(arrays),
    )


def _score_plots(report: RunReport, arrays: RunArrays) -> list[Plot]:
    if not report.physics:
        return []
    metadata = report.data.metadata
    background = len(arrays.scores.background)
    signals = ", ".join(f"{len(values):,} {name}" for name, values in arrays.scores.signals.items())
    samples = f"{background:,} background events and {signals} of the test sample"
    return [
        Plot(
            "scores",
            "Score distributions",
            f"Score words (integers, no unit) of {samples}, each process normalised to 1. Dashed: the thresholds; "
            "an event fires at or right of the line.",
            plot_scores(arrays.scores, report.physics, metadata),
        ),
        Plot(
            "roc",
            "ROC of the model",
            f"Fraction of signal that fires against fraction of background that fires (no unit); {samples}. Bands and "
            f"bars: {LEVEL:.2%} Clopper-Pearson intervals; points: the working points of the table. Left of 1/N there "
            "is less than one background event.",
            plot_roc(arrays.scores, report.physics, metadata),
        ),
    ]


def _comparisons(report: RunReport, arrays: RunArrays) -> list[Plot]:
    plots = []
    for number, (signal, performance) in enumerate(report.physics.items(), start=1):
        others = {
            name: (arrays.baselines[name], baseline.performance[signal])
            for name, baseline in report.baselines.items()
            if name in arrays.baselines
        }
        if not others:
            continue
        plots.append(
            Plot(
                f"roc-{number}",
                f"{signal}: model and baselines",
                f"{performance.background_events:,} background and {performance.events:,} {signal} events, the same "
                "for all curves. Solid: the model with its band; dashed: the baselines.",
                plot_roc_comparison(signal, arrays.scores, performance, others, report.data.metadata),
            )
        )
    return plots


def _efficiencies(report: RunReport) -> list[Plot]:
    found = report.efficiency
    if found is None or found.target is None:
        return []
    samples = report.samples
    signals = ", ".join(f"{events:,} {name}" for name, events in samples.signals.items())
    return [
        Plot(
            f"efficiency-{number}",
            f"Efficiency against {curve.quantity}",
            f"Fraction of events that fire at the threshold for FPR {target_label(found.target)}, word "
            f"{found.threshold}, in bins of {curve.quantity}{f' [{curve.unit}]' if curve.unit else ''}; "
            f"{samples.test_background:,} background events and {signals} of the test sample. Bars: {LEVEL:.2%} "
            "Clopper-Pearson intervals; open triangles: their upper end where no event fires; the last bin has no "
            "upper end.",
            plot_efficiency(curve, report.data.metadata),
        )
        for number, curve in enumerate(found.curves, start=1)
    ]


def _loss(report: RunReport, arrays: RunArrays) -> list[Plot]:
    if report.training is None or not arrays.loss:
        return []
    samples = report.samples
    return [
        Plot(
            "loss",
            "Loss",
            f"Mean loss (no unit) per epoch over {samples.training:,} training and {samples.validation:,} validation "
            "background events.",
            plot_loss(arrays.loss, arrays.validation_loss, report.training.best_epoch, report.data.metadata),
        )
    ]


def _inputs(arrays: RunArrays) -> list[Plot]:
    events = arrays.events
    if events is None or not len(events):
        return []
    counts = ", ".join(f"{events.events(name):,} {name}" for name in events.processes)
    return [
        Plot(
            f"inputs-{kind.name.replace('/', '')}",
            f"Inputs: {kind.name}",
            f"{counts} events; one entry per object that is present (GeV, rad), each process normalised to 1, "
            "signals dashed.",
            plot_objects(kind, events),
        )
        for kind in events.layout.kinds
    ]
