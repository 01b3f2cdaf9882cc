from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from l1ae.circuit import (
    UNDECIDED,
    Add,
    Circuit,
    Dense,
    Dot,
    FixedFormat,
    Input,
    Lookup,
    Multiply,
    Quantize,
    Sum,
    corner_words,
    lower,
)
from l1ae.errors import ToolchainError
from l1ae.hardware import variables
from l1ae.hardware.estimate import ebops, estimate
from l1ae.hardware.logic import trace_logic
from l1ae.records import Precision, SignedPrecision
from l1ae.settings import AutoencoderConfig

from .. import networks

INPUTS = 10


def circuit_of(name: str, seed: int = 0) -> Circuit:
    rng = np.random.default_rng(seed)
    offset, shift = rng.integers(-30, 60, INPUTS), rng.integers(0, 8, INPUTS)
    model = networks.deployed(CONFIGS[name], offset, shift, precision=SEEN.get(name, networks.INPUTS))
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            inputs, units = layer.kernel.shape
            kernel = rng.normal(0, 1.2 * np.sqrt(2 / inputs), (inputs, units)) * (rng.random((inputs, units)) > 0.3)
            layer.set_weights([kernel, rng.normal(0, 0.5, units)])
    return lower(model)


CONFIGS = {
    "undercomplete": AutoencoderConfig(kind="undercomplete", hidden=(12, 6), latent=2),
    "variational": AutoencoderConfig(kind="variational", hidden=(12, 6), latent=2),
    "few bits": AutoencoderConfig(
        kind="undercomplete",
        hidden=(6,),
        latent=2,
        weights=SignedPrecision(width=3, integer=1),
        biases=SignedPrecision(width=9, integer=1),
        activations=Precision(width=3, integer=0),
        code=SignedPrecision(width=14, integer=8),
    ),
    "16 bits": AutoencoderConfig(
        kind="undercomplete",
        hidden=(6, 4),
        latent=2,
        weights=SignedPrecision(width=16, integer=2),
        biases=SignedPrecision(width=16, integer=3),
        activations=Precision(width=16, integer=3),
        code=SignedPrecision(width=16, integer=4),
    ),
}
#: Precisions of the inputs that are not the usual one.
SEEN = {"few bits": SignedPrecision(width=4, integer=2), "16 bits": SignedPrecision(width=16, integer=3)}


@pytest.fixture(scope="module", params=list(CONFIGS))
def circuit(request: pytest.FixtureRequest) -> Circuit:
    return circuit_of(request.param)


def test_the_logic_is_the_circuit(circuit: Circuit) -> None:
    words = np.concatenate([corner_words(circuit), np.random.default_rng(1).integers(-4096, 4096, (5000, INPUTS))])
    np.testing.assert_array_equal(trace_logic(circuit).predict(words), circuit.reference(words))


def test_the_record(circuit: Circuit) -> None:
    got = estimate(circuit)
    kernels = [node.kernel for node in circuit.nodes if isinstance(node, Dense)]
    assert got.n_weights == sum(kernel.size for kernel in kernels)
    assert got.n_zero_weights == sum(int((kernel == 0).sum()) for kernel in kernels)
    squares = circuit[circuit.output.inputs[0]].shape[0]
    assert got.n_multiplications == got.n_weights - got.n_zero_weights + squares
    assert got.lut > 0
    assert got.ff > 0
    assert (got.tool, got.version, got.stage) == ("da4ml", "0.6.0", "estimate")
    assert (got.latency_stages - 1) * got.latency_cutoff <= got.adder_levels
    relaxed = estimate(circuit, latency_cutoff=10)
    assert relaxed.latency_stages < got.latency_stages
    assert relaxed.ff < got.ff
    assert relaxed.lut == got.lut


def two_products(kernel: list[list[int]]) -> Circuit:
    return Circuit.derive(
        [
            Input("words", (), (2,), FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")),
            Quantize("relu", ("words",), (2,), FixedFormat.parse("ap_ufixed<3,3,RND_CONV,SAT>")),
            Dense(
                "dense",
                ("relu",),
                (1,),
                UNDECIDED,
                np.array(kernel),
                FixedFormat.parse("ap_fixed<6,2,RND_CONV,SAT>"),
                None,
                None,
            ),
            Dot("score", ("dense", "dense"), (1,), UNDECIDED),
        ]
    )


def test_ebops_by_hand() -> None:
    # 3-bit activations times 5 = 101 and 4 = 100 (three bits and one); the sum runs from 0 to 63: 6 bits, squared.
    assert ebops(two_products([[5], [4]])) == 3 * 3 + 3 * 1 + 6 * 6
    # From -35 to 0: 7 bits with the sign. A weight of zero costs nothing.
    assert ebops(two_products([[-5], [0]])) == 3 * 3 + 7 * 7


def test_ebops_of_products_tables_and_sums_by_hand() -> None:
    nodes = [
        Input("words", (), (2,), FixedFormat.parse("ap_fixed<4,4,RND_CONV,SAT>")),
        Quantize("relu", ("words",), (2,), FixedFormat.parse("ap_ufixed<3,3,RND_CONV,SAT>")),
        Quantize("present", ("words",), (2,), FixedFormat.parse("ap_ufixed<1,1,RND_CONV,SAT>")),
        Lookup("table", ("relu",), (2,), FixedFormat.parse("ap_fixed<5,5>"), np.arange(-4, 12).reshape(2, 8), 0, 0),
        Multiply("seen", ("table", "present"), (2,), UNDECIDED),
        Add("more", ("seen", "relu"), (2,), UNDECIDED),
        Sum("score", ("more",), (1,), UNDECIDED),
    ]
    circuit = Circuit.derive(nodes)
    # Entries from -4 to 3 have three bits, those from 4 to 11 have four; each is multiplied with one bit.
    assert ebops(circuit) == 3 * 1 + 4 * 1
    got = estimate(circuit)
    assert (got.n_multiplications, got.n_weights) == (2, 0)
    words = np.array([(a, b) for a in range(-8, 8) for b in range(-8, 8)])
    np.testing.assert_array_equal(trace_logic(circuit).predict(words), circuit.reference(words))


def test_a_circuit_without_any_weight() -> None:
    got = estimate(two_products([[0], [0]]))
    assert got.n_zero_weights == 2


def test_units_that_are_always_closed() -> None:
    circuit = circuit_of("undercomplete")
    node: Any = circuit["encoder_1"]
    closed = circuit.replace(replace(node, kernel=np.zeros_like(node.kernel), bias=np.full_like(node.bias, -1)))
    words = np.random.default_rng(1).integers(-4096, 4096, (100, INPUTS))
    np.testing.assert_array_equal(trace_logic(closed).predict(words), closed.reference(words))
    assert estimate(closed).lut < estimate(circuit).lut


def test_logic_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variables, "quantize", lambda x, format_, **_: x)
    with pytest.raises(ToolchainError, match=r"other outputs than the circuit|between two words"):
        trace_logic(circuit_of("few bits"))


def test_what_da4ml_cannot_do_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(x: Any, format_: FixedFormat, *, ties: bool = True) -> Any:
        raise AssertionError("no\nway")

    monkeypatch.setattr(variables, "quantize", fail)
    with pytest.raises(ToolchainError, match=r"cannot build the circuit: AssertionError no way; use fewer bits"):
        trace_logic(circuit_of("few bits"))


@pytest.mark.xfail(strict=True, reason="da4ml 0.6.0: constants beyond 2**31 of its internal numbering are wrong")
def test_saturation_far_from_the_point_in_plain_da4ml() -> None:
    from da4ml.trace import FixedVariableArray, HWConfig, comb_trace

    one = np.array([1])
    x = FixedVariableArray.from_kif(one, one * 52, one * -40, hwconf=HWConfig(1, -1, -1))
    saturated = (x * 2.0**-40).quantize(1, 7, 0, "SAT", "TRN")
    words = np.arange(-4096.0, 4096.0)[:, None]
    got = comb_trace(x, saturated).predict(words * 2.0**40, n_threads=1)
    np.testing.assert_array_equal(got, np.clip(words, -128, 127))
