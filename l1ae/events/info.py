"""What a sample of events holds, as tables."""

from collections.abc import Mapping

import numpy as np
from rich.table import Table
from rich.text import Text

from l1ae.events.readers.screen import Skipped
from l1ae.events.split import PARTS
from l1ae.events.summary import Summary, weighted_mean, words_of

#: How the screen of foreign files calls values that are no numbers.
NOT_FINITE = ("a value is NaN", "a value is infinite")


def tables(summary: Summary) -> list[Table]:
    """Counts and duplicates per process, multiplicities, ranges and saturation per field, and how it was made.

    Pile-up, where the events say it, comes before the last.
    """
    found = [_processes(summary), _means(summary), _multiplicities(summary), _fields(summary)]
    return [*found, *([] if summary.pile_up() is None else [_pile_up(summary)]), _metadata(summary)]


def left_out(skipped: Mapping[str, Skipped], events: int) -> Table:
    """Bad events of a foreign file of so many events, by reason; those that are not finite are named in any case."""
    table = Table("left out because", title=f"{sum(found.events for found in skipped.values())} of {events} left out")
    for heading in ("events", "first event"):
        table.add_column(heading, justify="right")
    for reason in dict.fromkeys((*NOT_FINITE, *skipped)):
        found = skipped.get(reason)
        table.add_row(Text(reason), *(("0", "-") if found is None else (str(found.events), str(found.first))))
    return table


def _processes(summary: Summary) -> Table:
    table = _table("process", "events", "distinct ids", "identical", "empty", *PARTS)
    table.title = f"{len(summary)} events"
    table.caption = "identical: words equal to those of another event of the same process; empty: no object at all"
    total = summary.processes
    for name, which in [*((name, (name,)) for name in total), *([("all", total)] if len(total) > 1 else [])]:
        numbers = (
            summary.events(which),
            summary.distinct_ids(which),
            summary.identical(which),
            summary.empty(which),
            *summary.parts(which).values(),
        )
        table.add_row(Text(name), *map(str, numbers), end_section=name == total[-1])
    return table


def _means(summary: Summary) -> Table:
    table = _table("process", *(kind.name for kind in summary.layout.kinds), title="mean number of objects per event")
    for name in summary.processes:
        table.add_row(
            Text(name), *(f"{summary.mean_multiplicity(kind.name, name):.3f}" for kind in summary.layout.kinds)
        )
    return table


def _multiplicities(summary: Summary) -> Table:
    counts = {kind.name: summary.multiplicity(kind.name) for kind in summary.layout.kinds}
    most = max(int(np.flatnonzero(values).max(initial=0)) for values in counts.values())
    table = _table("object", *map(str, range(most + 1)), title="events with so many objects")
    for name, values in counts.items():
        table.add_row(Text(name), *map(str, values[: most + 1]))
    return table


def _fields(summary: Summary) -> Table:
    table = _table("object", "field", "unit", "LSB", "bits", "smallest", "mean", "largest", "saturated", "stray")
    table.title = "fields of the objects that are present"
    table.caption = (
        "saturated: words at the end of the field; stray: words other than 0 without an object; "
        "non-finite values: 0 (words are integers)"
    )
    for kind in summary.layout.kinds:
        for feature in summary.layout.features:
            scale = kind.scale(feature)
            if scale is None:
                continue
            counts = summary.counts(kind.name, feature).sum(axis=0)
            values = scale.to_physical(words_of(scale))
            seen = values[counts > 0]
            figures = ["-"] * 3
            if seen.size:
                figures = [f"{number:.4g}" for number in (seen.min(), weighted_mean(values, counts), seen.max())]
            table.add_row(
                *map(Text, (kind.name, feature, scale.unit)),
                f"{scale.lsb:.4g}",
                str(scale.width),
                *figures,
                str(summary.saturated(kind.name, feature)),
                str(summary.stray(kind.name, feature)),
            )
    return table


def _pile_up(summary: Summary) -> Table:
    table = _table("process", "smallest", "mean", "largest", title="pile-up collisions per event")
    total = summary.processes
    for name, which in [*((name, (name,)) for name in total), *([("all", total)] if len(total) > 1 else [])]:
        counts = summary.pile_up(which)
        assert counts is not None
        seen, mean = np.flatnonzero(counts), weighted_mean(np.arange(len(counts)), counts)
        table.add_row(Text(name), str(seen[0]), f"{mean:.2f}", str(seen[-1]), end_section=name == total[-1])
    return table


def _metadata(summary: Summary) -> Table:
    table = Table("", "", title="how it was made", show_header=False)
    for key, value in sorted(summary.metadata.items()):
        table.add_row(Text(key), Text(value))
    return table


def _table(first: str, *others: str, title: str | None = None) -> Table:
    """A table whose first column is text and whose other columns are numbers; names are not read as markup."""
    table = Table(title=title)
    table.add_column(Text(first))
    for name in others:
        table.add_column(Text(name), justify="right")
    return table
