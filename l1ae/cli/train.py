"""`l1ae train`."""

from pathlib import Path

import click

from l1ae.cli.options import FRESH, OUT, SET


@click.command("train", short_help="Train only.")
@click.argument("target", type=click.Path(path_type=Path))
@OUT
@SET
@FRESH
def command(target: Path, out: Path | None, changes: tuple[str, ...], fresh: bool) -> None:
    """Train the autoencoder of TARGET, a YAML configuration or a run folder.

    \b
    Example: l1ae train configs/dense_ae.yaml --out runs/first_try
    """
    from l1ae import pipeline
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    if target.is_dir():
        if out is not None or fresh or changes:
            raise click.UsageError("--out, --set and --fresh go with a configuration, not with a run folder")
        run = RunFolder.open(target)
    else:
        run = pipeline.open_run(target, out, fresh, changes)
    with Terminal() as ui:
        pipeline.train(run, ui)
