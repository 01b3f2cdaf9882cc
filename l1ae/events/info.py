"""What an event file holds, as tables."""

import numpy as np
from rich.table import Table

from l1ae.events.scales import FEATURES, LAYOUT, rows
from l1ae.events.schema import EventSet


def tables(events: EventSet) -> list[Table]:
    """Counts per process, ranges and saturation per field, and how the file was made."""
    return [_processes(events), _fields(events), _metadata(events)]


def _processes(events: EventSet) -> Table:
    table = Table("process", "events", "distinct ids", *(f"mean number of {kind.name}" for kind in LAYOUT[1:]))
    table.title = f"{len(events)} events"
    for code, name in enumerate(events.process_names):
        part = events.take(events.process == code)
        if not len(part):
            continue
        present = part.words[..., 0] > 0
        means = [f"{present[:, rows(kind)].sum(axis=1).mean():.3f}" for kind in LAYOUT[1:]]
        table.add_row(name, str(len(part)), str(len(np.unique(part.event_id))), *means)
    return table


def _fields(events: EventSet) -> Table:
    table = Table("object", "field", "unit", "LSB", "bits", "smallest", "mean", "largest", "saturated")
    table.title = "fields of the objects that are present"
    physical = events.to_physical()
    for kind in LAYOUT:
        present = events.words[:, rows(kind), 0] > 0
        for column, scale in enumerate((kind.pt, kind.eta, kind.phi)):
            if scale is None or not present.any():
                continue
            words = events.words[:, rows(kind), column][present]
            values = physical[:, rows(kind), column][present]
            ends = (
                0
                if scale.period is not None
                else int(((words == scale.high) | (scale.signed & (words == scale.low))).sum())
            )
            table.add_row(
                kind.name,
                FEATURES[column],
                scale.unit,
                f"{scale.lsb:.4g}",
                str(scale.width),
                f"{values.min():.4g}",
                f"{values.mean():.4g}",
                f"{values.max():.4g}",
                str(ends),
            )
    return table


def _metadata(events: EventSet) -> Table:
    table = Table("", "", title="how it was made", show_header=False)
    for key, value in sorted(events.metadata.items()):
        table.add_row(key, value)
    return table
