"""Training: epoch by epoch, reproducible, resumable after any epoch."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from l1ae.autoencoder.architectures import Autoencoder
from l1ae.autoencoder.objectives import RECONSTRUCTION, beta_elbo, kl_divergence
from l1ae.config import TrainingConfig
from l1ae.errors import DataError, RunFolderError
from l1ae.events.shuffle import Buckets
from l1ae.files import atomic_path, write_text

#: Called after each epoch with (epochs done, epochs in all, training loss, validation loss).
Progress = Callable[[int, int, float, float], None]


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
        """Smallest validation loss."""
        return min(self.validation_loss, default=float("inf"))


class Task(keras.Model):
    """An autoencoder with its objective, in the form that Keras' training loop takes.

    Inputs are (scaled words, noise of the size of the code); noise is given from outside, so that an interrupted
    training continues with the very numbers it would have had.
    """

    def __init__(self, autoencoder: Autoencoder, config: TrainingConfig) -> None:
        super().__init__()
        self.reconstruction = RECONSTRUCTION[config.reconstruction]
        self.prior_width = config.prior_width
        variational = len(autoencoder.encoder.outputs) == 2
        self.encoder, self.decoder = autoencoder.encoder, autoencoder.decoder
        #: Weight of the KL term, changed by the warm-up; None: a deterministic autoencoder.
        self.beta = keras.Variable(config.beta, trainable=False, name="beta") if variational else None

    def call(self, inputs: Any) -> Any:
        """Loss of each event, shape (batch,)."""
        features, noise = inputs
        if self.beta is None:
            return self.reconstruction(features, self.decoder(self.encoder(features)))
        mean, log_variance = self.encoder(features)
        code = mean + ops.exp(0.5 * log_variance) * noise
        error = self.reconstruction(features, self.decoder(code))
        return beta_elbo(error, kl_divergence(mean, log_variance, self.prior_width), self.beta)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Mean over the batch of the losses that `call` returned."""
        return ops.mean(y_pred)


def train(
    autoencoder: Autoencoder,
    training: Buckets,
    validation: Buckets,
    config: TrainingConfig,
    checkpoints: Path,
    progress: Progress | None = None,
) -> History:
    """Train on hardware words, one bucket at a time, and keep the weights of the best epoch.

    The state after each epoch lies in `checkpoints`; a later call continues from it and ends with the same weights as
    an uninterrupted one. Stops early when the validation loss has not improved for `config.patience` epochs.
    Raises `DataError` when the loss becomes NaN.
    """
    tf.config.experimental.enable_op_determinism()
    task = Task(autoencoder, config)
    features, judged = _Scaled(autoencoder, training), _Scaled(autoencoder, validation)
    steps = config.epochs * -(-len(training) // config.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps, alpha=0.01)
    task.compile(optimizer=keras.optimizers.Adam(rate, amsgrad=True), jit_compile=False)
    latent = autoencoder.encoder.outputs[0].shape[-1]
    task((features[0][:1], np.zeros((1, latent), dtype=np.float32)))
    task.optimizer.build(task.trainable_variables)

    history = _resume(task, checkpoints)
    while history.epochs < config.epochs and history.epochs - history.best_epoch < config.patience:
        epoch = history.epochs + 1
        started = time.monotonic()
        if task.beta is not None:
            task.beta.assign(config.beta * min(1.0, epoch / max(config.warmup_epochs, 1)))
        loss = _fit_epoch(task, features, latent, config, epoch)
        if task.beta is not None:  # judged with the full weight, or the warm-up would look like a success
            task.beta.assign(config.beta)
        validation_loss = _mean_loss(task, judged, latent, config.seed)
        if not np.isfinite([loss, validation_loss]).all():
            raise DataError(f"the loss became {loss} in epoch {epoch}: lower training.learning_rate")
        if validation_loss < history.best:
            history.best_epoch = epoch
            with atomic_path(checkpoints / "best.weights.h5") as temporary:
                task.save_weights(temporary)
        history.loss.append(loss)
        history.validation_loss.append(validation_loss)
        history.seconds += time.monotonic() - started
        _save(task, history, checkpoints)
        if progress is not None:
            progress(epoch, config.epochs, loss, validation_loss)
    task.load_weights(checkpoints / "best.weights.h5")
    return history


class _Scaled:
    """Buckets as the network sees them; the last one that was asked for is kept."""

    def __init__(self, autoencoder: Autoencoder, words: Buckets) -> None:
        self.scale, self.words = autoencoder.scale, words
        self._kept: tuple[int, NDArray[np.float32]] | None = None

    def __len__(self) -> int:
        return len(self.words.counts)

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        if self._kept is None or self._kept[0] != index:
            self._kept = None  # two buckets need not be in memory
            words = self.words.bucket(index).astype(np.float32)
            self._kept = index, self.scale.predict(words, batch_size=8192, verbose=0)
        return self._kept[1]


def _fit_epoch(task: Task, features: _Scaled, latent: int, config: TrainingConfig, epoch: int) -> float:
    """Every event once, in an order of this epoch's own; the mean loss."""
    order = np.random.default_rng((config.seed, epoch))
    draw = np.random.default_rng((config.seed, epoch, 1))
    left = np.zeros((0, 0), dtype=np.float32)  # less than a batch, left over from the bucket before
    total = 0.0
    buckets = order.permutation(len(features))
    for number, index in enumerate(buckets, start=1):
        part = features[index]
        part = part[order.permutation(len(part))]
        if len(left):
            part = np.concatenate([left, part])
        whole = len(part) if number == len(buckets) else len(part) - len(part) % config.batch_size
        part, left = part[:whole], part[whole:].copy()
        if not len(part):
            continue
        noise = draw.standard_normal((len(part), latent), dtype=np.float32)
        fitted = task.fit((part, noise), batch_size=config.batch_size, epochs=1, shuffle=False, verbose=0)
        total += float(fitted.history["loss"][0]) * len(part)
    return total / len(features.words)


def _mean_loss(task: Task, features: _Scaled, latent: int, seed: int) -> float:
    draw = np.random.default_rng((seed, 0, 1))
    total = 0.0
    for index in range(len(features)):
        part = features[index]
        noise = draw.standard_normal((len(part), latent), dtype=np.float32)
        total += float(np.sum(task.predict((part, noise), batch_size=8192, verbose=0), dtype=np.float64))
    return total / len(features.words)


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
