"""How the plots look: the CMS style of mplhep, a palette for all eyes, files that do not change from run to run."""

import base64
import html
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import mplhep
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from l1ae.errors import RunFolderError
from l1ae.files import atomic_path

#: Ten colours that stay apart for colour-blind readers (Petroff, arXiv:2107.02270).
PALETTE = (
    "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#a96b59", "#e76300", "#717581", "#92dadd", "#b9ac70", "#94a4a2",
)  # fmt: skip
#: Line styles that tell baselines apart without colour.
DASHES: tuple[tuple[float, ...], ...] = ((6, 2), (2, 1.5), (6, 2, 1.5, 2), (10, 3), (3, 1, 1, 1, 1, 1))
GREY = "#94a4a2"
#: File name endings of pictures.
FORMATS = (".png", ".svg", ".pdf")

_SETTINGS: dict[str, Any] = {
    "font.size": 23,
    "legend.fontsize": 18,
    "lines.linewidth": 2.5,
    "patch.linewidth": 2.5,
    "axes.linewidth": 1.5,
    "figure.constrained_layout.use": True,
    "mathtext.fallback": "stixsans",
    # Glyphs as outlines: the page looks the same whatever fonts its reader has.
    "svg.fonttype": "path",
    "savefig.facecolor": "white",
}


@contextmanager
def plot_style() -> Iterator[None]:
    """Use the style of the plots inside the block and leave matplotlib as it was."""
    settings: dict[Any, Any] = {**mplhep.style.CMS, **_SETTINGS}
    with mpl.rc_context(settings):
        yield


@dataclass(frozen=True)
class Plot:
    """A figure with its file name (no suffix), its title, and a caption that states sample sizes and units."""

    name: str
    title: str
    caption: str
    figure: Figure

    def svg(self) -> str:
        """The figure as SVG: equal input gives equal bytes."""
        buffer = io.StringIO()
        with plot_style(), mpl.rc_context({"svg.hashsalt": self.name}):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        return buffer.getvalue()

    def uri(self) -> str:
        """The SVG as a data URI, for a page that loads nothing."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg().encode()).decode()

    def write(self, path: Path) -> None:
        """Write the figure to a file; the suffix (png, svg, pdf) names the format."""
        save(self.figure, path)

    def _repr_html_(self) -> str:
        """What a notebook shows: title, figure and caption."""
        title, caption = html.escape(self.title), html.escape(self.caption)
        picture = f'<img src="{self.uri()}" alt="{title}" style="max-width: min(100%, 800px); background: white">'
        return f"<figure><b>{title}</b><br>{picture}<figcaption>{caption}</figcaption></figure>"


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a file, atomically; the suffix names the format, another than these is a `RunFolderError`."""
    if Path(path).suffix.lower() not in FORMATS:
        raise RunFolderError(f"cannot draw {path}: give it one of the endings {', '.join(FORMATS)}")
    with atomic_path(Path(path)) as temporary, plot_style(), mpl.rc_context({"svg.hashsalt": "l1ae"}):
        figure.savefig(temporary, dpi=100)


def add_label(ax: Axes, metadata: Mapping[str, str]) -> None:
    """Write "l1ae Simulation" and the collision energy above a plot, as far as the metadata of the events says so."""
    open_before = set(plt.get_fignums())
    mplhep.label.exp_label(
        exp="l1ae",
        text="Simulation" if "recipe" in metadata else "",
        data=True,  # stops mplhep from adding a second "Simulation"
        rlabel=energy_label(metadata),
        loc=0,
        ax=ax,
        fontsize=(25, 21, 20, 18),
    )
    for number in set(plt.get_fignums()) - open_before:
        plt.close(number)  # mplhep asks pyplot for axes, which opens an empty figure: a notebook would show it


def energy_label(metadata: Mapping[str, str]) -> str:
    """The collision energy, such as "13 TeV", found in the metadata key `collisions`; empty when it is not stated."""
    found = re.search(r"\d+(?:\.\d+)?\s*TeV", metadata.get("collisions", ""))
    return rf"$\sqrt{{s}}$ = {found.group()}" if found else ""


def draw_steps(ax: Axes, counts: NDArray, edges: NDArray, color: str, label: str, linestyle: str = "-") -> None:
    """Draw a histogram as steps; empty bins are gaps, not falls to the bottom of a logarithmic axis."""
    heights = np.where(counts > 0, counts, np.nan)
    ax.stairs(heights, edges, baseline=None, color=color, label=label, linestyle=linestyle)


def plain(name: str) -> str:
    """A name as text of a plot, whatever it holds: dollar signs do not start mathematics."""
    return name.replace("$", r"\$")


def new_axes(width: float = 10, height: float = 8) -> tuple[Figure, Axes]:
    """An empty figure of a size in inches; call it inside `plot_style`."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()
