"""The compiled emulator gives the words of the reference, for any input, on any processor, or says why not."""

import functools
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import l1ae
from l1ae.circuit import (
    UNDECIDED,
    Circuit,
    Dense,
    FixedFormat,
    Input,
    Lookup,
    Overflow,
    Quantize,
    Rounding,
    corner_words,
)
from l1ae.errors import ConfigError, DataError, ToolchainError
from l1ae.hardware.emulator import build, emulator, linear
from l1ae.hardware.emulator.emulator import CHUNK, Emulator
from l1ae.hardware.emulator.library import library_code
from tests.circuits import awkward_words, circuits

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")

#: Instruction sets for which the text has ways of its own, of those that tests can meet.
FAMILIES = {
    "avx2": ("-mavx2",),
    "avx512": ("-mavx512f", "-mavx512bw"),
    "vnni": ("-mavx512f", "-mavx512bw", "-mavx512vnni"),
}


def signed(width, integer=None):
    return FixedFormat(True, width, width if integer is None else integer, Rounding.RND_CONV, Overflow.SAT)


def layer(word_bits, weight_bits, inputs=7, outputs=11, seed=1):
    """One layer of sums with biases, behind words of so many bits."""
    rng = np.random.default_rng(seed)
    weights = signed(weight_bits)
    kernel = rng.integers(weights.low, weights.high + 1, (inputs, outputs))
    bias = rng.integers(-9, 10, outputs)
    port = Input("words", (), (inputs,), signed(word_bits))
    nodes = [port, Dense("sums", ("words",), (outputs,), UNDECIDED, kernel, weights, bias, signed(8))]
    return Circuit.derive(nodes)


def drawn(circuit, count, seed=1):
    """Random words, one in ten of them past the ends of its port."""
    low, high = circuit.port_range
    return np.random.default_rng(seed).integers(
        low - (high - low) // 20, high + (high - low) // 20 + 2, (count, len(low))
    )


def kind(circuit, features=frozenset({"__AVX512VNNI__"})):
    """Kind of sums of the layer `sums`."""
    code = library_code(circuit, features)
    return next(one for one in ("quads", "pairs", "floats", "words32", "words64") if f"  {one}<" in code)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(circuit=circuits())
def test_every_circuit_on_both_targets(circuit, tmp_path):
    words = np.concatenate([corner_words(circuit, 1), drawn(circuit, 205)])
    expected = circuit.output_words(words)
    values = awkward_words(circuit, 37)
    for target in ("native", "portable"):
        emulate = Emulator(circuit, target=target, cache=tmp_path)
        assert (emulate(words) == expected).all()
        assert (emulate(values) == circuit.output_words(values)).all()


@pytest.mark.parametrize(
    ("word_bits", "weight_bits", "expected"),
    [
        (8, 8, "quads"),
        (8, 9, "pairs"),
        (9, 7, "pairs"),
        (16, 15, "words64"),
        (14, 14, "pairs"),
        (17, 4, "floats"),
        (20, 8, "words32"),
        (30, 4, "words64"),
    ],
)
@pytest.mark.parametrize("target", ["native", "portable"])
def test_sums_of_every_kind(word_bits, weight_bits, expected, target, tmp_path):
    circuit = layer(word_bits, weight_bits)
    assert kind(circuit) == expected
    words = np.concatenate([corner_words(circuit, 1), drawn(circuit, 1001)])
    assert (Emulator(circuit, target=target, cache=tmp_path)(words) == circuit.output_words(words)).all()


def test_four_products_an_instruction_only_where_the_processor_has_it():
    assert kind(layer(8, 7), frozenset()) == "pairs"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_same_words_with_fewer_instructions(name, tmp_path, monkeypatch):
    here = build._features(shutil.which("g++"), ("-march=native",))
    needed = {flag.replace("-m", "__").upper() + "__" for flag in FAMILIES[name]}
    if not needed <= here:
        pytest.skip(f"this processor has no {', '.join(sorted(needed - here))}")
    monkeypatch.setitem(build._TARGET_FLAGS, "native", FAMILIES[name])
    for circuit in (layer(8, 7, 57, 32), layer(14, 12, 5, 3), layer(20, 8, 18, 2)):
        words = drawn(circuit, 100)
        assert (Emulator(circuit, cache=tmp_path)(words) == circuit.output_words(words)).all()


@functools.cache
def network():
    """Words, a layer, a rectifier, a table per element: several kinds of loops."""
    first = layer(10, 6, 9, 6)
    relu = Quantize("relu", ("sums",), (6,), FixedFormat(False, 6, 12, Rounding.RND_CONV, Overflow.SAT))
    tables = np.random.default_rng(3).integers(-100, 100, (6, 64))
    return Circuit.derive([*first.nodes, relu, Lookup("table", ("relu",), (6,), signed(8), tables, 0, -6)])


@pytest.mark.parametrize("events", [0, 1, 15, 16, 17, 31, 33, CHUNK, 2 * CHUNK + 5])
def test_any_number_of_events_on_any_number_of_threads(events, tmp_path_factory):
    cache = tmp_path_factory.getbasetemp() / "emulators"
    words, circuit = drawn(network(), events).astype(np.int16), network()
    expected = circuit.output_words(words)
    for threads in (1, 2, 5):
        found = Emulator(circuit, cache=cache, threads=threads)(words)
        assert found.shape == expected.shape
        assert (found == expected).all()


@pytest.mark.parametrize("type_", [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64, np.float32, np.float64])
def test_words_of_every_type_are_taken_as_the_reference_takes_them(type_, tmp_path_factory):
    ends = np.iinfo(type_) if np.dtype(type_).kind in "iu" else np.iinfo(np.int16)
    rng = np.random.default_rng(1)
    words = rng.integers(max(ends.min, -(2**40)), min(ends.max, 2**40), (100, 9)).astype(type_)
    cache = tmp_path_factory.getbasetemp() / "emulators"
    assert (Emulator(network(), cache=cache)(words) == network().output_words(words)).all()
    assert (Emulator(network(), cache=cache)(words[::3, ::-1]) == network().output_words(words[::3, ::-1])).all()


def test_ports_that_wrap_and_several_ports(tmp_path):
    wrapping = Input("a", (), (3,), replace(signed(6), overflow=Overflow.WRAP))
    other = Input("b", (), (3,), signed(12))
    kernel = np.arange(6).reshape(3, 2)
    nodes = [wrapping, other, Dense("sums", ("a",), (2,), UNDECIDED, kernel, signed(5), None, None)]
    alone = Circuit.derive([nodes[0], nodes[2]])
    words = np.random.default_rng(2).integers(-500, 500, (50, 3)).astype(np.int16)
    assert (Emulator(alone, cache=tmp_path)(words) == alone.output_words(words)).all()
    both = Circuit.derive([*nodes, Quantize("copy", ("b",), (3,), signed(4, 12))], ("sums", "copy"))
    expected = both.output_words([words, words])
    assert (Emulator(both, cache=tmp_path)([words, words]) == expected).all()
    assert (Emulator(both, cache=tmp_path)(np.concatenate([words, words], axis=1)) == expected).all()


def test_words_come_in_the_smallest_type(tmp_path):
    assert Emulator(network(), cache=tmp_path)(drawn(network(), 3)).dtype == np.int16
    assert Emulator(layer(20, 8), cache=tmp_path).dtype == np.int32
    assert Emulator(layer(30, 8), cache=tmp_path).dtype == np.int64


@pytest.mark.parametrize("words", [np.zeros((4, 8), dtype=np.int16), np.zeros(9), np.zeros((4, 3, 4)), 5, [[1], [2]]])
def test_inputs_of_another_shape_are_refused(words, tmp_path_factory):
    with pytest.raises(DataError, match="inputs of shape"):
        Emulator(network(), cache=tmp_path_factory.getbasetemp() / "emulators")(words)


def test_not_a_number_is_refused(tmp_path_factory):
    words = np.zeros((40_000, 9))
    words[39_000, 2] = np.nan
    with pytest.raises(DataError):
        Emulator(network(), cache=tmp_path_factory.getbasetemp() / "emulators")(words)


def test_it_is_compiled_once(tmp_path, monkeypatch):
    Emulator(network(), cache=tmp_path)
    monkeypatch.setattr(build, "_compile", None)
    Emulator(network(), cache=tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


def test_two_circuits_in_one_process_do_not_disturb_each_other(tmp_path):
    one, two = layer(8, 7, seed=1), layer(8, 7, seed=2)
    first, second = Emulator(one, cache=tmp_path), Emulator(two, cache=tmp_path)
    words = drawn(one, 100)
    for _ in range(2):
        assert (first(words) == one.output_words(words)).all()
        assert (second(words) == two.output_words(words)).all()


# Planted faults


def test_a_wrong_weight_is_found_and_not_kept(tmp_path, monkeypatch):
    other = network().nodes[1]
    kernel = other.kernel.copy()
    kernel[3, 2] ^= 1
    wrong = network().replace(replace(other, kernel=kernel))
    monkeypatch.setattr(emulator, "library_code", lambda _, features: library_code(wrong, features))
    with pytest.raises(ToolchainError, match=r"differs from the reference in [1-9]\d* of \d+ events"):
        Emulator(network(), cache=tmp_path)
    assert not list(tmp_path.glob("*.so"))


def test_a_kind_of_sums_that_is_too_narrow_is_found(tmp_path, monkeypatch):
    circuit = layer(16, 15)
    assert kind(circuit) == "words64"
    monkeypatch.setattr(linear, "bits_for", lambda *_: 32)
    with pytest.raises(ToolchainError, match="differs from the reference"):
        Emulator(circuit, cache=tmp_path)


@pytest.fixture
def elsewhere(tmp_path):
    """Where the library of `network` would lie in a second cache: this process has not loaded that file."""
    made = Emulator(network(), cache=tmp_path / "first").library
    (tmp_path / "second").mkdir()
    return tmp_path / "second" / made.name


def test_a_stale_library_is_refused(elsewhere, tmp_path):
    shutil.copy(Emulator(layer(8, 7), cache=tmp_path / "other").library, elsewhere)
    with pytest.raises(ToolchainError, match="made for another circuit or processor: remove it"):
        Emulator(network(), cache=elsewhere.parent)


def test_a_library_for_another_processor_is_not_taken(tmp_path, monkeypatch):
    Emulator(network(), cache=tmp_path)
    monkeypatch.setattr(build, "_features", lambda *_: frozenset({"__AVX1024__"}))
    Emulator(network(), cache=tmp_path)
    assert len(list(tmp_path.glob("*.so"))) == 2


@pytest.mark.parametrize("content", [b"", b"no library"])
def test_a_damaged_library_is_refused(content, elsewhere):
    elsewhere.write_bytes(content)
    with pytest.raises(ToolchainError, match="cannot be loaded"):
        Emulator(network(), cache=elsewhere.parent)


def test_a_library_of_something_else_is_refused(elsewhere, tmp_path):
    (tmp_path / "x.c").write_text("int x;")
    build._output(shutil.which("g++"), "-shared", "-fPIC", tmp_path / "x.c", "-o", elsewhere)
    with pytest.raises(ToolchainError, match="is of no emulator"):
        Emulator(network(), cache=elsewhere.parent)


def test_a_library_that_gives_wrong_words_is_refused(elsewhere, tmp_path):
    original, wrong = network(), network().replace(replace(network()["table"], tables=network()["table"].tables + 1))
    key = elsewhere.stem.split("-", 1)[1]
    source = tmp_path / "wrong.cpp"
    source.write_text(library_code(wrong, frozenset()))
    build._output(shutil.which("g++"), *build._FLAGS, f'-DDIGEST="{key}"', source, "-o", elsewhere)
    with pytest.raises(ToolchainError, match=r"differs from the reference in 256 of 256 events: remove it"):
        Emulator(original, cache=elsewhere.parent)


def test_a_missing_compiler_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match=r"g\+\+ not found: install it"):
        Emulator(network(), cache=tmp_path)


def test_the_first_error_of_the_compiler_is_shown_and_the_rest_logged(tmp_path, monkeypatch):
    monkeypatch.setattr(emulator, "library_code", lambda *_: "int x = y;\n")
    with pytest.raises(ToolchainError, match="error: 'y' was not declared"):
        Emulator(network(), cache=tmp_path, log=tmp_path / "g++.log")
    assert "'y' was not declared" in (tmp_path / "g++.log").read_text()
    assert not list(tmp_path.glob("*.so"))


def test_an_unknown_target_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="target fpga: choose native or portable"):
        Emulator(network(), cache=tmp_path, target="fpga")


def test_it_is_public():
    assert l1ae.Emulator is Emulator
