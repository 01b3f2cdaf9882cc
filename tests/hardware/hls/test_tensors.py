"""Convolutional firmware: C simulation = Keras = integer reference, in the score and in every layer."""

import re
import shutil

import keras
import numpy as np
import pytest

from l1ae.circuit import corner_words, lower
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError
from l1ae.hardware.hls import CSimulation, emit
from l1ae.hardware.hls.sources import read_provenance

from ...convolutional import SMALL, activation, autoencoder, bits, convolution, encoder, finished, image
from .conftest import awkward_values, keras_scores, random_port_words, random_words


def assert_exact(model, project, cache, count=4_000):
    """Compare everything on words over the whole range, on corner cases, and on values that are no words."""
    simulation, circuit = CSimulation.build(project, cache=cache), lower(model)
    layers = [layer.name for layer in model.layers]
    for values in (random_words(model, count), corner_words(circuit), awkward_values(model, count)):
        scores, reference = simulation.scores(values), circuit.trace(values)
        keras_words = np.ldexp(keras_scores(model, values), circuit.output.format.fraction)
        np.testing.assert_array_equal(scores, reference[circuit.output.name])
        np.testing.assert_array_equal(scores, keras_words)
        traced = simulation.trace(values)
        for layer, words in traced.items():
            np.testing.assert_array_equal(words, reference[layer].reshape(len(values), -1), err_msg=layer)
    assert [layer for layer in layers if layer in traced] == list(traced)
    return traced


@pytest.mark.parametrize(
    ("name", "backend", "strategy"),
    [
        ("encoder", "Vivado", "distributed_arithmetic"),
        ("autoencoder", "Vitis", "latency"),
        ("menagerie", "Vivado", "latency"),
        pytest.param("encoder", "Vitis", "latency", marks=pytest.mark.slow),
        pytest.param("autoencoder", "Vivado", "distributed_arithmetic", marks=pytest.mark.slow),
        pytest.param("menagerie", "Vitis", "distributed_arithmetic", marks=pytest.mark.slow),
    ],
)
def test_firmware_equals_model(name, backend, strategy, emitted, cache):
    model = SMALL[name]()
    project = emitted(model, f"conv-{name}-{strategy}", backend=backend, strategy=strategy)
    traced = assert_exact(model, project, cache)
    quantized = [layer.name for layer in model.layers if type(layer).__name__ == "QActivation" and layer.name != "port"]
    assert [layer for layer in traced if layer in quantized] == quantized


def test_a_full_encoder(emitted, cache):
    model = encoder()
    assert_exact(model, emitted(model, "conv-full-encoder"), cache)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["latency", "distributed_arithmetic"])
def test_a_full_autoencoder(strategy, emitted, cache):
    model = autoencoder()
    assert_exact(model, emitted(model, f"conv-full-autoencoder-{strategy}", strategy=strategy), cache, count=2_000)


def test_wires_between_quantizers_and_at_the_end(emitted, cache):
    """hls4ml's own Reshape would hand a quantizer on to the layer in front, and vanish at the end of a model."""
    words, _, tensor = image(4, 2)
    tensor = keras.layers.UpSampling2D((2, 3), name="up")(convolution(2, (2, 2), "conv")(tensor))
    tensor = keras.layers.Cropping2D(((1, 0), (1, 1)), name="crop")(activation(bits(5, 3), "up_bits")(tensor))
    model = finished(words, keras.layers.Flatten(name="flat")(activation(bits(4, 3), "crop_bits")(tensor)))
    traced = assert_exact(model, emitted(model, "conv-wires"), cache)
    assert list(traced) == ["scaled", "image", "conv", "up_bits", "crop_bits", "flat"]


@pytest.fixture(scope="module")
def small():
    return SMALL["autoencoder"]()


def test_one_bit_of_one_weight_of_a_convolution(small, emitted, cache, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(emitted(small, "conv-autoencoder-latency", backend="Vitis", strategy="latency"), broken)
    first = re.search(r"conv_2d_cl<\w+, \w+, config(\d+)>", (broken / "firmware" / "trigger.cpp").read_text())
    header = broken / "firmware" / "weights" / f"w{first.group(1)}.h"
    before, values, after = re.split(r"[{}]", header.read_text())
    values = values.split(", ")
    values[7] = f"{float(values[7]) + 2**-6:.10f}"
    header.write_text(f"{before}{{{', '.join(values)}}}{after}")
    circuit = lower(small)
    words = np.concatenate([random_words(small, 2_000), corner_words(circuit)])
    simulation, reference = CSimulation.build(broken, cache=cache), circuit.trace(words)
    assert (simulation.scores(words) != reference["score"]).any()
    wrong = [
        layer
        for layer, found in simulation.trace(words).items()
        if (found != reference[layer].reshape(len(words), -1)).any()
    ]
    assert wrong[0] == "conv_1_relu"


def test_adder_trees_count_at_every_position(small, emitted):
    record = read_provenance(
        emitted(small, "conv-autoencoder-distributed_arithmetic", strategy="distributed_arithmetic")
    )
    lut = {layer["node"]: layer["estimate"]["lut"] for layer in record["layers"] if "estimate" in layer}
    assert set(lut) == {"conv_1", "conv_2", "code", "base", "deconv_1", "deconv_2"}
    positions = lower(small)["deconv_2"].shape[0]
    assert lut["deconv_2"] % positions == 0


def test_all_positions_at_once(small, emitted):
    """One event per clock: hls4ml would otherwise take one clock for each position."""
    text = (emitted(small, "conv-autoencoder-latency", backend="Vitis") / "firmware" / "parameters.h").read_text()
    assert set(re.findall(r"n_partitions = (\d+);", text)) == {"1"}


def test_refusals(small, tmp_path):
    def refused(model, message, **options):
        with pytest.raises(ConversionError, match=message):
            circuit = lower(model)
            words = random_port_words(circuit, 5)
            emit(circuit, FirmwareConfig(**options), "trigger", tmp_path / "project", words=words)
        assert not list(tmp_path.iterdir())

    refused(small, "reuse_factor 5 does not divide the 18 multiplications of layer conv_1; use one of", reuse_factor=5)
    refused(small, "set it to 1", strategy="distributed_arithmetic", reuse_factor=2)
    words, _, tensor = image(5, 5)
    large = convolution(70, (2, 2), "second")(activation(bits(4, 2), "bits")(convolution(20, (2, 2), "first")(tensor)))
    large = finished(words, keras.layers.Flatten(name="flat")(large))
    refused(large, "second: 5600 products at once.*take backend Vitis", backend="Vivado", strategy="latency")
