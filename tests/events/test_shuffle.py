"""Events in random order, one bucket at a time."""

import json

import numpy as np
import pytest
from scipy.stats import chi2

from l1ae.errors import RunFolderError
from l1ae.events.shuffle import Buckets

EVENTS, SIZE = 5000, 512


@pytest.fixture
def words():
    """Words whose first column is the number of the event."""
    return np.stack([np.arange(EVENTS), np.arange(EVENTS)[::-1]], axis=1).astype(np.int16)


def scatter(words, folder, key="key", chunk=300, size=SIZE):
    chunks = (words[start : start + chunk] for start in range(0, len(words), chunk))
    return Buckets.scatter(chunks, len(words), folder, key, bucket_events=size)


def test_every_event_lies_in_exactly_one_bucket(words, tmp_path):
    buckets = scatter(words, tmp_path / "b")
    assert len(buckets.counts) == 10
    assert len(buckets) == EVENTS
    together = np.concatenate(list(buckets))
    assert (together[np.argsort(together[:, 0])] == words).all()
    assert [len(bucket) for bucket in buckets] == list(buckets.counts)


def test_every_bucket_is_a_fair_sample_of_the_whole_file(words, tmp_path):
    """Of a file sorted by process each bucket holds each tenth of the file equally often."""
    table = [np.histogram(bucket[:, 0], bins=10, range=(0, EVENTS))[0] for bucket in scatter(words, tmp_path / "b")]
    expected = EVENTS / 100
    assert ((np.array(table) - expected) ** 2 / expected).sum() < chi2.isf(1e-3, 99)


def test_neighbours_are_torn_apart(words, tmp_path):
    owner = np.empty(EVENTS, dtype=int)
    for index, bucket in enumerate(scatter(words, tmp_path / "b")):
        owner[bucket[:, 0]] = index
    together = (owner[1:] == owner[:-1]).mean()
    assert abs(together - 0.1) < 4 * np.sqrt(0.1 * 0.9 / EVENTS)


def test_the_same_file_gives_the_same_buckets_whatever_the_chunks_were(words, tmp_path):
    one, two = scatter(words, tmp_path / "one", chunk=64), scatter(words, tmp_path / "two", chunk=5000)
    assert one.counts == two.counts
    assert all((left == right).all() for left, right in zip(one, two, strict=True))


def test_a_complete_folder_is_used_again_and_an_unfinished_one_is_not(words, tmp_path):
    folder = tmp_path / "b"
    scatter(words, folder)

    def never():
        raise AssertionError("read again")
        yield

    assert len(Buckets.scatter(never(), EVENTS, folder, "key", bucket_events=SIZE)) == EVENTS
    with pytest.raises(AssertionError, match="read again"):
        Buckets.scatter(never(), EVENTS, folder, "another key", bucket_events=SIZE)
    for spoil in (
        lambda: (folder / "buckets.json").unlink(),
        lambda: (folder / "buckets.json").write_text("{"),
        lambda: (folder / "00003.int16").write_bytes(b"short"),
    ):
        scatter(words, folder)
        spoil()
        assert len(np.concatenate(list(scatter(words, folder)))) == EVENTS
        assert json.loads((folder / "buckets.json").read_text())["settings"]["key"] == "key"


def test_few_events_stay_in_memory(words, tmp_path):
    buckets = scatter(words, tmp_path / "b", size=EVENTS)
    assert buckets.counts == (EVENTS,)
    assert (buckets.bucket(0) == words).all()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changes_meanwhile_is_noticed(words, tmp_path):
    with pytest.raises(RunFolderError, match="5000 events were read where 5001 were announced"):
        Buckets.scatter(iter([words]), EVENTS + 1, tmp_path / "b", "key", bucket_events=SIZE)


def test_a_full_disk_is_named_and_leaves_nothing(words, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "ascontiguousarray", full)
    with pytest.raises(RunFolderError, match=r"cannot write the shuffled events to .*: No space left on device"):
        scatter(words, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
