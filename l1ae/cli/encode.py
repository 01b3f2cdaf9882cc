"""`l1ae encode`."""

from pathlib import Path

import click

from l1ae.cli.options import FORCE, RUN


@click.command("encode", short_help="Write the latent codes of events, and what the compression costs.")
@RUN
@click.option(
    "--data", type=click.Path(path_type=Path), default=None, help="All events of this file; default: the test events."
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="HDF5 file; default NAME_codes.h5, here.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), default=None, help="Also write all numbers here.")
@FORCE
def command(run: Path, data: Path | None, out: Path | None, json_file: Path | None, force: bool) -> None:
    """Encode events with the integer circuit of a converted RUN: its autoencoder as a compressor.

    Writes the code words, as the firmware computes them, and tells how many bits they save and what is lost: the
    errors of pt, eta and phi of the events that the decoder makes of them. The file of --data may have any format that
    `l1ae data info` reads; `sample` is the one that l1ae ships.

    \b
    Example: l1ae encode runs/dense_ae --out codes.h5 --json codes.json
    """
    from l1ae.coding import Coder, EventsToEncode, check_output, encode
    from l1ae.files import write_text
    from l1ae.report.encoding_table import summarise_encoding
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    coder = Coder.open(RunFolder.open(run))
    source = EventsToEncode(coder.run, data)
    target = check_output(out or Path(f"{coder.run.config.name}_codes.h5"), force, source.paths)
    with Terminal() as ui:
        with ui.progress("events", source.total) as advance:
            found = encode(coder, source, target, advance)
        ui.console.print(summarise_encoding(found))
        if json_file is not None:
            write_text(json_file, found.model_dump_json(indent=2) + "\n")
            ui.say(f"  {json_file}")
        ui.say(f"  {target}: code words of {found.events:,} events")
