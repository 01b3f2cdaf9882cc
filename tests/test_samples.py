"""The events of a run."""

import numpy as np
import pytest

from l1ae.config import DataConfig
from l1ae.errors import ConfigError, DataError
from l1ae.events.io import write_events
from l1ae.events.split import PARTS
from l1ae.samples import Samples

BACKGROUND, SIGNALS = ("W", "Z", "QCD", "tt"), ("LQ", "A4l", "h0", "h+")


def config(*files, **settings):
    return DataConfig(file=str(files[0]) if len(files) == 1 else tuple(map(str, files)), **settings)


def test_the_parts_hold_what_the_counts_say(event_file, tmp_path):
    samples = Samples.open(config(event_file))
    assert samples.processes == BACKGROUND + SIGNALS
    for part in PARTS:
        assert samples.background_events(part) == len(samples.stream.read(BACKGROUND, part))
    assert samples.test_events() == len(samples.stream.read(BACKGROUND + SIGNALS, "test"))
    words = samples.stream.read(BACKGROUND, "training").inputs
    assert (samples.shuffled("training", tmp_path).bucket(0) == words).all()
    first = samples.first_test_events(10)
    assert (first.words == samples.stream.read(BACKGROUND + SIGNALS, "test").words[:10]).all()
    assert len(samples.first_test_events(10**6)) == samples.test_events()


def test_files_are_read_as_one_and_named_without_their_folders(many_events, tmp_path):
    background, signal = many_events.of(*BACKGROUND), many_events.of(*SIGNALS)
    for name, part in (("background.h5", background), ("signal.h5", signal)):
        write_events(tmp_path / name, part)
    samples = Samples.open(config(tmp_path / "background.h5", tmp_path / "signal.h5"))
    assert samples.name == "background.h5, signal.h5"
    assert samples.test_events() == sum(counts["test"] for counts in samples.counts.values())
    assert samples.sha256 != Samples.open(config(tmp_path / "signal.h5", tmp_path / "background.h5")).sha256


def test_objects_and_features_are_chosen(event_file):
    samples = Samples.open(config(event_file, objects={"jet": 4, "MET": 1}, features=("pt",)))
    assert samples.layout.n_inputs == 5
    with pytest.raises(ConfigError, match="the events hold no photon"):
        Samples.open(config(event_file, objects={"photon": 4}))


def test_a_process_that_is_not_there_or_too_rare_is_refused(many_events, event_file, tmp_path):
    with pytest.raises(DataError, match=r"no process dijet in .*events.h5, it holds W, Z"):
        Samples.open(config(event_file, background=("dijet",)))
    rare = many_events.take(many_events.process != 4)
    write_events(tmp_path / "rare.h5", rare)
    with pytest.raises(DataError, match=r"rare.h5 holds no test event of the signal LQ: take it out of data.signals"):
        Samples.open(config(tmp_path / "rare.h5"))
    few = many_events.take(np.flatnonzero(many_events.process >= 4))
    write_events(tmp_path / "few.h5", few)
    with pytest.raises(DataError, match="too few background events"):
        Samples.open(config(tmp_path / "few.h5"))
