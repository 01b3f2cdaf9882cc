"""`l1ae data`: make event files and look at them."""

from pathlib import Path

import click


@click.group("data", short_help="Make event files and look at them.")
def command() -> None:
    """Make event files and look at them.

    \b
    Example: l1ae data info sample
    """


@command.command("generate", short_help="Generate events with Pythia 8 and FastJet.")
@click.argument("recipe")
@click.option("--events", type=click.IntRange(min=0), default=None, help="Background events.")
@click.option("--signal-events", type=click.IntRange(min=0), default=None, help="Events of each signal.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="HDF5 file to write.")
def generate(recipe: str, events: int | None, signal_events: int | None, seed: int, workers: int, out: Path) -> None:
    """Generate proton-proton events of RECIPE (lepton or zero-bias) at 13 TeV; the same seed gives the same file.

    \b
    Example: l1ae data generate zero-bias --events 10000 --out zero_bias.h5
    """
    from l1ae.events.generator import generate as make

    make(recipe, out, events=events, signal_events=signal_events, seed=seed, workers=workers)
    click.echo(f"wrote {out}; look at it with: l1ae data info {out}")


@command.command("info", short_help="Counts, ranges and a picture of an event file.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="Picture; default FILE with ending .png.")
def info(file: Path, plot: Path | None) -> None:
    """Print what an event FILE holds and draw the distributions; `sample` is the file that l1ae ships.

    \b
    Example: l1ae data info sample --plot sample.png
    """
    import sys

    from rich.console import Console

    from l1ae.events.info import tables
    from l1ae.events.io import read_events
    from l1ae.events.source import resolve
    from l1ae.report import plot_events

    events = read_events(resolve(str(file)))
    console = Console(width=None if sys.stdout.isatty() else 120)
    for table in tables(events):
        console.print(table)
    target = plot or (Path("sample.png") if str(file) == "sample" else file.with_suffix(".png"))
    plot_events(events, target)
    click.echo(f"distributions drawn in {target}")
