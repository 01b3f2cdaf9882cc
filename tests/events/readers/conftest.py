"""Files as others write them: each format in its original layout, from hardware words."""

from collections.abc import Callable
from pathlib import Path

import awkward as ak
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot

from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout
from l1ae.events.readers.formats import Choice, open_reader
from l1ae.events.readers.screen import Screen
from l1ae.events.schema import EventSet

#: Folder and prefix of the columns of each kind in the CMS dataset, and suffix of its directions.
CMS = {"e/gamma": ("egammas", "eg", ""), "muon": ("muons", "muon", "AtVtx"), "jet": ("jets", "jet", "")}
CMS |= {"tau": ("taus", "tau", "")}


def random_words(layout: Layout, count: int, seed: int = 0) -> np.ndarray:
    """Words that a trigger could send: every field over its whole range, objects by falling pT, none after a gap."""
    rng = np.random.default_rng(seed)
    words = np.zeros((count, *layout.shape), dtype=np.int16)
    for _, rows, column, _, scale in layout.columns():
        if scale is not None:
            shape = words[:, rows, column].shape
            words[:, rows, column] = rng.integers(scale.low, scale.high + 1, shape)
    for kind in layout.kinds:
        pt = words[:, layout.rows(kind.name), 0]
        words[:, layout.rows(kind.name), 0] = -np.sort(-pt * (rng.random(pt.shape) < 0.6), axis=1)
    words[words[..., 0] == 0] = 0
    return words


def physical(words: np.ndarray, layout: Layout) -> np.ndarray:
    count = len(words)
    labels = np.zeros(count, dtype=np.uint8), ("x",), np.arange(count, dtype=np.uint64)
    return EventSet(words, *labels, layout=layout).to_physical()


def particles(words: np.ndarray) -> np.ndarray:
    """(N, 19, 4): pT, eta, phi, class, zero where there is no object."""
    values = physical(words, LEPTON)
    codes = np.repeat([1.0, 2.0, 3.0, 4.0], [1, 4, 4, 10]) * (words[..., 0] > 0)
    return np.concatenate([values, codes[..., None]], axis=2)


def write_public(path: Path, values: np.ndarray, **others: np.ndarray | None) -> Path:
    """A file as arXiv:2107.02157 publishes them."""
    names = {
        "Particles_Names": np.array([b"Pt", b"Eta", b"Phi", b"Class"]),
        "Particles_Classes": np.array([b"MET_class_1", b"Four_Ele_class_2", b"Four_Mu_class_3", b"Ten_Jet_class_4"]),
    }
    with h5py.File(path, "w") as file:
        file.create_dataset("Particles", data=values, compression="gzip")
        for key, value in (names | others).items():
            if value is not None:
                file.create_dataset(key, data=value, compression="gzip")
    return path


def lists(words: np.ndarray, column: int) -> list[list[int]]:
    """Words of one field, event by event, of the objects that are there."""
    return [event[event[:, 0] > 0, column].tolist() for event in words]


def cms_columns(words: np.ndarray) -> dict[str, dict[str, list]]:
    """Folder -> column -> lists, as the parquet files of Zenodo record 21787779 have them."""
    folders = {}
    for kind, (folder, prefix, suffix) in CMS.items():
        block = words[:, GLOBAL_TRIGGER.rows(kind)]
        names = (f"{prefix}IEt", f"{prefix}IEta{suffix}", f"{prefix}IPhi{suffix}")
        folders[folder] = {name: lists(block, column) for column, name in enumerate(names)}
    met = words[:, GLOBAL_TRIGGER.rows("MET")]
    folders["MET"] = {"Et": met[:, :, 0].tolist(), "phi": met[:, :, 2].tolist()}
    folders["HT"] = {"Et": [[7]] * len(words)}
    count = len(words)
    folders["event_info"] = {"run": [[396102]] * count, "lumi": [[3]] * count, "event": [[i] for i in range(count)]}
    return folders


def write_cms(root: Path, folders: dict[str, dict[str, list]], files: int = 1) -> Path:
    """Folders of parquet files, columns of lists, written as awkward does it."""
    for folder, columns in folders.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        count = len(next(iter(columns.values())))
        for index, rows in enumerate(np.array_split(np.arange(count), files)):
            part = {name: ak.Array(values[rows[0] : rows[-1] + 1]) for name, values in columns.items()}
            ak.to_parquet(ak.Array(part), root / folder / f"ntuple_{index}.parquet", compression="snappy")
    return root


def write_flat(path: Path, folders: dict[str, dict[str, list]]) -> Path:
    """One table for all objects, columns FOLDER_COLUMN."""
    arrays = {
        name if folder == "event_info" else f"{folder}_{name}": pa.array(values)
        for folder, columns in folders.items()
        for name, values in columns.items()
    }
    pq.write_table(pa.table(arrays), path)
    return path


def ntuple_trees(words: np.ndarray) -> dict[str, dict[str, ak.Array]]:
    """Trees of an L1 ntuple: two more bunch crossings, and every sum in one collection."""
    tree = {}
    for kind, (_, prefix, suffix) in CMS.items():
        block = words[:, GLOBAL_TRIGGER.rows(kind)]
        for column, name in enumerate((f"{prefix}IEt", f"{prefix}IEta{suffix}", f"{prefix}IPhi{suffix}")):
            # An object of the crossing before, then those of this one, then one of the next.
            tree[name] = ak.Array([np.array([5, *event, 6], dtype=np.int16) for event in lists(block, column)])
        tree[f"{prefix}Bx"] = ak.Array([np.array([-1, *[0] * len(e), 1], dtype=np.int16) for e in lists(block, 0)])
    met = words[:, 0]
    tree["sumType"] = ak.Array([np.array([0, 1, 2, 2, 3], dtype=np.int16) for _ in words])
    tree["sumBx"] = ak.Array([np.array([0, 0, -1, 0, 0], dtype=np.int16) for _ in words])
    tree["sumIEt"] = ak.Array([np.array([900, 800, 99, m[0], 70], dtype=np.int16) for m in met])
    tree["sumIPhi"] = ak.Array([np.array([0, 0, 9, m[2], 7], dtype=np.int16) for m in met])
    number = np.arange(len(words))
    event = {"run": np.full(len(words), 396102, dtype=np.uint32), "lumi": np.full(len(words), 3, dtype=np.uint32)}
    event["event"] = number.astype(np.uint64)
    return {"l1UpgradeTree/L1UpgradeTree": tree, "l1EventTree/L1EventTree": event}


def write_root(path: Path, trees: dict[str, dict[str, ak.Array]]) -> Path:
    with uproot.recreate(path) as file:
        for name, branches in trees.items():
            file.mktree(name, {branch: ak.type(values).content for branch, values in branches.items()})
            file[name].extend(branches)
    return path


def read(path: Path, size: int = 1000, skip_bad: bool = False, sort: bool = False, **choice: object) -> EventSet:
    """All events of a file, through reader and screen."""
    screen = Screen(open_reader(path, "signal", Choice(**choice)), skip_bad, sort)
    return EventSet.concatenate(list(screen.events(size)))


@pytest.fixture(scope="session")
def make() -> "type[Make]":
    """Writers of all formats and the way to read them."""
    return Make


class Make:
    """What the tests of the readers share."""

    words = staticmethod(random_words)
    physical = staticmethod(physical)
    particles = staticmethod(particles)
    public = staticmethod(write_public)
    cms_columns = staticmethod(cms_columns)
    cms = staticmethod(write_cms)
    flat = staticmethod(write_flat)
    trees = staticmethod(ntuple_trees)
    root = staticmethod(write_root)
    read: Callable[..., EventSet] = staticmethod(read)
