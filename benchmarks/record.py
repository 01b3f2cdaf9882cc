"""What was measured: rows that cannot exist without a baseline, the machine they were measured on, table and JSON."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.clock import Spread
from l1ae.environment import versions


@dataclass(frozen=True)
class Row:
    """One figure and the baseline it is divided by: same run, same events, same cores.

    `better` says which way the ratio points: "higher" or "lower". `sizes` says how much was measured.
    """

    group: str
    name: str
    unit: str
    better: str
    measured: Spread
    baseline_name: str
    baseline: Spread
    sizes: Mapping[str, int]
    stage: str = "measured"

    @property
    def ratio(self) -> float:
        """Median of the figure over median of the baseline."""
        return self.measured.median / self.baseline.median

    def with_sizes(self, more: Mapping[str, int]) -> "Row":
        """The same, saying more about how much was measured."""
        return replace(self, sizes={**self.sizes, **more})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "sizes": dict(self.sizes), "ratio": self.ratio}


def machine() -> dict[str, Any]:
    """Cores, CPU, memory and load: what an absolute number depends on."""
    return {
        "cpu": _proc("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": _proc("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.machine()}",
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def tools() -> dict[str, str]:
    """Versions of everything that takes part."""
    compiler = subprocess.run(["g++", "-dumpfullversion"], capture_output=True, text=True, check=False)
    return versions() | {"g++": compiler.stdout.strip() or "unknown"}


def document(rows: Sequence[Row], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The record for programs; `before` and `after` are the machine at the start and at the end."""
    return {
        "stage": "measured",
        "machine": {**before, "load_average_after": after["load_average"]},
        "versions": tools(),
        "rows": [row.as_dict() for row in rows],
    }


def table(rows: Sequence[Row], facts: Mapping[str, Any]) -> Table:
    """The same for people: every baseline, and below it what is divided by it."""
    result = Table("", "unit", title="stage: measured; ratio = median / median of the baseline", title_justify="left")
    for heading in ("median", "smallest", "largest", "n", "ratio"):
        result.add_column(heading, justify="right")
    result.add_column("better")
    previous = None
    for row in rows:
        if (row.group, row.baseline_name) != previous:
            previous = row.group, row.baseline_name
            result.add_section()
            result.add_row(f"[bold]{row.group}[/bold]")
            result.add_row(f"  baseline: {row.baseline_name}", row.unit, *_cells(row.baseline), "1")
        ratio = f"[bold]{_number(row.ratio)}[/bold]"
        sizes = ", ".join(f"{count:,} {what}" for what, count in row.sizes.items())
        result.add_row(f"  {row.name}, {sizes}", row.unit, *_cells(row.measured), ratio, row.better)
    load = ", ".join(str(value) for value in facts["load_average"])
    result.caption = f"{facts['cores_usable']} cores, {facts['cpu']}; load of the machine at the start {load}"
    return result


def _cells(spread: Spread) -> tuple[str, ...]:
    return _number(spread.median), _number(spread.low), _number(spread.high), str(spread.repeats)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _proc(file: str, key: str) -> str | None:
    """The first value of a key in a file of the Linux kernel; None elsewhere."""
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((" ".join(line.split(":", 1)[1].split()) for line in lines if line.startswith(key)), None)
