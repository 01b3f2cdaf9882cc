"""Anomaly scores inside the deployed model: what the firmware puts out and the trigger cuts on.

Large means anomalous. A score that keeps the order of events gives the same trigger at the corresponding threshold, so
the cheaper one is deployed: the squared error instead of its root or of its mean over the inputs, the squared radius
instead of the radius. The others order events differently and are choices of their own: the absolute error against the
squared one, the weighted radius and the KL term against the radius.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from l1ae.autoencoder.architectures import Autoencoder, apply
from l1ae.autoencoder.front import momentum_of_each, presence
from l1ae.autoencoder.layers import InputScaling, Select, SumOver, TableLookup
from l1ae.events.layout import Layout
from l1ae.records import SignedPrecision
from l1ae.settings import AutoencoderConfig, InputsConfig

_KL_WIDTH = 16  # bits of an entry of the tables of the KL term: most events have a small one, and it must not become 0


def deploy(
    autoencoder: Autoencoder,
    config: AutoencoderConfig,
    inputs: InputsConfig,
    layout: Layout,
    *,
    score: str | None = None,
    shifts: NDArray[np.int64] | None = None,
    prior_width: float = 1.0,
) -> keras.Model:
    """The deployed model, words (N, n) -> score (N, 1), as a flat graph of layers that all have exact integer meaning.

    `score`: that of the configuration unless another one is wanted. `shifts`: powers of two of the weighted radius, one
    per dimension of the code. `prior_width`: of the KL term.
    """
    name = score or config.given_score
    body = apply(autoencoder.chains.body, autoencoder.target)
    code = apply(autoencoder.chains.code, body)
    if name == "student":
        return keras.Model(autoencoder.words, code, name="deployed")
    if name == "radius":
        return keras.Model(autoencoder.words, radius(code), name="deployed")
    if name == "weighted_radius":
        return keras.Model(autoencoder.words, weighted_radius(code, shifts), name="deployed")
    if name == "kl":
        log_variance = apply(autoencoder.chains.log_variance, body)
        return keras.Model(autoencoder.words, kl(code, log_variance, config.code, prior_width), name="deployed")
    residual = keras.layers.Subtract(name="residual")([autoencoder.target, apply(autoencoder.chains.decoder, code)])
    if config.mask_absent:
        port = autoencoder.inputs.get_layer("port").output
        residual = keras.layers.Multiply(name="masked")([residual, presence(port, layout)])
    precision = config.embedding.precision if config.embedding is not None else inputs.precision
    result = squared_error(residual) if name == "squared_error" else absolute_error(residual, precision)
    return keras.Model(autoencoder.words, result, name="deployed")


def squared_error(residual: Any) -> Any:
    """Sum of the squared residuals; keeps the order of the mean squared error and of its root."""
    return keras.layers.Dot(axes=1, name="score")([residual, residual])


def absolute_error(residual: Any, precision: SignedPrecision) -> Any:
    """Sum of the absolute residuals, the difference of two words of `precision` each, by one table."""
    words = np.arange(-(2**precision.width), 2**precision.width)  # one bit more than either
    magnitude = TableLookup(
        [np.abs(words).tolist()],
        low=int(words[0]),
        fraction_in=precision.fraction,
        fraction_out=precision.fraction,
        name="magnitude",
    )
    return SumOver(name="score")(magnitude(residual))


def radius(code: Any) -> Any:
    """Squared radius of the latent mean, sum(mu**2); keeps the order of the radius (arXiv:2108.03986)."""
    return keras.layers.Dot(axes=1, name="score")([code, code])


def weighted_radius(code: Any, shifts: NDArray[np.int64] | None) -> Any:
    """sum((mu * 2**-shift)**2): the R_z = sum(mu**2 / sigma**2) of arXiv:2108.03986 with powers of two for sigma."""
    n = int(code.shape[-1])
    powers = [0] * n if shifts is None else [int(shift) for shift in shifts]
    weighted = InputScaling([0] * n, powers, name="weighted")(code)
    return keras.layers.Dot(axes=1, name="score")([weighted, weighted])


def sigma_shifts(log_variance: NDArray[np.floating]) -> NDArray[np.int64]:
    """The power of two nearest to the root mean square of sigma, per dimension of log variances (N, latent).

    Counted from the smallest, because a common factor does not change the order of events.
    """
    sigma = np.log2(np.exp(np.asarray(log_variance, dtype=np.float64)).mean(axis=0)) / 2
    shifts = np.rint(sigma).astype(np.int64)
    return np.minimum(shifts - shifts.min(), 8)


def kl(mean: Any, log_variance: Any, precision: SignedPrecision, prior_width: float) -> Any:
    """KL divergence of the code from its prior, two exact tables per dimension and a sum.

    sum of (mu**2 / w**2 + exp(v) - 1 - v) / 2, v = log variance - 2 ln w (arXiv:1312.6114, appendix B), each term
    rounded to a common last bit and saturated to 16 bits.
    """
    half = 2 ** (precision.width - 1)
    values = np.arange(-half, half) * 2.0**-precision.fraction
    of_mean = np.square(values / prior_width) / 2
    scaled = values - 2 * np.log(prior_width)
    of_variance = (np.exp(scaled) - 1 - scaled) / 2
    # Sigma far above the prior's would need many more bits than all the rest; it saturates.
    largest = max(float(of_mean.max()), float(of_variance[0]), 2.0)
    fraction = _KL_WIDTH - int(np.ceil(np.log2(largest)))

    def table(curve: NDArray[np.float64], name: str) -> TableLookup:
        entries = np.clip(np.rint(np.ldexp(curve, fraction)), 0, 2**_KL_WIDTH - 1).astype(int)
        return TableLookup(
            [entries.tolist()], low=-half, fraction_in=precision.fraction, fraction_out=fraction, name=name
        )

    terms = [table(of_mean, "mean_term")(mean), table(of_variance, "variance_term")(log_variance)]
    return SumOver(name="score")(keras.layers.Add(name="kl_terms")(terms))


def deploy_float(
    autoencoder: Autoencoder,
    config: AutoencoderConfig,
    layout: Layout,
    *,
    shifts: NDArray[np.int64] | None = None,
    prior_width: float = 1.0,
) -> keras.Model:
    """The same score of a float network, words (N, n) -> score (N, 1), in float32: a comparison, never firmware."""
    name = config.given_score
    encoded: Any = autoencoder.encoder(autoencoder.target)
    code, log_variance = encoded if autoencoder.variational else (encoded, 0.0)
    if name == "student":
        result = code
    elif name in ("radius", "weighted_radius"):
        powers = np.zeros(config.latent) if shifts is None else np.asarray(shifts, dtype=np.float64)
        result = ops.sum(ops.square(code * np.exp2(-powers).astype(np.float32)), axis=1, keepdims=True)
    elif name == "kl":
        scaled = log_variance - 2 * float(np.log(prior_width))
        terms = ops.square(code / prior_width) + ops.exp(scaled) - 1 - scaled
        result = ops.sum(terms, axis=1, keepdims=True) / 2
    else:
        residual = autoencoder.target - autoencoder.decoder(code)  # type: ignore[misc]
        if config.mask_absent:
            momenta = Select(momentum_of_each(layout), name="momenta")
            residual = residual * ops.minimum(ops.maximum(momenta(autoencoder.words), 0.0), 1.0)
        error = ops.square(residual) if name == "squared_error" else ops.absolute(residual)
        result = ops.sum(error, axis=1, keepdims=True)
    return keras.Model(autoencoder.words, result, name="float")
