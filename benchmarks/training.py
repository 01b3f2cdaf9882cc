"""Seconds per epoch of a preset against a float Keras network of the same shape."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from benchmarks.clock import Spread
from benchmarks.record import Row
from benchmarks.subject import SEED, Subject
from l1ae.autoencoder.objectives.reconstruction import Reconstruction
from l1ae.autoencoder.objectives.variational import kl_divergence
from l1ae.autoencoder.tasks import ReconstructionTask
from l1ae.autoencoder.training import fit
from l1ae.events.shuffle import Buckets
from l1ae.settings import AutoencoderConfig, TrainingConfig

BASELINE = "float Keras network, with validation"
Features = NDArray[np.float32]


class Epochs:
    """Seconds between the ends of epochs; the first, in which TensorFlow compiles, is not counted."""

    def __init__(self, advance: Callable[[], Any]) -> None:
        self.ends: list[float] = []
        self.advance = advance

    def __call__(self, *_: object) -> None:
        """Called at the end of every epoch, by Keras or by l1ae."""
        self.ends.append(time.perf_counter())
        self.advance()

    @property
    def spread(self) -> Spread:
        """Of at least two epochs."""
        return Spread.of(np.diff(self.ends).tolist())


class Draw(keras.layers.Layer):
    """A code drawn from its mean and variance, with the KL divergence as a loss."""

    def __init__(self, beta: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.beta = beta
        self.noise = keras.random.SeedGenerator(SEED)

    def call(self, mean: Any, log_variance: Any) -> Any:
        """Code of the shape of the mean."""
        self.add_loss(self.beta * ops.mean(kl_divergence(mean, log_variance)))
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.noise)


def rows(subjects: list[Subject], events: int, epochs: int, folder: Path, advance: Callable[[], Any]) -> list[Row]:
    """Seconds per epoch; both sides get the same scaled events, batch size, optimiser and validation events."""
    parts = [_features(subject, events) for subject in subjects]
    # Baselines first: training of l1ae makes TensorFlow deterministic for the rest of the process.
    baselines = [
        _float_epochs(subject, features, epochs, advance)
        for subject, (_, features) in zip(subjects, parts, strict=True)
    ]
    result = []
    for subject, (words, _), baseline in zip(subjects, parts, baselines, strict=True):
        name = subject.run.config.name
        spread = _epochs(subject, words, epochs, folder / name, advance)
        sizes = {"events": len(words[0]), "a batch": subject.run.config.training.batch_size}
        what = "l1ae train, with validation and checkpoint"
        result.append(Row(f"training {name}", what, "s/epoch", "lower", spread, BASELINE, baseline, sizes))
    return result


def _features(subject: Subject, events: int) -> tuple[tuple[NDArray, NDArray], tuple[Features, Features]]:
    """Training and validation events, as words and scaled."""
    background = subject.run.config.data.background
    stream = subject.samples.stream
    parts = stream.read(background, "training"), stream.read(background, "validation")
    words = parts[0].inputs[:events], parts[1].inputs[: max(events // 5, 1)]
    scale = subject.autoencoder.scale
    training, validation = (scale.predict(part.astype(np.float32), batch_size=8192, verbose=0) for part in words)
    return words, (training, validation)


def _epochs(
    subject: Subject, words: tuple[NDArray, NDArray], epochs: int, folder: Path, advance: Callable[[], Any]
) -> Spread:
    clock = Epochs(advance)
    config = subject.run.config.training.model_copy(update={"epochs": epochs, "patience": epochs})
    task = ReconstructionTask(subject.autoencoder, config, subject.transform, subject.samples.layout)
    fit(task, Buckets.of(words[0]), Buckets.of(words[1]), config, folder, clock)
    return clock.spread


def _float_epochs(
    subject: Subject, features: tuple[Features, Features], epochs: int, advance: Callable[[], Any]
) -> Spread:
    clock = Epochs(advance)
    config = subject.run.config
    model = float_network(config.autoencoder, config.training, features[0].shape[1])
    x, validation = features
    model.fit(
        x,
        x,
        validation_data=(validation, validation),
        validation_batch_size=8192,
        batch_size=config.training.batch_size,
        epochs=epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=clock)],
    )
    return clock.spread


def float_network(shape: AutoencoderConfig, config: TrainingConfig, n_inputs: int) -> keras.Model:
    """The same layers in plain Keras: no quantizers, rectifiers between, and a drawn code when variational."""
    inputs = keras.Input((n_inputs,))
    tensor = inputs
    for units in shape.hidden:
        tensor = keras.layers.Dense(units, activation="relu")(tensor)
    code = keras.layers.Dense(shape.latent)(tensor)
    weight = 1.0
    if shape.kind == "variational":
        code = Draw(config.beta)(code, keras.layers.Dense(shape.latent)(tensor))
        weight = 1.0 - config.beta
    tensor = code
    for units in shape.hidden[::-1]:
        tensor = keras.layers.Dense(units, activation="relu")(tensor)
    model = keras.Model(inputs, keras.layers.Dense(n_inputs)(tensor))
    error = Reconstruction(config.reconstruction)
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate, amsgrad=True),
        loss=lambda target, output: weight * error(target, output),
        jit_compile=False,
    )
    return model
