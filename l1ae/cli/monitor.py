"""`l1ae monitor`."""

from pathlib import Path

import click

from l1ae.cli.options import RUN, names


@click.command("monitor", short_help="New events against the reference of a run: drift and rates.")
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
@click.option("--processes", callback=names, metavar="NAME,...", help="Only these of the new events.")
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Inputs in the table.")
@click.option("--all", "everything", is_flag=True, help="Every input, and the tests that could not be made.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write all numbers here.")
@click.option("--plot", type=click.Path(path_type=Path), default=None, help="Picture of the scores (png, svg, pdf).")
@click.option("--plot-inputs", type=click.Path(path_type=Path), default=None, help="Picture of every input.")
@click.option(
    "--max-ks",
    type=click.FloatRange(0, 1),
    default=None,
    help="Exit with 1 if a KS distance of an input or the score is larger, and no accident.",
)
@click.option(
    "--max-change",
    type=click.FloatRange(1),
    default=None,
    help="Exit with 1 if a rate changed by more than this factor, and not by accident.",
)
def command(
    run: Path,
    files: tuple[Path, ...],
    mapping: Path | None,
    processes: tuple[str, ...],
    top: int,
    everything: bool,
    json_file: Path | None,
    plot: Path | None,
    plot_inputs: Path | None,
    max_ks: float | None,
    max_change: float | None,
) -> None:
    """Compare new events with the reference of a RUN that has a report: do inputs drift, do the rates hold?

    The reference is the background of the run's own sample that training did not see. Each input, each multiplicity
    and the score words get a chi-squared test and a Kolmogorov-Smirnov distance; each threshold of the report gets its
    rate before and now, their ratio, and the p-value of equal rates. Scores are those of the firmware. Files may have
    any format that l1ae data info reads; their processes play no part unless --processes chooses some.

    \b
    Example: l1ae monitor runs/dense_ae --data new.h5 --max-change 1.5 --json drift.json
    """
    from l1ae.circuit import Circuit
    from l1ae.events.inspection import Inspection
    from l1ae.events.readers.formats import Choice
    from l1ae.files import write_text
    from l1ae.monitoring.rates import check_rates
    from l1ae.monitoring.table import summarise
    from l1ae.monitoring.watch import watch
    from l1ae.report import read_report
    from l1ae.runs import RunFolder
    from l1ae.samples import Samples
    from l1ae.terminal import Terminal

    folder = RunFolder.open(run)
    circuit = Circuit.load(folder.need(folder.circuit, "convert"))
    report = read_report(folder.need(folder.report_json, "report"))
    samples = Samples.open(folder.config.data)
    found = [Inspection(str(file), Choice(mapping=mapping)) for file in files]
    with Terminal() as ui:
        total = samples.background_events("test") + sum(map(len, found))
        with ui.progress("events", total) as advance:
            record, reference, new = watch(samples, report, circuit, found, processes, advance)
        ui.console.print(summarise(record, None if everything else top))
        if json_file is not None:
            write_text(json_file, record.model_dump_json(indent=2) + "\n")
            ui.say(f"  {json_file}")
        named = ("reference", ", ".join(record.files))
        if plot is not None:
            from l1ae.monitoring.plot import plot_scores

            unit = f"1 = {circuit.output.format.lsb:g}"
            thresholds = {rate.threshold: rate.names for rate in record.rates}
            scores = [(name, sample.scores) for name, sample in zip(named, (reference, new), strict=True)]
            plot_scores(scores, thresholds, unit, reference.summary.metadata, plot)
            ui.say(f"  {plot}")
        if plot_inputs is not None:
            from l1ae.report import plot_comparison

            plot_comparison(reference.summary, new.summary, plot_inputs, names=named)
            ui.say(f"  {plot_inputs}")
    record.comparison.check(max_ks)
    check_rates(record.rates, max_change)
