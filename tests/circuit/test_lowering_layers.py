"""Layers with weights: the circuit gives what Keras gives, whatever the options."""

from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from hypothesis import given, settings
from hypothesis import strategies as st

from l1ae.circuit import lower
from l1ae.errors import ConversionError

from ..lowered import assert_exact, bits, chain, quantized

KERNEL: dict[str, Any] = {"kernel_quantizer": bits(5, 2), "bias_quantizer": bits(6, 2)}
DEPTHWISE: dict[str, Any] = {"depthwise_quantizer": bits(5, 2), "bias_quantizer": bits(6, 2)}
SEPARABLE: dict[str, Any] = {**DEPTHWISE, "pointwise_quantizer": bits(4, 2)}


@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 2, 4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"activation": qkeras.quantized_relu(5, 3)}], ids=str)
def test_dense_on_vectors_sequences_and_images(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    lowered = assert_exact(chain(shape, qkeras.QDense(3, name="dense", **KERNEL, **options)))
    assert lowered.circuit.output.name == "dense"
    assert lowered.circuit.output.shape == (*shape[:-1], 3)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "options",
    [{}, {"strides": 2}, {"strides": 3}, {"dilation_rate": 2}, {"groups": 2, "filters": 4}, {"use_bias": False}],
    ids=str,
)
def test_convolutions_along_a_sequence(padding: str, options: dict[str, Any]) -> None:
    settings = {"filters": 3, "kernel_size": 3, "padding": padding, **KERNEL, **options}
    lowered = assert_exact(chain((8, 2), qkeras.QConv1D(name="conv", **settings)))
    assert lowered.circuit.output.name == "conv"


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"strides": (2, 1)},
        {"strides": (3, 2), "kernel_size": (2, 3)},
        {"dilation_rate": (2, 1)},
        {"dilation_rate": 2},
        {"groups": 2},
        {"groups": 2, "dilation_rate": (1, 2)},
        {"use_bias": False},
        {"mask": np.array([[1, 0], [1, 1]], dtype=np.float32)},
        {"activation": "relu"},
    ],
    ids=str,
)
def test_convolutions_of_images(padding: str, options: dict[str, Any]) -> None:
    settings = {"filters": 4, "kernel_size": 2, "padding": padding, **KERNEL, **options}
    assert_exact(chain((5, 6, 2), qkeras.QConv2D(name="conv", **settings)))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "options",
    [{}, {"strides": (2, 1)}, {"dilation_rate": (2, 1)}, {"depth_multiplier": 2}, {"use_bias": False}],
    ids=str,
)
def test_convolutions_channel_by_channel(padding: str, options: dict[str, Any]) -> None:
    layer = qkeras.QDepthwiseConv2D((2, 3), name="depthwise", padding=padding, **DEPTHWISE, **options)
    assert_exact(chain((5, 6, 3), layer))


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "options", [{}, {"strides": 2}, {"dilation_rate": 2}, {"depth_multiplier": 2}, {"activation": bits(4, 4)}], ids=str
)
def test_separable_convolutions(padding: str, options: dict[str, Any]) -> None:
    settings = {"padding": padding, **SEPARABLE, **options}
    model = chain((5, 6, 2), qkeras.QSeparableConv2D(3, 2, name="separable", **settings))
    assert_exact(model if len(options) == 0 or padding == "valid" else alike(settings))


def alike(settings: dict[str, Any]) -> Any:
    """The same along a sequence."""
    return chain((7, 2), qkeras.QSeparableConv1D(3, 2, name="separable", **settings))


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"folding_mode": "batch_stats_folding"}], ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_batch_normalization_inside_of_a_layer(options: dict[str, Any], seed: int) -> None:
    fine = {"kernel_quantizer": bits(10, 3), "bias_quantizer": bits(10, 3)}
    assert_exact(chain((4, 5), qkeras.QDenseBatchnorm(7, name="folded", **fine, **options), seed=seed))
    assert_exact(chain((5, 4, 2), qkeras.QConv2DBatchnorm(6, 2, name="folded", **fine, **options), seed=seed))
    fine["depthwise_quantizer"] = fine.pop("kernel_quantizer")
    layer = qkeras.QDepthwiseConv2DBatchnorm((2, 2), depth_multiplier=2, name="folded", **fine, **options)
    assert_exact(chain((5, 4, 2), layer, seed=seed))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_convolutions_of_any_geometry(data: st.DataObject) -> None:
    def draw(low: int, high: int) -> int:
        return data.draw(st.integers(low, high))

    kernel, strides, dilation = ((draw(1, 3), draw(1, 3)) for _ in range(3))
    dilation = dilation if strides == (1, 1) else (1, 1)
    size = tuple((length - 1) * step + 1 + draw(0, 3) for length, step in zip(kernel, dilation, strict=True))
    groups, padding = draw(1, 3), data.draw(st.sampled_from(["valid", "same"]))
    geometry = {"kernel_size": kernel, "strides": strides, "dilation_rate": dilation, "padding": padding}
    if draw(0, 1):
        layer = qkeras.QDepthwiseConv2D(depth_multiplier=draw(1, 2), **geometry, **DEPTHWISE)
        model = chain((*size, draw(1, 3)), layer)
    else:
        layer = qkeras.QConv2D(groups * draw(1, 2), groups=groups, use_bias=bool(draw(0, 1)), **geometry, **KERNEL)
        model = chain((*size, groups * draw(1, 2)), layer)
    try:
        lower(model)
    except ConversionError as error:
        assert "TensorFlow computes strides" in str(error)  # noqa: PT017  (the others have to go through)
    else:
        assert_exact(model)


def test_training_goes_on_as_before(keras_trace: Any) -> None:
    """Reading and tracing a model leaves its layers as they were."""
    model = chain((5,), qkeras.QDenseBatchnorm(3, name="folded", **KERNEL), quantized(bits(5, 3), "last"))
    uses = [len(layer._inbound_nodes) for layer in model.layers]
    weights = [np.array(weight) for weight in model.get_weights()]
    assert_exact(model)
    assert [len(layer._inbound_nodes) for layer in model.layers] == uses
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def dyadic_norm(layer: Any, factor: list[float], offset: list[float], model: Any) -> Any:
    """The model, whose normalization `layer` becomes factor * x + offset."""
    layer.moving_variance.assign(np.ones(len(factor)))
    layer.moving_mean.assign(np.zeros(len(factor)))
    layer.gamma.assign(factor)
    layer.beta.assign(offset)
    return model


@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)], ids=str)
def test_batch_normalization_by_short_binary_fractions(shape: tuple[int, ...]) -> None:
    norm = keras.layers.BatchNormalization(epsilon=0.0, name="norm")
    model = dyadic_norm(norm, [0.5, -2.0, 0.625], [0.25, -1.5, 0.0], chain(shape, norm))
    norm.moving_mean.assign([1.0, 0.5, -2.0])
    assert_exact(model)


@pytest.mark.parametrize(
    "options", [{}, {"scale": False}, {"center": False}, {"scale": False, "center": False}], ids=str
)
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 3)], ids=str)
def test_quantized_batch_normalization(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    none = dict.fromkeys(("variance_quantizer", "gamma_quantizer"))
    few = {"beta_quantizer": bits(5, 2), "mean_quantizer": bits(4, 2), "inverse_quantizer": bits(6, 2)}
    assert_exact(chain(shape, qkeras.QBatchNormalization(name="norm", **none, **few, **options)))


def test_one_factor_and_offset_for_all() -> None:
    assert_exact(
        chain((3, 4), qkeras.QScaleShift(weight_quantizer=bits(5, 2), bias_quantizer=bits(5, 2), name="shift"))
    )
    assert_exact(chain((6,), keras.layers.Rescaling(0.125, offset=-0.5, name="rescaled")))
