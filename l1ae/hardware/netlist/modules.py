"""One module through Yosys: what it is made of, and the same as Verilog that any simulator takes; kept by content."""

import gzip
import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from l1ae.errors import RunFolderError, ToolchainError
from l1ae.hardware.netlist.sources import Sources
from l1ae.hardware.netlist.tools import Tool
from l1ae.hardware.parts import Family

#: The architectures of Yosys' synth_xilinx.
_FAMILIES: dict[Family, str] = {"7-series": "xc7", "UltraScale": "xcu", "UltraScale+": "xcup"}

# Yosys' own models of LUTs are trees of multiplexers, one module for every content; $lut is one expression.
_LUTS = "".join(
    f"module LUT{n}(output O, input {', '.join(f'I{i}' for i in range(n))});\n"
    f"  parameter [{2**n - 1}:0] INIT = 0;\n"
    f"  \\$lut #(.WIDTH({n}), .LUT(INIT)) _TECHMAP_REPLACE_ "
    f"(.A({{{', '.join(f'I{i}' for i in reversed(range(n)))}}}), .Y(O));\n"
    "endmodule\n"
    for n in range(1, 7)
)

_SCRIPT = """\
read_verilog -lib -specify +/xilinx/cells_sim.v
read_verilog -sv -defer {files}
hierarchy -check -top {module}
{boxes}
setattr -unset rom_style */*
synth_xilinx -run prepare: -top {module} -family {family} -flatten -noiopad -noclkbuf -nobram -nodsp -nolutram
delete */t:$scopeinfo
select -module {module}
write_json -selected netlist.json
select -clear
delete =$paramod*
techmap -map luts.v
read_verilog -overwrite +/xilinx/cells_sim.v
hierarchy -check -top {module}
proc
flatten
delete */t:$scopeinfo
opt_expr
opt_clean -purge
select -module {module}
write_verilog -noattr -selected netlist.v
"""


@dataclass(frozen=True)
class Job:
    """One module to synthesise; `boxes`: modules inside of it that stay closed."""

    module: str
    sources: Sources
    family: Family
    boxes: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """The commands for Yosys."""
        boxes = f"blackbox {' '.join(self.boxes)}" if self.boxes else ""
        return _SCRIPT.format(
            files=" ".join(self.sources.of(self.module)),
            module=self.module,
            family=_FAMILIES[self.family],
            boxes=boxes,
        )

    @property
    def size(self) -> int:
        """Characters of Verilog that are its own, for what to begin with."""
        return 0 if self.boxes else sum(map(len, self.sources.of(self.module).values()))

    def key(self, tool: Tool) -> str:
        """Changes with everything that could change the netlist."""
        content = [tool.name, tool.version, self.script, _LUTS, json.dumps(self.sources.of(self.module))]
        return hashlib.sha256("\0".join(content).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Synthesised:
    """Where the netlist of one module lies: as Yosys' JSON, and as Verilog without cells of any family."""

    module: str
    folder: Path

    @property
    def verilog(self) -> str:
        """The netlist as Verilog in the language alone."""
        return (self.folder / "netlist.v").read_text(encoding="utf-8")

    def content(self) -> dict[str, Any]:
        """The netlist with the cells of the family."""
        with gzip.open(self.folder / "netlist.json.gz", "rt", encoding="utf-8") as file:
            read: dict[str, Any] = json.load(file)
        return read


def find_synthesised(job: Job, tool: Tool, cache: Path) -> Synthesised | None:
    """The netlist of this very module, when it was made before."""
    folder = cache / job.key(tool)
    return Synthesised(job.module, folder) if folder.is_dir() else None


_LOG = Lock()


def synthesise_module(job: Job, tool: Tool, cache: Path, log: Path) -> Synthesised:
    """Run Yosys on one module; what it says is added to `log`. Raises `ToolchainError` when it fails."""
    target = cache / job.key(tool)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{job.module}-", dir=cache) as temporary:
            draft = Path(temporary) / "draft"
            work = Path(temporary) / "work"
            draft.mkdir()
            work.mkdir()
            for name, text in (*job.sources.of(job.module).items(), ("luts.v", _LUTS), ("script.ys", job.script)):
                (work / name).write_text(text, encoding="utf-8")
            output = work / "yosys.log"
            try:
                tool.run(("-q", "-s", "script.ys"), work, output, about=job.module, log=log)
            finally:
                said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
                with _LOG, log.open("a", encoding="utf-8") as file:
                    file.write(f"--- {tool.name} {tool.version}, {job.module}\n{job.script}{said}")
            with gzip.open(draft / "netlist.json.gz", "wb", compresslevel=3) as file:
                file.write((work / "netlist.json").read_bytes())
            shutil.move(work / "netlist.v", draft / "netlist.v")
            try:
                draft.rename(target)
            except OSError:
                if not target.is_dir():  # else another process was quicker
                    raise
    except OSError as error:
        raise RunFolderError(f"cannot write {cache}: {error.strerror or error}") from error
    return Synthesised(job.module, target)


def check_names(name: str, sources: Sources) -> None:
    """Raise `ToolchainError` when the design or its stages are not among the sources."""
    if name not in sources.needs:
        raise ToolchainError(f"no Verilog file defines the module {name}")
    if not sources.stages(name):
        raise ToolchainError(f"the Verilog of {name} has no modules {name}_stage1, {name}_stage2, ...")
