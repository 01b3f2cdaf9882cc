"""Conversions of several files into one, in the library; the command line has its own tests."""

import errno
import os
import resource
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from l1ae.errors import ConfigError, DataError, L1aeError, RunFolderError
from l1ae.events import convert
from l1ae.events.convert import Conversion, Conversions
from l1ae.events.io import read_events, write_events
from l1ae.events.layout import LEPTON
from l1ae.events.parquet import ParquetEventFile
from l1ae.events.readers.formats import Choice


def run(inputs, out, **asked):
    conversions = Conversions([*inputs], out, Conversion(**asked))
    conversions.write(lambda *_, **__: None)
    return conversions


def read(path):
    return ParquetEventFile(path).read() if path.suffix == ".parquet" else read_events(path)


def public(path, count=20, jets=((50.0, 1.0, 1.0, 4.0),)):
    values = np.zeros((count, 19, 4))
    values[:, 0] = (30.0, 0.0, 0.5, 1.0)
    values[:, 9 : 9 + len(jets)] = jets
    with h5py.File(path, "w") as file:
        file["Particles"] = values
    return path


@pytest.fixture
def own(tmp_path, events):
    write_events(tmp_path / "own.h5", events)
    return tmp_path / "own.h5"


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(convert, "CHUNK", 64)


def test_from_hdf5_to_parquet_and_back_nothing_changes(tmp_path, own, events, small):
    run([own], tmp_path / "a.parquet")
    run([tmp_path / "a.parquet"], tmp_path / "b.h5")
    back = read_events(tmp_path / "b.h5")
    for name in ("words", "process", "event_id"):
        np.testing.assert_array_equal(getattr(back, name), getattr(events, name))
    assert (back.process_names, dict(back.metadata), back.layout) == (
        events.process_names,
        events.metadata,
        events.layout,
    )


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
def test_files_of_all_formats_become_one(tmp_path, own, events, ending, small):
    np.save(tmp_path / "plain.npy", events.words)
    inputs = [own, public(tmp_path / "QCD.h5"), tmp_path / "plain.npy"]
    done = run(inputs, tmp_path / f"all{ending}", processes={inputs[2]: "new"}, sort=True)
    found = read(tmp_path / f"all{ending}")
    assert found.process_names == (*events.process_names, "new")
    np.testing.assert_array_equal(found.words[:300], events.words)
    np.testing.assert_array_equal(found.process[:300], events.process)
    assert {found.process_names[code] for code in found.process[300:320]} == {"QCD"}
    assert {found.process_names[code] for code in found.process[320:]} == {"new"}
    assert done.kept == len(found) == 620


def test_the_file_says_where_its_events_are_from_and_what_was_lost(tmp_path, own):
    path = public(tmp_path / "QCD.h5", jets=((2000.0, 1.0, 1.0, 4.0),))
    with h5py.File(path, "a") as file:
        file["Particles"][3, 0, 0] = np.nan
    run([own, path], tmp_path / "all.h5", skip_bad=True, background=("QCD", "tt"), signal=("h+",))
    metadata = read_events(tmp_path / "all.h5").metadata
    assert metadata["source"] == "own.h5 (l1ae), QCD.h5 (public)"
    assert metadata["skipped"] == "QCD.h5: 1 a value is NaN"
    assert "QCD.h5: 19 jet pt" in metadata["saturated"]
    assert metadata["background_processes"] == "QCD,tt"
    assert metadata["signal_processes"] == "h+"
    assert metadata["recipe"] == "test"


def test_only_the_first_events_of_each_input(tmp_path, own, small):
    done = run([own, public(tmp_path / "QCD.h5")], tmp_path / "all.h5", events=70)
    assert [screen.read for screen in done.screens] == [70, 20]
    assert done.total == len(read_events(tmp_path / "all.h5")) == 90


def test_objects_and_features_are_chosen_of_all_inputs(tmp_path, own, events):
    choice = Choice(objects={"MET": 1, "jet": 4}, features=("pt", "phi"))
    run([own, public(tmp_path / "QCD.h5")], tmp_path / "all.h5", choice=choice)
    found = read_events(tmp_path / "all.h5")
    np.testing.assert_array_equal(found.words[:300], events.words[:, [0, 9, 10, 11, 12]][..., [0, 2]])
    assert found.words[300].tolist() == [[60, 11], [100, 23], [0, 0], [0, 0], [0, 0]]


def test_a_smaller_layout_is_taken_from_an_event_file(tmp_path, own, events):
    wanted = LEPTON.select({"jet": 2})
    run([own], tmp_path / "jets.h5", choice=Choice(layout=wanted))
    np.testing.assert_array_equal(read_events(tmp_path / "jets.h5").words, events.words[:, 9:11])
    widened = wanted.model_copy(update={"kinds": (wanted.kinds[0].model_copy(update={"code": 9}),)})
    with pytest.raises(ConfigError, match="no selection of the layout in the file"):
        run([own], tmp_path / "no.h5", choice=Choice(layout=widened))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"signal": ("X",)}, "no process X among the inputs"),
        ({"signal": ("tt",), "background": ("tt",)}, "tt cannot be both"),
        ({"choice": Choice(objects={"tau": 1})}, "the events hold no tau"),
        ({"choice": Choice(mapping=Path("a.yaml"))}, "needs no mapping"),
        ({"choice": Choice(form="public")}, "no dataset Particles"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, own, asked, message):
    with pytest.raises(L1aeError, match=message):
        run([own], tmp_path / "out.h5", **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["own.h5"]


def test_names_that_clash_are_refused(tmp_path, own):
    (tmp_path / "other").mkdir()
    first, second = public(tmp_path / "QCD.h5"), public(tmp_path / "other" / "QCD.h5")
    with pytest.raises(ConfigError, match=r"two inputs are called QCD\.h5: their events would get equal ids"):
        run([first, second], tmp_path / "out.h5")
    with pytest.raises(ConfigError, match="named twice"):
        run([first, first], tmp_path / "out.h5")
    with pytest.raises(ConfigError, match="also an input"):
        run([own], own, overwrite=True)
    with pytest.raises(ConfigError, match=r"must end with \.h5"):
        run([own], tmp_path / "out.csv")


def test_a_file_is_overwritten_only_on_request(tmp_path, own, events):
    out = tmp_path / "out.h5"
    out.write_text("precious")
    with pytest.raises(RunFolderError, match="overwrite it with --force"):
        run([own], out)
    assert out.read_text() == "precious"
    run([own], out, overwrite=True)
    assert len(read_events(out)) == len(events)


@pytest.mark.parametrize("count", [0, 20])
def test_no_events_are_refused(tmp_path, count):
    path = public(tmp_path / "bad.h5", count=count, jets=((-1.0, 0.0, 0.0, 4.0),))
    with pytest.raises(DataError, match="no event is left.*20 a pT is negative" if count else "holds no events"):
        run([path], tmp_path / "out.h5", skip_bad=True)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.h5"]


def test_different_layouts_cannot_be_joined(tmp_path, own, events):
    write_events(tmp_path / "jets.h5", events.select(LEPTON.select({"jet": 4})))
    with pytest.raises(ConfigError, match="has another layout than"):
        run([own, tmp_path / "jets.h5"], tmp_path / "out.h5")


@contextmanager
def no_space(size):
    """The system refuses to let a file grow past `size` bytes, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
@pytest.mark.parametrize("size", [0, 1000, 10_000, 50_000])
def test_a_disk_that_fills_is_named_and_leaves_nothing(tmp_path, many_events, ending, size):
    write_events(tmp_path / "own.h5", many_events)
    out = tmp_path / "new" / f"out{ending}"
    with pytest.raises(RunFolderError, match=f"cannot write .*out{ending}") as error, no_space(size):
        run([tmp_path / "own.h5"], out)
    assert "\n" not in str(error.value)
    assert [path for path in out.parent.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
def test_a_folder_without_permission_is_named(tmp_path, own, monkeypatch, ending):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("l1ae.files.tempfile.mkstemp", refuse)
    with pytest.raises(RunFolderError, match="Permission denied"):
        run([own], tmp_path / f"out{ending}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named_for_real(tmp_path, own):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(RunFolderError, match="Permission denied"):
        run([own], folder / "out.h5")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path, own):
    own.chmod(0)
    with pytest.raises(DataError, match=r"own\.h5 cannot be read"):
        run([own], tmp_path / "out.h5")


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
def test_an_interruption_leaves_nothing(tmp_path, own, ending, small):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    conversions = Conversions([own], tmp_path / f"out{ending}", Conversion())
    with pytest.raises(KeyboardInterrupt):
        conversions.write(interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["own.h5"]


def test_the_order_of_an_event_file_is_kept_as_it_is(tmp_path, own, events):
    words = events.words.copy()
    words[:, 9:] = words[:, :8:-1]
    write_events(own, replace(events, words=words))
    run([own], tmp_path / "out.h5", sort=True)
    np.testing.assert_array_equal(read_events(tmp_path / "out.h5").words, words)


def test_a_process_is_not_named_for_a_file_that_knows_its_own(tmp_path, own):
    with pytest.raises(ConfigError, match=r"own.h5 says itself which process .* leave --process out"):
        run([own], tmp_path / "a.h5", processes={own: "QCD"})
    assert not (tmp_path / "a.h5").exists()


def test_counts_of_the_whole_file_are_not_kept_for_a_part_of_it(tmp_path, events):
    counted = replace(events, metadata={"events": '{"W": 300}', "recipe": "lepton"})
    write_events(tmp_path / "whole.h5", counted)
    run([tmp_path / "whole.h5"], tmp_path / "all.h5")
    assert read_events(tmp_path / "all.h5").metadata == counted.metadata
    run([tmp_path / "whole.h5"], tmp_path / "cut.h5", events=50)
    assert read_events(tmp_path / "cut.h5").metadata == {
        "recipe": "lepton",
        "cut": "the first 50 events of whole.h5 (l1ae)",
    }


@pytest.mark.parametrize("events_of_each", [None, 70])
def test_pile_up_goes_through_both_formats(tmp_path, crowded, small, events_of_each):
    write_events(tmp_path / "a.h5", crowded)
    run([tmp_path / "a.h5"], tmp_path / "b.parquet", events=events_of_each)
    done = run([tmp_path / "b.parquet"], tmp_path / "c.h5", choice=Choice(objects={"jet": 2}))
    np.testing.assert_array_equal(read_events(tmp_path / "c.h5").pile_up, crowded.pile_up[:events_of_each])
    assert done.forgotten == ()


@pytest.mark.parametrize("ending", [".h5", ".parquet"])
def test_pile_up_is_left_out_unless_every_input_has_it(tmp_path, crowded, ending):
    write_events(tmp_path / "a.h5", crowded)
    done = run([tmp_path / "a.h5", public(tmp_path / "QCD.h5")], tmp_path / f"all{ending}")
    found = read(tmp_path / f"all{ending}")
    assert found.pile_up is None
    assert len(found) == 320
    assert done.forgotten == ("a.h5",)


def test_foreign_files_have_no_pile_up(tmp_path):
    done = run([public(tmp_path / "QCD.h5")], tmp_path / "a.h5")
    assert read_events(tmp_path / "a.h5").pile_up is None
    assert done.forgotten == ()
