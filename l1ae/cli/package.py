"""`l1ae package`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from l1ae.deployed import Deployed


@click.command("package", short_help="An emulator package that an experiment can load.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the model in the experiment.")
@click.option("--version", type=click.IntRange(min=0), required=True, help="Number of the version; it never changes.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the package.")
def command(source: Path, name: str, version: int, out: Path) -> None:
    """Write the model of a run, or of a project of l1ae convert, as C++ behind the interface of emulated models.

    The folder has a Makefile, a folder NAME_vN for each version, test vectors with the expected integers, the table of
    thresholds, and a program that loads the library as the experiment does. Before anything is written the package is
    built with make and g++ and that program compares it with the integer reference on corner words, random words and
    the events of the run; one word that differs ends the command with 1. Another version in the same folder is kept.

    \b
    Example: l1ae package runs/dense_ae --name ANOMALY --version 1 --out ANOMALY
    """
    from l1ae.deployed import Deployed
    from l1ae.files import sha256
    from l1ae.hardware.package import write_package
    from l1ae.many import scratch_log
    from l1ae.terminal import Terminal

    with Terminal() as ui:
        ui.stage(f"package: {source} as {name}, version {version}")
        deployed = Deployed.open(source, "package")
        with scratch_log("package") as log, ui.progress("steps", 2) as advance:
            words = deployed.words()
            advance(1)
            written = write_package(
                deployed.circuit,
                name,
                version,
                out,
                words=words,
                thresholds=_thresholds(deployed),
                features=deployed.features(),
                origin={"source": source.resolve().name, "circuit_json_sha256": sha256(deployed.path)},
                log=log,
            )
            advance(1)
        ui.say(f"  {out / written.model}: {written.compared} events equal to the reference, {written.shipped} shipped")


def _thresholds(deployed: "Deployed") -> list[dict[str, Any]]:
    """One row for each working point: false positive rate, score word, and the efficiency for each signal."""
    rows: dict[str, dict[str, Any]] = {}
    for signal, found in deployed.physics().items():
        for label, point in found["tpr"].items():
            if point["threshold"] is None:
                continue
            background = {"value": point["fpr"], "low": point["fpr_low"], "high": point["fpr_high"]}
            row = rows.setdefault(
                label,
                {
                    "target_fpr": label,
                    "score_word": point["threshold"],
                    "fpr": background | {"events": found["background_events"]},
                    "tpr": {},
                },
            )
            row["tpr"][signal] = {key: point[key] for key in ("value", "low", "high")} | {"events": found["events"]}
    return list(rows.values())
