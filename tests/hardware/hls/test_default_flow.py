"""What hls4ml 1.3.0 does to QKeras models when nobody stops it: every fault here is one that l1ae works around.

A test that begins to pass says that a fault is gone, and with it a reason for code of ours.
"""

import io
from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from hls4ml.converters import convert_from_keras_model
from hls4ml.converters.keras_v2_to_hls import layer_handlers
from hls4ml.model.graph import ModelGraph
from hls4ml.model.layers import ZeroPadding2D
from hls4ml.model.optimizer.passes import bit_exact
from hls4ml.model.quantizers import QKerasQuantizer

from l1ae.circuit.quantizers import read_quantizer
from l1ae.hardware.hls.conversion import captured

from .conftest import keras_scores, spread_weights

DEFAULT = {"Model": {"Precision": "ap_fixed<16,6>", "ReuseFactor": 1}}
EVENTS = np.random.default_rng(0).uniform(-12, 12, (2000, 6)).astype(np.float32)


def bits(width: int, integer: int, **options: Any) -> Any:
    return qkeras.quantized_bits(width, integer, alpha=1, **options)


def dense(tensor: Any) -> Any:
    return qkeras.QDense(4, kernel_quantizer=bits(6, 1), bias_quantizer=bits(6, 1), name="dense")(tensor)


def model_of(*tail: Any) -> Any:
    """A port, a dense layer, and the layers of `tail`, with random weights."""
    words = keras.Input((6,), name="words")
    tensor = dense(qkeras.QActivation(bits(8, 3), name="port")(words))
    for layer in tail:
        tensor = layer(tensor)
    model = keras.Model(words, tensor)
    spread_weights(model, np.random.default_rng(1))
    return model


def default_types(messages: io.StringIO, model: Any, folder: Any) -> Any:
    """hls4ml's graph of a chain of layers, as its own QKeras readers and its default types make it."""

    class Reader:
        def __init__(self, layer: Any) -> None:
            self.layer = layer

        def get_weights_data(self, _: str, part: str) -> Any:
            return next((np.array(value) for value in self.layer.weights if part in value.name), None)

    layers: list[dict[str, Any]] = [{"name": "words", "class_name": "InputLayer", "input_shape": [6]}]
    for layer in model.layers[1:]:
        description = {
            "config": keras.saving.serialize_keras_object(layer)["config"],
            "class_name": type(layer).__name__,
        }
        description["config"] |= {
            key: {"class_name": value["class_name"], "config": value["config"]}
            for key, value in description["config"].items()
            if isinstance(value, dict) and "class_name" in value
        }
        shape = [None, *layer.input.shape[1:]]
        layers.append(
            layer_handlers[type(layer).__name__](description, [layers[-1]["name"]], [shape], Reader(layer))[0]
        )
    config = {
        "OutputDir": str(folder),
        "ProjectName": "quantized",
        "Backend": "Vitis",
        "IOType": "io_parallel",
        "HLSConfig": DEFAULT,
        "Part": "xcvu13p-flga2577-2-e",
        "ClockPeriod": 5,
        "Version": "1.0.0",
        "WriterConfig": {"Namespace": None, "WriteWeightsTxt": True, "WriteTar": False, "TBOutputStream": "both"},
    }
    with captured(messages):
        graph = ModelGraph.from_layer_list(config, layers, ["words"], [layers[-1]["name"]])
        graph.compile()
    return graph


def type_of(quantizer: Any) -> Any:
    """The type that hls4ml reads from a quantizer."""
    config = {"class_name": type(quantizer).__name__, "config": quantizer.get_config()}
    with captured(io.StringIO()):
        return QKerasQuantizer(config).hls_type


def test_hls4ml_reads_width_and_point_of_an_ordinary_quantizer() -> None:
    assert (type_of(bits(6, 2)).width, type_of(bits(6, 2)).integer) == (6, 3)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="hls4ml reads bits and integer, and nothing else")
@pytest.mark.parametrize(
    ("quantizer", "option", "value"),
    [
        (bits(6, 2, keep_negative=False), "signed", False),
        (bits(6, 2, symmetric=1), "saturation_mode", "SAT_SYM"),
        (bits(6, 2), "saturation_mode", "SAT"),
        (bits(6, 2), "rounding_mode", "RND_CONV"),
        (qkeras.quantized_bits(6, 2, alpha=2.0), "integer", "4"),
        (bits(4, 4), "integer", "5"),
        (qkeras.quantized_relu(6, 2), "width", "6"),
    ],
    ids=["keep_negative", "symmetric", "saturation", "rounding", "alpha", "as many integer bits", "quantized_relu"],
)
def test_every_option_of_a_quantizer_is_read(quantizer: Any, option: str, value: Any) -> None:
    assert str(getattr(type_of(quantizer), option)) == str(value)


def test_the_same_quantizers_as_l1ae_reads_them() -> None:
    assert str(read_quantizer(bits(6, 2, keep_negative=False), "layer")) == "ap_ufixed<6,2,RND_CONV,SAT>"
    assert str(read_quantizer(bits(6, 2, symmetric=1), "layer")) == "ap_fixed<6,3,RND_CONV,SAT_SYM>"
    assert str(read_quantizer(bits(4, 4), "layer")) == "ap_fixed<4,5,RND_CONV,SAT>"
    assert str(read_quantizer(qkeras.quantized_relu(6, 2), "layer")) == "ap_ufixed<6,2,RND_CONV,SAT>"


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="MergeLinearActivation removes the quantizer")
def test_a_quantizer_behind_a_dense_layer_stays(tmp_path: Any) -> None:
    model = model_of(qkeras.QActivation(bits(5, 2), name="code"))
    graph = default_types(io.StringIO(), model, tmp_path / "default")
    np.testing.assert_array_equal(graph.predict(EVENTS).reshape(-1, 4), keras_scores(model, EVENTS))


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="scale and offset are cut to default types")
def test_batch_normalization_is_exact(tmp_path: Any) -> None:
    words = keras.Input((6,), name="words")
    norm = keras.layers.BatchNormalization(name="norm", epsilon=0.0)
    model = keras.Model(words, norm(words))
    norm.set_weights([np.full(6, 2.0**-12), np.zeros(6), np.zeros(6), np.ones(6)])  # a power of two: no excuse
    with captured(io.StringIO()):
        graph = convert_from_keras_model(
            model, hls_config=DEFAULT, output_dir=str(tmp_path / "norm"), backend="Vitis", allow_da_fallback=False
        )
        graph.compile()
    events = np.rint(EVENTS)
    np.testing.assert_array_equal(graph.predict(events).reshape(-1, 6), keras_scores(model, events))


@pytest.fixture(scope="module")
def wrapping(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A dense layer alone, which hls4ml can convert by default, and its Keras model."""
    words = keras.Input((6,), name="words")
    model = keras.Model(words, dense(words))
    spread_weights(model, np.random.default_rng(0))
    with captured(io.StringIO()):
        folder = str(tmp_path_factory.mktemp("wrapping") / "default")
        graph = convert_from_keras_model(
            model, hls_config=DEFAULT, output_dir=folder, backend="Vitis", allow_da_fallback=False
        )
        graph.compile()
    return model, graph


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="ap_fixed<16,6> wraps hardware words")
def test_hardware_words_do_not_wrap(wrapping: Any) -> None:
    model, graph = wrapping
    words = np.random.default_rng(0).integers(0, 512, (500, 6)).astype(np.float32)
    np.testing.assert_array_equal(graph.predict(words).reshape(500, 4), keras_scores(model, words))


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="predict drops the batch axis of a single event")
def test_one_event_keeps_its_batch_axis(wrapping: Any) -> None:
    _, graph = wrapping
    assert np.asarray(graph.predict(EVENTS[:1])).shape == (1, 4)


@pytest.mark.xfail(strict=True, raises=Exception, reason="predict takes floats only")
def test_integers_can_be_given(wrapping: Any) -> None:
    _, graph = wrapping
    assert len(graph.predict(np.ones((5, 6), dtype=np.int64))) == 5


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="bit_exact has no rule for zero padding")
def test_zero_padding_has_an_exact_type() -> None:
    rule = bit_exact._produce_kif.dispatch
    assert rule(ZeroPadding2D) is not rule(object)


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="hls4ml has no rule for QActivation on Keras 3")
def test_quantizers_can_be_read_at_all(tmp_path: Any) -> None:
    with captured(io.StringIO()):
        convert_from_keras_model(
            model_of(qkeras.QActivation(bits(5, 2), name="code")),
            hls_config=DEFAULT,
            output_dir=str(tmp_path / "default"),
            backend="Vitis",
            allow_da_fallback=False,
        )
