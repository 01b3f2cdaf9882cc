"""Dense autoencoders in QKeras: raw hardware words in, anomaly score out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import qkeras

from l1ae.autoencoder.layers import InputScaling
from l1ae.config import AutoencoderConfig, Precision
from l1ae.events.layout import LEPTON


@dataclass(frozen=True)
class Autoencoder:
    """The parts of one autoencoder; they share layers, so training one trains all.

    `scale`: words (N, n) -> scaled inputs; `encoder`: scaled -> code, or (mean, log variance) when variational;
    `decoder`: code -> reconstruction; `deployed`: words -> score, what becomes firmware; `squared_error`: words ->
    squared error of the reconstruction, the score of a deterministic autoencoder, a comparison for a variational one.
    """

    scale: keras.Model
    encoder: keras.Model
    decoder: keras.Model
    deployed: keras.Model
    squared_error: keras.Model


def signed_bits(precision: Precision) -> Any:
    """A signed QKeras quantizer: `ap_fixed<width,integer,RND_CONV,SAT>`, integer bits counted with the sign."""
    return qkeras.quantized_bits(precision.width, precision.integer - 1, alpha=1)


def unsigned_relu(precision: Precision) -> Any:
    """A rectifier with saturation: `ap_ufixed<width,integer,RND_CONV,SAT>`."""
    return qkeras.quantized_relu(precision.width, precision.integer)


def build(
    config: AutoencoderConfig, offset: Sequence[int], shift: Sequence[int], word_width: int = LEPTON.word_width
) -> Autoencoder:
    """Build an untrained autoencoder of `config` whose inputs are scaled by `offset` and `shift` (one per input).

    `word_width`: bits of the signed word that each input of the port carries.
    """
    n_inputs = len(offset)

    def dense(name: str, units: int) -> Any:
        return qkeras.QDense(
            units,
            kernel_quantizer=signed_bits(config.weights),
            bias_quantizer=signed_bits(config.biases),
            kernel_initializer="he_normal",
            name=name,
        )

    def hidden(tensor: Any, side: str, sizes: Sequence[int]) -> Any:
        for number, units in enumerate(sizes, start=1):
            tensor = dense(f"{side}_{number}", units)(tensor)
            tensor = qkeras.QActivation(unsigned_relu(config.activations), name=f"{side}_{number}_relu")(tensor)
        return tensor

    words = keras.Input((n_inputs,), name="words")
    port = qkeras.QActivation(qkeras.quantized_bits(word_width, word_width - 1, alpha=1), name="port")(words)
    scaling = InputScaling(list(offset), list(shift), name="scaling")(port)
    scaled = qkeras.QActivation(signed_bits(config.inputs), name="scaled")(scaling)
    scale = keras.Model(words, scaled, name="scale")

    features = keras.Input((n_inputs,), name="features")
    code_input = keras.Input((config.latent,), name="code_input")
    body = hidden(features, "encoder", config.hidden)
    code = dense("code", config.latent)(body)
    code = qkeras.QActivation(signed_bits(config.code), name="code_quantized")(code)
    heads = [code]
    if config.kind == "variational":
        heads.append(keras.layers.Dense(config.latent, name="log_variance")(body))
    encoder = keras.Model(features, heads, name="encoder")

    tensor = hidden(code_input, "decoder", config.hidden[::-1])
    tensor = dense("output", n_inputs)(tensor)
    tensor = qkeras.QActivation(signed_bits(config.inputs), name="reconstruction")(tensor)
    decoder = keras.Model(code_input, tensor, name="decoder")

    code = _flat(encoder, scaled, stop=("log_variance",))
    residual = keras.layers.Subtract(name="residual")([scaled, _flat(decoder, code)])
    deployed, squared_error = (
        keras.Model(words, keras.layers.Dot(axes=1, name="score")([vector, vector]), name=name)
        for name, vector in (("deployed", code), ("squared_error", residual))
    )
    if config.kind != "variational":
        deployed = squared_error
    return Autoencoder(scale, encoder, decoder, deployed, squared_error)


def _flat(model: keras.Model, tensor: Any, stop: Sequence[str] = ()) -> Any:
    """Apply a chain of layers one by one, so that the deployed model holds no nested model."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer) or layer.name in stop:
            continue
        tensor = layer(tensor)
    return tensor
