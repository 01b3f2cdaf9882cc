"""The training loop: epoch by epoch, reproducible, resumable after any epoch."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from l1ae.autoencoder.pruning import Pruner
from l1ae.autoencoder.tasks import Arrays, Task
from l1ae.errors import DataError, RunFolderError
from l1ae.events.shuffle import Buckets
from l1ae.files import atomic_path, write_text
from l1ae.settings import TrainingConfig

#: Called after each epoch with (epochs since the last call, training loss, validation loss).
Progress = Callable[[int, float, float], None]
_SMALLEST_RATE = 0.01  # of the learning rate, at the end of its cosine


@dataclass
class History:
    """Losses per epoch, and the epoch whose weights are kept."""

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    seconds: float = 0.0
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return len(self.loss)

    @property
    def best(self) -> float:
        """Validation loss of the epoch that is kept."""
        return self.validation_loss[self.best_epoch - 1] if self.best_epoch else float("inf")


def fit(
    task: Task,
    training: Buckets,
    validation: Buckets,
    config: TrainingConfig,
    checkpoints: Path,
    progress: Progress | None = None,
    *,
    epochs: int | None = None,
    pruner: Pruner | None = None,
) -> History:
    """Train a task on hardware words, one bucket at a time, and keep the weights of the best epoch.

    The state after each epoch lies in `checkpoints`; a later call continues from it and ends with the same weights as
    an uninterrupted one. Stops early when the validation loss has not improved for `config.patience` epochs; with a
    `pruner`, epochs count as best only when pruning has ended. `epochs`: other than those of `config`.
    Raises `DataError` when the loss becomes NaN.
    """
    tf.config.experimental.enable_op_determinism()
    epochs = epochs or config.epochs
    first_judged = pruner.config.end_epoch if pruner is not None else 1
    features, judged = _Words(training), _Judged(task, validation, config.seed)
    one = {name: values[:1] for name, values in next(iter(judged)).items()}
    steps = epochs * -(-task.multiple * len(training) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps, alpha=_SMALLEST_RATE)
    task.compile(optimizer=keras.optimizers.Adam(rate, amsgrad=True), jit_compile=False)
    task(one)
    task.optimizer.build(task.trainable_variables)

    history = _resume(task, checkpoints)
    told = 0
    while history.epochs < epochs and history.epochs - max(history.best_epoch, first_judged - 1) < config.patience:
        epoch = history.epochs + 1
        started = time.monotonic()
        task.start_epoch(epoch)
        if pruner is not None:
            pruner.update(epoch)
        loss = _fit_epoch(task, features, config, epoch)
        task.judge()
        validation_loss = _mean_loss(task, judged)
        if not np.isfinite([loss, validation_loss]).all():
            raise DataError(f"the loss became {loss} in epoch {epoch}: lower training.learning_rate")
        if epoch >= first_judged and validation_loss < history.best:
            history.best_epoch = epoch
            with atomic_path(checkpoints / "best.weights.h5") as temporary:
                task.save_weights(temporary)
        history.loss.append(loss)
        history.validation_loss.append(validation_loss)
        history.seconds += time.monotonic() - started
        _save(task, history, checkpoints)
        if progress is not None:
            progress(epoch - told, loss, validation_loss)
            told = epoch
    task.load_weights(checkpoints / "best.weights.h5")
    return history


class _Words:
    """Buckets of which the last one that was asked for is kept."""

    def __init__(self, words: Buckets) -> None:
        self.words = words
        self._kept: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.words.counts)

    def __getitem__(self, index: int) -> np.ndarray:
        if self._kept is None or self._kept[0] != index:
            self._kept = None  # two buckets need not be in memory
            self._kept = index, self.words.bucket(index)
        return self._kept[1]


class _Judged:
    """The arrays of the validation events, the same in every epoch; a single bucket of them is kept."""

    def __init__(self, task: Task, words: Buckets, seed: int) -> None:
        self.task, self.words, self.seed = task, words, seed
        self._kept: Arrays | None = None

    def __iter__(self) -> Iterator[Arrays]:
        if self._kept is not None:
            yield self._kept
            return
        draw = np.random.default_rng((self.seed, 0, 1))
        for words in self.words:
            arrays = self.task.arrays(words, draw)
            if len(self.words.counts) == 1:
                self._kept = arrays
            yield arrays


def _fit_epoch(task: Task, features: _Words, config: TrainingConfig, epoch: int) -> float:
    """Every event once, in an order of this epoch's own; the mean loss."""
    order = np.random.default_rng((config.seed, epoch))
    draw = np.random.default_rng((config.seed, epoch, 1))
    left: Arrays = {}  # less than a batch, left over from the bucket before
    total, count = 0.0, 0
    buckets = order.permutation(len(features))
    for number, index in enumerate(buckets, start=1):
        part = task.arrays(features[index], draw)
        shuffled = order.permutation(len(next(iter(part.values()))))
        part = {name: values[shuffled] for name, values in part.items()}
        if left:
            part = {name: np.concatenate([left[name], values]) for name, values in part.items()}
        rows = len(next(iter(part.values())))
        whole = rows if number == len(buckets) else rows - rows % config.batch_size
        left = {name: values[whole:].copy() for name, values in part.items()}
        if not whole:
            continue
        part = {name: values[:whole] for name, values in part.items()}
        fitted = task.fit(part, batch_size=config.batch_size, epochs=1, shuffle=False, verbose=0)
        total += float(fitted.history["loss"][0]) * whole
        count += whole
    return total / count


def _mean_loss(task: Task, judged: _Judged) -> float:
    total, count = 0.0, 0
    for arrays in judged:
        losses = task.predict(arrays, batch_size=8192, verbose=0)
        total += float(np.sum(losses, dtype=np.float64))
        count += len(losses)
    return total / count


def _save(task: Task, history: History, checkpoints: Path) -> None:
    # The weights' file carries the epoch in its name and the history is written last: a state is whole or absent.
    name = f"epoch{history.epochs:04d}.weights.h5"
    with atomic_path(checkpoints / name) as temporary:
        task.save_weights(temporary)
    write_text(checkpoints / "history.json", json.dumps(asdict(history)))
    for old in checkpoints.glob("epoch*.weights.h5"):
        if old.name != name:
            old.unlink()


def _resume(task: Task, checkpoints: Path) -> History:
    record = checkpoints / "history.json"
    if not record.exists():
        return History()
    try:
        history = History(**json.loads(record.read_text(encoding="utf-8")))
        task.load_weights(checkpoints / f"epoch{history.epochs:04d}.weights.h5")
    except (ValueError, TypeError, OSError) as error:
        raise RunFolderError(f"the checkpoint in {checkpoints} is damaged, delete that folder: {error}") from error
    return history
