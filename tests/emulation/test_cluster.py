"""Files on a cluster of processes: the same bytes as here, also when a worker is killed in the middle."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, FixedFormat, Input, Overflow, Rounding
from l1ae.emulation import Job, emulate_file
from l1ae.emulation.cluster import emulate_files
from l1ae.errors import DataError, RunFolderError, ToolchainError
from l1ae.events.io import read_events, write_events
from l1ae.events.source import sample_path

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two worker processes, each restarted by its nanny when it dies."""
    folder = tmp_path_factory.mktemp("dask")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_CACHE_HOME", str(folder))  # before the workers start
        with distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            local_directory=str(folder),
            silence_logs=50,
        ) as made:
            yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A circuit and three event files."""
    folder = tmp_path_factory.mktemp("events")
    port = FixedFormat(True, 16, 16, Rounding.RND_CONV, Overflow.SAT)
    kernel = np.random.default_rng(1).integers(-8, 8, (57, 1))
    layer = Dense("score", ("words",), (1,), UNDECIDED, kernel, FixedFormat(True, 4, 4), None, None)
    Circuit.derive([Input("words", (), (57,), port), layer]).save(folder / "circuit.json")
    sample = read_events(sample_path())
    for number, name in enumerate("abc"):
        write_events(folder / f"{name}.h5", sample.take(slice(1000 * number, 1000 * number + 1500)))
    return folder


@pytest.fixture
def job(place):
    return Job(place / "circuit.json", (0, 900))


@pytest.fixture
def files(place, tmp_path):
    return [(place / f"{name}.h5", tmp_path / f"{name}.h5") for name in "abc"]


def test_every_file_gets_the_bytes_that_it_gets_here(cluster, job, files, tmp_path):
    told = []
    results = emulate_files(job, files, cluster.scheduler_address, done=told.append)
    assert {done.out for done in told} == {out for _, out in files}
    for (data, out), done in zip(files, results, strict=True):
        here = emulate_file(job, data, tmp_path / f"here-{data.name}")
        assert out.read_bytes() == here.out.read_bytes()
        assert done == replace(here, out=out)
    assert not list(tmp_path.glob(".*"))


def test_a_killed_worker_costs_a_retry_and_nothing_else(cluster, job, files, tmp_path):
    marker = tmp_path / "killed"

    def work(job, data, out):
        import os
        import signal

        from l1ae.emulation import emulate_file

        def advance(steps, seen=[]):  # noqa: B006
            seen.append(steps)
            if data.name == "b.h5" and sum(seen) >= 1000 and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)

        return emulate_file(job, data, out, advance=advance, part=500)

    results = emulate_files(job, files, cluster.scheduler_address, work=work)
    assert marker.exists()
    assert [done.resumed for done in results] == [0, 1000, 0]
    for data, out in files:
        emulate_file(job, data, tmp_path / "here.h5", part=500)
        assert out.read_bytes() == (tmp_path / "here.h5").read_bytes()
    assert not list(tmp_path.glob(".unfinished*"))


def test_a_file_that_kills_every_worker_is_given_up_and_the_others_are_done(cluster, job, files):
    def work(job, data, out):
        import os
        import signal

        from l1ae.emulation import emulate_file

        if data.name == "b.h5":
            os.kill(os.getpid(), signal.SIGKILL)
        return emulate_file(job, data, out)

    with pytest.raises(ToolchainError, match=r"b\.h5: the workers that took it up were lost, .*1 of 3 files failed"):
        emulate_files(job, files, cluster.scheduler_address, work=work)
    assert [out.exists() for _, out in files] == [True, False, True]


def test_a_damaged_file_is_named_and_the_others_are_done(cluster, job, files, tmp_path):
    torn = tmp_path / "torn.h5"
    torn.write_bytes(files[0][0].read_bytes()[:3000])
    with pytest.raises(DataError, match=r"torn\.h5.*\(1 of 3 files failed\)"):
        emulate_files(job, [(torn, tmp_path / "x.h5"), *files[1:]], cluster.scheduler_address)
    assert [out.exists() for _, out in files] == [False, True, True]


def test_a_worker_with_another_version_is_refused(cluster, job, files, monkeypatch):
    monkeypatch.setattr("l1ae.emulation.cluster.version", lambda _: "9.9")
    with pytest.raises(ToolchainError, match=r"a worker has l1ae \S+, this is 9\.9: install the same version there"):
        emulate_files(job, files[:1], cluster.scheduler_address)


def test_nobody_there_and_nobody_to_work(job, files, monkeypatch):
    monkeypatch.setattr("l1ae.emulation.cluster._PATIENCE", 1)
    with pytest.raises(ToolchainError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9"):
        emulate_files(job, files, "tcp://127.0.0.1:9")
    with pytest.raises(ToolchainError, match="no dask scheduler answers at nonsense"):
        emulate_files(job, files, "nonsense://x")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(ToolchainError, match="has no workers: start some with dask worker"),
    ):
        emulate_files(job, files, empty.scheduler_address)


def test_without_dask_the_way_to_it_is_named(job, files, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ToolchainError, match=r"pip install 'l1ae\[dask\]'"):
        emulate_files(job, files, "tcp://127.0.0.1:9")


def test_two_writers_of_one_output_do_not_mix(job, files, tmp_path):
    data, out = files[0]

    def advance(steps):
        if steps:
            with pytest.raises(RunFolderError, match="another process is writing"):
                emulate_file(job, data, out)
            raise KeyError

    with pytest.raises(KeyError):
        emulate_file(job, data, out, advance=advance, part=500)
    assert emulate_file(job, data, out, part=500).resumed == 500
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
