"""Training tasks: a network with its objective, in the form that Keras' training loop takes.

A task says what it needs of an event (`arrays`) and what an event costs (`call`). Random numbers are drawn outside of
Keras, so that an interrupted training continues with the very numbers it would have had.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from l1ae.autoencoder import augment
from l1ae.autoencoder.architectures import Autoencoder
from l1ae.autoencoder.front import momentum_of_each
from l1ae.autoencoder.objectives import contractive, distillation, sparse, vicreg
from l1ae.autoencoder.objectives.reconstruction import Reconstruction, input_weights, phi_periods
from l1ae.autoencoder.objectives.variational import beta_elbo, kl_divergence
from l1ae.autoencoder.transforms import InputTransform
from l1ae.events.layout import Layout
from l1ae.settings import CorruptionConfig, SparsityConfig, TrainingConfig, VicregConfig

Words = NDArray[np.int16]
Arrays = dict[str, NDArray[np.float32]]
_BATCH = 8192


def evaluated(model: keras.Model) -> Callable[[Words], NDArray[np.float32]]:
    """A model as a function of words: as an attribute, Keras would take it for a part of the task and train it."""
    return lambda words: model.predict(words.astype(np.float32), batch_size=_BATCH, verbose=0)


def remembered(function: Callable[[Words], NDArray[np.float32]]) -> Callable[[Words], NDArray[np.float32]]:
    """The same function, which does not compute anew for the very array that it was asked for last."""
    kept: list[Any] = [None, None]

    def evaluate(words: Words) -> NDArray[np.float32]:
        if kept[0] is not words:
            kept[:] = [None, None]
            kept[:] = [words, function(words)]
        return kept[1]

    return evaluate


class Task(keras.Model):
    """Base: `call` gives the loss of each event, training minimises its mean."""

    #: Rows that `arrays` gives per event.
    multiple = 1
    #: Weight of the sum of all squared weights in what training minimises.
    weight_decay = 0.0

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """What `call` needs of events (N, n), random numbers included."""
        raise NotImplementedError

    def start_epoch(self, epoch: int) -> None:
        """Called before each epoch, counted from 1."""

    def judge(self) -> None:
        """Called before the validation events are judged."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Mean over the batch of what `call` returned, and the sum of all squared weights times `weight_decay`."""
        loss = ops.mean(y_pred)
        if self.weight_decay:
            kernels = [v for v in self.trainable_variables if len(v.shape) > 1]
            loss = loss + self.weight_decay * sum(ops.sum(ops.square(kernel)) for kernel in kernels)
        return loss


class ReconstructionTask(Task):
    """Every kind of autoencoder: a reconstruction error and the penalties of its objective."""

    def __init__(
        self, autoencoder: Autoencoder, config: TrainingConfig, transform: InputTransform, layout: Layout
    ) -> None:
        super().__init__()
        self.config, self.layout, self.weight_decay = config, layout, config.weight_decay
        self.corrupted = evaluated(autoencoder.scale)
        self.scaled = remembered(self.corrupted)  # the events of an only bucket are the same in every epoch
        periods = None
        if config.periodic:
            periods = phi_periods(layout, transform.scaling.shift, transform.tables is not None)
        self.reconstruction = Reconstruction(
            config.reconstruction, input_weights(config.feature_weights, layout), periods
        )
        self.encoder: Any = autoencoder.encoder
        self.decoder: Any = autoencoder.decoder
        self.latent = int(self.encoder.outputs[0].shape[-1])
        self.jacobian: Callable[[Any], Any] = partial(contractive.automatic_jacobian, self.encoder)
        if all(len(layer.output.shape) == 2 for layer in self.encoder.layers) and not _normalised(self.encoder):
            chain = (*autoencoder.chains.body, *autoencoder.chains.code)
            self.jacobian = lambda seen: contractive.dense_jacobian(chain, seen)
        #: Weight of the KL term, changed by the warm-up; None: a deterministic autoencoder.
        variational = autoencoder.variational
        self.beta = keras.Variable(config.beta, trainable=False, name="beta") if variational else None

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """Scaled inputs, what the encoder sees of them, which objects are there, and noise for the code."""
        target = self.scaled(words)
        result = {"target": target}
        if self.config.corruption is not None:
            result["seen"] = self._corrupted(words, target, self.config.corruption, rng)
        if self.config.mask_absent:
            result["mask"] = (words[:, momentum_of_each(self.layout)] > 0).astype(np.float32)
        if self.beta is not None:
            result["noise"] = rng.standard_normal((len(words), self.latent), dtype=np.float32)
        return result

    def _corrupted(
        self, words: Words, target: NDArray[np.float32], config: CorruptionConfig, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """What a denoising autoencoder sees (Vincent et al., Extracting and Composing Robust Features, ICML 2008)."""
        if config.kind == "gaussian":
            return target + np.float32(config.gaussian) * rng.standard_normal(target.shape, dtype=np.float32)
        if config.kind == "detector":
            words = augment.smear(words, self.layout, config.detector, rng)
        return self.corrupted(augment.drop_objects(words, self.layout, config.masking, rng))

    def start_epoch(self, epoch: int) -> None:
        """Let the weight of the KL term rise over the first epochs."""
        if self.beta is not None:
            self.beta.assign(self.config.beta * min(1.0, epoch / max(self.config.warmup_epochs, 1)))

    def judge(self) -> None:
        """Take the full weight, or the warm-up would look like a success."""
        if self.beta is not None:
            self.beta.assign(self.config.beta)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Loss of each event, shape (batch,)."""
        target, seen = inputs["target"], inputs.get("seen", inputs["target"])
        encoded = self.encoder(seen, training=training)
        code = encoded[0] if self.beta is not None else encoded
        drawn = code
        if self.beta is not None:
            drawn = code + ops.exp(0.5 * encoded[1]) * inputs["noise"]
        loss = self.reconstruction(target, self.decoder(drawn, training=training), inputs.get("mask"))
        if self.beta is not None:
            loss = beta_elbo(loss, kl_divergence(code, encoded[1], self.config.prior_width), self.beta)
        if self.config.sparsity is not None:
            loss = loss + self.config.sparsity.weight * _sparsity(code, self.config.sparsity)
        if self.config.contraction:
            loss = loss + self.config.contraction * self.jacobian(seen)
        return loss


def _sparsity(code: Any, config: SparsityConfig) -> Any:
    return sparse.laplace(code) if config.penalty == "l1" else sparse.kl_sparsity(code, config.target)


def _normalised(model: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in model.layers)


class EmbeddingTask(Task):
    """VICReg: two views of each event are to have one embedding, and the embedding is not to collapse."""

    def __init__(self, autoencoder: Autoencoder, config: VicregConfig, layout: Layout) -> None:
        super().__init__()
        self.config, self.layout, self.seen = config, layout, evaluated(autoencoder.inputs)
        self.embedding: Any = autoencoder.embedding

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """Two views of each event: pT smeared, objects lost, turned around the beam."""
        return {name: self._view(words, rng) for name in ("one", "two")}

    def _view(self, words: Words, rng: np.random.Generator) -> NDArray[np.float32]:
        changed = augment.smear(words, self.layout, self.config.smear, rng)
        changed = augment.drop_objects(changed, self.layout, self.config.drop, rng)
        return self.seen(augment.rotate(changed, self.layout, rng))

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The loss of the batch, the same for each of its events, shape (batch,)."""
        one, two = (self.embedding(inputs[name], training=training) for name in ("one", "two"))
        loss = (
            self.config.invariance * vicreg.invariance(one, two)
            + self.config.variance * (vicreg.variance(one) + vicreg.variance(two))
            + self.config.covariance * (vicreg.covariance(one) + vicreg.covariance(two))
        )
        return ops.zeros_like(one[:, 0]) + loss


class StudentTask(Task):
    """Distillation: the student's output is to be the teacher's score, on the background and on invented outliers."""

    multiple = 2

    def __init__(
        self, autoencoder: Autoencoder, teacher: keras.Model, layout: Layout, weight_decay: float = 0.0
    ) -> None:
        super().__init__()
        self.weight_decay = weight_decay
        self.student, self.layout = autoencoder.encoder, layout
        self.seen, self.score = evaluated(autoencoder.scale), evaluated(teacher)

    def arrays(self, words: Words, rng: np.random.Generator) -> Arrays:
        """Scaled inputs and the teacher's score, of the events and of as many outliers: without these the student
        would never see the scores that a trigger cuts on."""
        both = np.concatenate([words, augment.outliers(words, self.layout, rng)])
        return {"seen": self.seen(both), "score": self.score(both)}

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Loss of each event, shape (batch,)."""
        return distillation.regression(inputs["score"], self.student(inputs["seen"], training=training))
