"""The VHDL computes what the circuit computes: GHDL runs both through the same events."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.circuit import Circuit
from l1ae.config import RtlConfig
from l1ae.hardware.rtl import RtlProject, emit_rtl
from l1ae.hardware.rtl.vectors import packed

from ...circuits import circuits
from .samples import PART, port_words, scored

_BENCH = """
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use std.textio.all;

entity bench is
end entity;

architecture test of bench is
    signal clk : std_logic := '0';
    signal rst : std_logic := '1';
    signal in_valid : std_logic := '0';
    signal in_words : std_logic_vector({inputs} - 1 downto 0);
    signal out_valid : std_logic;
    signal result, threshold : std_logic_vector({outputs} - 1 downto 0);
    {signals}
begin
    dut : entity work.{name} port map (clk => clk, rst => rst, in_valid => in_valid, in_words => in_words,
        out_valid => out_valid, {output} => result{map});

    process
        file vectors : text open read_mode is "bits.txt";
        file answers : text open read_mode is "bits.txt";
        variable text_in, text_out : line;
        variable word_in, ignored : bit_vector({inputs} - 1 downto 0);
        variable word_out, unused : bit_vector({outputs} - 1 downto 0);
        variable checked, errors : natural := 0;
    begin
        wait for 1 ns; clk <= '1'; wait for 1 ns; clk <= '0'; rst <= '0';
        for step in integer range 1 to {events} + {latency} - 1 loop
            in_valid <= '0';
            if step <= {events} then
                readline(vectors, text_in);
                read(text_in, word_in);
                in_words <= to_stdlogicvector(word_in);
                in_valid <= '1';
            end if;
            if step >= {latency} then
                readline(answers, text_out);
                read(text_out, ignored);
                read(text_out, word_out);
                threshold <= to_stdlogicvector(word_out);
            end if;
            wait for 1 ns; clk <= '1'; wait for 1 ns; clk <= '0';
            if step < {latency} then
                if out_valid /= '0' then errors := errors + 1; end if;
            else
                checked := checked + 1;
                if out_valid /= '1' or result /= to_stdlogicvector(word_out){fires} then
                    errors := errors + 1;
                end if;
            end if;
        end loop;
        report "checked " & integer'image(checked) & ", errors " & integer'image(errors) severity note;
        wait;
    end process;
end architecture;
"""


@pytest.fixture(scope="session")
def ghdl() -> str:
    found = shutil.which("ghdl")
    if found is None:
        pytest.skip("ghdl is not installed")
    return found


def simulated(ghdl: str, project: RtlProject, circuit: Circuit, words: np.ndarray, folder: Path) -> str:
    """What the bench reports about the project."""
    folder.mkdir()
    names = [[node.format.width for node in nodes for _ in range(node.size)] for nodes in (circuit.inputs,)]
    outputs = [circuit[name].format.width for name in circuit.outputs for _ in range(circuit[name].size)]
    pairs = zip(packed(words, names[0]), packed(circuit.output_words(words), outputs), strict=True)
    lines = (f"{into:0{project.input_bits}b} {out:0{project.output_bits}b}" for into, out in pairs)
    (folder / "bits.txt").write_text("\n".join(lines) + "\n")
    compared = project.has_threshold
    bench = _BENCH.format(
        name=project.name,
        inputs=project.input_bits,
        outputs=project.output_bits,
        output=project.output_port,
        events=len(words),
        latency=project.latency_clocks,
        signals="signal trigger : std_logic;" if compared else "",
        map=", threshold => threshold, trigger => trigger" if compared else "",
        fires=" or trigger /= '1'" if compared else "",
    )
    (folder / "bench.vhd").write_text(bench)
    files = sorted((project.path / "vhdl").glob("*.vhd"), key=lambda file: (_order(file, project.name), file.name))
    for command in (["-a", "--std=93", *map(str, files), "bench.vhd"], ["-e", "--std=93", "bench"]):
        subprocess.run([ghdl, *command], cwd=folder, check=True, capture_output=True, text=True)
    run = [ghdl, "-r", "--std=93", "bench", "--ieee-asserts=disable-at-0"]
    ended = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True)
    return ended.stdout + ended.stderr


def _order(file: Path, name: str) -> int:
    """Tables first, the top last."""
    return 0 if file.stem.endswith("_tables") else 2 if file.stem == name else 1


def test_the_vhdl_of_a_score_is_the_reference(ghdl, tmp_path):
    circuit = scored()
    words = port_words(circuit, 300)
    project = emit_rtl(circuit, "scored", tmp_path / "rtl", part=PART, config=RtlConfig(latency_clocks=3), words=words)
    assert "checked 300, errors 0" in simulated(ghdl, project, circuit, words, tmp_path / "ghdl")


def test_the_vhdl_of_another_circuit_is_seen(ghdl, tmp_path):
    circuit = scored()
    words = port_words(circuit, 300)
    project = emit_rtl(
        scored(seed=4), "scored", tmp_path / "rtl", part=PART, config=RtlConfig(latency_clocks=3), words=words
    )
    assert "errors 0" not in simulated(ghdl, project, circuit, words, tmp_path / "ghdl")


@pytest.mark.slow
@given(circuit=circuits(widest=6), clocks=st.integers(1, 4))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_vhdl_of_any_circuit_is_the_reference(ghdl, tmp_path_factory, circuit, clocks):
    folder = tmp_path_factory.mktemp("vhdl")
    words = port_words(circuit, 200)
    config = RtlConfig(latency_clocks=clocks)
    project = emit_rtl(circuit, "any__circuit_", folder / "rtl", part=PART, config=config, words=words)
    renamed = RtlProject(**{**vars(project), "name": "any_circuit"})
    assert "checked 200, errors 0" in simulated(ghdl, renamed, circuit, words, folder / "ghdl")
