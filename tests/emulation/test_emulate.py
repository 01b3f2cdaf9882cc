"""`emulate_file`: what stands in the output is the reference, whole, whatever happened on the way."""

import json
import os
import pickle
import subprocess
import sys
import time
from dataclasses import replace

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Overflow, Rounding
from l1ae.emulation import Job, emulate_file
from l1ae.errors import ConfigError, DataError
from l1ae.events.io import read_events, write_events
from l1ae.events.parquet import ParquetEventWriter
from l1ae.events.source import sample_path
from l1ae.files import sha256

CUTS = (-500, 0, 3000)
PART = 500  # events


def small_circuit(seed=1):
    rng = np.random.default_rng(seed)
    port = FixedFormat(True, 16, 16, Rounding.RND_CONV, Overflow.SAT)
    weights = FixedFormat(True, 4, 4, Rounding.RND_CONV, Overflow.SAT)
    kernel, bias = rng.integers(-8, 8, (57, 1)), np.zeros(1, dtype=np.int64)
    nodes = [Input("words", (), (57,), port), Dense("score", ("words",), (1,), UNDECIDED, kernel, weights, bias, port)]
    return Circuit.derive(nodes)


@pytest.fixture(scope="session")
def sample():
    return read_events(sample_path()).take(slice(0, 2300))


@pytest.fixture
def job(tmp_path):
    small_circuit().save(tmp_path / "circuit.json")
    return Job(tmp_path / "circuit.json", CUTS)


@pytest.fixture
def data(sample, tmp_path):
    write_events(tmp_path / "events.h5", sample)
    return tmp_path / "events.h5"


class Stop(Exception):
    """Planted in the middle of the work."""


def stop_after(events):
    seen = []

    def advance(steps):
        seen.append(steps)
        if sum(seen) >= events:
            raise Stop

    return advance


def test_hdf5_holds_the_reference_and_the_decisions(job, data, sample, tmp_path):
    done = emulate_file(job, data, tmp_path / "out.h5", part=PART)
    expected = small_circuit().output_words(sample.inputs)
    with h5py.File(tmp_path / "out.h5") as file:
        assert (file["event_id"][:] == sample.event_id).all()
        assert (file["process"][:] == sample.process).all()
        assert (file["scores"][:] == expected).all()
        assert (file["passed"][:] == (expected >= np.array(CUTS))).all()
        record = json.loads(file.attrs["record"])
    assert record["circuit_sha256"] == sha256(job.circuit)
    assert record["data_sha256"] == sha256(data)
    assert done.passed == {cut: int((expected >= cut).sum()) for cut in CUTS}
    assert (done.events, done.resumed, done.sha256) == (2300, 0, sha256(tmp_path / "out.h5"))


def test_parquet_in_and_out_hold_the_same(job, sample, tmp_path):
    with ParquetEventWriter(tmp_path / "in.parquet", sample.process_names, sample.layout) as file:
        file.append(sample)
    emulate_file(job, tmp_path / "in.parquet", tmp_path / "out.parquet", part=PART)
    table = pq.read_table(tmp_path / "out.parquet")
    expected = small_circuit().output_words(sample.inputs)[:, 0]
    assert (table["score"].to_numpy() == expected).all()
    assert (table["event_id"].to_numpy() == sample.event_id).all()
    assert table["process"].to_pylist() == [sample.process_names[code] for code in sample.process]
    assert (table["passed_3000"].to_numpy() == (expected >= 3000)).all()


@pytest.mark.parametrize("suffix", [".h5", ".parquet"])
def test_a_resumed_file_is_the_same_byte_for_byte(job, data, tmp_path, suffix):
    emulate_file(job, data, tmp_path / f"whole{suffix}", part=PART)
    out = tmp_path / f"resumed{suffix}"
    with pytest.raises(Stop):
        emulate_file(job, data, out, part=PART, advance=stop_after(1000))
    assert not out.exists()
    time.sleep(1.1)  # a time of creation in the file would differ by a second
    done = emulate_file(job, data, out, part=PART)
    assert (done.resumed, done.discarded) == (1000, False)
    assert out.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_a_killed_process_loses_nothing_that_was_done(job, data, tmp_path):
    emulate_file(job, data, tmp_path / "whole.h5", part=PART)
    (tmp_path / "job").write_bytes(pickle.dumps((job, data, tmp_path / "out.h5")))
    program = (
        "import os, pickle, signal, sys\n"
        "from l1ae.emulation import emulate_file\n"
        "seen = []\n"
        "def advance(steps):\n"
        "    seen.append(steps)\n"
        "    if sum(seen) >= 1500: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"emulate_file(*pickle.load(open(sys.argv[1], 'rb')), advance=advance, part={PART})\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, tmp_path / "job"], env=os.environ, check=False)
    assert ended.returncode == -9
    assert not (tmp_path / "out.h5").exists()
    assert emulate_file(job, data, tmp_path / "out.h5", part=PART).resumed == 1500
    assert (tmp_path / "out.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_a_damaged_part_is_computed_again(job, data, tmp_path):
    emulate_file(job, data, tmp_path / "whole.h5", part=PART)
    with pytest.raises(Stop):
        emulate_file(job, data, tmp_path / "out.h5", part=PART, advance=stop_after(1500))
    part = tmp_path / ".unfinished-out.h5" / "000001.part"
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    assert emulate_file(job, data, tmp_path / "out.h5", part=PART).resumed == 500
    assert (tmp_path / "out.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.mark.parametrize("changed", ["circuit", "data", "thresholds"])
def test_work_of_another_circuit_data_or_thresholds_is_started_over(job, data, sample, tmp_path, changed):
    with pytest.raises(Stop):
        emulate_file(job, data, tmp_path / "out.h5", part=PART, advance=stop_after(1000))
    if changed == "circuit":
        small_circuit(seed=2).save(job.circuit)
    elif changed == "data":
        write_events(data, sample.take(slice(None, None, -1)))
    else:
        job = replace(job, thresholds=(7,))
    done = emulate_file(job, data, tmp_path / "out.h5", part=PART)
    assert (done.resumed, done.discarded) == (0, True)
    circuit, events = Circuit.load(job.circuit), read_events(data)
    with h5py.File(tmp_path / "out.h5") as file:
        assert (file["scores"][:] == circuit.output_words(events.inputs)).all()


def test_data_truncated_between_are_refused_and_nothing_is_written(job, data, tmp_path):
    with pytest.raises(Stop):
        emulate_file(job, data, tmp_path / "out.h5", part=PART, advance=stop_after(1000))
    with data.open("r+b") as file:
        file.truncate(data.stat().st_size // 2)
    with pytest.raises(DataError, match=r"truncated or damaged"):
        emulate_file(job, data, tmp_path / "out.h5", part=PART)
    assert not (tmp_path / "out.h5").exists()


def test_data_that_change_meanwhile_are_refused(job, data, sample, tmp_path):
    def advance(steps):
        if steps:
            os.utime(data, ns=(1, 1))

    with pytest.raises(DataError, match="changed while it was read"):
        emulate_file(job, data, tmp_path / "out.h5", part=PART, advance=advance)
    assert not (tmp_path / "out.h5").exists()


def test_a_file_without_events_gives_a_file_without_scores(job, sample, tmp_path):
    write_events(tmp_path / "none.h5", sample.take(slice(0, 0)))
    assert emulate_file(job, tmp_path / "none.h5", tmp_path / "out.h5").passed == dict.fromkeys(CUTS, 0)


def test_what_makes_no_sense_is_refused(job, data, tmp_path):
    with pytest.raises(ConfigError, match="must end in"):
        emulate_file(job, data, tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="the event file itself"):
        emulate_file(job, data, data)
    with pytest.raises(ConfigError, match="named twice"):
        emulate_file(replace(job, thresholds=(1, 1)), data, tmp_path / "out.h5")
    with pytest.raises(DataError, match="words per event, the circuit takes 57"):
        emulate_file(replace(job, features=("pt",)), data, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()
