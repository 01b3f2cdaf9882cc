"""A file as large as the public one, made of many copies of a small one with fresh event ids."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from l1ae.events.io import EventFile, EventWriter
from l1ae.terminal import Terminal

#: Background events of arXiv:2107.02157.
PUBLIC_EVENTS = 13_451_915


def write_copies(source: Path, target: Path, events: int, ui: Terminal) -> Path:
    """Repeat the events of `source` until there are `events`; every copy has ids of its own."""
    file = EventFile(source)
    stride = np.uint64(max(int(chunk.event_id.max()) for chunk in file.chunks()) + 1)
    with (
        EventWriter(target, file.process_names, file.layout, file.metadata) as writer,
        ui.progress(f"{events:,} events", events) as advance,
    ):
        copy = np.uint64(0)
        while writer.events < events:
            for chunk in file.chunks():
                part = chunk.take(slice(events - writer.events))
                if len(part):
                    writer.append(replace(part, event_id=part.event_id + copy * stride))
                    advance(len(part))
            copy += np.uint64(1)
    return target
