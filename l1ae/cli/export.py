"""`l1ae export`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from l1ae.circuit import Circuit


@click.command("export", short_help="A run as ONNX or as QONNX.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["onnx", "qonnx"]), required=True, help="What the file is to be.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--check/--no-check", default=True, help="Compare with the reference before the file is written.")
def command(source: Path, kind: str, out: Path, check: bool) -> None:
    """Write the circuit of a converted run, or of a project of l1ae convert, as one file for other programs.

    onnx holds the hardware words as 64-bit integers and is exact for every circuit. qonnx holds float32 values and
    Quant nodes, for tools that read quantized networks; a circuit that float32 would round is refused. Before the file
    is written, onnxruntime or qonnx runs it on corner words, random words and the events of the run, and the command
    exits with 1 when one word differs from the integer reference. Needs pip install 'l1ae[export]'.

    \b
    Example: l1ae export runs/dense_ae --format onnx --out dense_ae.onnx
    Example: l1ae export firmware/my_model --format qonnx --out my_model.onnx
    """
    from l1ae.many import scratch_log
    from l1ae.terminal import Terminal, quiet

    with Terminal() as ui:
        ui.stage(f"export: {source} as {kind}")
        with scratch_log("export") as log, quiet(log):
            circuit, values = _opened(source, check)
            name = re.sub(r"\W", "_", source.resolve().name, flags=re.ASCII)
            from l1ae.hardware.exchange import export

            words = {origin: circuit.input_words(one) for origin, one in values.items()} if check else None
            total = sum(map(len, words.values())) if words else 0
            with ui.progress("compared with the reference, events", total) as advance:
                compared = export(circuit, out, kind, name=name, words=words, advance=advance)
            how = f"{compared} events equal to the reference" if check else "not compared with the reference"
            found = f"{out}: {how}"
        ui.say(f"  {found}")


def _opened(source: Path, check: bool) -> tuple["Circuit", Mapping[str, Any]]:
    """The circuit that a path names, and the values by origin that a check feeds to it."""
    from l1ae.config import VerificationConfig
    from l1ae.errors import RunFolderError
    from l1ae.many import kind_of
    from l1ae.stimuli import stimuli

    kind = kind_of(source)
    if kind == "model":
        raise RunFolderError(f"{source} is a model file: l1ae convert it, then l1ae export the project")
    if kind == "project":
        from l1ae.firmware import RANDOM_EVENTS, Firmware

        circuit = Firmware.open(source).circuit
        config = VerificationConfig(random=RANDOM_EVENTS, seed=1)
        return circuit, stimuli(circuit, None, config) if check else {}
    from l1ae.artifacts import run_stimuli
    from l1ae.circuit import Circuit
    from l1ae.runs import RunFolder

    run = RunFolder.open(source)
    circuit = Circuit.load(run.need(run.circuit, "convert"))
    return circuit, run_stimuli(run, circuit, run.config.verification) if check else {}
