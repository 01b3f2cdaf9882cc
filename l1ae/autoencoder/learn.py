"""All phases of a training in order: teacher, embedding, float network, quantized network; then the deployed model."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from l1ae.autoencoder.architectures import Autoencoder, build, float_twin
from l1ae.autoencoder.makers import carry
from l1ae.autoencoder.pruning import Pruner
from l1ae.autoencoder.scores import deploy, deploy_float, sigma_shifts
from l1ae.autoencoder.tasks import EmbeddingTask, ReconstructionTask, StudentTask, Task
from l1ae.autoencoder.teacher import train_teacher
from l1ae.autoencoder.tie_free import tie_free
from l1ae.autoencoder.training import History, Progress, fit
from l1ae.autoencoder.transforms import learn_transform
from l1ae.config import RunConfig
from l1ae.events.layout import Layout
from l1ae.events.shuffle import Buckets

#: Opens a phase of so many epochs: its name, and the epochs at most.
Phase = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the deployed model, its history, and what to compare it with.

    `decoded`: the squared error of a variational autoencoder; `floating`: the same network in float with the same
    score; `teacher`: of a student. Each takes words (N, n) and gives (N, 1), or is None.
    """

    deployed: keras.Model
    history: History
    decoded: keras.Model | None
    floating: keras.Model | None
    teacher: keras.Model | None


def learn(
    config: RunConfig,
    layout: Layout,
    training: Buckets,
    validation: Buckets,
    checkpoints: Path,
    phase: Phase,
    check: Callable[[keras.Model], None],
) -> Trained:
    """Train the network of `config` on background words, phase by phase; each continues where it was interrupted.

    `check` sees the untrained deployed model and may refuse it.
    """
    settings = config.training
    keras.utils.set_random_seed(settings.seed)
    transform = learn_transform(training, layout, config.inputs)
    autoencoder = build(config.autoencoder, transform, layout)
    check(_deployed(autoencoder, config, layout))

    teacher = None
    if config.autoencoder.kind == "student":
        epochs = settings.teacher.epochs * len({"autoencoder", "outliers"} & set(settings.teacher.members))
        with phase("teacher", epochs) as progress:
            teacher = train_teacher(training, validation, layout, settings, checkpoints / "teacher", progress)
    if autoencoder.embedding is not None:
        with phase("embedding", settings.vicreg.epochs) as progress:
            task: Task = EmbeddingTask(autoencoder, settings.vicreg, layout)
            fit(
                task, training, validation, settings, checkpoints / "embedding", progress, epochs=settings.vicreg.epochs
            )
        autoencoder.embedding.trainable = False

    def task_of(network: Autoencoder) -> Task:
        if teacher is not None:
            return StudentTask(network, teacher, layout, settings.weight_decay)
        return ReconstructionTask(network, settings, transform, layout)

    floating = None
    if settings.float_epochs:
        twin = float_twin(autoencoder, config.autoencoder, layout, settings.batch_norm)
        with phase("float network", settings.float_epochs) as progress:
            own = settings.model_copy(update={"pruning": None})
            where = checkpoints / "float"
            fit(task_of(twin), training, validation, own, where, progress, epochs=settings.float_epochs)
        _carry(twin, autoencoder)
        floating = deploy_float(
            twin, config.autoencoder, layout, shifts=_shifts(twin, config, training), prior_width=settings.prior_width
        )
    pruner = None
    if settings.pruning is not None:
        pruner = Pruner(_prunable(autoencoder), settings.pruning)
    with phase("network", settings.epochs) as progress:
        where = checkpoints / "quantized"
        history = fit(task_of(autoencoder), training, validation, settings, where, progress, pruner=pruner)
    decoded = None
    if autoencoder.variational and config.autoencoder.given_score not in ("squared_error", "absolute_error"):
        decoded = deploy(autoencoder, config.autoencoder, config.inputs, layout, score="squared_error")
    deployed = _deployed(autoencoder, config, layout, _shifts(autoencoder, config, training))
    if config.autoencoder.tie_free:
        # Only here: a copy that is made before would draw weights, and change the training.
        deployed, decoded = tie_free(deployed), None if decoded is None else tie_free(decoded)
    return Trained(deployed, history, decoded, floating, teacher)


def _deployed(
    autoencoder: Autoencoder, config: RunConfig, layout: Layout, shifts: NDArray[np.int64] | None = None
) -> keras.Model:
    width = config.training.prior_width
    return deploy(autoencoder, config.autoencoder, config.inputs, layout, shifts=shifts, prior_width=width)


def _carry(twin: Autoencoder, autoencoder: Autoencoder) -> None:
    carry(twin.encoder, autoencoder.encoder)
    if twin.decoder is not None and autoencoder.decoder is not None:
        carry(twin.decoder, autoencoder.decoder)


def _shifts(autoencoder: Autoencoder, config: RunConfig, training: Buckets) -> NDArray[np.int64] | None:
    """Powers of two of the weighted radius, from the first bucket of the training events."""
    if config.autoencoder.given_score != "weighted_radius":
        return None
    words = training.bucket(0).astype(np.float32)
    target = autoencoder.scale.predict(words, batch_size=8192, verbose=0)
    _, log_variance = autoencoder.encoder.predict(target, batch_size=8192, verbose=0)
    return sigma_shifts(log_variance)


def _prunable(autoencoder: Autoencoder) -> list[keras.layers.Layer]:
    """Layers with quantized kernels: of the encoder, and of the decoder, which not every score deploys."""
    models = [autoencoder.encoder, *([] if autoencoder.decoder is None else [autoencoder.decoder])]
    return [layer for model in models for layer in model.layers if hasattr(layer, "kernel_quantizer_internal")]
