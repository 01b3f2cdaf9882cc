"""`l1ae data convert`: any event file into one of l1ae."""

import h5py
import numpy as np
import pytest

from l1ae.events.io import read_events, write_events
from l1ae.events.parquet import ParquetEventFile


@pytest.fixture
def public(tmp_path):
    """public(name, count) -> a file in the format of arXiv:2107.02157."""

    def write(name="QCD.h5", count=10):
        values = np.zeros((count, 19, 4))
        values[:, 0] = (30.0, 0.0, 0.5, 1.0)
        values[:, 1] = (25.0, 1.0, -0.5, 2.0)
        with h5py.File(tmp_path / name, "w") as file:
            file["Particles"] = values
        return tmp_path / name

    return write


def spoil(path, event, row, column, value):
    with h5py.File(path, "a") as file:
        file["Particles"][event, row, column] = value


def test_a_public_file_becomes_an_event_file(l1ae, tmp_path, public):
    out = tmp_path / "events.h5"
    ended = l1ae("data", "convert", public(), out)
    assert f"wrote {out}: 10 events; look at it with: l1ae data info {out}" in ended.text
    assert ended.text.splitlines()[3].replace("│", " ").split() == ["QCD.h5", "public", "QCD", "10", "10"]
    assert read_events(out).words[0, :2].tolist() == [[60, 0, 11], [50, 23, 133]]


def test_bad_events_are_refused_in_one_line(l1ae, tmp_path, public):
    path = public()
    spoil(path, 3, 0, 0, np.nan)
    spoil(path, 5, 1, 0, -1.0)
    ended = l1ae("data", "convert", path, tmp_path / "events.h5")
    assert ended.code == 2
    assert ended.message == (
        f"{path}: 2 bad among the first 10 events: 1 because a value is NaN (first event 3), "
        "1 because a pT is negative (first event 5); leave them out with --skip-bad"
    )
    assert [found.name for found in tmp_path.iterdir()] == ["QCD.h5"]


def test_bad_events_are_left_out_and_counted(l1ae, tmp_path, public):
    path = public()
    spoil(path, 3, 0, 0, np.nan)
    spoil(path, 5, 0, 0, np.nan)
    spoil(path, 7, 1, 3, 9.0)
    text = l1ae("data", "convert", path, tmp_path / "events.h5", "--skip-bad").text
    rows = [line.replace("│", "").split() for line in text.splitlines()]
    assert ["QCD.h5", "a", "value", "is", "NaN", "2", "3"] in rows
    assert ["QCD.h5", "a", "class", "code", "is", "unknown", "1", "7"] in rows
    events = read_events(tmp_path / "events.h5")
    assert len(events) == 7
    assert events.metadata["skipped"] == "QCD.h5: 2 a value is NaN, 1 a class code is unknown"


def test_saturated_words_are_told(l1ae, tmp_path, public):
    path = public()
    spoil(path, 3, 1, 0, 1000.0)
    text = l1ae("data", "convert", path, tmp_path / "events.h5").text
    assert "QCD.h5: words at the end of their range, where the hardware saturates: e/gamma pt 1" in text


def test_several_files_with_named_processes(l1ae, tmp_path, public):
    first, second = public("a.h5"), public("b.h5", 5)
    out = tmp_path / "all.parquet"
    options = ("--process", f"{first}=QCD", "--process", "b.h5=h+", "--background", "QCD", "--signal", "h+")
    l1ae("data", "convert", first, second, out, *options).text  # noqa: B018
    events = ParquetEventFile(out).read()
    assert events.process_names == ("QCD", "h+")
    assert np.bincount(events.process).tolist() == [10, 5]
    assert events.metadata["background_processes"] == "QCD"
    assert events.metadata["signal_processes"] == "h+"


def test_objects_features_layout_and_number_of_events(l1ae, tmp_path):
    np.save(tmp_path / "a.npy", np.ones((9, 45, 3), dtype=np.int16) * [[[1, 0, 1]]])
    options = ("--layout", "global-trigger", "--objects", "jet=2, tau=1", "--features", "pt,phi", "--events", "4")
    l1ae("data", "convert", tmp_path / "a.npy", tmp_path / "a.h5", *options, "--process", "x").text  # noqa: B018
    events = read_events(tmp_path / "a.h5")
    assert events.words.shape == (4, 3, 2)
    assert events.layout.object_names() == ("jet1", "jet2", "tau")


def test_unsorted_objects_are_sorted_on_request(l1ae, tmp_path, public):
    path = public()
    spoil(path, 0, 2, slice(None), (50.0, 1.0, 1.0, 2.0))
    assert "order them with --sort" in l1ae("data", "convert", path, tmp_path / "a.h5").message
    l1ae("data", "convert", path, tmp_path / "a.h5", "--sort").text  # noqa: B018
    assert read_events(tmp_path / "a.h5").words[0, 1:3, 0].tolist() == [100, 50]


def test_the_format_can_be_forced(l1ae, tmp_path, public):
    message = l1ae("data", "convert", public(), tmp_path / "a.h5", "--from", "root").message
    assert "QCD.h5 cannot be read as ROOT, it may be truncated or damaged" in message


def test_a_file_is_overwritten_only_with_force(l1ae, tmp_path, public):
    path, out = public(), tmp_path / "a.h5"
    out.write_text("precious")
    assert "overwrite it with --force" in l1ae("data", "convert", path, out).message
    assert out.read_text() == "precious"
    assert l1ae("data", "convert", path, out, "--force").text
    assert len(read_events(out)) == 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--process", "X=Y"), "0 inputs are called X"),
        (("--process", "a,b"), "'a,b' cannot be the name of a process"),
        (("--process", "a", "--process", "b"), "write --process FILE=NAME"),
        (("--process", "QCD.h5=a", "--process", "QCD.h5=b"), "names QCD.h5 twice"),
        (("--layout", "muons"), "no layout muons"),
        (("--layout", "global-trigger"), "holds no tau"),
        (("--objects", "tau=1"), "the events hold no tau"),
        (("--objects", "jet=11"), "11 jet objects were asked for"),
        (("--features", "charge"), "no feature charge"),
        (("--signal", "X"), "no process X"),
        (("--mapping", "a.yaml"), "needs no mapping"),
        (("--mapping", "a.yaml", "--from", "cms"), "no configuration file a.yaml"),
    ],
)
def test_impossible_wishes_are_refused_in_one_line(l1ae, tmp_path, public, options, message):
    ended = l1ae("data", "convert", public(), tmp_path / "a.h5", *options)
    assert ended.code == 2
    assert message in ended.message
    assert [path.name for path in tmp_path.iterdir()] == ["QCD.h5"]


@pytest.mark.parametrize(
    "options",
    [("--objects", "jet"), ("--objects", "jet=x"), ("--features", "pt,pt"), ("--events", "0"), ("--from", "csv")],
)
def test_options_that_are_none_show_the_usage(l1ae, tmp_path, public, options):
    ended = l1ae("data", "convert", public(), tmp_path / "a.h5", *options)
    assert ended.code == 2
    assert ended.err.startswith("Usage: l1ae data convert")


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PAR1", b"root", b"\x93NUMPY", b"PK\x03\x04", b"pT"])
def test_what_is_no_event_file_is_refused(l1ae, tmp_path, content):
    file = tmp_path / "events"
    file.write_bytes(content)
    ended = l1ae("data", "convert", file, tmp_path / "a.h5")
    assert ended.code == 2
    assert str(file) in ended.message
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


def test_a_missing_file_and_an_empty_folder_are_refused(l1ae, tmp_path):
    assert "no event file" in l1ae("data", "convert", tmp_path / "no.h5", tmp_path / "a.h5").message
    assert "has no folder MET, its folders are: nothing" in l1ae("data", "convert", tmp_path, tmp_path / "a.h5").message


def test_the_help_knows_every_format(l1ae):
    from l1ae.events.readers.formats import FORMATS

    text = l1ae("data", "convert", "--help").text
    assert f"[{'|'.join(FORMATS)}]" in text


def test_pile_up_that_is_left_out_is_told(l1ae, tmp_path, public, crowded):
    write_events(tmp_path / "a.h5", crowded)
    lost = "pile-up counts left out, because not every input has them"
    ended = l1ae("data", "convert", tmp_path / "a.h5", public(), tmp_path / "both.h5")
    assert f"a.h5: {lost}" in " ".join(ended.text.split())
    assert lost not in " ".join(l1ae("data", "convert", tmp_path / "a.h5", tmp_path / "alone.h5").text.split())
