"""Which files a module of a project needs."""

import pytest

from l1ae.errors import ToolchainError
from l1ae.hardware.netlist.sources import Sources


def test_a_module_needs_what_it_instantiates_and_what_that_needs(verilog):
    sources = Sources.read(
        verilog(
            "module top (); top_stage1 a (); endmodule",
            "module top_stage1 (); top_table_0 #(.N(1)) t (); endmodule",
            "module top_table_0 (); endmodule\nmodule top_table_1 (); endmodule",
            "module other (); endmodule // top",
        )
    )
    assert sources.needs["top"] == {"file0.v", "file1.v", "file2.v"}
    assert sources.needs["top_stage1"] == {"file1.v", "file2.v"}
    assert sources.needs["other"] == {"file3.v"}


def test_comments_need_nothing(verilog):
    sources = Sources.read(verilog("module a (); // b\n/* b */ endmodule", "module b (); endmodule"))
    assert sources.needs["a"] == {"file0.v"}


def test_stages_come_in_the_order_of_their_numbers(verilog):
    names = ("x_stage10", "x_stage2", "x_stage1", "x_stage1_part", "y_stage3")
    sources = Sources.read(verilog(*(f"module {name} (); endmodule" for name in names)))
    assert sources.stages("x") == ["x_stage1", "x_stage2", "x_stage10"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ToolchainError, match=r"gone\.v"):
        Sources.read([tmp_path / "gone.v"])
