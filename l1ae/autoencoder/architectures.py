"""Autoencoders, dense and convolutional, quantized or in float: hardware words in, code and reconstruction out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import keras

from l1ae.autoencoder.front import front
from l1ae.autoencoder.makers import Float, Maker, Quantized
from l1ae.autoencoder.transforms import InputTransform
from l1ae.events.layout import Layout
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig

_WINDOW, _POOL = 3, 3


@dataclass(frozen=True)
class Chains:
    """The layers of one network in order: features to `body`, body to `code` or `log_variance`, code to `decoder`."""

    body: tuple[Any, ...]
    code: tuple[Any, ...]
    log_variance: tuple[Any, ...] = ()
    decoder: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Autoencoder:
    """The parts of one autoencoder; they share layers, so training one trains all.

    `words`, `target`: the input tensor, and what is reconstructed (the scaled inputs, or their embedding) as a tensor
    of the same graph. `scale`: words (N, n) -> target; `inputs`: words -> scaled inputs; `embedding`: scaled inputs ->
    embedding, or None; `encoder`: target -> code, or (mean, log variance) when variational; `decoder`: code ->
    reconstruction, None for a student, whose code is its score.
    """

    words: Any
    target: Any
    chains: Chains
    inputs: keras.Model
    scale: keras.Model
    embedding: keras.Model | None
    encoder: keras.Model
    decoder: keras.Model | None

    @property
    def variational(self) -> bool:
        """Whether the encoder gives a mean and a log variance."""
        return bool(self.chains.log_variance)


def build(config: AutoencoderConfig, transform: InputTransform, layout: Layout) -> Autoencoder:
    """An untrained quantized autoencoder for events of `layout`, whose inputs pass through `transform`."""
    words = keras.Input((transform.n_inputs,), name="words")
    scaled = front(words, transform)
    inputs = keras.Model(words, scaled, name="inputs")
    target, embedding, make = scaled, None, Quantized(config)
    if config.embedding is not None:
        chain = []
        for number, units in enumerate(config.embedding.hidden, start=1):
            chain += [*make.dense(f"embedding_{number}", units), make.rectifier(f"embedding_{number}")]
        chain += [*make.dense("embedding", config.embedding.size), make.bits("embedded", config.embedding.precision)]
        seen = keras.Input((transform.n_inputs,), name="seen")
        embedding = keras.Model(seen, apply(chain, seen), name="self_supervised")
        target = apply(chain, scaled)
    scale = keras.Model(words, target, name="scale")
    chains = _chains(config, make, target, transform.precision, layout)
    encoder, decoder = _models(chains, target)
    return Autoencoder(words, target, chains, inputs, scale, embedding, encoder, decoder)


def float_twin(autoencoder: Autoencoder, config: AutoencoderConfig, layout: Layout, batch_norm: bool) -> Autoencoder:
    """The same network in float32 behind the same inputs, untrained."""
    chains = _chains(config, Float(batch_norm), autoencoder.target, None, layout)
    encoder, decoder = _models(chains, autoencoder.target)
    words = keras.Input(autoencoder.words.shape[1:], name="words")
    target = autoencoder.scale(words)
    return replace(autoencoder, words=words, target=target, chains=chains, encoder=encoder, decoder=decoder)


def apply(layers: Sequence[Any], tensor: Any) -> Any:
    """A chain of layers, one after the other, so that the deployed model holds no nested model."""
    for layer in layers:
        tensor = layer(tensor)
    return tensor


def _models(chains: Chains, target: Any) -> tuple[keras.Model, keras.Model | None]:
    features = keras.Input(target.shape[1:], name="features")
    body = apply(chains.body, features)
    heads = [apply(chains.code, body)]
    if chains.log_variance:
        heads.append(apply(chains.log_variance, body))
    encoder = keras.Model(features, heads if len(heads) > 1 else heads[0], name="encoder")
    if not chains.decoder:
        return encoder, None
    code = keras.Input(heads[0].shape[1:], name="code_input")
    return encoder, keras.Model(code, apply(chains.decoder, code), name="decoder")


def _chains(
    config: AutoencoderConfig, make: Maker, target: Any, inputs: SignedPrecision | None, layout: Layout
) -> Chains:
    """`inputs`: the precision of what is reconstructed, unless that is an embedding; None in float."""
    if config.kind == "student":
        return Chains(
            _hidden(make, "encoder", config.hidden), (*make.dense("code", 1), make.bits("score", config.code))
        )
    if config.architecture == "convolutional":
        body, decoder = _convolutional(config, make, layout)
    else:
        body = _hidden(make, "encoder", config.hidden)
        decoder = (*_hidden(make, "decoder", config.hidden[::-1]), *make.dense("output", int(target.shape[-1])))
    precision = config.embedding.precision if config.embedding is not None else inputs
    return Chains(
        body,
        (*make.dense("code", config.latent), make.bits("code_quantized", config.code)),
        _log_variance(config, make),
        (*decoder, make.bits("reconstruction", precision)),
    )


def _log_variance(config: AutoencoderConfig, make: Maker) -> tuple[Any, ...]:
    """The head that a variational autoencoder trains with; it is quantized only where the score reads it."""
    if config.kind != "variational":
        return ()
    if config.given_score == "kl":
        return (*make.dense("log_variance", config.latent), make.bits("log_variance_quantized", config.code))
    return (keras.layers.Dense(config.latent, name="log_variance"),)


def _hidden(make: Maker, side: str, sizes: Sequence[int]) -> tuple[Any, ...]:
    layers: list[Any] = []
    for number, units in enumerate(sizes, start=1):
        layers += [*make.dense(f"{side}_{number}", units), make.rectifier(f"{side}_{number}")]
    return tuple(layers)


def _convolutional(config: AutoencoderConfig, make: Maker, layout: Layout) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Encoder and decoder of arXiv:2108.03986 over the rows of objects, with the maximum where it takes the average.

    An average of three words is no fixed-point number. The decoder mirrors the encoder: it repeats rows and convolves.
    """
    rows, features = layout.shape
    first, second = config.filters
    left = (rows - _WINDOW + 1) // _POOL - _WINDOW + 1
    body = [
        keras.layers.Reshape((rows, features, 1), name="image"),
        *make.convolution("encoder_1", first, (_WINDOW, features)),
        make.rectifier("encoder_1"),
        keras.layers.MaxPooling2D((_POOL, 1), name="encoder_1_pool"),
        *make.convolution("encoder_2", second, (_WINDOW, 1)),
        make.rectifier("encoder_2"),
        *([keras.layers.MaxPooling2D((_POOL, 1), name="encoder_2_pool")] if left >= _POOL else []),
        keras.layers.Flatten(name="encoder_flat"),
    ]
    base = ceil((rows + (_WINDOW - 1) * (_POOL + 1)) / _POOL**2)
    grown = _POOL * (_POOL * base - _WINDOW + 1) - _WINDOW + 1
    decoder = [
        *make.dense("decoder_1", base * second),
        make.rectifier("decoder_1"),
        keras.layers.Reshape((base, 1, second), name="decoder_image"),
        keras.layers.UpSampling2D((_POOL, 1), name="decoder_1_rows"),
        *make.convolution("decoder_2", first, (_WINDOW, 1)),
        make.rectifier("decoder_2"),
        keras.layers.UpSampling2D((_POOL, 1), name="decoder_2_rows"),
        *make.convolution("output", features, (_WINDOW, 1)),
        *([keras.layers.Cropping2D(((0, grown - rows), (0, 0)), name="output_rows")] if grown > rows else []),
        keras.layers.Flatten(name="output_flat"),
    ]
    return tuple(body), tuple(decoder)
