"""A file as large as the public one, made of many copies of a small one with fresh event ids."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from l1ae.events.io import EventFile, EventWriter
from l1ae.events.stream import EventStream
from l1ae.terminal import Terminal

#: Background events of arXiv:2107.02157.
PUBLIC_EVENTS = 13_451_915


def write_copies(source: Path, target: Path, events: int, ui: Terminal) -> Path:
    """Repeat the events of `source` until there are `events`; every copy has ids of its own."""
    file = EventFile(source)
    with (
        EventWriter(target, file.process_names, file.layout, file.metadata) as writer,
        ui.progress(f"{events:,} events", events) as advance,
    ):
        while writer.events < events:
            for chunk in file.chunks():
                part = chunk.take(slice(events - writer.events))
                if len(part):
                    fresh = np.arange(writer.events, writer.events + len(part), dtype=np.uint64)
                    writer.append(replace(part, event_id=fresh))
                    advance(len(part))
    return target


def write_public(source: Path, target: Path, events: int) -> Path:
    """Copies of a file of l1ae in the format of arXiv:2107.02157: float64 (`events`, 19, 4), GeV and radians."""
    with h5py.File(target, "w") as file:
        blocks = (min(events, 4096), 19, 4)
        particles = file.create_dataset("Particles", (events, 19, 4), dtype=np.float64, chunks=blocks)
        start = 0
        while start < events:
            for chunk in EventStream([source]).chunks():
                part = chunk.take(slice(events - start))
                particles[start : start + len(part), :, :3] = part.to_physical()
                particles[start : start + len(part), :, 3] = part.class_codes
                start += len(part)
    return target
