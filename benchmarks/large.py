"""One pass over a large event file in a process of its own, for its time and peak memory: ACTION FILE FOLDER JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.child import peak
from l1ae.config import DataConfig, RunConfig
from l1ae.events.io import CHUNK
from l1ae.samples import Samples
from l1ae.settings import AutoencoderConfig, TrainingConfig
from l1ae.terminal import quiet

_DATASETS = ("words", "process", "event_id", "Particles")  # of an event file, and of a public one


def plain(file: Path, _: Path) -> int:
    """The datasets with h5py, as many events at a time as l1ae reads."""
    with h5py.File(file, "r") as data:
        datasets = [data[name] for name in _DATASETS if name in data]
        count = len(datasets[0])
        for start in range(0, count, CHUNK):
            for dataset in datasets:
                dataset[start : start + CHUNK]
    return count


def whole(file: Path, _: Path) -> int:
    """The datasets with h5py, all events at once."""
    with h5py.File(file, "r") as data:
        arrays = [data[name][:] for name in _DATASETS if name in data]
    return len(arrays[0])


def convert(file: Path, folder: Path) -> int:
    """What `l1ae data convert` does with a file of the public format."""
    from l1ae.events.convert import Conversion, Conversions

    conversions = Conversions([file], folder / "converted.h5", Conversion(overwrite=True))
    conversions.write(lambda *_: None)
    return conversions.kept


def stream(file: Path, _: Path) -> int:
    """Every event, checked, in chunks."""
    from l1ae.events.stream import EventStream

    return sum(len(chunk) for chunk in EventStream([file]).chunks())


def summary(file: Path, _: Path) -> int:
    """What `l1ae data info` counts."""
    from l1ae.events.stream import EventStream
    from l1ae.events.summary import Summary

    events = EventStream([file])
    Summary.of(events)
    return len(events)


def training_input(file: Path, folder: Path) -> int:
    """Training and validation events, scattered over buckets and read back one after the other."""
    samples = Samples.open(DataConfig(file=str(file)))
    found = 0
    for part in ("training", "validation"):
        for bucket in samples.shuffled(part, folder):
            found += len(bucket)
    return found


def training(file: Path, folder: Path) -> int:
    """One epoch of a variational autoencoder, from the file to the model."""
    from l1ae import pipeline
    from l1ae.runs import RunFolder
    from l1ae.terminal import Terminal

    config = RunConfig(
        name="large",
        data=DataConfig(file=str(file)),
        autoencoder=AutoencoderConfig(kind="variational"),
        training=TrainingConfig(epochs=1),
    )
    run = RunFolder.create(folder / "run", config)
    with Terminal() as ui:
        pipeline.train(run, ui)
    samples = Samples.open(config.data)
    return samples.background_events("training") + samples.background_events("validation")


def evaluation(file: Path, folder: Path) -> int:
    """The circuit of that model and three scores without a network, on every test event; ROC, thresholds, errors."""
    from l1ae.autoencoder.inference import load_model
    from l1ae.circuit.lowering import lower
    from l1ae.evaluation import evaluate, leading_object_pt_sum, object_count, total_pt
    from l1ae.events.schema import EventSet
    from l1ae.events.summary import Summary
    from l1ae.report.scoring import Score, score_all
    from l1ae.runs import RunFolder

    run = RunFolder.open(folder / "run")
    circuit = lower(load_model(run.model))
    samples = Samples.open(run.config.data)

    def model(events: EventSet) -> NDArray[np.int64]:
        return circuit.output_words(events.inputs)[:, 0]

    functions: dict[str, Score] = {
        "model": model,
        "leading": leading_object_pt_sum,
        "total": total_pt,
        "count": object_count,
    }
    counted = Summary(samples.layout, samples.stream.process_names)
    for scores in score_all(run.config.data, samples.stream, functions, counted).values():
        evaluate(scores.background, scores.signals)
    return samples.test_events()


ACTIONS: dict[str, Callable[[Path, Path], int]] = {
    action.__name__: action for action in (plain, whole, convert, stream, summary, training_input, training, evaluation)
}


def main(action: str, file: Path, folder: Path, record: Path) -> None:
    """Run an action and write how many events it took, in how many seconds, and the peak memory in bytes."""
    with quiet(folder / "large.log"):
        started = time.perf_counter()
        events = ACTIONS[action](file, folder)
        seconds = time.perf_counter() - started
    record.write_text(json.dumps({"events": events, "seconds": seconds, "peak_bytes": peak()}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
