"""`l1ae emulate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from l1ae.emulation import Job


def _words(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """T,T,... as integers; None when the option is not given."""
    if value is None:
        return None
    try:
        return tuple(int(one) for one in value.split(","))
    except ValueError as error:
        from l1ae.errors import ConfigError

        raise ConfigError(f"--thresholds {value} is no list of integer words such as 1073,9917") from error


@click.command("emulate", short_help="Scores and trigger decisions of whole event files.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option(
    "--data", multiple=True, required=True, type=click.Path(path_type=Path), help="Event file; the first of several."
)
@click.argument("more", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="File, or folder for several files.")
@click.option(
    "--thresholds",
    callback=_words,
    metavar="T,T,...",
    help="Score words from which on an event passes; default the working points of the run's report.",
)
def command(
    source: Path, data: tuple[Path, ...], more: tuple[Path, ...], out: Path, thresholds: tuple[int, ...] | None
) -> None:
    """Write the integer score of every event, and whether it passes, to HDF5 or parquet as the suffix says.

    Event files are HDF5 or parquet as l1ae data convert writes them. They are read piece by piece. After an
    interruption the same command continues; what belongs to another circuit, data or thresholds is started over.
    With several files --out is a folder, and each output has the name of its input.

    \b
    Example: l1ae emulate runs/dense_ae --data new.h5 --out scores.h5
    Example: l1ae emulate runs/dense_ae --data a.h5 b.h5 --out scores --thresholds 1073,9917
    """
    from l1ae.emulation import emulate_file
    from l1ae.emulation.emulate import check_names, opened
    from l1ae.errors import ConfigError
    from l1ae.terminal import Terminal

    files = (*data, *more)
    folder = len(files) > 1 or out.is_dir() or not out.suffix
    targets = [out / file.name for file in files] if folder else [out]
    if len(set(targets)) < len(targets):
        raise ConfigError("two event files have the same name: their outputs would overwrite each other")
    for file, target in zip(files, targets, strict=True):
        check_names(file, target)
    job = _job(source, thresholds)
    with Terminal() as ui:
        ui.stage(f"emulate: {source}")
        for file, target in zip(files, targets, strict=True):
            with ui.progress(f"{file.name}, events", len(opened(file))) as advance:
                done = emulate_file(job, file, target, advance=advance)
            if done.discarded:
                ui.say(f"  {target}: unfinished work of another circuit, data or thresholds was started over")
            kept = f", {done.resumed} of them from before the interruption" if done.resumed else ""
            ui.say(f"  {target}: {done.events} events{kept}, SHA-256 {done.sha256}")
            for cut, passed in done.passed.items():
                ui.say(f"    score >= {cut}: {passed} events pass")


def _job(source: Path, thresholds: tuple[int, ...] | None) -> "Job":
    """What a run or a project asks of every file."""
    from l1ae.deployed import Deployed
    from l1ae.emulation import Job

    deployed = Deployed.open(source, "emulate")
    cuts = deployed.thresholds() if thresholds is None else thresholds
    return Job(deployed.path, cuts, *deployed.selection())
