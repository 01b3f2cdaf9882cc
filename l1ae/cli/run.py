"""`l1ae run`."""

from pathlib import Path

import click

from l1ae.cli.options import CONFIG, FIRMWARE, FRESH, OUT, SET


@click.command("run", short_help="Everything, in order: train, convert, verify, rtl, report.")
@CONFIG
@OUT
@FIRMWARE
@SET
@FRESH
def command(config: Path, out: Path | None, firmware: Path, changes: tuple[str, ...], fresh: bool) -> None:
    """Train the autoencoder of a YAML CONFIG, convert it, verify firmware and Verilog bit for bit, write the report.

    Exits with 1 when one bit differs, or when a measured figure exceeds the budget.

    A run that was interrupted continues where it stopped.

    \b
    Example: l1ae run configs/dense_ae.yaml --set training.seed=2 --set name=dense_ae_2
    """
    from l1ae import pipeline
    from l1ae.terminal import Terminal

    run = pipeline.open_run(config, out, fresh, changes)
    with Terminal() as ui:
        pipeline.run_all(run, ui, firmware)
