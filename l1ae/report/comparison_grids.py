"""The tables of a `Comparison` as text in cells, the same for the screen, Markdown and the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from string import ascii_lowercase

from l1ae.report.comparison_cells import NOTHING, area, beaten, percentage, rate, spread
from l1ae.report.comparison_record import (
    AUC,
    TRIVIAL,
    WORKING_POINT,
    BaselineRow,
    Comparison,
    CostColumn,
    Figure,
    Row,
    RunRow,
)
from l1ae.report.findings import SIGNIFICANT
from l1ae.report.numbers import count

_NUMBER = "#"
#: Letters of a name in a brief table, and how many of them are its last ones, where names of variants differ.
_CLIPPED, _TAIL = 28, 12


@dataclass(frozen=True)
class Grid:
    """One table: `rows` of the runs, `below` a rule those of the baselines; the first `left` columns hold text."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    below: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()
    left: int = 2


def grids(comparison: Comparison, *, brief: bool = False, most: int | None = None) -> list[Grid]:
    """What was compared, AUC, TPR, the trivial scores, weights, and cost.

    `brief`: for narrow places; errors in units of the last digit, in parentheses, and long names clipped but for the
    first table. `most`: signals side by side in one table.
    """
    blocks = _blocks(comparison.signals, most or len(comparison.signals))
    labels = dict.fromkeys(label for row in comparison.rows for label in row.tpr)
    found = [
        *(_auc(comparison, block, brief, last=block == blocks[-1]) for block in blocks),
        *(_tpr(comparison, label, block, brief) for label in labels for block in blocks),
        *_beats(comparison),
        _weights(comparison),
        *_cost(comparison),
    ]
    return [_runs(comparison), *(map(_clipped, found) if brief else found)]


def tested(comparison: Comparison) -> list[str]:
    """A sentence for each test sample: its file, and how many events of what."""
    return [
        (f"Data {number}: " if comparison.mixed else "")
        + f"{sample.file} (SHA-256 {sample.sha256[:8]}), test events: {count(sample.background)} background"
        + "".join(f", {count(events)} {name}" for name, events in sample.signals.items())
        + "."
        for number, sample in enumerate(comparison.samples, start=1)
    ]


def made_with(comparison: Comparison) -> str:
    """Versions of what made the runs; several of one package where they differ."""
    return ", ".join(f"{name} {' and '.join(found)}" for name, found in comparison.versions.items())


def _blocks(signals: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Signals in as few tables as need be, of about equal size."""
    tables = max(1, -(-len(signals) // most))
    size = -(-len(signals) // tables)
    return [tuple(signals[start : start + size]) for start in range(0, len(signals), size)]


def baseline_letters(comparison: Comparison) -> list[tuple[str, BaselineRow]]:
    """The baselines with a letter each, from a."""
    return [(ascii_lowercase[number % 26] * (1 + number // 26), row) for number, row in enumerate(comparison.baselines)]


def _numbered(comparison: Comparison) -> list[tuple[str, RunRow]]:
    return [(str(number), row) for number, row in enumerate(comparison.rows, start=1)]


def _data(comparison: Comparison, row: Row) -> tuple[str, ...]:
    return (str(row.data),) if comparison.mixed else ()


def _data_heading(comparison: Comparison) -> tuple[str, ...]:
    return ("data",) if comparison.mixed else ()


def _clipped(grid: Grid) -> Grid:
    """The table with long names cut out in the middle."""

    def clipped(row: tuple[str, ...]) -> tuple[str, ...]:
        name = row[1]
        if len(name) > _CLIPPED:
            name = f"{name[: _CLIPPED - _TAIL - 1]}\N{HORIZONTAL ELLIPSIS}{name[-_TAIL:]}"
        return (row[0], name, *row[2:])

    return replace(grid, rows=tuple(map(clipped, grid.rows)), below=tuple(map(clipped, grid.below)))


def _runs(comparison: Comparison) -> Grid:
    return Grid(
        "Runs",
        (_NUMBER, "run", "kind", "inputs", "score", *_data_heading(comparison), "seeds", "mismatches"),
        tuple(
            (
                *(number, row.name, _kind(row), _inputs(row), row.score.replace("_", " ")),
                *(*_data(comparison, row), _seeds(row), _exactness(row)),
            )
            for number, row in _numbered(comparison)
        ),
        notes=("Mismatches: events in which any pair of implementations differs, of those compared word by word.",),
        left=5,
    )


def _kind(row: RunRow) -> str:
    return row.kind if row.architecture == "dense" else f"{row.kind}, {row.architecture}"


def _inputs(row: RunRow) -> str:
    angles = "" if row.angles == "absolute" else f", {row.angles} angles"
    return f"{row.inputs}, {row.transform}{angles}"


def _seeds(row: RunRow) -> str:
    numbers = ", ".join(map(str, row.seeds))
    return f"seed {numbers}" if len(row.seeds) == 1 else f"{len(row.seeds)}: {numbers}"


def _exactness(row: RunRow) -> str:
    found = row.exactness
    if found is None:
        return "not verified"
    return f"{count(found.mismatches)} of {count(found.events)} ({found.pairs} pair{'s' * (found.pairs != 1)})"


def _score_rows(comparison: Comparison) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Number, name and test sample of the runs, and of the baselines."""
    runs = [(number, row.name, *_data(comparison, row)) for number, row in _numbered(comparison)]
    others = baseline_letters(comparison)
    return runs, [(letter, _baseline_name(row), *_data(comparison, row)) for letter, row in others]


def _baseline_name(row: BaselineRow) -> str:
    return f"{row.name} (ceiling)" if row.sees_signal else row.name


def _auc(comparison: Comparison, signals: Sequence[str], brief: bool, last: bool) -> Grid:
    def cells(row: Row) -> tuple[str, ...]:
        if row.collapsed:
            return tuple("collapsed" for _ in (*signals, *mean))
        figures = [row.auc.get(name, Figure(value=None)) for name in signals]
        return tuple(area(found, brief) for found in (*figures, *([row.mean_auc] if mean else [])))

    mean = ("mean",) if last else ()
    runs, baselines = _score_rows(comparison)
    notes = [
        "Error of one run: statistical, DeLong; of the mean an upper bound. Of several seeds: their standard deviation."
    ]
    if brief:
        notes.append("0.9123(12) is 0.9123 ± 0.0012.")
    return Grid(
        "Area under the ROC curve",
        (_NUMBER, "score", *_data_heading(comparison), *signals, *mean),
        tuple((*head, *cells(row)) for head, row in zip(runs, comparison.rows, strict=True)),
        tuple((*head, *cells(row)) for head, row in zip(baselines, comparison.baselines, strict=True)),
        tuple(notes),
    )


def _tpr(comparison: Comparison, label: str, signals: Sequence[str], brief: bool) -> Grid:
    def cells(row: Row) -> tuple[str, ...]:
        found = row.tpr.get(label, {})
        return tuple(rate(found.get(name), row.seeds, brief) for name in signals)

    runs, baselines = _score_rows(comparison)
    return Grid(
        f"TPR in % at FPR {label}",
        (_NUMBER, "score", *_data_heading(comparison), *signals),
        tuple((*head, *cells(row)) for head, row in zip(runs, comparison.rows, strict=True)),
        tuple((*head, *cells(row)) for head, row in zip(baselines, comparison.baselines, strict=True)),
        _tpr_notes(comparison, label, brief),
    )


def _tpr_notes(comparison: Comparison, label: str, brief: bool) -> tuple[str, ...]:
    allowed = [
        f"at most {math.floor(float(label) * size + 1e-9):,} of {count(size)} background events"
        for size in (sample.background for sample in comparison.samples)
    ]
    return (
        f"FPR {label}: {', '.join(dict.fromkeys(allowed))} fire.",
        "One run: 68.27 % Clopper-Pearson interval at its threshold, which is itself that of a finite background. "
        "Several seeds: their standard deviation.",
        *(
            [
                f"4.5(8) is 4.5 ± 0.8, the longer side of the interval; <: its upper end where no event fires; "
                f"{NOTHING}: not reachable."
            ]
            if brief
            else []
        ),
    )


def _beats(comparison: Comparison) -> list[Grid]:
    """On how many signals the runs beat the scores without a network."""
    columns = [
        (name, by) for by in (AUC, WORKING_POINT) for name in TRIVIAL if any(name in r.beats for r in comparison.rows)
    ]
    if not columns:
        return []
    return [
        Grid(
            "On how many signals the runs are above (+) and below (-) scores that need no network",
            (_NUMBER, "run", *(f"{by if by == AUC else f'FPR {by}'}: {name}" for name, by in columns)),
            tuple(
                (number, row.name, *(beaten(row.beats.get(name, {}).get(by)) for name, by in columns))
                for number, row in _numbered(comparison)
            ),
            notes=(
                f"Counted where the difference is larger than {SIGNIFICANT:g} of its errors, with every seed: of AUCs "
                "the paired error; of TPRs both intervals, as if independent, and not that of the thresholds. The "
                "others agree within errors.",
            ),
        )
    ]


def _weights(comparison: Comparison) -> Grid:
    return Grid(
        "Weights",
        (_NUMBER, "run", "latent", "parameters", "zero weights [%]", "format", "largest width [bits]"),
        tuple(
            (
                *(number, row.name, "-" if row.latent is None else str(row.latent)),
                *(count(row.parameters), percentage(row.zero_weights)),
                *(row.weight_format, str(row.weight_bits)),
            )
            for number, row in _numbered(comparison)
        ),
        notes=(
            "Parameters: trained weights and biases of the deployed part. Zero weights: of the weights without biases.",
        ),
    )


def _cost(comparison: Comparison) -> list[Grid]:
    if not comparison.costs:
        return []
    return [
        Grid(
            "Cost",
            (_NUMBER, "run", *(column.heading for column in comparison.costs)),
            tuple((number, row.name, *map(spread, row.costs)) for number, row in _numbered(comparison)),
            notes=_cost_notes(comparison.costs),
        )
    ]


def _cost_notes(columns: Sequence[CostColumn]) -> tuple[str, ...]:
    told: dict[str, list[str]] = {}
    for column in columns:
        if column.note:
            told.setdefault(column.note, []).append(column.quantity)
    return (
        "Figures of different stages never share a column; an estimate is computed from the design, nothing was "
        "synthesised for it. Several seeds: mean and standard deviation.",
        *(f"{', '.join(quantities)}: {note}." for note, quantities in told.items()),
    )
