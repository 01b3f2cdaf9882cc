"""Damaged and strange files: an explained error, or exactly the right events; never a crash, never silent garbage.

Bytes are damaged in processes of their own (see damage.py): some 1,000 files in the fast tier, 20,000 in the slow one.
Values and structures are made strange by hypothesis and compared with a reader written event by event in plain Python.
"""

import itertools
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from l1ae.errors import DataError
from l1ae.events.io import write_events
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.events.parquet import ParquetEventWriter
from l1ae.events.readers.formats import Choice, open_reader
from l1ae.events.readers.isolated import open_safely
from l1ae.events.readers.screen import Screen
from l1ae.events.schema import EventSet

FAST, SLOW = 150, 3000
FORMS = ("l1ae", "parquet", "public", "cms", "root", "npy", "npz")


@pytest.fixture(scope="module")
def sound(make, tmp_path_factory):
    """A sound file of every format."""
    folder = tmp_path_factory.mktemp("sound")
    words, trigger = make.words(LEPTON, 60), make.words(GLOBAL_TRIGGER, 60)
    labels = np.arange(60, dtype=np.uint8) % 3, ("QCD", "tt", "h+"), np.arange(60, dtype=np.uint64)
    pile_up = np.arange(60, dtype=np.uint16) % 41
    events = EventSet(words, *labels, {"recipe": "lepton", "seed": "1"}, pile_up=pile_up)
    write_events(folder / "l1ae.h5", events)
    with ParquetEventWriter(folder / "own.parquet", events.process_names, LEPTON, events.metadata, True) as writer:
        writer.append(replace(events, metadata={}))
    make.public(folder / "public.h5", make.particles(words))
    make.flat(folder / "cms.parquet", make.cms_columns(trigger))
    make.root(folder / "ntuple.root", make.trees(trigger))
    np.save(folder / "a.npy", words)
    np.savez_compressed(folder / "a.npz", words=words, event_id=events.event_id)
    names = ("l1ae.h5", "own.parquet", "public.h5", "cms.parquet", "ntuple.root", "a.npy", "a.npz")
    return dict(zip(FORMS, (folder / name for name in names), strict=True))


def damage(path, form, seed, count):
    """Outcomes of reading `count` damaged copies, in a process of its own; it may crash on old HDF5 only."""
    start, outcomes = 0, {"refused": 0, "read": 0, "failures": []}
    while start < count:
        command = [sys.executable, Path(__file__).with_name("damage.py"), path, seed, start, count]
        command.append("own" if form in ("l1ae", "parquet") else "foreign")
        ended = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, check=False, timeout=900
        )
        if ended.returncode < 0 and form == "public":
            with pytest.raises(DataError, match="the HDF5 library crashed on it"):
                list(Screen(open_safely(path.with_name(f"damaged-{path.name}"), "x", Choice())).events(64))
            outcomes["refused"] += 1
            start = int(path.with_name(f"{path.name}.index").read_text()) + 1
            continue
        assert ended.returncode == 0, f"{ended.returncode}: {ended.stderr[-2000:]}"
        for name, value in json.loads(ended.stdout).items():
            outcomes[name] += value
        break
    return outcomes


@pytest.mark.parametrize("form", FORMS)
def test_damaged_bytes_are_refused_or_harmless(sound, form):
    outcomes = damage(sound[form], form, 1, FAST if form != "root" else FAST // 3)
    assert outcomes["failures"] == []
    assert outcomes["refused"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_thousands_of_damaged_files_are_refused_or_harmless(sound, form):
    assert damage(sound[form], form, 2, SLOW if form != "root" else SLOW // 2)["failures"] == []


def reference(event):
    """Words of one event of the public format, or its first fault: written from the description, object by object."""
    rows = {"MET": (1, 0, 1), "e/gamma": (2, 1, 4), "muon": (3, 5, 4), "jet": (4, 9, 10)}
    faults, words = [], []
    order = ["NaN", "infinite", "negative", "unknown", "wrong row", "pt is outside", "eta is outside", "phi is outside"]
    order += ["more than once", "not ordered"]
    for name, (code, first, count) in rows.items():
        found, last = [], math.inf
        for pt, eta, phi, label in event[first : first + count].tolist():
            faults += ["NaN"] * any(map(math.isnan, (pt, eta, phi)))
            faults += ["infinite"] * any(map(math.isinf, (pt, eta, phi)))
            faults += ["negative"] * (pt < 0)
            faults += ["unknown"] * (label not in (0, 1, 2, 3, 4))
            faults += ["wrong row"] * (label != code and (label != 0 or pt > 0))
            if pt > 0:
                faults += ["phi is outside"] * (abs(phi) > math.pi + 1e-5)
                faults += ["eta is outside"] * (name != "MET" and abs(eta) > 10)
                faults += ["not ordered"] * (pt > last)
                last = min(last, pt)
                if not faults:
                    found.append(_words(name, pt, eta, phi))
        found = [entry for entry in found if entry[0] > 0]
        words += found + [(0, 0, 0)] * (count - len(found))
    return next((fault for fault in order if fault in faults), None), words


def _words(name, pt, eta, phi):
    bits = {"MET": 12, "e/gamma": 9, "muon": 9, "jet": 11}[name]
    period, step, low = (576, 0.010875, -256) if name == "muon" else (144, 0.0435, -128)
    turn = round(phi / (2 * math.pi / period)) % period
    side = 0 if name == "MET" else min(max(round(eta / step), low), -low - 1)
    return round(min(pt / 0.5, 2**bits - 1)), side, turn


STRANGE = [
    math.nan,
    math.inf,
    -math.inf,
    -1.0,
    -0.0,
    0.0,
    1e-300,
    0.25,
    3.14159,
    math.pi,
    3.2,
    -3.2,
    9.9,
    10.1,
    1e9,
    1e308,
]
STRANGE += [1.0, 2.0, 3.0, 4.0, 5.0, 0.5]
plants = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 18), st.integers(0, 3), st.sampled_from(STRANGE) | st.floats()),
    max_size=8,
)


def compare_with_reference(make, path, seed, planted):
    values = make.particles(make.words(LEPTON, 12, seed))
    for event, row, column, value in planted:
        values[event, row, column] = value
    make.public(path, values)
    screen = Screen(open_reader(path, "x", Choice()), skip_bad=True)
    found = [events.words for events in screen.events(5)]
    expected = [reference(event) for event in values]
    good = [words for fault, words in expected if fault is None]
    np.testing.assert_array_equal(np.concatenate([np.zeros((0, 19, 3)), *found]), np.reshape(good, (-1, 19, 3)))
    faults = [fault for fault, _ in expected if fault is not None]
    assert sum(skipped.events for skipped in screen.skipped.values()) == len(faults)
    for reason, skipped in screen.skipped.items():
        matching = [i for i, (fault, _) in enumerate(expected) if fault is not None and fault in reason]
        assert skipped.events == len(matching)
        assert skipped.first == matching[0]
    if faults:
        with pytest.raises(DataError, match="--skip-bad"):
            make.read(path)


@settings(max_examples=FAST, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), planted=plants)
def test_strange_values_give_what_a_slow_reader_gives(make, tmp_path, seed, planted):
    compare_with_reference(make, tmp_path / "events.h5", seed, planted)


@pytest.mark.slow
@settings(max_examples=SLOW, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 9999), planted=plants)
def test_many_strange_values_give_what_a_slow_reader_gives(make, tmp_path, seed, planted):
    compare_with_reference(make, tmp_path / "events.h5", seed, planted)


@settings(max_examples=FAST, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    key=st.sampled_from(["Particles", "Particles_Names", "Particles_Classes", "EvtId"]),
    kind=st.sampled_from(["f8", "f4", "f2", "i8", "u1", "S5", "?", "c16"]),
    shape=st.lists(st.integers(0, 20), max_size=4),
)
def test_datasets_of_any_shape_and_type_are_refused_or_read(make, tmp_path, key, kind, shape):
    path = make.public(tmp_path / "events.h5", make.particles(make.words(LEPTON, 8)))
    with h5py.File(path, "a") as file:
        if key in file:
            del file[key]
        file[key] = np.zeros(shape, dtype=kind)
    fits = {
        "Particles": shape[1:] == [19, 4] and len(shape) == 3 and kind in ("f8", "f4", "f2"),
        "EvtId": shape == [8] and kind in ("i8", "u1"),
    }
    try:
        screen = Screen(open_reader(path, "x", Choice()))
        events = list(screen.events(100))
    except DataError:
        events = None
    possible = fits.get(key, False)
    # No events, or as many ids as there are not events: refused too, for a reason of its own.
    if possible and shape[0] == (8 if key == "Particles" else shape[0]):
        assert events is not None
    assert events is None or possible


@settings(max_examples=FAST, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jets=st.lists(
        st.lists(st.tuples(st.integers(-1, 2050), st.integers(-130, 130), st.integers(-1, 145)), max_size=14),
        min_size=1,
        max_size=8,
    ),
    muons=st.integers(0, 2**40),
)
def test_lists_of_any_integers_give_what_a_slow_reader_gives(make, tmp_path, jets, muons):
    count = len(jets)
    folders = make.cms_columns(make.words(GLOBAL_TRIGGER, count))
    for column, name in enumerate(("jetIEt", "jetIEta", "jetIPhi")):
        folders["jets"][name] = [[jet[column] for jet in event] for event in jets]
    folders["muons"] = {name: [[muons]] * count for name in ("muonIEt", "muonIEtaAtVtx", "muonIPhiAtVtx")}
    path = make.flat(tmp_path / "events.parquet", folders)
    chosen = GLOBAL_TRIGGER.select({"jet": 12})
    screen = Screen(open_reader(path, "x", Choice(layout=chosen)), skip_bad=True)
    found = [events.words for events in screen.events(3)]
    expected = []
    for event in jets:
        there = [jet for jet in event if jet[0] > 0]
        falling = all(a[0] >= b[0] for a, b in itertools.pairwise(there))
        inside = all(pt <= 2047 and -128 <= eta <= 127 and 0 <= phi <= 143 for pt, eta, phi in there)
        if falling and inside and all(jet[0] >= 0 for jet in event):
            expected.append((there + [(0, 0, 0)] * 12)[:12])
    np.testing.assert_array_equal(np.concatenate([np.zeros((0, 12, 3)), *found]), np.reshape(expected, (-1, 12, 3)))
