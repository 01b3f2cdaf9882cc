"""Event files of l1ae as parquet."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from l1ae.errors import DataError
from l1ae.events import parquet
from l1ae.events.layout import LEPTON
from l1ae.events.parquet import ParquetEventFile, ParquetEventWriter, is_event_file


@pytest.fixture
def blocks(monkeypatch):
    monkeypatch.setattr(parquet, "CHUNK", 128)


@pytest.fixture
def write(tmp_path, blocks):
    def write(events, *pieces):
        path = tmp_path / "events.parquet"
        known = events.pile_up is not None
        with ParquetEventWriter(path, events.process_names, events.layout, events.metadata, known) as writer:
            for first, last in zip((0, *pieces), (*pieces, len(events)), strict=True):
                writer.append(events.take(slice(first, last)))
        return path

    return write


def assert_same(left, right):
    for name in ("words", "process", "event_id"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        assert getattr(left, name).dtype == getattr(right, name).dtype
    assert left.process_names == right.process_names
    assert dict(left.metadata) == dict(right.metadata)
    assert left.layout == right.layout
    np.testing.assert_array_equal(left.pile_up, right.pile_up)


@pytest.mark.parametrize("pieces", [(), (1,), (100, 228, 229), (300,)])
def test_everything_comes_back(write, events, pieces):
    path = write(events, *pieces)
    assert_same(ParquetEventFile(path).read(), events)
    assert len(ParquetEventFile(path)) == 300


def test_another_layout_comes_back_too(write, events):
    chosen = events.select(events.layout.select({"jet": 4, "muon": 1}, ("pt", "phi")))
    assert_same(ParquetEventFile(write(chosen)).read(), chosen)


def test_no_events_come_back_as_no_events(write, events):
    assert_same(ParquetEventFile(write(events.take(slice(0)))).read(), events.take(slice(0)))


@pytest.mark.parametrize("size", [1, 100, 128, 1000])
def test_it_is_read_piece_by_piece(write, events, size):
    chunks = list(ParquetEventFile(write(events)).chunks(size))
    np.testing.assert_array_equal(np.concatenate([chunk.words for chunk in chunks]), events.words)
    assert max(map(len, chunks)) <= min(size, 128)


def test_others_see_one_named_column_per_input(write, events):
    table = pq.read_table(write(events))
    assert table.column_names == [*LEPTON.feature_names(), "process", "event_id"]
    np.testing.assert_array_equal(table["jet3_eta"].to_numpy(), events.words[:, 11, 1])
    assert table["process"].to_pylist() == [events.process_names[code] for code in events.process]
    assert table.schema.field("jet3_eta").type == pa.int16()
    record = json.loads(pq.read_metadata(write(events)).metadata[b"l1ae"])
    assert record["process_names"] == list(events.process_names)
    assert record["metadata"] == {"recipe": "test"}


def test_process_names_may_be_any_text(write, events):
    from dataclasses import replace

    named = replace(events, process_names=("ä", "b b", 'c"', "d", "e", "f", "g", "h+"))
    assert_same(ParquetEventFile(write(named)).read(), named)


def test_events_of_another_kind_cannot_be_added(tmp_path, events):
    with (
        pytest.raises(DataError, match="cannot be added"),
        ParquetEventWriter(tmp_path / "a.parquet", ("x",)) as writer,
    ):
        writer.append(events)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_writer_leaves_nothing(tmp_path, events):
    writer = ParquetEventWriter(tmp_path / "a.parquet", events.process_names)
    with pytest.raises(KeyboardInterrupt), writer:
        writer.append(events)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_changed_value_is_noticed_even_with_new_page_checksums(write, events):
    path = write(events)
    table = pq.read_table(path)
    values = table["MET_pt"].to_numpy().copy()
    values[7] += 1
    stored = pq.read_metadata(path).metadata
    changed = table.set_column(0, table.schema.field(0), pa.array(values)).replace_schema_metadata(stored)
    pq.write_table(changed, path, row_group_size=128, write_page_checksum=True)
    with pytest.raises(DataError, match="the checksum of row group 0 is wrong"):
        ParquetEventFile(path).read()


def test_changed_metadata_are_noticed(write, events):
    path = write(events)
    stored = dict(pq.read_metadata(path).metadata)
    stored[b"l1ae"] = stored[b"l1ae"].replace(b'"QCD"', b'"QCE"')
    pq.write_table(pq.read_table(path).replace_schema_metadata(stored), path, row_group_size=128)
    with pytest.raises(DataError, match="the checksum of its metadata is wrong"):
        ParquetEventFile(path)


def test_missing_row_groups_are_noticed(write, events):
    path = write(events)
    table = pq.read_table(path).replace_schema_metadata(pq.read_metadata(path).metadata)
    pq.write_table(table.slice(0, 256), path, row_group_size=128)
    with pytest.raises(DataError, match="2 of 3 row groups"):
        ParquetEventFile(path)


def test_foreign_parquet_is_recognised(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    assert not is_event_file(path)
    with pytest.raises(DataError, match="turn it into one with l1ae data convert"):
        ParquetEventFile(path)
    with pytest.raises(DataError, match="no event file"):
        ParquetEventFile(tmp_path / "b.parquet")


@pytest.mark.parametrize("length", [0, 3, 8, 1000, -1])
def test_a_truncated_file_is_refused(write, events, length):
    path = write(events)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"events\.parquet cannot be read as parquet"):
        ParquetEventFile(path).read()


@pytest.mark.parametrize("pieces", [(), (100, 228, 229)])
def test_pile_up_comes_back_too(write, crowded, pieces):
    path = write(crowded, *pieces)
    assert ParquetEventFile(path).pile_up
    assert_same(ParquetEventFile(path).read(), crowded)
    assert_same(ParquetEventFile(write(crowded.take(slice(0)))).read(), crowded.take(slice(0)))


def test_others_see_pile_up_as_one_more_column(write, events, crowded):
    assert pq.read_table(write(events)).column_names == [*LEPTON.feature_names(), "process", "event_id"]
    assert list(json.loads(pq.read_metadata(write(events)).metadata[b"l1ae"])) == [
        "layout", "process_names", "metadata", "format", "events", "checksums",
    ]  # fmt: skip
    table = pq.read_table(write(crowded))
    assert table.column_names == [*LEPTON.feature_names(), "process", "event_id", "pile_up"]
    assert table.schema.field("pile_up").type == pa.uint16()
    np.testing.assert_array_equal(table["pile_up"].to_numpy(), crowded.pile_up)


def test_a_changed_pile_up_is_noticed_even_with_new_page_checksums(write, crowded):
    path = write(crowded)
    table = pq.read_table(path)
    values = table["pile_up"].to_numpy().copy()
    values[200] += 1
    stored = pq.read_metadata(path).metadata
    column = table.schema.get_field_index("pile_up")
    changed = table.set_column(column, table.schema.field(column), pa.array(values)).replace_schema_metadata(stored)
    pq.write_table(changed, path, row_group_size=128, write_page_checksum=True)
    with pytest.raises(DataError, match="the checksum of row group 1 is wrong"):
        ParquetEventFile(path).read()


def test_a_pile_up_that_is_gone_is_noticed(write, crowded):
    path = write(crowded)
    stored = pq.read_metadata(path).metadata
    table = pq.read_table(path).drop_columns("pile_up").replace_schema_metadata(stored)
    pq.write_table(table, path, row_group_size=128)
    with pytest.raises(DataError, match=r"events\.parquet cannot be read as parquet.*pile_up"):
        ParquetEventFile(path).read()


def test_events_without_pile_up_cannot_be_added_to_a_file_with_it(tmp_path, events):
    with (
        pytest.raises(DataError, match="events without pile-up counts cannot be added to a file with them"),
        ParquetEventWriter(tmp_path / "a.parquet", events.process_names, pile_up=True) as writer,
    ):
        writer.append(events)
