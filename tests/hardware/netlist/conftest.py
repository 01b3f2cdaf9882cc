from pathlib import Path

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, FixedFormat, Input, Lookup, Sum
from l1ae.config import RtlConfig
from l1ae.hardware.netlist import synthesise
from l1ae.hardware.rtl import emit_rtl

PART = "xcvu13p-flga2577-2-e"


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    """Where the netlists of the session are kept."""
    return tmp_path_factory.mktemp("netlist")


@pytest.fixture(scope="session")
def project(work):
    """Tables and their sum, in two clocks, with a threshold."""
    entry = FixedFormat(True, 6, 6)
    source = FixedFormat(True, 4, 4)
    tables = np.random.default_rng(5).integers(entry.low, entry.high + 1, (3, 16))
    circuit = Circuit.derive(
        [
            Input("words", (), (3,), source),
            Lookup("tables", ("words",), (3,), entry, tables, source.low, 0),
            Sum("score", ("tables",), (1,), UNDECIDED),
        ]
    )
    config = RtlConfig(latency_clocks=2)
    words = np.zeros((1, 3), dtype=np.int64)
    return emit_rtl(circuit, "little", work / "rtl", part=PART, config=config, words=words)


@pytest.fixture(scope="session")
def made(project, work):
    """made(**changes) -> the netlist of the project."""

    def make(**changes):
        places = {"log": work / "yosys.log", "folder": work / "out", "cache": work / "cache"}
        return synthesise(project, **places | changes)

    return make


@pytest.fixture(scope="session")
def netlist(made):
    return made()


@pytest.fixture
def verilog(tmp_path):
    """verilog(text, ...) -> files with one module each, of the design called top."""

    def write(*texts) -> list[Path]:
        files = [tmp_path / f"file{number}.v" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        return files

    return write
