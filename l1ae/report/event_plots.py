"""Distributions of the events: pT, eta, phi and multiplicity of each kind of object, by process."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from l1ae.errors import DataError
from l1ae.events.scales import LAYOUT, HardwareScale, ObjectKind, rows
from l1ae.events.schema import EventSet
from l1ae.report.style import PALETTE, add_label, draw_steps, plain, plot_style, save

#: A panel draws one distribution of one kind of object into axes.
Panel = Callable[[Axes, ObjectKind, Mapping[str, EventSet], frozenset[str]], None]


def plot_events(events: EventSet, path: Path) -> None:
    """Write all distributions of an event set into one file (png, svg or pdf); raises `DataError` without events.

    A row per kind of object: pT in GeV, eta, phi in rad (per object that is present) and multiplicity (per event), one
    line per process, each normalised to 1; signals, as far as the metadata names them, are dashed.
    """
    processes, signals = _by_process(events)
    panels: tuple[Panel, ...] = (_pt, _eta, _phi, _multiplicity)
    with plot_style():
        figure = Figure(figsize=(9 * len(panels), 7.5 * len(LAYOUT)))
        grid = figure.subplots(len(LAYOUT), len(panels))
        for line, kind in zip(grid, LAYOUT, strict=True):
            for ax, panel in zip(line, panels, strict=True):
                _draw(ax, panel, kind, processes, signals)
        _legend(grid[0, 1], grid[0, 0], len(events))
        add_label(grid[0, 0], events.metadata)
    save(figure, path)


def plot_objects(kind: ObjectKind, events: EventSet) -> Figure:
    """The distributions of one kind of object: pT, phi and, unless it is MET, eta and multiplicity."""
    processes, signals = _by_process(events)
    panels: tuple[Panel, ...] = (_pt, _phi) if kind.eta is None else (_pt, _eta, _phi, _multiplicity)
    with plot_style():
        figure = Figure(figsize=(15, 12.8))
        grid = figure.subplots(2, len(panels) // 2, squeeze=False)
        for ax, panel in zip(grid.flat, panels, strict=True):
            _draw(ax, panel, kind, processes, signals)
        figure.axes[0].legend(ncols=2, loc="upper right")
        add_label(figure.axes[0], events.metadata)
        return figure


def _by_process(events: EventSet) -> tuple[dict[str, EventSet], frozenset[str]]:
    if not len(events):
        raise DataError("no events to plot")
    parts = {name: events.take(events.process == code) for code, name in enumerate(events.process_names)}
    named = frozenset(events.metadata.get("signal_processes", "").split(","))
    return {name: part for name, part in parts.items() if len(part)}, named


def _draw(ax: Axes, panel: Panel, kind: ObjectKind, processes: Mapping[str, EventSet], signals: frozenset[str]) -> None:
    if kind.eta is None and panel in (_eta, _multiplicity):
        ax.set_axis_off()
        return
    panel(ax, kind, processes, signals)


def _pt(ax: Axes, kind: ObjectKind, processes: Mapping[str, EventSet], signals: frozenset[str]) -> None:
    values = {name: _present(part, kind, 0, kind.pt) for name, part in processes.items()}
    top = max((float(v.max()) for v in values.values() if v.size), default=1.0)
    # Bin edges halfway between words, so that no bin collects more words than its neighbours by accident.
    step = max(kind.pt.lsb, np.ceil(top / 40 / kind.pt.lsb) * kind.pt.lsb)
    edges = np.arange(0, top + 2 * step, step) + kind.pt.lsb / 2
    _lines(ax, values, edges, signals)
    ax.set_yscale("log")
    ax.set(xlabel=rf"{kind.name} $p_T$ [GeV]", ylabel=f"Fraction of objects / {step:g} GeV", xlim=(0, edges[-1]))
    _headroom(ax)


def _eta(ax: Axes, kind: ObjectKind, processes: Mapping[str, EventSet], signals: frozenset[str]) -> None:
    if kind.eta is None:
        return
    values = {name: _present(part, kind, 1, kind.eta) for name, part in processes.items()}
    top = max((float(np.abs(v).max()) for v in values.values() if v.size), default=1.0)
    group = max(1, int(np.ceil(2 * top / kind.eta.lsb / 30)))
    count = int(np.ceil(top / kind.eta.lsb / group)) + 1
    edges = (np.arange(-count, count + 1) * group - 0.5) * kind.eta.lsb
    _lines(ax, values, edges, signals)
    ax.set(xlabel=rf"{kind.name} $\eta$", ylabel=f"Fraction of objects / {group * kind.eta.lsb:.3g}")
    _from_zero(ax)


def _phi(ax: Axes, kind: ObjectKind, processes: Mapping[str, EventSet], signals: frozenset[str]) -> None:
    values = {name: _present(part, kind, 2, kind.phi) for name, part in processes.items()}
    bins = 18
    edges = np.linspace(-np.pi, np.pi, bins + 1) - kind.phi.lsb / 2
    # The word at -pi starts the first bin; half a word below pi ends the last.
    _lines(ax, values, edges, signals)
    ax.set(xlabel=rf"{kind.name} $\phi$ [rad]", ylabel=f"Fraction of objects / {2 * np.pi / bins:.3g} rad")
    _from_zero(ax)


def _multiplicity(ax: Axes, kind: ObjectKind, processes: Mapping[str, EventSet], signals: frozenset[str]) -> None:
    values = {name: (part.words[:, rows(kind), 0] > 0).sum(axis=1) for name, part in processes.items()}
    _lines(ax, values, np.arange(kind.count + 2) - 0.5, signals)
    ax.set_yscale("log")
    ax.set(xlabel=f"{kind.name} multiplicity", ylabel="Fraction of events")
    ax.set_xticks(np.arange(kind.count + 1))
    ax.minorticks_off()
    _headroom(ax)


def _present(part: EventSet, kind: ObjectKind, column: int, scale: HardwareScale) -> NDArray[np.float64]:
    words = part.words[:, rows(kind)]
    return scale.to_physical(words[..., column][words[..., 0] > 0])


def _lines(ax: Axes, values: Mapping[str, NDArray], edges: NDArray, signals: Iterable[str]) -> None:
    for number, (name, sample) in enumerate(values.items()):
        counts = np.histogram(sample, edges)[0] / max(sample.size, 1)
        draw_steps(ax, counts, edges, PALETTE[number % len(PALETTE)], plain(name), "--" if name in signals else "-")


def _headroom(ax: Axes) -> None:
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * (high / low) ** 0.45)


def _from_zero(ax: Axes) -> None:
    ax.set_ylim(0, 1.3 * ax.get_ylim()[1])


def _legend(free: Axes, source: Axes, events: int) -> None:
    """The legend in a panel that holds nothing else."""
    handles, labels = source.get_legend_handles_labels()
    free.legend(handles, labels, loc="center", ncols=2, fontsize=26, title=f"{events:,} events")
