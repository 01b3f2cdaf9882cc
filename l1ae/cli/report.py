"""`l1ae report`."""

from pathlib import Path

import click

from l1ae.cli.options import read_run

#: Formats by the ending of the file that --out names.
_ENDINGS = {".txt": "text", ".json": "json", ".csv": "csv", ".md": "markdown", ".html": "html"}
_FILE = click.Path(path_type=Path)


@click.command("report", short_help="Evaluate a run and write its report; or one table over the hardware of many.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(_ENDINGS.values())),
    default=None,
    help="Show latency and resources of one or more runs, from their reports, in this format.",
)
@click.option("--out", type=_FILE, default=None, help="Write that table here; the ending names the format.")
@click.option("--check", is_flag=True, help="Exit with 1 when a measured figure exceeds the budget, or a bit differs.")
@click.option("--baseline", type=_FILE, default=None, help="Exit with 1 when a figure is worse than in this JSON file.")
@click.option("--write-baseline", type=_FILE, default=None, help="Write the figures of the run as such a file.")
def command(
    runs: tuple[str, ...],
    form: str | None,
    out: Path | None,
    check: bool,
    baseline: Path | None,
    write_baseline: Path | None,
) -> None:
    """Evaluate the physics of a verified RUN and write report.json and report.html.

    With --format, --out or several RUNs, which are run folders or report.json files, nothing is evaluated: one table
    shows clocks, ns, bunch crossings, LUT, FF, DSP and BRAM of each stage, exactness and budget, from the reports.

    A budget (key `budget` of the configuration) is held against what was counted: simulation, netlist, place and route.
    Estimates never exceed it.

    A baseline is JSON: {"figures": {"netlist.LUT": {"value": 35349, "relative": 0.02}, "auc.LQ": {"value": 0.93,
    "absolute": 0.005}}}. Without a tolerance a figure must not be worse at all. --write-baseline keeps keys and
    tolerances of a file that is there.

    \b
    Example: l1ae report runs/dense_ae
    Example: l1ae report runs/dense_ae --check
    Example: l1ae report runs/dense_ae runs/dense_vae --format markdown --out costs.md
    Example: l1ae report runs/dense_ae --format text --baseline costs.json
    """
    if (baseline or write_baseline) and len(runs) > 1:
        raise click.UsageError("a baseline is about one run")
    if out is not None and form is None:
        form = _ENDINGS.get(out.suffix.lower())
        if form is None:
            raise click.UsageError(f"--out {out}: give it one of the endings {', '.join(_ENDINGS)}, or say --format")
    from l1ae.terminal import Terminal

    with Terminal() as ui:
        if form is None and len(runs) == 1:
            from l1ae import pipeline
            from l1ae.runs import RunFolder

            folder = RunFolder.open(Path(runs[0]))
            pipeline.report(folder, ui)
        found = [read_run(path) for path in runs]
        from l1ae.report.hardware_formats import FORMATS, summarise_hardware
        from l1ae.report.hardware_runs import hardware_runs

        table = hardware_runs(found)
        if out is not None and form is not None:
            from l1ae.files import write_text

            write_text(out, FORMATS[form](table))
            ui.say(f"  {out}")
        elif form in (None, "text") and (form or len(runs) > 1):
            ui.console.print(summarise_hardware(table))
        elif form is not None:
            ui.console.file.write(FORMATS[form](table))
        if write_baseline is not None or baseline is not None:
            from l1ae.report.costs import measures
            from l1ae.report.regression import check_findings, differences_from, read_figures, write_figures

            figures = measures(found[0].report)
            if baseline is not None:
                findings = differences_from(read_figures(baseline), figures)
                for finding in findings:
                    ui.say(f"  {finding.text}")
                check_findings(findings, str(baseline))
            if write_baseline is not None:
                write_figures(write_baseline, figures)
                ui.say(f"  {write_baseline}")
        if check:
            table.check()
