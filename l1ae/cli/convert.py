"""`l1ae convert`."""

import re
from pathlib import Path
from typing import Any

import click

from l1ae.cli.options import FIRMWARE, adaptations


@click.command("convert", short_help="Turn a model file, or a trained run, into an HLS project.")
@click.argument("source", metavar="MODEL_OR_RUN", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), default=None, help="The project; default FIRMWARE/NAME.")
@FIRMWARE
@click.option("--part", default=None, help="Device, package and speed grade, such as xc7vx690tffg1927-2.")
@click.option("--clock-ns", type=float, default=None, help="Clock period in ns.")
@click.option("--backend", default=None, help="Vitis or Vivado.")
@click.option("--strategy", default=None, help="latency or distributed_arithmetic.")
@click.option("--reuse-factor", type=int, default=None, help="How often a multiplier is used for one event.")
@click.option("--name", default=None, help="Name of the project and of its top function; default that of the model.")
@adaptations
def command(source: Path, out: Path | None, firmware: Path, **options: Any) -> None:
    """Write the HLS project of a QKeras model in a .keras or .h5 file, or of a trained run folder.

    The firmware computes bit for bit what the model computes, for every input; what cannot is refused before anything
    is written. A run takes everything but --firmware from its configuration.

    \b
    Example: l1ae convert model.keras --out firmware/model --part xc7vx690tffg1927-2
    Example: l1ae convert runs/dense_ae
    """
    from l1ae.errors import RunFolderError
    from l1ae.firmware import MODEL_FILES
    from l1ae.terminal import Terminal

    given = {name: value for name, value in options.items() if value is not None and value is not False}
    with Terminal() as ui:
        if source.suffix in MODEL_FILES and not source.is_dir():
            _convert(source, out or firmware / (options["name"] or re.sub(r"\W", "_", source.stem)), given, ui)
            return
        from l1ae import pipeline
        from l1ae.runs import RunFolder

        if not (source / "config.yaml").is_file():
            endings = ", ".join(MODEL_FILES)
            raise RunFolderError(
                f"{source} holds no run (no config.yaml) and is no model file ({endings}): give one of these"
            )
        if out is not None or given:
            extra = "out" if out is not None else next(iter(given)).replace("_", "-")
            raise click.UsageError(f"--{extra} goes with a model file; a run folder has its own settings")
        pipeline.convert(RunFolder.open(source), ui, firmware)


def _convert(source: Path, out: Path, options: dict[str, Any], ui: Any) -> None:
    from l1ae.firmware import convert
    from l1ae.many import scratch_log
    from l1ae.terminal import quiet

    ui.stage(f"convert: {source}")
    with scratch_log("convert") as log, quiet(log):
        made = convert(source, out, **options)
    circuit = made.circuit
    for note in made.notes:
        ui.say(f"  note: {note}")
    ports = [(node, "in") for node in circuit.inputs] + [(circuit[name], "out") for name in circuit.outputs]
    for node, direction in ports:
        shape = " x ".join(map(str, node.shape))
        ui.say(f"  {direction:3} {node.name}: {shape} of {node.format}")
    ui.say(f"  {out}: see its README.md for synthesis; compare it with the model: l1ae verify {out}")
