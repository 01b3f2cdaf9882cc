from dataclasses import replace

import numpy as np
import pytest

from .handwritten import NAME, Project, tiny_circuit, tiny_verilog


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Where compiled designs are kept during the session."""
    return tmp_path_factory.mktemp("simulation")


@pytest.fixture(scope="session")
def log(cache):
    return cache / "verilator.log"


@pytest.fixture(scope="session")
def circuit():
    return tiny_circuit()


@pytest.fixture
def project(circuit, tmp_path):
    """The design as it should be."""
    file = tmp_path / f"{NAME}.v"
    file.write_text(tiny_verilog(circuit))
    return Project(NAME, (file,), circuit)


@pytest.fixture
def broken(project, tmp_path):
    """broken(old, new, ...) -> the design with parts of its text exchanged, each behind `behind`."""

    def exchange(*pairs, behind="", **changes):
        head, behind, text = project.sources[0].read_text().partition(behind or "\n")
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new, 1)
        text = head + behind + text
        file = tmp_path / "broken.v"
        file.write_text(text)
        return replace(project, sources=(file,), **changes)

    return exchange


@pytest.fixture(scope="session")
def stimuli(circuit):
    """Words of two origins."""
    rng = np.random.default_rng(3)
    low, high = circuit.port_range
    draw = {"random": 9000, "data": 500}
    return {name: rng.integers(low, high, (count, 3), endpoint=True) for name, count in draw.items()}
