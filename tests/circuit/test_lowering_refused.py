"""Layers and options without an exact meaning, each refused by name, in one line, with what to do instead."""

from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from keras import layers

from l1ae.circuit import lower
from l1ae.errors import ConversionError

from ..lowered import bits, chain, quantized

KERNEL: dict[str, Any] = {"kernel_quantizer": bits(5, 2), "bias_quantizer": bits(6, 2)}
NORM = [f"{part}_quantizer" for part in ("beta", "gamma", "mean", "variance")]
VECTOR, SEQUENCE, IMAGE = (4,), (5, 3), (4, 4, 2)


def conv(**options: Any) -> Any:
    return qkeras.QConv2D(**{"filters": 2, "kernel_size": 2, "name": "conv", **KERNEL, **options})


class RepeatVectors(layers.Layer):
    """A layer of somebody else, with a name like that of a layer of Keras."""

    def call(self, inputs: Any) -> Any:
        return inputs


NAN = keras.initializers.Constant(np.nan)


def square(tensor: Any) -> Any:
    return layers.Reshape((2, 2))(tensor)


def adaptive() -> Any:
    layer = qkeras.QAdaptiveActivation("quantized_bits", 6, name="adaptive", current_step=keras.Variable(1.0))
    layer.build((None, 4))
    layer.quantizer.integer.assign([2])
    return layer


@pytest.mark.parametrize(
    ("shape", "layer", "message"),
    [
        (VECTOR, lambda: layers.Dense(3, name="x"), "x: Dense has no exact.*floats; use QDense"),
        (IMAGE, lambda: layers.Conv2D(2, 2, name="x"), "x: Conv2D has no exact.*use QConv2D"),
        (SEQUENCE, lambda: layers.SeparableConv1D(2, 2, name="x"), "x: SeparableConv1D.*use QSeparableConv1D"),
        (IMAGE, lambda: qkeras.QConv2DTranspose(2, 2, name="x"), "x: QConv2DTranspose.*use UpSampling2D"),
        (SEQUENCE, lambda: layers.LSTM(2, name="x"), "x: LSTM has no exact.*use QConv1D"),
        (SEQUENCE, lambda: qkeras.QLSTM(2, name="x"), ": QLSTM has no exact.*use QConv1D"),
        (VECTOR, lambda: layers.UnitNormalization(name="x"), "x: UnitNormalization has no exact.*docs/convert.md"),
        (SEQUENCE, lambda: RepeatVectors(name="x"), "x: RepeatVectors has.*nearest supported layer is RepeatVector$"),
        (VECTOR, lambda: layers.Softmax(name="x"), "x: Softmax has no exact.*leave it out"),
        (VECTOR, lambda: layers.Activation("softmax", name="x"), "x: softmax"),
        (VECTOR, lambda: layers.Activation("tanh", name="x"), "x: activation tanh.*quantized_tanh"),
        (VECTOR, lambda: layers.PReLU(name="x"), "x: PReLU learns a float slope.*LeakyReLU"),
        (VECTOR, lambda: layers.LeakyReLU(0.3, name="x"), "x: negative_slope=0.3 is no power of two"),
        (VECTOR, lambda: layers.ReLU(threshold=0.5, name="x"), "x: threshold=0.5"),
        (VECTOR, adaptive, r"adaptive: QAdaptive.*put QActivation\(quantized_bits\(6, 2, symmetric=True"),
        (VECTOR, lambda: layers.Lambda(lambda x: x, name="x"), "x: Lambda has no exact.*use layers"),
        (VECTOR, lambda: layers.Normalization(mean=1.0, variance=2.0, name="x"), "x: Normalization.*use InputScaling"),
        (VECTOR, lambda: qkeras.QDense(3, name="x"), "x: no kernel_quantizer; set kernel_quantizer=quantized_bits"),
        (VECTOR, lambda: qkeras.QDense(3, kernel_quantizer=bits(), name="x"), "x: no bias_quantizer"),
        (VECTOR, lambda: qkeras.QDenseBatchnorm(3, kernel_quantizer=bits(), name="x"), "x: no bias_quantizer"),
        (VECTOR, lambda: qkeras.QDense(3, name="x", dtype="float64", **KERNEL), "x: its dtype is float64; build"),
        (VECTOR, lambda: qkeras.QActivation(bits(), name="x", dtype="mixed_bfloat16"), "x: its dtype is mixed"),
        (VECTOR, lambda: qkeras.QDense(3, name="x", **{**KERNEL, "kernel_quantizer": bits(alpha="auto")}),
         r"x \(kernel_quantizer\): alpha='auto' scales by a float.*snap_scales"),
        (IMAGE, lambda: conv(data_format="channels_first"), "conv: data_format='channels_first'; set data_format="),
        (IMAGE, lambda: layers.Flatten(data_format="channels_first", name="x"), "x: data_format='channels_first'"),
        (IMAGE, lambda: conv(mask=np.full((2, 2), 0.5, dtype=np.float32)), "conv: its mask holds other numbers than 0"),
        (IMAGE, lambda: qkeras.QConv2DBatchnorm(2, 2, name="x", mask=np.eye(2, dtype=np.float32), **KERNEL),
         "x: QKeras ignores the mask of a QConv2DBatchnorm; leave it out"),
        ((3, 3, 1), lambda: conv(strides=(1, 2)), r"TensorFlow computes strides=\(1, 2\) wrongly.*set strides=\(1, 1"),
        (SEQUENCE, lambda: qkeras.QConv1D(2, 2, padding="causal", name="x", **KERNEL),
         "x: padding='causal': QKeras cannot compute it; put ZeroPadding1D in front"),
        (IMAGE, lambda: layers.AveragePooling2D(3, name="x"), "x: an average of 9 is no fixed-point number; take"),
        (SEQUENCE, lambda: layers.GlobalAveragePooling1D(name="x"), "x: an average of 5 is no fixed-point"),
        (IMAGE, lambda: layers.AveragePooling2D(2, strides=1, padding="same", name="x"), "x: padding='same' averages"),
        (IMAGE, lambda: qkeras.QAveragePooling2D((4, 4), average_quantizer=bits(alpha=0.3), name="x"),
         r"x \(average_quantizer\): alpha=0.3 scales by a float"),
        (IMAGE, lambda: layers.UpSampling2D(interpolation="bilinear", name="x"), "x: interpolation='bilinear' mixes"),
        (VECTOR, lambda: layers.Rescaling(1 / 255, name="x"), "x: Rescaling multiplies with.*too many.*powers"),
        (VECTOR, lambda: layers.BatchNormalization(name="x"),
         r"x: BatchNormalization multiplies with floats of too many bits.*fold_batchnorm=True \(--fold-batchnorm\)"),
        (SEQUENCE, lambda: layers.BatchNormalization(axis=1, name="x"), "x: axis=1; only the last axis.*set axis=-1"),
        (VECTOR, lambda: layers.BatchNormalization(name="x", moving_mean_initializer=NAN),
         "x: BatchNormalization has values that are not finite"),
        (VECTOR, lambda: qkeras.QDense(2**18 + 1, name="x", **KERNEL),
         "x: it has 1048580 multiplications at once, and 1048576 are supported; take fewer units"),
        ((33, 32, 4), lambda: qkeras.QConv2D(32, 3, padding="same", name="x", **KERNEL),
         "x: 1152 weights at 1056 positions are 1216512 multiplications at once.*larger strides"),
        (VECTOR, lambda: qkeras.QBatchNormalization(name="x", activation="relu", **dict.fromkeys(NORM)),
         "x: QKeras ignores the activation of a QBatchNormalization; put a QActivation behind"),
        (SEQUENCE, lambda: layers.TimeDistributed(qkeras.QDense(2, **KERNEL), name="x"), "x: TimeDistr.*layer inside"),
        (VECTOR, lambda: layers.Reshape((2, 2, 1, 1), name="four"), r"four: shape .*one to three dimensions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refused_layers(shape: tuple[int, ...], layer: Any, message: str) -> None:
    model = plain(shape, layer())
    with pytest.raises(ConversionError, match=message) as caught:
        lower(model)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:'.*' deprecated:DeprecationWarning")  # QKeras reads its defaults with pyparsing
def test_a_normalization_with_the_options_of_qkeras_says_how_to_fold_it() -> None:
    model = plain(VECTOR, qkeras.QBatchNormalization(name="x"))
    with pytest.raises(ConversionError, match=r"x: QBatchNormalization multiplies.*--fold-batchnorm"):
        lower(model)


def plain(shape: tuple[int, ...], layer: Any) -> Any:
    """A model with the layer behind a port, its weights as Keras initializes them."""
    words = keras.Input(shape, name="words")
    return keras.Model(words, layer(quantized(bits(), "port")(words)))


@pytest.mark.xfail(strict=False, reason="TensorFlow 2.21 with oneDNN; where it is right the layer need not be refused")
def test_what_tensorflow_computes_wrongly() -> None:
    images, kernel = np.ones((3, 3, 3, 1), dtype=np.float32), np.ones((1, 2, 1, 1), dtype=np.float32)
    found = np.asarray(keras.ops.conv(images, kernel, strides=(1, 2)))
    np.testing.assert_array_equal(found, np.full((3, 3, 1, 1), 2.0))


def test_weights_that_are_not_finite() -> None:
    model = chain((4,), qkeras.QDense(3, name="dense", **KERNEL))
    model.get_layer("dense").kernel.assign(np.full((4, 3), np.nan))
    with pytest.raises(ConversionError, match=r"dense \(kernel_quantizer\): it holds values that are not finite"):
        lower(model)


def test_factors_that_are_drawn_anew_in_every_call() -> None:
    layer = qkeras.QBatchNormalization(name="norm", **{**dict.fromkeys(NORM), "beta_quantizer": qkeras.bernoulli()})
    with pytest.raises(ConversionError, match=r"norm \(beta_quantizer\): it gives other values every time"):
        lower(plain((64,), layer))


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        (lambda a, b: layers.Dot(axes=1, normalize=True, name="x")([a, b]), "x: normalize=True divides"),
        (
            lambda a, b: layers.Dot(axes=2, name="x")([square(a), square(b)]),
            "x: axes=2",
        ),
        (lambda a, b: layers.Average(name="x")([a, b, a]), "x: an average of 3 is no fixed-point"),
        (
            lambda a, b: layers.Attention(name="x")([square(a), square(b)]),
            "x: Attention",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_merges(merge: Any, message: str) -> None:
    words = keras.Input((4,), name="words")
    port = quantized(bits(), "port")(words)
    with pytest.raises(ConversionError, match=message):
        lower(keras.Model(words, merge(port, quantized(bits(4, 2))(port))))


def test_a_float_type_of_keras_other_than_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    model = chain((3,))
    monkeypatch.setattr(keras.config, "floatx", lambda: "float64")
    with pytest.raises(ConversionError, match="Keras computes in float64; set"):
        lower(model)


def test_a_factor_that_float32_would_round_in_qkeras() -> None:
    layer = qkeras.QAveragePooling2D((4, 4), average_quantizer=bits(8, 1), name="x")
    with pytest.raises(ConversionError, match="x: QKeras multiplies its input by 16 first, which float32 rounds"):
        lower(chain((4, 4, 2), layer, port=bits(20, 5)))
