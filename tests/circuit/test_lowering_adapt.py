"""Models that are changed so that they have exact firmware: what is folded, what is snapped, what is told."""

from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from keras import layers

from l1ae.circuit import lower
from l1ae.circuit.lowering_adapt import adapt
from l1ae.errors import ConversionError

from ..lowered import assert_exact, bits, chain, quantized, with_weights

FINE: dict[str, Any] = {"kernel_quantizer": bits(14, 6), "bias_quantizer": bits(14, 6)}
FINE_DEPTHWISE: dict[str, Any] = {"depthwise_quantizer": bits(14, 6), "bias_quantizer": bits(14, 6)}


def norm(name: str = "norm", **options: Any) -> Any:
    return layers.BatchNormalization(name=name, **options)


LINEAR: dict[str, tuple[tuple[int, ...], Any]] = {
    "QDense": ((4,), lambda **o: qkeras.QDense(3, name="linear", **{**FINE, **o})),
    "QDense on a sequence": ((5, 4), lambda **o: qkeras.QDense(3, name="linear", **{**FINE, **o})),
    "QConv1D": ((6, 2), lambda **o: qkeras.QConv1D(3, 2, name="linear", **{**FINE, **o})),
    "QConv2D": ((5, 4, 2), lambda **o: qkeras.QConv2D(3, 2, name="linear", **{**FINE, **o})),
    "QDepthwiseConv2D": (
        (5, 4, 2),
        lambda **o: qkeras.QDepthwiseConv2D(2, depth_multiplier=2, name="linear", **{**FINE_DEPTHWISE, **o}),
    ),
    "QSeparableConv1D": (
        (6, 2),
        lambda **o: qkeras.QSeparableConv1D(
            3, 2, name="linear", pointwise_quantizer=bits(14, 6), **{**FINE_DEPTHWISE, **o}
        ),
    ),
    "QSeparableConv2D": (
        (5, 4, 2),
        lambda **o: qkeras.QSeparableConv2D(
            3, 2, name="linear", pointwise_quantizer=bits(14, 6), **{**FINE_DEPTHWISE, **o}
        ),
    ),
}


def close(a: Any, b: Any, values: np.ndarray, within: float) -> None:
    difference = np.abs(np.asarray(a(values)) - np.asarray(b(values)))
    assert difference.max() < within
    assert np.abs(np.asarray(a(values))).max() > 10 * within


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((kind, {}) for kind in LINEAR),
        ("QDense", {"use_bias": False}),
        ("QDense", {"use_bias": False, "bias_quantizer": None}),
        ("QDepthwiseConv2D", {"use_bias": False, "bias_quantizer": None}),
    ],
    ids=str,
)
def test_a_normalization_goes_into_the_layer_in_front(kind: str, options: dict[str, Any]) -> None:
    shape, linear = LINEAR[kind]
    model = chain(shape, linear(**options), norm(), quantized(bits(12, 6), "last"))
    weights = [np.array(weight) for weight in model.get_weights()]
    with pytest.raises(ConversionError, match=r"norm: BatchNormalization .*fold_batchnorm=True"):
        lower(model)
    adapted, (note,) = adapt(model, fold_batchnorm=True)
    assert_exact(adapted)
    close(model, adapted, np.random.default_rng(0).normal(0, 2, (200, *shape)).astype(np.float32), 0.2)
    assert note.startswith("layer norm: folded into linear; its weights change by up to 0.")
    assert ("; its new bias_quantizer is quantized_bits(" in note) == ("bias_quantizer" in options)
    assert "\n" not in note
    for old, new in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_folded_model_can_be_trained_and_saved(tmp_path: Any) -> None:
    adapted, _ = adapt(chain((4,), LINEAR["QDense"][1](), norm(), quantized(bits(9, 5))), fold_batchnorm=True)
    before = adapted.get_layer("linear").kernel.numpy().copy()
    adapted.compile("sgd", "mse")
    adapted.fit(np.ones((8, 4)), np.zeros((8, 3)), verbose=0)
    assert (adapted.get_layer("linear").kernel.numpy() != before).any()
    adapted.save(tmp_path / "model.keras")
    assert lower(keras.models.load_model(tmp_path / "model.keras")) == lower(adapted)


def test_a_compiled_model_with_a_loss_of_its_own() -> None:
    model = chain((4,), LINEAR["QDense"][1](), norm(), quantized(bits(9, 5)))
    model.compile("sgd", lambda wanted, given: keras.ops.mean(wanted - given))
    adapted, _ = adapt(model, fold_batchnorm=True)
    assert model.compiled
    assert not adapted.compiled
    assert_exact(adapted)


def test_the_change_that_is_told_is_the_change() -> None:
    model = chain((4,), qkeras.QDense(3, name="linear", kernel_quantizer=bits(4, 2), bias_quantizer=bits(6, 2)), norm())
    layer, batch = model.get_layer("linear"), model.get_layer("norm")
    layer.set_weights([np.full((4, 3), 0.5), np.zeros(3)])
    # y = 1.4 * x + 1: kernel 0.7, whose nearest multiple of a quarter is 0.75; the last channel leaves the range.
    batch.set_weights([np.array([1.4, 1.4, 5.0]), np.ones(3), np.zeros(3), np.ones(3) - batch.epsilon])
    adapted, (note,) = adapt(model, fold_batchnorm=True)
    kernel, bias = (np.asarray(weight) for weight in adapted.get_layer("linear").weights)
    np.testing.assert_allclose(kernel[0], [0.7, 0.7, 2.5])
    np.testing.assert_allclose(bias, 1.0)
    assert "weights change by up to 3 LSB (0.75), 4 of 12 lie beyond ap_fixed<4,2,RND_CONV,SAT>" in note
    assert "biases change by up to 0 LSB (0)" in note


def test_nested_models_shared_layers_and_quantized_normalizations() -> None:
    inner_input = keras.Input((3,))
    block = qkeras.QBatchNormalization(
        name="norm", beta_quantizer=None, mean_quantizer=None, gamma_quantizer=None, variance_quantizer=None
    )
    tensor = block(qkeras.QDense(3, name="inner_dense", **FINE)(inner_input))
    inner = keras.Model(inner_input, quantized(bits(6, 3), "inner_last")(tensor), name="inner")
    words = keras.Input((3,), name="words")
    shared = qkeras.QDense(3, name="shared", **FINE)
    tensor = quantized(bits(6, 3))(shared(quantized(bits(6, 3), "port")(words)))
    tensor = quantized(bits(6, 3))(shared(inner(tensor)))
    tensor = norm("outer_norm")(layers.Dropout(0.2)(qkeras.QDense(2, name="dense", **FINE)(tensor)))
    model = with_weights(keras.Model(words, [tensor, shared(inner(quantized(bits(5, 3))(words)))], name="outer"))
    with pytest.raises(ConversionError, match="norm: it cannot be folded, because norm is used more than once"):
        adapt(model, fold_batchnorm=True)
    model = with_weights(keras.Model(words, tensor, name="outer"))
    adapted, notes = adapt(model, fold_batchnorm=True)
    assert [note.split(";")[0] for note in notes] == [
        "layer norm: folded into inner_dense",
        "layer outer_norm: folded into dense",
    ]
    assert adapted.name == "outer"
    assert_exact(adapted)
    values = np.random.default_rng(0).normal(0, 2, (200, 3)).astype(np.float32)
    close(model, adapted, values, 0.5)


def test_sequential_models_stay_sequential() -> None:
    model = keras.Sequential(
        [keras.Input((4,)), quantized(bits()), LINEAR["QDense"][1](), norm(), quantized(bits(9, 5))]
    )
    adapted, notes = adapt(with_weights(model), fold_batchnorm=True)
    assert isinstance(adapted, keras.Sequential)
    assert len(notes) == 1
    assert_exact(adapted)
    late = keras.Sequential([quantized(bits()), dense(), norm(), quantized(bits(9, 5))])
    late.build((None, 4))
    assert_exact(adapt(with_weights(late), fold_batchnorm=True)[0])


def test_inputs_keep_their_names() -> None:
    unnamed, named = keras.Input((4,)), keras.Input((4,), name="named")
    ports = [quantized(bits(6, 3))(unnamed), quantized(bits(6, 3))(named)]
    model = with_weights(keras.Model([named, unnamed], norm()(dense()(layers.Add()(ports)))))
    adapted, _ = adapt(model, fold_batchnorm=True)
    names = [[tensor._keras_history.operation.name for tensor in one.inputs] for one in (model, adapted)]
    assert names[0] == names[1]
    assert [port.name for port in lower(adapted).inputs] == names[0]


def test_layers_with_a_normalization_inside_are_copied_too() -> None:
    model = chain(
        (4,), qkeras.QDenseBatchnorm(3, name="inside", **FINE), quantized(bits(5, 3)), LINEAR["QDense"][1](), norm()
    )
    adapted, _ = adapt(model, fold_batchnorm=True)
    values = np.random.default_rng(0).normal(0, 2, (100, 4)).astype(np.float32)
    taps = [keras.Model(m.input, m.get_layer("inside").output) for m in (model, adapted)]
    np.testing.assert_array_equal(*(np.asarray(tap(values)) for tap in taps))
    assert_exact(adapted)


def test_nothing_to_do_gives_the_model_itself() -> None:
    model = chain((4,), LINEAR["QDense"][1]())
    assert adapt(model) == (model, ())
    assert adapt(model, snap_scales=True, fold_batchnorm=True) == (model, ())


def test_a_normalization_that_is_exact_as_it_is_stays_where_it_cannot_be_folded() -> None:
    batch = norm(epsilon=0.0, gamma_initializer=keras.initializers.Constant(0.5))
    words = keras.Input((4,), name="words")
    model = keras.Model(words, batch(quantized(bits(), "port")(words)))
    assert adapt(model, fold_batchnorm=True) == (model, ())
    assert_exact(model)


def behind(make: Any) -> Any:
    words = keras.Input((4,), name="words")
    port = quantized(bits(), "port")(words)
    return keras.Model(words, make(port))


def dense(name: str = "dense", **options: Any) -> Any:
    return qkeras.QDense(3, name=name, **{**FINE, **options})


def two_readers(port: Any) -> Any:
    linear = dense()(port)
    return layers.Add()([norm()(linear), linear])


def shared_dense(port: Any) -> Any:
    shared = dense()
    return layers.Add()([norm()(shared(port)), shared(quantized(bits(4, 2))(port))])


def also_an_output(port: Any) -> Any:
    linear = dense()(port)
    return [norm()(linear), linear]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda port: norm()(port), "port in front of it is a QActivation"),
        (lambda port: norm()(layers.ReLU(name="relu")(dense()(port))), "relu in front of it is a ReLU"),
        (lambda port: norm()(dense(activation="relu")(port)), "dense in front of it has an activation"),
        (two_readers, "the result of dense in front of it is used elsewhere too"),
        (also_an_output, "the result of dense in front of it is used elsewhere too"),
        (shared_dense, "dense is used more than once"),
        (lambda port: norm(axis=1)(dense()(layers.Reshape((2, 2))(port))), "axis=1 is not that of the channels"),
        (lambda port: norm()(dense(kernel_quantizer=None)(port)), "dense in front of it has no kernel_quantizer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_folded(make: Any, message: str) -> None:
    with pytest.raises(
        ConversionError, match=f"norm: it cannot be folded, because {message}; put it directly"
    ) as caught:
        adapt(with_weights(behind(make)), fold_batchnorm=True)
    assert "\n" not in str(caught.value)


def test_a_normalization_of_an_input() -> None:
    words = keras.Input((4,), name="words")
    with pytest.raises(ConversionError, match="because it stands behind an input"):
        adapt(keras.Model(words, norm()(words)), fold_batchnorm=True)


def test_float_scales_become_powers_of_two() -> None:
    auto = {"kernel_quantizer": bits(6, 1, alpha="auto"), "bias_quantizer": bits(6, 2, alpha=0.7)}
    relu = qkeras.quantized_bits(6, 2, alpha=1.4)
    model = chain((4,), qkeras.QDense(3, name="dense", activation=relu, **auto), quantized(bits(6, 3), "last"))
    with pytest.raises(ConversionError, match="snap_scales"):
        lower(model)
    adapted, notes = adapt(model, snap_scales=True)
    assert [note.split(":")[0] for note in notes] == [
        "layer dense (kernel_quantizer)",
        "layer dense (bias_quantizer)",
        "layer dense",
    ]
    assert_exact(adapted)
    assert model.get_layer("dense").kernel_quantizer_internal.alpha == "auto"


def test_scales_of_layers_with_a_normalization_inside_and_of_separable_convolutions(tmp_path: Any) -> None:
    options = {"kernel_quantizer": bits(6, 1, alpha="auto"), "bias_quantizer": bits(6, 2)}
    separable = {part: bits(6, 1, alpha="auto") for part in ("depthwise_quantizer", "pointwise_quantizer")}
    model = chain(
        (5, 3),
        qkeras.QDenseBatchnorm(4, name="inside", **options),
        quantized(bits(6, 3, alpha=0.9), "between"),
        qkeras.QSeparableConv1D(2, 2, name="separable", bias_quantizer=bits(), **separable),
    )
    adapted, notes = adapt(model, snap_scales=True)
    assert [note.split(":")[0] for note in notes] == [
        "layer inside (kernel_quantizer)",
        "layer between",
        "layer separable (depthwise_quantizer)",
        "layer separable (pointwise_quantizer)",
    ]
    assert_exact(adapted)


def test_a_layer_that_cannot_be_copied() -> None:
    class Stubborn(layers.Layer):
        def __init__(self, argument: int, **options: Any) -> None:
            super().__init__(**options)

        def call(self, inputs: Any) -> Any:
            return inputs

        def get_config(self) -> dict[str, Any]:
            return super().get_config()

    model = behind(lambda port: norm()(dense()(Stubborn(3, name="stubborn")(port))))
    with pytest.raises(ConversionError, match="stubborn: Stubborn cannot be copied"):
        adapt(model, fold_batchnorm=True)


@pytest.mark.parametrize("biases", [{"bias_quantizer": bits(12, 4)}, {"bias_quantizer": None}], ids=str)
def test_scales_are_snapped_to_the_folded_weights(biases: dict[str, Any]) -> None:
    automatic = qkeras.quantized_bits(8, 1, alpha="auto")
    model = chain((4,), qkeras.QDense(3, kernel_quantizer=automatic, name="linear", **biases), norm())
    with pytest.raises(ConversionError, match="snap_scales"):
        adapt(model, fold_batchnorm=True)
    adapted, notes = adapt(model, snap_scales=True, fold_batchnorm=True)
    assert [note.split(":")[0] for note in notes] == ["layer linear (kernel_quantizer)", "layer norm"]
    assert "folded into linear" in notes[1]
    assert_exact(adapted)


def test_the_scale_of_an_average_is_snapped() -> None:
    pool = qkeras.QAveragePooling2D(3, average_quantizer=qkeras.quantized_bits(8, 0, alpha=0.7), name="pool")
    adapted, (note,) = adapt(chain((6, 6, 2), pool), snap_scales=True)
    assert note.startswith("layer pool (average_quantizer): alpha of quantized_bits from 0.7 to 0.5")
    assert_exact(adapted)


def test_a_mean_that_no_bias_can_hold_is_refused_by_the_name_of_its_normalization() -> None:
    model = chain((4,), qkeras.QDense(3, kernel_quantizer=bits(8, 2), name="linear"), norm())
    model.get_layer("norm").moving_mean.assign(np.full(3, 1e9))
    with pytest.raises(ConversionError, match=r"norm: folded into linear it gives a bias of .* bits .*bias_quantizer"):
        adapt(model, fold_batchnorm=True)
