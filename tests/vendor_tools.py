"""Programs that behave like those of the vendor, and projects that they can build."""

import json
import os
import stat
import sys
from pathlib import Path

REPORTS = Path(__file__).parent / "hardware/vendor/reports"
COMPILERS = ("vitis-run", "vitis_hls", "vivado_hls")

#: Checks its arguments as the real program does, does one step of a flow with canned reports, and misbehaves on demand:
#: FAKE_TROUBLE is STEP=WHAT. Every call is noted in FAKE_CALLS.
_PROGRAM = r"""
import json, os, re, shutil, signal, subprocess, sys, time
from pathlib import Path

name, arguments, here = Path(sys.argv[0]).name, sys.argv[1:], Path.cwd()
reports = Path(os.environ["FAKE_REPORTS"])
with open(os.environ["FAKE_CALLS"], "a") as calls:
    calls.write(json.dumps([name, *arguments]) + "\n")
trouble_at, _, trouble = os.environ.get("FAKE_TROUBLE", "").partition("=")


def put(source, target):
    target = here / target
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(reports / source, target)


def misbehave(step):
    if step != trouble_at:
        return
    if trouble == "error":
        print("INFO: [HLS 200-10] Running\nWARNING: no error so far")
        print("ERROR: [HLS 200-70] Pragma is wrong\nERROR: second")
        sys.exit(1)
    if trouble == "silent":
        print("ERROR: [Common 17-345] A valid license was not found")
        sys.exit(0)
    if trouble == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if trouble == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (here / "pids").write_text(f"{os.getpid()} {child.pid}")
        time.sleep(600)


if name == "vivado":
    assert arguments[:2] == ["-mode", "batch"] and arguments[-2] == "-source", arguments
    script = here / arguments[-1]
    text = script.read_text()
    step = "impl" if "route_design" in text else "synth"
    misbehave(step)
    if step == "synth":
        for file in re.findall(r"read_verilog \{(.*)\}", text) + re.findall(r"read_xdc .*\{(.*)\}", text):
            assert (here / file).is_file(), file
        for folder in re.findall(r"\[glob -directory \{(.*)\} \*\.v\]", text):
            assert list((here / folder).glob("*.v")), folder
    else:
        assert (here / re.search(r"open_checkpoint (\S+)", text)[1]).is_file()
    slack = "met_synth" if step == "synth" else "violated_routed" if trouble == "violated" else "met_routed"
    used = "placed" if step == "impl" else "synthesised"
    for command, file in re.findall(r"^(report_\w+(?: -hierarchical)?) -file (\S+)$", text, re.MULTILINE):
        if "timing" in command:
            put(f"timing/{slack}.rpt", file)
        elif "hierarchical" not in command:
            put(f"utilisation/ultrascale_{used}.rpt", file)
        elif step == "impl":
            put("utilisation/hierarchical_placed.rpt", file)
    (here / re.search(r"write_checkpoint -force (\S+)", text)[1]).write_text("checkpoint")
    sys.exit(0)

if name == "vitis-run":
    assert arguments[:3] == ["--mode", "hls", "--tcl"], arguments
    script, options = arguments[3], (here / "build_opt.tcl").read_text()
    options = dict(re.findall(r"(\w+) +(\d)", options))
else:
    assert arguments[0] == "-f", arguments
    script = arguments[1]
    text = (here / "build_opt.tcl").read_text() if name == "vitis_hls" else arguments[2].replace("=", " ")
    options = dict(re.findall(r"(\w+) +(\d)", text))
assert (here / script).is_file(), script
chosen = [step for step, value in options.items() if value == "1" and step != "validation"]
assert len(chosen) == 1, chosen
step = {"synth": "csynth"}.get(chosen[0], chosen[0])
version = "vivado_hls_2019.2" if name == "vivado_hls" else "vitis_hls_2022.2"
misbehave(step)
solution = "tiny_prj/solution1"
if step == "csim":
    wrong = 3 if f"{step}={trouble}" == "csim=differ" else 0
    print(f"INFO: 1000 events, {wrong} differ")
    print("INFO: [SIM 211-1] CSim done with 0 errors.")
    sys.exit(1 if wrong else 0)
if step == "csynth":
    put(f"{version}/tiny_csynth.rpt", f"{solution}/syn/report/tiny_csynth.rpt")
    (here / solution / "syn/verilog").mkdir(parents=True, exist_ok=True)
    (here / solution / "syn/verilog/tiny.v").write_text("module tiny; endmodule\n")
if step == "cosim":
    failed = f"{step}={trouble}" == "cosim=fail"
    kind = "vitis_fail" if failed else "vivado_hls_pass" if name == "vivado_hls" else "vitis_pass"
    put(f"cosim/{kind}_cosim.rpt", f"{solution}/sim/report/tiny_cosim.rpt")
    assert options["validation"] == os.environ.get("FAKE_VALIDATION", "1")
if step == "export":
    (here / solution / "impl").mkdir(parents=True, exist_ok=True)
"""


class Tools:
    """The programs on the PATH, and what was called."""

    def __init__(self, folder: Path, monkeypatch) -> None:
        self.bin, self.calls_file, self._patch = folder / "bin", folder / "calls", monkeypatch
        self.bin.mkdir()
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("FAKE_REPORTS", str(REPORTS))
        monkeypatch.setenv("FAKE_CALLS", str(self.calls_file))
        monkeypatch.delenv("FAKE_TROUBLE", raising=False)

    def install(self, *names: str) -> "Tools":
        for name in names:
            file = self.bin / name
            file.write_text(f"#!{sys.executable}\n{_PROGRAM}")
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return self

    def trouble(self, what: str) -> None:
        self._patch.setenv("FAKE_TROUBLE", what)

    @property
    def calls(self) -> list[list[str]]:
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [json.loads(line) for line in lines]


def hls_project(folder: Path, backend: str = "vitis", firmware: dict | None = None) -> Path:
    """A folder with what the flow needs of an HLS project that l1ae has emitted."""
    folder.mkdir(parents=True)
    (folder / "project.tcl").write_text(
        "variable project_name\n"
        'set project_name "tiny"\nvariable backend\n'
        f'set backend "{backend}"\nvariable part\n'
        'set part "xcvu13p-flga2577-2-e"\nvariable clock_period\nset clock_period 5\n'
        "variable clock_uncertainty\nset clock_uncertainty 27%\n"
    )
    (folder / "build_prj.tcl").write_text("# a script\n")
    if backend == "vitis":
        (folder / "build_opt.tcl").write_text("array set opt {\n    reset 0\n    csim 1\n    synth 1\n}\n")
    (folder / "provenance.json").write_text(json.dumps({"generator": "l1ae", "firmware": firmware}))
    (folder / "circuit.json").write_text("{}")
    (folder / "firmware").mkdir()
    (folder / "firmware/tiny.cpp").write_text("void tiny() {}\n")
    (folder / "rtl").mkdir()
    (folder / "rtl/tiny.v").write_text("module tiny; endmodule\n")
    return folder


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
