"""`l1ae rtl`."""

from pathlib import Path
from typing import Any

import click


@click.command("rtl", short_help="Verilog and VHDL of a run, simulated cycle by cycle, with a netlist.")
@click.argument("source", metavar="RUN_OR_PROJECT", type=click.Path(path_type=Path))
@click.option("--clock-mhz", type=float, default=None, help="Frequency of the clock; default what the run says.")
@click.option("--latency-clocks", type=int, default=None, help="Clocks from valid in to valid out.")
@click.option("--adder-levels", type=int, default=None, help="Instead: adders that follow one another in one clock.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Folder; default rtl/ in the firmware project."
)
@click.option("--no-netlist", is_flag=True, help="Simulate only; a synthesis by Yosys takes minutes.")
@click.option("--check", is_flag=True, help="Write nothing: simulate the Verilog that lies there.")
def command(
    source: Path,
    clock_mhz: float | None,
    latency_clocks: int | None,
    adder_levels: int | None,
    out: Path | None,
    no_netlist: bool,
    check: bool,
) -> None:
    """Turn the circuit of a converted run, or of a project of l1ae convert, into Verilog that takes an event per clock.

    The Verilog is simulated cycle by cycle (Verilator) and compared with the integer reference bit for bit; Yosys makes
    a netlist of it for the family of the part, counts LUTs and registers, and the netlist is simulated as well. With a
    self-checking test bench, constraints and an example for a Level-1 board. Exits with 1 when one bit differs.

    \b
    Example: l1ae rtl runs/dense_ae
    Example: l1ae rtl runs/dense_ae --clock-mhz 320 --latency-clocks 16 --out firmware/dense_ae/rtl
    Example: l1ae rtl runs/dense_ae --check
    Example: l1ae rtl firmware/my_model --adder-levels 4
    """
    from l1ae.config import RtlConfig, changed_rtl
    from l1ae.many import kind_of
    from l1ae.terminal import Terminal

    given = {"clock_mhz": clock_mhz, "latency_clocks": latency_clocks, "adder_levels": adder_levels}
    chosen = {name: value for name, value in given.items() if value is not None}
    if check and (chosen or out is not None or no_netlist):
        raise click.UsageError("--check simulates what was written before: it goes with no other option")
    kind = kind_of(source)
    with Terminal() as ui:
        if kind == "run":
            from l1ae import pipeline
            from l1ae.runs import RunFolder

            run = RunFolder.open(source)
            settings = changed_rtl(run.config.rtl, chosen, synthesise=not no_netlist)
            pipeline.rtl(run, ui, settings, out, again=check).check()
            return
        from l1ae.errors import RunFolderError

        if kind == "model":
            raise RunFolderError(f"{source} is a model file: l1ae convert it, then l1ae rtl the project")
        ui.stage(f"rtl: {source}")
        _project(source, None if check else changed_rtl(RtlConfig(), chosen, synthesise=not no_netlist), out, ui)


def _project(folder: Path, settings: Any, out: Path | None, ui: Any) -> None:
    from l1ae.firmware import Firmware
    from l1ae.many import scratch_log
    from l1ae.realisation import realise
    from l1ae.terminal import quiet

    with scratch_log("rtl") as log, quiet(log):
        record = realise(Firmware.open(folder), settings, out, logs=log.parent, ui=ui)
    record.check()
