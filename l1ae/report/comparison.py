"""Reports of many runs gathered into a `Comparison`: one row per configuration, baselines below."""

import datetime
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import takewhile

from l1ae.environment import versions
from l1ae.errors import ConfigError, DataError
from l1ae.report.comparison_record import BaselineRow, Comparison, Figure, RunRow, Tested
from l1ae.report.comparison_rows import Group, Run, baseline_row, column_of, figures, run_row
from l1ae.report.record import RunReport

#: Figures of which more is worse are sorted upwards, the others downwards.
_SMALLER_FIRST, _LARGER_FIRST = 1.0, -1.0


def compare_runs(runs: Sequence[Run], command: str, *, signals: Sequence[str] = (), mixed: bool = False) -> Comparison:
    """One table over runs in their order; of these signals only, when some are named.

    Runs on other events, or with other signals, than the first need `mixed`. Raises `DataError` that names two runs
    which do not belong into one table, or a signal that a run does not have.
    """
    runs = [_only(run, signals) for run in runs]
    if not mixed:
        for run in runs[1:]:
            _same_events(runs[0], run)
    everything = list(dict.fromkeys(name for run in runs for name in run.report.physics))
    # The same order of signals everywhere, so that equal figures are equal records.
    runs = [_only(run, [name for name in everything if name in run.report.physics]) for run in runs]
    samples = _samples(runs)
    groups = _groups(runs, list(samples))
    common = [name for name in everything if all(name in run.report.physics for run in runs)]
    columns = tuple(dict.fromkeys(column_of(item) for run in runs for item in figures(run.report)))
    return Comparison(
        command=command,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        signals=tuple(everything),
        samples=tuple(samples.values()),
        costs=columns,
        rows=tuple(run_row(group, columns, common) for group in groups),
        baselines=_baseline_rows(groups, common),
        versions=_versions(runs),
    )


def _only(run: Run, signals: Sequence[str]) -> Run:
    """The run with these signals alone, in this order; with its own when none are named."""
    physics = run.report.physics
    if not physics:
        raise DataError(f"{run.path} was not evaluated on any signal: l1ae report {run.path}")
    missing = next((name for name in signals if name not in physics), None)
    if missing is not None:
        raise DataError(f"{run.path} has no signal {missing}; it has {', '.join(physics)}")
    return Run(
        run.path, run.report.model_copy(update={"physics": {name: physics[name] for name in signals or physics}})
    )


def _same_events(first: Run, other: Run) -> None:
    both = f"{first.path} and {other.path}"
    one, two = first.report, other.report
    if one.data.sha256 != two.data.sha256:
        raise DataError(
            f"{both} were tested on different events (SHA-256 {one.data.sha256[:8]} and {two.data.sha256[:8]}): "
            "compare runs on the same, or give --mixed"
        )
    if set(one.physics) != set(two.physics):
        raise DataError(
            f"{both} have different signals ({', '.join(one.physics)} and {', '.join(two.physics)}): choose common "
            "ones with --signals, or give --mixed"
        )
    sizes, others = _sizes(one), _sizes(two)
    name = next((name for name in sizes if sizes[name] != others[name]), None)
    if name is not None:
        raise DataError(
            f"{both} were tested on samples of different size ({sizes[name]:,} and {others[name]:,} events of {name}): "
            "compare runs on the same, or give --mixed"
        )


def _sizes(report: RunReport) -> dict[str, int]:
    """Test events of the background and of the signals that are compared."""
    return {"background": report.samples.test_background} | {
        name: found.events for name, found in sorted(report.physics.items())
    }


def _key(run: Run) -> str:
    """What a run was tested on, as text that is equal for equal events."""
    return f"{run.report.data.sha256} {_sizes(run.report)}"


def _samples(runs: Sequence[Run]) -> dict[str, Tested]:
    found: dict[str, Tested] = {}
    for run in runs:
        data, background = run.report.data, run.report.samples.test_background
        sizes = {name: performance.events for name, performance in run.report.physics.items()}
        tested = Tested(**data.model_dump(), background=background, signals=sizes)
        found.setdefault(_key(run), tested)
    return found


def _groups(runs: Sequence[Run], samples: list[str]) -> list[Group]:
    found: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        group = found.setdefault((run.report.model.same_but_seed, samples.index(_key(run)) + 1), [])
        for other in group:
            if other.report.model.seed == run.report.model.seed:
                raise DataError(
                    f"{other.path} and {run.path} are the same configuration with the same seed: leave one out"
                )
        group.append(run)
    names = [_common_name([run.report.name for run in group]) for group in found.values()]
    groups = []
    for name, ((_, data), group) in zip(names, found.items(), strict=True):
        unique = name if names.count(name) == 1 else f"{name} ({group[0].path})"
        groups.append(Group(unique, data, tuple(group)))
    return groups


def _common_name(names: Sequence[str]) -> str:
    """What names of runs with different seeds begin with, without the trace of a seed: x_seed1 and x_seed2 are x."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    common = "".join(letters[0] for letters in alike)
    if common not in names:
        common = re.sub(r"(_seed_?|_s|_)?\d*$", "", common)
    return common or names[0]


def _baseline_rows(groups: Sequence[Group], common: Sequence[str]) -> tuple[BaselineRow, ...]:
    """Each baseline once where all rows of a test sample have the same figures of it, else under the names of rows."""
    rows: dict[tuple[str, str], BaselineRow] = {}
    for group in groups:
        reports = [run.report for run in group.runs]
        for name in dict.fromkeys(name for report in reports for name in report.baselines):
            row = baseline_row(name, group, common)
            key = (name, row.model_dump_json(exclude={"of", "name"}))
            known = rows.get(key)
            rows[key] = row if known is None else known.model_copy(update={"of": (*known.of, group.name)})
    sizes = {data: sum(group.data == data for group in groups) for data in {group.data for group in groups}}
    shared = [row for row in rows.values() if len(row.of) == sizes[row.data]]
    own = [row for row in rows.values() if len(row.of) < sizes[row.data]]
    return (
        *(row.model_copy(update={"name": row.baseline, "of": ()}) for row in shared),
        *(row.model_copy(update={"name": f"{_owners(row.of)}: {row.baseline}"}) for row in own),
    )


def _owners(of: Sequence[str]) -> str:
    return of[0] if len(of) == 1 else f"{of[0]} and {len(of) - 1} more"


def _versions(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    """Of each package, every version that made a run; this l1ae, which made the table, is `l1ae compare`."""
    names = dict.fromkeys(name for run in runs for name in run.report.versions)
    found = {
        name: tuple(dict.fromkeys(run.report.versions[name] for run in runs if name in run.report.versions))
        for name in names
    }
    return {"l1ae compare": (versions()["l1ae"],)} | found


def ordered(comparison: Comparison, column: str) -> Comparison:
    """The comparison with its rows in the order of a column, best first; rows without a figure come last.

    Columns: name, kind, AUC (the mean over the signals), a signal (its AUC), SIGNAL@FPR (its TPR), a quantity of the
    costs such as LUT, parameters, weight bits, zero weights; upper or lower case. Raises `ConfigError` for another.
    """
    columns = _columns(comparison)
    known = {name.lower(): name for name in columns}
    name = known.get(column.lower())
    if name is None:
        raise ConfigError(f"no column {column} to sort by; there are {', '.join(columns)}")
    key = columns[name]
    return comparison.model_copy(update={"rows": tuple(sorted(comparison.rows, key=key))})


_Key = Callable[[RunRow], tuple[bool, float | str]]


def _columns(comparison: Comparison) -> dict[str, _Key]:
    """The sorting key of each column, by name."""

    def by(figure: Callable[[RunRow], Figure | None], direction: float) -> _Key:
        def key(row: RunRow) -> tuple[bool, float]:
            found = figure(row)
            value = None if found is None else found.value
            return value is None, 0.0 if value is None else direction * value

        return key

    columns: dict[str, _Key] = {
        "name": lambda row: (False, row.name),
        "kind": lambda row: (False, row.kind),
        "AUC": by(lambda row: row.mean_auc, _LARGER_FIRST),
    }
    for signal in comparison.signals:
        columns[signal] = by(partial(_auc, signal), _LARGER_FIRST)
    for label in dict.fromkeys(label for row in comparison.rows for label in row.tpr):
        for signal in comparison.signals:
            columns[f"{signal}@{label}"] = by(partial(_tpr, label, signal), _LARGER_FIRST)
    for number, cost in enumerate(comparison.costs):
        columns.setdefault(cost.quantity, by(partial(_cost, number), _SMALLER_FIRST))
    columns["parameters"] = lambda row: (False, row.parameters)
    columns["weight bits"] = lambda row: (False, row.weight_bits)
    columns["zero weights"] = by(lambda row: row.zero_weights, _LARGER_FIRST)
    return columns


def _auc(signal: str, row: RunRow) -> Figure | None:
    return row.auc.get(signal)


def _tpr(label: str, signal: str, row: RunRow) -> Figure | None:
    return row.tpr.get(label, {}).get(signal)


def _cost(number: int, row: RunRow) -> Figure:
    return row.costs[number]
