"""The report as text for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from l1ae.evaluation import PileUpDependence, Rates
from l1ae.hardware.budget import Budget
from l1ae.hardware.figures import HardwareFigure
from l1ae.report.findings import against_baseline, pile_up_sentence, rate_basis, verdict, warnings
from l1ae.report.hardware_grid import figure_table, percentage, timing
from l1ae.report.record import RunReport

_COLORS = {"exact": "green", "differs": "red", "unverified": "yellow"}
_BUDGET = {"within": "green", "exceeded": "bold red", "estimated only": "yellow", "unknown": "yellow"}


def summarise(report: RunReport) -> RenderableType:
    """The verdict, AUC and TPR per signal with baselines, and the figures about the firmware, for a rich console."""
    found = verdict(report)
    parts: list[RenderableType] = [
        Text(f"{report.name}: {found.headline}", style=f"bold {_COLORS[found.state]}"),
        *(Text(line) for line in found.details),
    ]
    parts += [Text(line, style="bold yellow") for line in warnings(report)]
    if report.physics:
        parts += [_physics(report), *(Text(f"The model {_sentence}.") for _sentence in _sentences(report))]
    parts += [Text(note) for note in report.notes]
    if report.rates is not None:
        parts += [rates_table(report.rates), Text(rate_basis(report.rates))]
    if report.physics:
        parts += pile_up_lines(report.pile_up)
    return Group(*parts, *_hardware(report))


def _sentences(report: RunReport) -> list[str]:
    return [against_baseline(name, baseline) for name, baseline in report.baselines.items()]


def _physics(report: RunReport) -> Table:
    first = next(iter(report.physics.values()))
    table = Table(title=f"{first.background_events:,} background events; TPR in %, 68.27 % interval")
    table.add_column("signal")
    table.add_column("score")
    table.add_column("AUC", justify="right")
    for label in first.tpr:
        table.add_column(f"FPR {label}", justify="right")
    for signal, performance in report.physics.items():
        scores = {"model": performance, **{name: b.performance[signal] for name, b in report.baselines.items()}}
        for name, score in scores.items():
            cells = [
                "-" if p.value is None or p.low is None or p.high is None
                else f"{100 * p.value:.2f} ({100 * p.low:.2f}-{100 * p.high:.2f})"
                for p in score.tpr.values()
            ]  # fmt: skip
            heading = f"{signal} ({performance.events:,})" if name == "model" else ""
            table.add_row(
                Text(heading), Text(name), f"{score.auc:.4f} ± {score.auc_error:.4f}", *cells,
                style="bold" if name == "model" else "", end_section=name == list(scores)[-1],
            )  # fmt: skip
    thresholds = [
        Text(str(point.threshold)) if point.threshold is not None else Text("not reachable")
        for point in first.tpr.values()
    ]
    table.add_row("", "threshold word", "", *thresholds)
    return table


def rates_table(rates: Rates) -> Table:
    """Thresholds for the rates, what passes them, and what the anomaly trigger adds to the menu."""
    signals = next((list(point.signals) for point in rates.points if point.signals), [])
    table = Table(title="TPR in % at a trigger rate")
    menu = any(point.menu is not None for point in rates.points)
    if menu:
        table.caption = "pure: fires, while a menu of cuts at the same rate does not"
    for heading in ("rate [kHz]", "threshold word", "achieved [kHz]", *(["pure [kHz]"] if menu else []), *signals):
        table.add_column(Text(heading), justify="right")
    for point in rates.points:
        if point.threshold is None or point.rate is None:
            table.add_row(f"{point.asked_khz:g}", "not reachable")
            continue
        pure = None if point.menu is None else point.menu.pure_rate
        table.add_row(
            f"{point.asked_khz:g}",
            f"{point.threshold:.6g}" if isinstance(point.threshold, float) else str(point.threshold),
            f"{point.rate.value:.4g}",
            *(["-" if pure is None else f"{pure.value:.4g}"] if menu else []),
            *(f"{100 * point.signals[name].value:.2f}" for name in signals),
        )
    return table


def pile_up_lines(found: PileUpDependence | None) -> list[RenderableType]:
    """The correlation of the score with pile-up in words, and the background that fires in bins of pile-up."""
    sentence = Text(pile_up_sentence(found))
    if found is None or not found.bins:
        return [sentence]
    table = Table(title=f"FPR by pile-up, threshold word {found.threshold}")
    for heading in ("collisions", "events", "FPR", "68.27 % interval"):
        table.add_column(heading, justify="right")
    for one in found.bins:
        passing = one.passing
        table.add_row(
            one.text,
            f"{passing.events:,}",
            f"{passing.value:.3g}",
            f"{passing.low:.2g}-{passing.high:.2g}",
        )
    return [sentence, table]


def budget_table(budget: Budget) -> Table:
    """Every limit of a budget: allowed, spent, and who counted it."""
    table = Table(title=f"budget, share of {budget.part}")
    for heading in ("quantity", "allowed", "spent", "share", "verdict", "stage", "tool"):
        table.add_column(heading, justify="right" if heading in ("allowed", "spent", "share") else "left")
    for row in budget.rows:
        unit = "" if row.unit == row.quantity else f" {row.unit}"
        least = "at least " if row.quantity == "clock" else ""
        cells = (
            *(
                row.quantity,
                f"{least}{row.allowed:,.6g}{unit}",
                "-" if row.spent is None else f"{row.spent:,.6g}{unit}",
            ),
            *("-" if row.share is None else percentage(row.share), row.verdict, row.stage or "-"),
            "-" if row.tool is None else f"{row.tool} {row.version}",
        )
        table.add_row(*(Text(cell, style=_BUDGET[row.verdict]) for cell in cells))
    return table


def _hardware(report: RunReport) -> list[RenderableType]:
    """Latency in words, figures by stage, and the budget."""
    figures = () if report.firmware is None else report.firmware.figures
    parts: list[RenderableType] = []
    said = timing(figures)
    parts += [] if said is None else [Text(said, style="bold")]
    if figures:
        parts.append(_figures(figures))
    if report.budget is not None:
        parts.append(budget_table(report.budget))
    return parts


def _figures(figures: Sequence[HardwareFigure]) -> Table:
    found = figure_table(figures)
    table = Table(title="latency and resources; compare within one column only")
    table.add_column("quantity")
    for column in found.columns:
        heading = "\n".join(filter(None, (column.stage, column.source, *column.condition.split(", "))))
        table.add_column(Text(heading), justify="right")
    for line in found.lines:
        texts = [
            "" if cell is None else f"{cell.text} ({cell.small})" if cell.small else cell.text for cell in line.cells
        ]
        table.add_row(*map(Text, (line.heading, *texts)))
    table.caption = f"not run: {', '.join(found.missing)}" if found.missing else None
    return table
