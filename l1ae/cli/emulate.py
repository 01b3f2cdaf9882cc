"""`l1ae emulate`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from l1ae.emulation import Job
    from l1ae.emulation.emulate import Emulated
    from l1ae.terminal import Terminal


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
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers take the files, one each at a time.")
def command(
    source: Path,
    data: tuple[Path, ...],
    more: tuple[Path, ...],
    out: Path,
    thresholds: tuple[int, ...] | None,
    scheduler: str | None,
) -> None:
    """Write the integer score of every event, and whether it passes, to HDF5 or parquet as the suffix says.

    Event files are HDF5 or parquet as l1ae data convert writes them. They are read piece by piece. After an
    interruption the same command continues; what belongs to another circuit, data or thresholds is started over.
    With several files --out is a folder, and each output has the name of its input.

    With --scheduler each file is a task of a dask cluster (pip install 'l1ae[dask]') whose workers see the same files
    under the same names; when a worker is lost another one continues with its file.

    \b
    Example: l1ae emulate runs/dense_ae --data new.h5 --out scores.h5
    Example: l1ae emulate runs/dense_ae --data a.h5 b.h5 --out scores --thresholds 1073,9917
    Example: l1ae emulate runs/dense_ae --data a.h5 b.h5 --out scores --scheduler tcp://127.0.0.1:8786
    """
    from l1ae.emulation import emulate_file
    from l1ae.emulation.emulate import check_names, opened
    from l1ae.errors import ConfigError
    from l1ae.terminal import Terminal, quiet

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
        if scheduler is not None:
            from l1ae.emulation.cluster import emulate_files
            from l1ae.many import scratch_log

            with scratch_log("emulate") as log, quiet(log), ui.progress("files", len(files)) as advance:

                def done(found: "Emulated") -> None:
                    advance(1)
                    _say(ui, found)

                emulate_files(job, list(zip(files, targets, strict=True)), scheduler, done=done)
            return
        for file, target in zip(files, targets, strict=True):
            with ui.progress(f"{file.name}, events", len(opened(file))) as advance:
                found = emulate_file(job, file, target, advance=advance)
            _say(ui, found)


def _say(ui: "Terminal", done: "Emulated") -> None:
    if done.discarded:
        ui.say(f"  {done.out}: unfinished work of another circuit, data or thresholds was started over")
    kept = f", {done.resumed} of them from before the interruption" if done.resumed else ""
    ui.say(f"  {done.out}: {done.events} events{kept}, SHA-256 {done.sha256}")
    for cut, passed in done.passed.items():
        ui.say(f"    score >= {cut}: {passed} events pass")


def _job(source: Path, thresholds: tuple[int, ...] | None) -> "Job":
    """What a run or a project asks of every file."""
    from l1ae.deployed import Deployed
    from l1ae.emulation import Job

    deployed = Deployed.open(source, "emulate")
    cuts = deployed.thresholds() if thresholds is None else thresholds
    return Job(deployed.path, cuts, *deployed.selection())
