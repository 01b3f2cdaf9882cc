"""The Tcl of the flow, run by a Tcl interpreter in which the vendor's commands only note their arguments."""

import pytest

from l1ae.hardware.vendor.scripts import Target, clock_xdc, hls_options, impl_tcl, options_tcl, synth_tcl
from l1ae.hardware.vendor.tools import STEPS, VIVADO_STEPS

tkinter = pytest.importorskip("tkinter", reason="Python without its Tcl interpreter")

COMMANDS = [
    "create_project",
    "read_verilog",
    "add_files",
    "read_xdc",
    "synth_design",
    "write_checkpoint",
    "report_utilization",
    "report_timing_summary",
    "open_checkpoint",
    "opt_design",
    "place_design",
    "phys_opt_design",
    "route_design",
    "create_clock",
]


def evaluated(script, folder):
    """The calls of a script that runs in a folder: (command, *arguments) each."""
    tcl, calls = tkinter.Tcl(), []

    def note(name):
        return lambda *arguments: calls.append((name, *arguments))

    for name in COMMANDS:
        tcl.createcommand(name, note(name))
    tcl.createcommand("get_ports", lambda *names: " ".join(names))
    tcl.call("cd", str(folder))
    tcl.eval(script)
    return calls


def target(*sources):
    return Target("tiny", "xcvu13p-flga2577-2-e", 4.1666, "clk", sources)


def test_a_folder_of_verilog_is_read_in_order_with_the_contents_of_its_memories(tmp_path):
    (tmp_path / "a b").mkdir()
    for name in ("z.v", "b.v", "rom.dat", "notes.txt"):
        (tmp_path / "a b" / name).write_text("")
    calls = evaluated(synth_tcl(target("a b"), "clock.xdc"), tmp_path)
    assert calls[:5] == [
        ("create_project", "-in_memory", "-part", "xcvu13p-flga2577-2-e"),
        ("read_verilog", "{a b/b.v} {a b/z.v}"),
        ("add_files", "{a b/rom.dat}"),
        ("read_xdc", "-mode", "out_of_context", "clock.xdc"),
        ("synth_design", "-top", "tiny", "-part", "xcvu13p-flga2577-2-e", "-mode", "out_of_context"),
    ]
    assert calls[5] == ("write_checkpoint", "-force", "tiny_synth.dcp")
    assert ("report_timing_summary", "-file", "reports/tiny_timing_summary_synth.rpt") in calls
    assert (tmp_path / "reports").is_dir()


def test_files_are_read_one_by_one(tmp_path):
    calls = evaluated(synth_tcl(target("src/one.v", "src/two.v"), "clock.xdc"), tmp_path)
    assert [call for call in calls if call[0] == "read_verilog"] == [
        ("read_verilog", "src/one.v"),
        ("read_verilog", "src/two.v"),
    ]


def test_place_and_route_goes_on_from_the_synthesised_design(tmp_path):
    calls = evaluated(impl_tcl(target("src/one.v")), tmp_path)
    assert calls[0] == ("open_checkpoint", "tiny_synth.dcp")
    assert [call[0] for call in calls[1:6]] == [
        *("opt_design", "place_design", "phys_opt_design", "route_design", "write_checkpoint")
    ]
    assert {call[-1] for call in calls[6:]} == {
        f"reports/tiny_{kind}_routed.rpt" for kind in ("utilization", "utilization_hierarchical", "timing_summary")
    }


def test_the_clock(tmp_path):
    assert evaluated(clock_xdc(target()), tmp_path) == [("create_clock", "-period", "4.1666", "-name", "clk", "clk")]


@pytest.mark.parametrize("step", [step for step in STEPS if step not in VIVADO_STEPS])
def test_one_step_is_switched_on_and_all_options_are_set(step):
    tcl = tkinter.Tcl()
    tcl.eval(options_tcl(hls_options(step, validate=True)))
    options = {name: int(tcl.eval(f"set opt({name})")) for name in tcl.eval("array names opt").split()}
    assert set(options) == {"reset", "csim", "synth", "cosim", "validation", "export", "vsynth", "fifo_opt"}
    on = {name for name, value in options.items() if value}
    assert on == {{"csynth": "synth"}.get(step, step)} | ({"validation"} if step == "cosim" else set())
