"""A large float teacher for a small student: several anomaly scores of a different kind, joined by their rarity.

Each member turns an event into a score; the background says how rare that score is, and the teacher's score is the
weighted sum of -ln P(score or more) over the members (Fisher, Statistical Methods for Research Workers, 1932, section
21.1; Good, J. R. Stat. Soc. B 17 (1955) 264, for the weights). Members are the absolute reconstruction error of an
autoencoder, the logit of a network that tells the background from invented outliers, the sum of -ln p(pT) over all
objects, and the sum of all pT. No signal is seen by any of them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from l1ae.autoencoder import augment
from l1ae.autoencoder.front import front
from l1ae.autoencoder.layers import Select
from l1ae.autoencoder.tasks import Arrays, Task, Words, evaluated, remembered
from l1ae.autoencoder.training import Progress, fit
from l1ae.autoencoder.transforms import InputTransform, learn_transform
from l1ae.events.layout import Layout
from l1ae.events.shuffle import Buckets
from l1ae.records import SignedPrecision
from l1ae.settings import InputsConfig, TrainingConfig

_FINE, _WIDE = SignedPrecision(width=16, integer=5), SignedPrecision(width=16, integer=8)
_KNOTS = 128
_TAIL_EVENTS = 200


@keras.saving.register_keras_serializable(package="l1ae")
class Surprise(keras.layers.Layer):
    """-ln P(score or more) of the background: linear between `knots` (k,), and with `slope` behind the last."""

    def __init__(self, knots: Sequence[float], values: Sequence[float], slope: float, **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        self.knots, self.values, self.slope = [float(x) for x in knots], [float(x) for x in values], float(slope)

    @classmethod
    def of(cls, scores: NDArray[np.floating], **kwargs: Any) -> "Surprise":
        """Learn from the scores (N,) of background events; exponential behind the last 200 events, at most 1 %."""
        ordered = np.sort(np.asarray(scores, dtype=np.float64))
        left = min(_TAIL_EVENTS, max(len(ordered) // 100, 2))
        ranks = np.unique(np.geomspace(left, len(ordered), _KNOTS).astype(int))[::-1]
        knots, index = np.unique(ordered[len(ordered) - ranks], return_index=True)
        excess = float((ordered[-left:] - knots[-1]).mean())
        return cls(knots.tolist(), (-np.log(ranks / len(ordered)))[index].tolist(), 1 / (excess or 1.0), **kwargs)

    def call(self, inputs: Any) -> Any:
        """Surprise of scores of shape (..., 1)."""
        knots, values = np.array(self.knots, dtype=np.float32), np.array(self.values, dtype=np.float32)
        beyond = ops.maximum(inputs - knots[-1], 0.0) * self.slope
        reached = ops.minimum(ops.maximum(inputs, knots[:-1]), knots[1:]) - knots[:-1]
        return values[0] + ops.sum(reached * (np.diff(values) / np.diff(knots)), axis=-1, keepdims=True) + beyond

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Knots, for saving."""
        return {**super().get_config(), "knots": self.knots, "values": self.values, "slope": self.slope}


class Errors(Task):
    """A float autoencoder: its squared error."""

    def __init__(self, network: keras.Model, seen: keras.Model) -> None:
        super().__init__()
        self.network, self.seen = network, remembered(evaluated(seen))

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """The inputs of the network."""
        return {"seen": self.seen(words)}

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Squared error of each event, shape (batch,)."""
        return ops.mean(ops.square(inputs["seen"] - self.network(inputs["seen"], training=training)), axis=-1)


class OutlierExposure(Task):
    """A classifier of background against invented outliers; its logit grows with 1 / p(event)."""

    multiple = 2

    def __init__(self, network: keras.Model, seen: keras.Model, layout: Layout) -> None:
        super().__init__()
        self.network, self.seen, self.layout = network, evaluated(seen), layout

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """Events with label 0 and as many outliers with label 1."""
        both = np.concatenate([words, augment.outliers(words, self.layout, rng)])
        labels = np.repeat(np.array([[0.0], [1.0]], dtype=np.float32), len(words), axis=0)
        return {"seen": self.seen(both), "label": labels}

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Cross-entropy of each event, shape (batch,)."""
        logit = self.network(inputs["seen"], training=training)
        return (ops.softplus(logit) - inputs["label"] * logit)[:, 0]


def train_teacher(
    training: Buckets,
    validation: Buckets,
    layout: Layout,
    config: TrainingConfig,
    checkpoints: Path,
    progress: Progress | None = None,
) -> keras.Model:
    """Train the members on background words and join them: words (N, n) -> teacher's score (N, 1), in float32.

    The score is standardised: mean 0 and spread 1 over the training background.
    """
    teacher = config.teacher
    words = keras.Input((layout.n_inputs,), name="words")
    scores = []
    for member, weight in teacher.members.items():
        if member == "autoencoder":
            seen = _momenta(training, layout, teacher.transform)
            network = _perceptron(
                seen,
                [*teacher.hidden, teacher.latent, *teacher.hidden[::-1], seen.output.shape[-1]],
                linear=len(teacher.hidden),
                name=member,
            )
            fit(
                Errors(network, seen),
                training,
                validation,
                config,
                checkpoints / member,
                progress,
                epochs=teacher.epochs,
            )
            inputs = seen(words)
            score = ops.sum(ops.absolute(inputs - network(inputs)), axis=-1, keepdims=True)
        elif member == "outliers":
            seen = _momenta(training, layout, "log")
            network = _perceptron(seen, [*teacher.hidden, teacher.hidden[-1], 1], name=member)
            task = OutlierExposure(network, seen, layout)
            fit(task, training, validation, config, checkpoints / member, progress, epochs=teacher.epochs)
            score = network(seen(words))
        elif member == "table":
            score = ops.sum(_momenta(training, layout, "density", standardise=False)(words), axis=-1, keepdims=True)
        else:
            score = ops.sum(_total_pt(words, layout), axis=-1, keepdims=True)
        single = keras.Model(words, score)
        scores.append(Surprise.of(_over(single, training), name=f"{member}_surprise")(score) * weight)
    total = scores[0] if len(scores) == 1 else keras.layers.Add(name="fisher")(scores)
    values = _over(keras.Model(words, total), training)
    spread = float(values.std()) or 1.0
    return keras.Model(words, (total - float(values.mean())) / spread, name="teacher")


def _over(model: keras.Model, buckets: Buckets) -> NDArray[np.float64]:
    parts = [model.predict(words.astype(np.float32), batch_size=8192, verbose=0)[:, 0] for words in buckets]
    return np.concatenate(parts).astype(np.float64)


def _momenta(training: Buckets, layout: Layout, transform: Any, standardise: bool = True) -> keras.Model:
    """Words (N, n) -> the pT of all objects through a fine table."""
    config = InputsConfig(transform=transform, address=10, precision=_FINE)
    learned: InputTransform = learn_transform(training, layout, config, standardise=standardise)
    if not standardise and learned.tables is not None and learned.tables.max() == 2 ** (_FINE.width - 1) - 1:
        config = config.model_copy(update={"precision": _WIDE})  # -ln p of very large samples
        learned = learn_transform(training, layout, config, standardise=standardise)
    words = keras.Input((layout.n_inputs,), name="words")
    momenta = Select(layout.momenta(), name="momenta")
    return keras.Model(words, momenta(front(words, learned)))


def _total_pt(words: Any, layout: Layout) -> Any:
    lsb = np.concatenate([np.full(kind.count, kind.pt.lsb, dtype=np.float32) for kind in layout.kinds])
    momenta = Select(layout.momenta(), name="all_momenta")
    return ops.maximum(momenta(words), 0.0) * lsb


def _perceptron(seen: keras.Model, units: Sequence[int], name: str, linear: int | None = None) -> keras.Model:
    """Dense layers of these units with rectifiers, but for the last and the one numbered `linear`."""
    features = keras.Input(seen.output.shape[1:])
    tensor = features
    for number, count in enumerate(units):
        plain = number in (linear, len(units) - 1)
        tensor = keras.layers.Dense(count, activation=None if plain else "relu", kernel_initializer="he_normal")(tensor)
    return keras.Model(features, tensor, name=name)
