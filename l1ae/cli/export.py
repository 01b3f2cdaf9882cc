"""`l1ae export`."""

import re
from pathlib import Path

import click


@click.command("export", short_help="A run as ONNX, as QONNX or as plain C.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option(
    "--format", "kind", type=click.Choice(["onnx", "qonnx", "c"]), required=True, help="What the file is to be."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--check/--no-check", default=True, help="Compare with the reference before the file is written.")
def command(source: Path, kind: str, out: Path, check: bool) -> None:
    """Write the circuit of a converted run, or of a project of l1ae convert, as one file for other programs.

    onnx holds the hardware words as 64-bit integers and is exact for every circuit. qonnx holds float32 values and
    Quant nodes, for tools that read quantized networks; a circuit that float32 would round is refused. c is a header of
    C99 that needs nothing but stdint.h. Before the file is written, onnxruntime, qonnx or what gcc makes of it runs on
    corner words, random words and the events of the run, and the command exits with 1 when one word differs from the
    integer reference. onnx and qonnx need pip install 'l1ae[export]'.

    \b
    Example: l1ae export runs/dense_ae --format onnx --out dense_ae.onnx
    Example: l1ae export firmware/my_model --format qonnx --out my_model.onnx
    Example: l1ae export runs/dense_ae --format c --out dense_ae.h
    """
    from l1ae.many import scratch_log
    from l1ae.terminal import Terminal, quiet

    with Terminal() as ui:
        ui.stage(f"export: {source} as {kind}")
        with scratch_log("export") as log, quiet(log):
            from l1ae.deployed import Deployed
            from l1ae.hardware.exchange import export

            deployed = Deployed.open(source, "export")
            name = re.sub(r"\W", "_", source.resolve().name, flags=re.ASCII)
            words = deployed.words() if check else None
            total = sum(map(len, words.values())) if words else 0
            with ui.progress("compared with the reference, events", total) as advance:
                compared = export(deployed.circuit, out, kind, name=name, words=words, advance=advance)
            how = f"{compared} events equal to the reference" if check else "not compared with the reference"
            found = f"{out}: {how}"
        ui.say(f"  {found}")
