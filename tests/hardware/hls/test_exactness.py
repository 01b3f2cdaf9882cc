"""C simulation = Keras = integer reference, as integers, in the score and in every layer."""

import numpy as np
import pytest

from l1ae.circuit import lower
from l1ae.errors import ConversionError
from l1ae.hardware.hls import CSimulation

from .conftest import awkward_values, deployed, keras_scores, random_words

DEFAULT = [
    ("variational", "Vitis", "latency"),
    ("undercomplete", "Vivado", "latency"),
    ("variational", "Vivado", "distributed_arithmetic"),
    ("undercomplete", "Vitis", "distributed_arithmetic"),
]
REST = [
    (kind, backend, strategy)
    for kind in ("variational", "undercomplete")
    for backend in ("Vitis", "Vivado")
    for strategy in ("latency", "distributed_arithmetic")
    if (kind, backend, strategy) not in DEFAULT
]


def assert_exact(model, project, cache, count=6_000):
    """Compare everything on words over the whole range and on values that are no words."""
    simulation, circuit = CSimulation.build(project, cache=cache), lower(model)
    for values in (random_words(model, count), awkward_values(model, count)):
        scores = simulation.predict(values)
        is_word = values.dtype.kind == "i"
        keras = keras_scores(model, np.ldexp(values, -circuit.input.format.fraction) if is_word else values)
        wrong = np.flatnonzero((scores != keras).any(axis=1))
        assert not len(wrong), f"{len(wrong)} of {count} scores differ: {scores[wrong[:3]]} against {keras[wrong[:3]]}"
        np.testing.assert_array_equal(simulation.scores(values), circuit.reference(values))
        reference = circuit.trace(values)
        traced = simulation.trace(values)
        for layer, words in traced.items():
            np.testing.assert_array_equal(words, reference[layer], err_msg=layer)
    return traced


@pytest.mark.parametrize(
    ("kind", "backend", "strategy"), [*DEFAULT, *[pytest.param(*case, marks=pytest.mark.slow) for case in REST]]
)
def test_firmware_equals_model(kind, backend, strategy, emitted, cache):
    model = deployed(kind)
    traced = assert_exact(
        model, emitted(model, f"{kind}-{backend}-{strategy}", backend=backend, strategy=strategy), cache
    )
    quantized = [layer.name for layer in model.layers if type(layer).__name__ == "QActivation" and layer.name != "port"]
    assert [name for name in traced if name in quantized] == quantized
    assert list(traced)[-1] == "score"


def test_57_inputs(emitted, cache):
    model = deployed("variational", n=57, hidden=(8, 4), latent=3, seed=3)
    assert_exact(model, emitted(model, "wide"), cache)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["latency", "distributed_arithmetic"])
@pytest.mark.parametrize("kind", ["variational", "undercomplete"])
def test_full_size(kind, strategy, emitted, cache):
    model = deployed(kind, n=57, hidden=(32, 16), latent=3, seed=4)
    assert_exact(model, emitted(model, f"full-{kind}-{strategy}", strategy=strategy), cache)


@pytest.mark.parametrize("strategy", ["latency", pytest.param("distributed_arithmetic", marks=pytest.mark.slow)])
def test_input_scaling_that_does_nothing(strategy, emitted, cache):
    """All offsets and shifts zero: as a batch normalisation, hls4ml would drop the layer and its quantizer."""
    model = words_without_fraction()
    assert_exact(model, emitted(model, f"identity-{strategy}", strategy=strategy), cache)


@pytest.mark.parametrize("strategy", ["latency", pytest.param("distributed_arithmetic", marks=pytest.mark.slow)])
def test_dead_layers(strategy, emitted, cache):
    """A pruned-away layer, a neuron that never fires, and a collapsed code are circuits too."""
    model = deployed("undercomplete", n=6, hidden=(3,), seed=5)
    for layer in model.layers:
        weights = layer.get_weights()
        if layer.name == "code":
            layer.set_weights([values * 0 for values in weights])
        elif layer.name == "encoder_1":
            layer.set_weights([weights[0] * np.array([1, 0, 1]), np.array([0.5, -1.0, 0.0])])
    assert_exact(model, emitted(model, f"dead-{strategy}", strategy=strategy), cache)


@pytest.mark.parametrize("strategy", ["latency", pytest.param("distributed_arithmetic", marks=pytest.mark.slow)])
def test_quantizer_beside_another_reader(strategy, emitted, cache):
    """A dense layer read by a quantizer and by a subtraction: the quantizer cannot be fused and stays a node."""
    import keras
    import qkeras

    from l1ae.autoencoder.layers import InputScaling

    from .conftest import spread_weights

    def bits(width, integer):
        return qkeras.quantized_bits(width, integer - 1, alpha=1)

    def dense(name, units):
        return qkeras.QDense(units, kernel_quantizer=bits(6, 2), use_bias=False, name=name)

    words = keras.Input((6,), name="words")
    port = qkeras.QActivation(bits(15, 12), name="port")(words)  # a port with bits below the point
    scaled = qkeras.QActivation(bits(7, 4), name="scaled")(InputScaling([3] * 6, [5] * 6, name="scaling")(port))
    first = dense("first", 3)(scaled)
    symmetric = qkeras.QActivation(qkeras.quantized_bits(5, 2, symmetric=1, alpha=1), name="symmetric")(first)
    second = dense("second", 3)(symmetric)
    rest = keras.layers.Subtract(name="rest")([first, second])
    model = keras.Model(words, keras.layers.Dot(axes=1, name="score")([rest, second]))
    spread_weights(model, np.random.default_rng(6))
    traced = assert_exact(model, emitted(model, f"branch-{strategy}", strategy=strategy), cache)
    assert list(traced) == ["scaled", "first", "symmetric", "second", "rest", "score"]


def words_without_fraction():
    """A quantizer with bits below the point behind integers, as in a model whose input scaling does nothing."""
    return deployed("variational", n=6, hidden=(3,), offset=[0] * 6, shift=[0] * 6)


@pytest.mark.xfail(strict=True, raises=ConversionError, reason="hls4ml drops bits that saturated values need")
def test_quantizer_of_hls4ml_saturates_exactly(monkeypatch, emitted, cache):
    """Why there is an ExactQuantizer: with hls4ml's own node the conversion is refused, the type being too short."""
    from hls4ml.model import layers
    from hls4ml.model.optimizer.passes.hgq_proxy_model import FixedPointQuantizer

    from l1ae.hardware.hls import nodes  # noqa: F401  (registers what is replaced here)

    monkeypatch.setitem(layers.layer_map, "ExactQuantizer", FixedPointQuantizer)
    emitted(words_without_fraction(), "hls4ml-quantizer")
