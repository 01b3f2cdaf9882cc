"""Checks of the physics that need thousands of generated collisions."""

import math
import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from l1ae.events.generator.chunks import Chunk, make_chunk
from l1ae.events.generator.crossings import Tally
from l1ae.events.generator.jets import cluster
from l1ae.events.generator.pileup import HardCollisions, has_jet
from l1ae.events.generator.pythia import draw, start

pytestmark = pytest.mark.slow


def leading_jets(particles, pool):
    """Leading particle-level jet of each event, its scalar sum, both in GeV."""
    columns = (particles.event, particles.pt, particles.eta, particles.phi)
    event, pt, _, _ = cluster(particles.events, *columns, pool.jet_radius, pool.veto_jet_gev)
    leading = np.zeros(particles.events)
    np.maximum.at(leading, event, pt)
    return leading, np.bincount(particles.event, particles.pt, particles.events)


def test_hard_collisions_join_the_pool_without_a_seam(lepton, tmp_path):
    pool, count = lepton.pool, 0
    pythia = start("x", (*lepton.pythia.common, *lepton.pythia.minimum_bias, "Print:quiet = on"), 21)
    jets, sums = [], []
    for _ in range(120):
        batch = draw(pythia, 250)
        count += batch.events
        chosen = batch.take_events(np.flatnonzero(has_jet(batch, pool)))
        leading, total = leading_jets(chosen, pool)
        jets.append(leading)
        sums.append(total)
    direct, made = np.concatenate(jets), HardCollisions(lepton, 22, tmp_path / "log").take(2 * 380)
    assert len(direct) / count == pytest.approx(0.0126, rel=0.15)
    leading, total = leading_jets(made, pool)
    for low, high in ((20, 23), (23, 28), (28, 1e9)):
        here, there = ((values > low) & (values < high) for values in (direct, leading))
        error = math.hypot(*(math.sqrt(part.mean() * (1 - part.mean()) / len(part)) for part in (here, there)))
        assert abs(here.mean() - there.mean()) < 4 * error, (low, here.mean(), there.mean(), error)
    assert total.mean() == pytest.approx(np.concatenate(sums).mean(), rel=0.06)


def _measured(chunk, queue):
    make_chunk(chunk)
    # Not getrusage: its maximum is inherited from the process that starts this one.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    queue.put(int(status["VmHWM"].split()[0]) / 1024)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_worker_stays_below_a_gigabyte(lepton, tmp_path):
    pool = Chunk(lepton, "pool", None, 0, 5000, 1, tmp_path / "pool.npz")
    process = next(process for process in lepton.processes if process.weighted is not None)
    decays = Chunk(lepton, "decays", process, 0, process.weighted.decays, 1, tmp_path / "decays.npz")
    # As large as the real pool: the same file ten times.
    paths = (pool.path,) * 10
    events = Chunk(lepton, "events", process, 0, 100, 1, tmp_path / "events.npz", paths, decays.path)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for chunk in (pool, decays, events):
        worker = context.Process(target=_measured, args=(chunk, queue))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
        megabytes = queue.get(timeout=10)
        assert 100 < megabytes < 1000, (chunk.kind, megabytes)
    with np.load(events.path) as file:
        tally, origin = Tally(*file["tally"].tolist()), file["origin"]
    assert tally.accepted == len(origin) == 100
    assert (origin.max() + 1) / 100 > 0.6
    assert tally.cross_section_pb * tally.accepted / tally.tried == pytest.approx(2.5e4, rel=0.4)
