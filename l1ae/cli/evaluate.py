"""`l1ae evaluate`."""

from pathlib import Path

import click

from l1ae.cli.options import RUN, names


@click.command("evaluate", short_help="A finished run on other event files: do its thresholds hold?")
@RUN
@click.option(
    "--data",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="Event file; several times for several files.",
)
@click.option("--mapping", type=click.Path(path_type=Path), default=None, help="YAML: columns of CMS parquet or ROOT.")
@click.option("--background", callback=names, metavar="NAME,...", help="Background; default that of the run.")
@click.option("--signals", callback=names, metavar="NAME,...", help="Signals; default every other process.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write all numbers here.")
def command(
    run: Path,
    files: tuple[Path, ...],
    mapping: Path | None,
    background: tuple[str, ...],
    signals: tuple[str, ...],
    json_file: Path | None,
) -> None:
    """Score other events with the integer reference of a RUN that has a report: AUC, TPR, rates.

    Shown are what fires with the thresholds of the run's report, and thresholds from the background of these files.
    Files may have any format that `l1ae data info` reads; `sample` is the one that l1ae ships. Of a file that the run
    was trained on only the test part is used.

    \b
    Example: l1ae evaluate runs/dense_ae --data sample --json elsewhere.json
    """
    from l1ae.circuit import Circuit
    from l1ae.errors import RunFolderError
    from l1ae.events.inspection import Inspection
    from l1ae.events.readers.formats import Choice
    from l1ae.files import write_text
    from l1ae.report import read_report
    from l1ae.report.elsewhere import Chosen, evaluate_files
    from l1ae.report.elsewhere_table import summarise_files
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    folder = RunFolder.open(run)
    circuit = Circuit.load(folder.need(folder.circuit, "convert"))
    report = read_report(folder.need(folder.report_json, "report"))
    if report.layout is None or report.rates is None:
        raise RunFolderError(f"{folder.report_json} was written by an older l1ae: l1ae report {run}")
    found = [Inspection(str(file), Choice(mapping=mapping)) for file in files]
    with Terminal() as ui:
        with ui.progress("events", sum(map(len, found))) as advance:
            record = evaluate_files(folder.config.data, report, circuit, found, Chosen(background, signals), advance)
        ui.console.print(summarise_files(record))
        if json_file is not None:
            write_text(json_file, record.model_dump_json(indent=2) + "\n")
            ui.say(f"  {json_file}")
