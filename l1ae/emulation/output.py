"""Files of scores: HDF5 or parquet, written piece by piece, whole or not at all, the same bytes for the same scores."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.emulation.parts import Part
from l1ae.events.columns import ColumnWriter
from l1ae.files import atomic_path

FORMAT = "l1ae-scores-1"
#: Keys of a parquet file's metadata: the record, and the SHA-256 of its text.
KEY, DIGEST = b"l1ae", b"l1ae_sha256"

SUFFIXES = (".h5", ".hdf5", ".parquet")

#: Called with a part and its decisions (N, thresholds).
Append = Callable[[Part, NDArray[np.bool_]], None]


@contextmanager
def writer(out: Path, circuit: Circuit, kind: np.dtype, record: Mapping[str, Any]) -> Iterator[Append]:
    """Yield the function that adds events to the file, of the format that its suffix names.

    HDF5: `event_id`, `process` (a code, index of `process_names`), `scores` (N, m) and `passed` (N, thresholds) of 0
    and 1. Parquet: `event_id`, `process` as text, `score` or `score_0`, ..., and `passed_THRESHOLD`.
    """
    outputs = sum(circuit[name].size for name in circuit.outputs)
    if out.suffix == ".parquet":
        with _parquet(out, outputs, kind, record) as append:
            yield append
        return
    with _hdf5(out, outputs, kind, record) as append:
        yield append


@contextmanager
def _hdf5(out: Path, outputs: int, kind: np.dtype, record: Mapping[str, Any]) -> Iterator[Append]:
    columns: dict[str, tuple[np.dtype, tuple[int, ...]]] = {
        "event_id": (np.dtype(np.uint64), ()),
        "process": (np.dtype(np.uint8), ()),
        "scores": (kind, (outputs,)),
    }
    cuts = len(record["thresholds"])
    if cuts:  # HDF5 has no blocks of no width
        columns["passed"] = (np.dtype(np.uint8), (cuts,))
    with ColumnWriter(out, FORMAT, columns, lambda: record) as file:

        def append(part: Part, decisions: NDArray[np.bool_]) -> None:
            values: dict[str, NDArray[Any]] = {
                "event_id": part.event_id,
                "process": part.process,
                "scores": part.scores,
                "passed": decisions,
            }
            file.append({name: values[name] for name in columns})

        yield append


@contextmanager
def _parquet(out: Path, outputs: int, kind: np.dtype, record: Mapping[str, Any]) -> Iterator[Append]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = ["score"] if outputs == 1 else [f"score_{index}" for index in range(outputs)]
    columns = [("event_id", pa.uint64()), ("process", pa.dictionary(pa.int32(), pa.string()))]
    columns += [(name, pa.from_numpy_dtype(kind)) for name in scores]
    columns += [(f"passed_{cut}", pa.bool_()) for cut in record["thresholds"]]
    schema, names = pa.schema(columns), pa.array(record["process_names"], pa.string())
    with (
        atomic_path(out) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd", write_page_checksum=True) as file,
    ):

        def append(part: Part, decisions: NDArray[np.bool_]) -> None:
            process = pa.DictionaryArray.from_arrays(pa.array(part.process.astype(np.int32)), names)
            values = [np.ascontiguousarray(column) for column in (*part.scores.T, *decisions.T)]
            arrays = [pa.array(part.event_id), process, *map(pa.array, values)]
            file.write_table(pa.Table.from_arrays(arrays, schema=schema))

        yield append
        text = json.dumps({"format": FORMAT} | dict(record)).encode()
        file.add_key_value_metadata({KEY: text, DIGEST: hashlib.sha256(text).hexdigest()})
