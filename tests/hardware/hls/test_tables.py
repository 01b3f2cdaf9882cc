"""Tables, sums, products and integer layers: Keras = reference = C simulation = da4ml's logic, in every layer."""

import re
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
import qkeras

from l1ae.autoencoder.layers import InputScaling, SumOver, TableLookup
from l1ae.circuit import corner_words, lower
from l1ae.hardware.estimate import estimate
from l1ae.hardware.hls import CSimulation
from l1ae.hardware.hls.provenance import weight_digests
from l1ae.hardware.logic import trace_logic

from .conftest import awkward_values, random_words, spread_weights

GENERATED = "firmware/nnet_utils/nnet_code_gen.h"
INPUTS = 7


def bits(width, integer):
    return qkeras.quantized_bits(width, integer, alpha=1)


def quantized(width, integer, name):
    return qkeras.QActivation(bits(width, integer), name=name)


def rectified(width, integer, name):
    return qkeras.QActivation(qkeras.quantized_relu(width, integer), name=name)


def relative_angles():
    """Angles relative to a sum of others, by fixed integer layers; tables of them; ternary and binary kernels."""
    rng = np.random.default_rng(3)
    whole, n = bits(12, 11), INPUTS
    words = keras.Input((n,), name="words")
    port = quantized(13, 12, "port")(words)
    fixed = qkeras.QDense(n, kernel_quantizer=whole, bias_quantizer=bits(13, 12), trainable=False, name="angles")
    own = fixed(port)
    present = rectified(1, 1, "present")(InputScaling([0] * n, [0] * n, name="same")(port))
    common = qkeras.QDense(n, kernel_quantizer=whole, use_bias=False, trainable=False, name="common")(present)
    scaling = InputScaling([3, 0, 0, -20, 7, 100, 0], [2, 1, 0, 3, 0, 4, 9], name="scaling")
    scaled = quantized(10, 9, "scaled")(scaling(keras.layers.Subtract(name="relative")([own, common])))
    # Nothing rounds between the tables and the dense layer behind them.
    found = TableLookup(rng.integers(-100, 100, (n, 1024)), -512, 0, 4, name="tables")(scaled)
    hidden = qkeras.QDense(4, kernel_quantizer=qkeras.ternary(alpha=1), bias_quantizer=bits(6, 2), name="hidden")(found)
    code = qkeras.QDense(3, kernel_quantizer=qkeras.binary(alpha=1), use_bias=False, name="code")
    code = quantized(8, 4, "code_quantized")(code(rectified(6, 3, "hidden_relu")(hidden)))
    coarse = TableLookup(rng.integers(-(2**9), 2**9, (3, 256)), -128, 3, 2, name="coarse")(code)
    weighted = InputScaling([0, 1, -2], [-2, 0, 3], name="weighted")(quantized(6, 5, "rounded")(coarse))
    score = SumOver(name="score")(keras.layers.Multiply(name="squares")([weighted, weighted]))
    model = keras.Model(words, score)
    spread_weights(model, rng)
    kernel = np.eye(n)
    kernel[6, :6], kernel[0, 3], kernel[6, 1], kernel[5, 5], kernel[2, 2] = -1, 1, -4, 1024, 0
    model.get_layer("angles").set_weights([kernel, rng.integers(-100, 100, n)])
    model.get_layer("common").set_weights([rng.choice([0, 1, -1, -4, 1024], (n, n))])
    return model


def present_residual():
    """An autoencoder of table values whose score is |residual| of what is present, plus a weighted radius."""
    rng, n = np.random.default_rng(0), INPUTS
    words = keras.Input((n,), name="words")
    port = quantized(13, 12, "port")(words)
    scaling = InputScaling(rng.integers(-3, 30, n).tolist(), rng.integers(0, 3, n).tolist(), name="scaling")(port)
    tables = rng.integers(-200, 200, (n, 512))
    tables[4] = tables[2]
    logs = TableLookup(tables, 0, 0, 3, name="logs")(rectified(9, 9, "scaled")(scaling))
    options = {"kernel_quantizer": bits(8, 2), "bias_quantizer": bits(8, 3)}
    hidden = rectified(8, 5, "hidden_relu")(qkeras.QDense(4, name="hidden", **options)(logs))
    code = quantized(8, 5, "code_quantized")(qkeras.QDense(2, name="code", **options)(hidden))
    back = quantized(8, 5, "back_quantized")(qkeras.QDense(n, name="back", **options)(code))
    rest = quantized(10, 6, "rest_quantized")(keras.layers.Subtract(name="rest")([logs, back]))
    size = TableLookup(np.abs(np.arange(-512, 512))[None], -512, 3, 3, name="absolute")(rest)
    present = rectified(1, 1, "present")(InputScaling([0] * n, [0] * n, name="same")(port))
    total = SumOver(name="total")(keras.layers.Multiply(name="seen")([size, present]))
    weighted = InputScaling([1, 0], [0, 3], name="weighted")(code)
    radius = keras.layers.Dot(axes=1, name="radius")([weighted, weighted])
    model = keras.Model(words, keras.layers.Add(name="score")([total, radius]))
    spread_weights(model, rng)
    return model


def raw_sums():
    """A table of sums that nothing rounds; constant and negative entries; a last bit above one; a table as output."""
    rng = np.random.default_rng(1)
    words = keras.Input((4,), name="words")
    port = quantized(5, 4, "port")(words)
    layer = qkeras.QDense(3, kernel_quantizer=bits(3, 2), use_bias=False, name="sums")
    sums = layer(port)
    layer.set_weights([np.array([[1, 0, 2], [3, 0, -1], [0, 0, 1], [-2, 1, 0]])])
    twice = keras.layers.Add(name="twice")([sums, sums])
    reached = lower(keras.Model(words, twice)).ranges["twice"]
    low, size = int(reached.low.min()), int(reached.high.max() - reached.low.min()) + 1
    tables = np.stack([np.full(size, -5), np.zeros(size, dtype=int), rng.integers(-3, 4, size)])
    coarse = TableLookup(tables, low, 0, -2, name="coarse")(twice)
    rounded = quantized(4, 5, "rounded")(InputScaling([0, 0, 0], [0, 1, 0], name="halved")(coarse))
    outcome = TableLookup(rng.integers(-9, 0, (1, 16)), -8, -2, 1, name="outcome")(rounded)
    return keras.Model(words, outcome)


MODELS = {make.__name__: make for make in (relative_angles, present_residual, raw_sums)}
CASES = [
    ("relative_angles", "Vitis", "latency"),
    ("present_residual", "Vivado", "distributed_arithmetic"),
    ("raw_sums", "Vitis", "latency"),
]
REST = [
    ("relative_angles", "Vivado", "distributed_arithmetic"),
    ("present_residual", "Vitis", "latency"),
    ("raw_sums", "Vivado", "distributed_arithmetic"),
]


@pytest.fixture(scope="session")
def made():
    """made(name) -> model and circuit, each made once."""
    done = {}

    def make(name):
        if name not in done:
            model = MODELS[name]()
            done[name] = model, lower(model)
        return done[name]

    return make


def stimuli(model, circuit):
    return np.concatenate([corner_words(circuit), random_words(model, 2_000), random_words(model, 2_000) // 40])


def keras_layers(model, values):
    """What Keras computes in every layer."""
    every = keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    outputs = every([np.asarray(values, dtype=np.float32)])
    return {layer.name: np.asarray(x, dtype=np.float64) for layer, x in zip(model.layers[1:], outputs, strict=True)}


@pytest.mark.parametrize(
    ("name", "backend", "strategy"), [*CASES, *[pytest.param(*case, marks=pytest.mark.slow) for case in REST]]
)
def test_four_implementations_agree_in_every_layer(name, backend, strategy, made, emitted, cache):
    model, circuit = made(name)
    assert circuit.proved
    assert all(circuit.float32_exact.values())
    simulation = CSimulation.build(emitted(model, f"{name}-{backend}", backend=backend, strategy=strategy), cache=cache)
    for values in (stimuli(model, circuit), awkward_values(model, 3_000)):
        reference = circuit.trace(values)
        for layer, found in keras_layers(model, values).items():
            words = found * 2.0 ** circuit[layer].format.fraction
            np.testing.assert_array_equal(words, reference[layer], err_msg=f"Keras, {layer}")
        traced = simulation.trace(values)
        for layer, words in traced.items():
            np.testing.assert_array_equal(words, reference[layer], err_msg=f"C simulation, {layer}")
        np.testing.assert_array_equal(simulation.scores(values), circuit.reference(values))
    tables = {layer.name for layer in model.layers if type(layer).__name__ in ("TableLookup", "SumOver")}
    fused = {"coarse"} if name == "relative_angles" else set()  # its quantizer is part of it
    assert tables - fused <= set(traced)
    words = stimuli(model, circuit)
    np.testing.assert_array_equal(trace_logic(circuit).predict(words), circuit.reference(words))


def test_what_the_estimate_counts(made):
    circuit = made("present_residual")[1]
    got = estimate(circuit)
    kernels = [circuit[name].kernel for name in ("hidden", "code", "back")]
    assert got.n_weights == sum(kernel.size for kernel in kernels)
    # With the products of the presence bits, and the two squares of the radius.
    assert got.n_multiplications == sum(np.count_nonzero(kernel) for kernel in kernels) + INPUTS + 2
    assert got.lut > INPUTS * 16 * 4  # a table of 512 entries of 8 bits takes 16 LUTs for each two bits


@pytest.mark.parametrize("name", ["relative_angles", "present_residual"])
def test_tables_are_kept_in_luts(name, made, emitted):
    (case,) = [case for case in CASES if case[0] == name]
    project = emitted(made(name)[0], f"{name}-{case[1]}", backend=case[1], strategy=case[2])
    text = (project / GENERATED).read_text()
    assert text.count("static const") == {"relative_angles": 7 + 3, "present_residual": 6 + 1}[name]
    pragma = {"Vitis": "BIND_STORAGE variable=table_0 type=rom_np impl=lutram", "Vivado": "core=ROM_nP_LUTRAM"}
    assert pragma[case[1]] in text
    assert (pragma["Vivado"] in text) == (case[1] == "Vivado")


def test_the_readme_claims_no_scaling_that_some_words_pass_by(made, emitted):
    project = emitted(made("relative_angles")[0], "relative_angles-Vitis", backend="Vitis", strategy="latency")
    text = (project / "README.md").read_text()
    assert "| word | feature | bits |\n" in text
    assert "offset" not in text


def test_the_record_tells_tables_apart(made):
    circuit = made("raw_sums")[1]
    before = weight_digests(circuit)
    assert set(before) == {"sums", "coarse", "outcome"}
    tables = circuit["outcome"].tables.copy()
    tables[0, 3] = -1 if tables[0, 3] != -1 else -2
    changed = weight_digests(circuit.replace(replace(circuit["outcome"], tables=tables)))
    assert {name for name, digest in changed.items() if digest != before[name]} == {"outcome"}


def wrong_entry(text, table, entry):
    """Flip the last bit of one entry of a table in the generated code."""
    start = text.index("{", text.index(f"static const entry_t {table}")) + 1
    entries = text[start : text.index("}", start)].split(",")
    entries[entry] = re.sub(r"-?\d+", lambda found: str(int(found.group()) ^ 1), entries[entry])
    return text[:start] + ",".join(entries) + text[text.index("}", start) :]


def once(text, old, new):
    assert text.count(old) == 1
    return text.replace(old, new)


def test_faults_planted_in_the_emitted_code_are_seen(made, emitted, cache, tmp_path):
    """A wrong entry of a table, one of the table that all elements share, a wrong index, a sum too narrow."""
    model, circuit = made("present_residual")
    project = emitted(model, "present_residual-Vivado", backend="Vivado", strategy="distributed_arithmetic")
    broken = tmp_path / "broken"
    shutil.copytree(project, broken)
    text = wrong_entry(wrong_entry((project / GENERATED).read_text(), "table_3[512]", 300), "table_0[1024]", 700)
    text = once(text, "index_3 = counted_3 - ap_int<11>(-512)", "index_3 = counted_3 - ap_int<11>(-511)")
    width, integer = map(int, re.search(r"ap_ufixed<(\d+),(\d+)> total", text).groups())
    text = once(text, f"ap_ufixed<{width},{integer}> total", f"ap_ufixed<{width - 3},{integer - 3}> total")
    (broken / GENERATED).write_text(text)
    words = stimuli(model, circuit)
    traced, reference = CSimulation.build(broken, cache=cache).trace(words), circuit.trace(words)
    table = np.unique(circuit["logs"].tables, axis=0)[3]
    assert (traced["logs"] != reference["logs"]).any(axis=0).tolist() == [
        bool((table == own).all()) for own in circuit["logs"].tables
    ]
    seen, wrong = traced["rest_quantized"], traced["absolute"] != np.abs(traced["rest_quantized"])
    others = np.arange(INPUTS) != 3
    assert set(seen[:, others][wrong[:, others]].tolist()) == {700 - 512}
    assert wrong[:, 3].sum() > 100
    assert (traced["total"][:, 0] != traced["seen"].sum(axis=1)).any()
