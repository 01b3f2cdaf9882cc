"""Faults planted in emitted files: each is seen by the C simulation, and named with its layer and its cause.

One project holds a small network for each fault, side by side, so that they are compiled once.
"""

import re
import shutil

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, Dot, FixedFormat, Input, Lookup, Overflow, Quantize, Rounding, Scale
from l1ae.circuit import Subtract as Difference
from l1ae.explain import explain
from l1ae.hardware.hls import CSimulation, changed_files, csim

DEFINES, CODE, CALLS = "firmware/defines.h", "firmware/nnet_utils/nnet_code_gen.h", "firmware/trigger.cpp"
PORT = FixedFormat(True, 10, 10, Rounding.RND_CONV, Overflow.SAT)
BITS = FixedFormat(True, 8, 4, Rounding.RND_CONV, Overflow.SAT)
RELU = FixedFormat(False, 8, 3, Rounding.RND_CONV, Overflow.SAT)
ADDRESS = FixedFormat(True, 5, 5, Rounding.RND_CONV, Overflow.SAT)
WEIGHTS, BIASES = FixedFormat(True, 6, 2), FixedFormat(True, 6, 3)
INPUTS, HIDDEN = 6, 4


def network(name, seed):
    """Six inputs scaled, a hidden layer of four, a square one, their difference, and its square as score."""
    rng = np.random.default_rng(seed)

    def dense(part, source, inputs):
        kernel, bias = rng.integers(-20, 21, (inputs, HIDDEN)), rng.integers(1, 31, HIDDEN) * (1, -1, 1, -1)
        return Dense(f"{name}_{part}", (source,), (HIDDEN,), UNDECIDED, kernel, WEIGHTS, bias, BIASES)

    words, scaled, relu, code, residual = (f"{name}_{part}" for part in ("words", "scaled", "relu", "code", "residual"))
    offset = tuple(rng.integers(-90, 90, INPUTS).tolist())
    return [
        Input(words, (), (INPUTS,), PORT),
        Scale(f"{name}_scaling", (words,), (INPUTS,), UNDECIDED, offset, (5, 6) * (INPUTS // 2)),
        Quantize(scaled, (f"{name}_scaling",), (INPUTS,), BITS),
        dense("hidden", scaled, INPUTS),
        Quantize(relu, (f"{name}_hidden",), (HIDDEN,), RELU),
        dense("square", relu, HIDDEN),
        Quantize(code, (f"{name}_square",), (HIDDEN,), BITS),
        Difference(residual, (relu, code), (HIDDEN,), UNDECIDED),
        Dot(f"{name}_score", (residual, residual), (1,), UNDECIDED),
    ]


def table(name, seed):
    """Two inputs, each through a table of its own."""
    tables = np.random.default_rng(seed).integers(-100, 100, (2, 32))
    return [
        Input(f"{name}_words", (), (2,), PORT),
        Scale(f"{name}_scaling", (f"{name}_words",), (2,), UNDECIDED, (3, -7), (4, 5)),
        Quantize(f"{name}_address", (f"{name}_scaling",), (2,), ADDRESS),
        Lookup(f"{name}_entries", (f"{name}_address",), (2,), BITS, tables, -16, 0),
    ]


# ---- edits: (folder of the project, name of the network) -> nothing, one file is written anew


def rewrite(folder, file, edit):
    text = (folder / file).read_text()
    changed = edit(text)
    assert changed != text
    (folder / file).write_text(changed)


def type_of(part, old, new):
    """A piece of the type definition of a layer exchanged."""

    def edit(folder, name):
        def line(match):
            assert old in match.group()
            return match.group().replace(old, new)

        rewrite(folder, DEFINES, lambda text: re.sub(rf"typedef .* {name}_{part};", line, text))

    return edit


def narrower(part, bits):
    """The type of a layer with fewer bits above the point."""

    def edit(folder, name):
        def fewer(match):
            return f"<{int(match.group(1)) - bits},{int(match.group(2)) - bits}> {name}_{part};"

        rewrite(folder, DEFINES, lambda text: re.sub(rf"<(\d+),(\d+)> {name}_{part};", fewer, text))

    return edit


def coarser(part, bits):
    """The type of a layer with fewer bits below the point."""

    def edit(folder, name):
        def fewer(match):
            return f"<{int(match.group(1)) - bits},{match.group(2)}> {name}_{part};"

        rewrite(folder, DEFINES, lambda text: re.sub(rf"<(\d+),(-?\d+)> {name}_{part};", fewer, text))

    return edit


def header(kind, part, change):
    """The values of a weight header, w or b, changed: (flat array) -> array of the same length."""

    def edit(folder, name):
        number = re.search(rf"config(\d+)>\(.*\); // {name}_{part}\n", (folder / CALLS).read_text()).group(1)

        def values(match):
            words = np.array(match.group(1).split(", "), dtype=float)
            return "{" + ", ".join(f"{word:.10f}" for word in change(words)) + "}"

        file = f"firmware/weights/{kind}{number}.h"
        rewrite(folder, file, lambda text: re.sub(r"\{(.*)\}", values, text))

    return edit


def generated(part, pattern, change):
    """The first match of a pattern in the code of a layer."""

    def edit(folder, name):
        def in_code(text):
            start = text.index(f"// {name}_{part}:")
            found = re.compile(pattern).search(text, start)
            return text[: found.start()] + change(found) + text[found.end() :]

        rewrite(folder, CODE, in_code)

    return edit


def call(part, pattern, change):
    """The call of a layer."""

    def edit(folder, name):
        def line(match):
            return re.sub(pattern, change, match.group())

        rewrite(folder, CALLS, lambda text: re.sub(rf"nnet::.* // {name}_{part}\n", line, text))

    return edit


def at(place, change):
    def edit(values):
        values = values.copy()
        values[place] = change(values[place])
        return values

    return edit


# Name of the network: (edit, the layer that differs first, the layer with the fault, its cause, the evidence)
FAULTS = {
    "bit": (
        header("w", "hidden", at(9, lambda value: value + (0.25 if round(value * 16) & 4 == 0 else -0.25))),
        "relu",
        "hidden",
        "weight",
        "from input 2 to unit 1",
    ),
    "lost_weight": (header("w", "square", at(14, lambda _: 0)), "code", "square", "weight", "from input 3 to unit 2 0"),
    "signs": (header("b", "square", lambda values: -values), "code", "square", "bias sign", "minus its bias"),
    "one_sign": (header("b", "hidden", at(2, lambda value: -value)), "relu", "hidden", "bias sign", "of unit 2 -"),
    "no_bias": (header("b", "hidden", lambda values: values * 0), "relu", "hidden", "bias", "without its bias"),
    "turned": (
        header("w", "square", lambda values: values.reshape(HIDDEN, HIDDEN).T.ravel()),
        "code",
        "square",
        "kernel transposed",
        "inputs and units of its kernel exchanged",
    ),
    "trunc": (type_of("hidden_t", "RND_CONV", "TRN"), "relu", "relu", "rounding mode", "TRN instead of RND_CONV"),
    "ties": (type_of("square_t", "RND_CONV", "RND"), "code", "code", "rounding mode", "RND instead of RND_CONV"),
    "wraps": (type_of("scaling_t", "SAT", "WRAP"), "scaled", "scaled", "overflow mode", "WRAP instead of SAT"),
    "bare": (
        type_of("square_t", "8,4,AP_RND_CONV,AP_SAT,0", "24,12"),
        "code",
        "code",
        "lost quantizer",
        "equals what no quantizer gives",
    ),
    "signed": (type_of("hidden_t", "ap_ufixed", "ap_fixed"), "relu", "relu", "missing rectifier", "ap_fixed<8,3"),
    "narrow": (narrower("hidden_accum_t", 2), "relu", "hidden", "accumulator too narrow", "that wraps in"),
    "coarse": (coarser("square_accum_t", 5), "code", "square", "accumulator too coarse", "of each product in"),
    # What happened to AXOL1TL v6.0.2: an accumulator too narrow for large scores.
    "large": (narrower("score_accum_t", 5), "score", "score", "accumulator too narrow", "that wraps in"),
    "offset": (
        generated(
            "scaling", r"inp\[2\] - ap_int<(\d+)>\((-?\d+)\)", lambda found: f"inp[2] - ap_int<12>({int(found[2]) ^ 8})"
        ),
        "scaled",
        "scaling",
        "input offset",
        "at element 2",
    ),
    "shift": (
        generated(
            "scaling",
            r"ap_fixed<(\d+),(-?\d+)> value_3",
            lambda found: f"ap_fixed<{found[1]},{int(found[2]) + 1}> value_3",
        ),
        "scaled",
        "scaling",
        "shift",
        "shift 5 instead of 6 at element 3",
    ),
    "swapped": (
        generated("scaling", r"inp\[1\]((?s:.)*?)inp\[4\]", lambda found: f"inp[4]{found[1]}inp[1]"),
        "scaled",
        "scaling",
        "inputs swapped",
        "inputs 1 and 4 exchanged",
    ),
    "minus": (
        call("residual", r"<(\w+), (\w+), (.*)>\((\w+), (\w+), ", r"<\2, \1, \3>(\5, \4, "),
        "residual",
        "residual",
        "operands swapped",
        "with its operands exchanged",
    ),
    "entry": (
        generated("entries", r"\{\s*(-?\d+), (-?\d+)", lambda found: f"{{{found[1]}, {int(found[2]) ^ 4}"),
        "entries",
        "entries",
        "table entry",
        "entry -15 of table",
    ),
}


@pytest.fixture(scope="module")
def circuit():
    """All networks side by side, in the order of the faults."""
    networks = [(table if name == "entry" else network)(name, seed) for seed, name in enumerate(FAULTS)]
    nodes = [node for part in networks for node in part]
    return Circuit.derive(nodes, [part[-1].name for part in networks])


@pytest.fixture(scope="module")
def healthy(circuit, emitted):
    return emitted(circuit, "healthy", strategy="latency")


@pytest.fixture(scope="module")
def broken(healthy, tmp_path_factory):
    """The project with every fault in the network of its name."""
    folder = tmp_path_factory.mktemp("planted") / "broken"
    shutil.copytree(healthy, folder)
    for name, (edit, *_) in FAULTS.items():
        edit(folder, name)
    return folder


@pytest.fixture(scope="module")
def words(circuit):
    low, high = circuit.port_range
    return np.random.default_rng(3).integers(low, high + 1, (1500, circuit.n_inputs))


@pytest.fixture(scope="module")
def traces(circuit, broken, cache, words):
    """Words of the reference, and of the firmware with the faults."""
    return circuit.trace(words), CSimulation.build(broken, cache=cache).trace(words)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen_and_named(circuit, traces, name):
    reference, firmware = traces
    _, layer, origin, cause, evidence = FAULTS[name]
    explanation = explain(
        circuit, reference, {node: array for node, array in firmware.items() if node.startswith(name)}
    )
    assert explanation.layer == f"{name}_{layer}"
    assert (explanation.origin, explanation.cause) == (f"{name}_{origin}", cause), str(explanation)
    assert evidence in explanation.detail


def test_the_first_of_many_faults_is_named(circuit, traces):
    """In the order of the circuit, which is that of the faults."""
    assert explain(circuit, *traces).layer == f"{next(iter(FAULTS))}_relu"


def test_every_edited_file_is_known_by_its_digest(healthy, broken):
    weights = {file for file in changed_files(broken) if "/weights/" in file}
    assert {*changed_files(broken)} == {DEFINES, CODE, CALLS, *weights}
    assert len(weights) == 6
    assert changed_files(healthy) == ()


def test_a_stale_library_is_seen(circuit, healthy, broken, cache, tmp_path, words, monkeypatch):
    """An old library in the place of the new one: the cache cannot give it, so the compiler does."""
    old = CSimulation.build(broken, cache=cache).library

    def stale(compiler, sources, digest, driver, library, *rest):
        shutil.copyfile(old, library)

    monkeypatch.setattr(csim, "_compile", stale)
    simulation = CSimulation.build(healthy, cache=tmp_path)
    assert simulation.library != old
    few = words[:200]
    explanation = explain(circuit, circuit.trace(few), simulation.trace(few))
    assert (explanation.layer, explanation.cause) == ("bit_relu", "weight")


def test_the_library_of_other_sources_is_not_taken(healthy, broken, cache, tmp_path, monkeypatch):
    """The cache goes by the content of the files: after an edit the old library is not the one that is looked for."""
    old = CSimulation.build(broken, cache=cache).library
    asked = []

    def seen(compiler, sources, digest, driver, library, *rest):
        asked.append(library)
        shutil.copyfile(old, library)

    monkeypatch.setattr(csim, "_compile", seen)
    folder = tmp_path / "edited"
    shutil.copytree(broken, folder)
    type_of("hidden_t", "RND_CONV", "TRN")(folder, "bit")
    CSimulation.build(folder, cache=tmp_path / "cache")
    assert asked[0].name != old.name


def test_one_shift_in_the_adder_tree(emitted, cache, tmp_path, words):
    """Distributed arithmetic has no weight headers: the kernel is the way in which sums are shifted and added."""
    circuit = Circuit.derive(network("adders", 5))
    folder = tmp_path / "adders"
    shutil.copytree(emitted(circuit, "adders", strategy="distributed_arithmetic"), folder)

    def doubled(text):
        number = re.search(r"dense_da_(\d+)[^;]*; // adders_hidden", (folder / CALLS).read_text()).group(1)
        found = re.compile(r"bit_shift<(-?\d+)>").search(text, text.index(f"dense_da_{number}"))
        return text[: found.start(1)] + str(int(found.group(1)) + 1) + text[found.end(1) :]

    rewrite(folder, CODE, doubled)
    given = words[:, :INPUTS]
    firmware = CSimulation.build(folder, cache=cache).trace(given)
    explanation = explain(circuit, circuit.trace(given), firmware)
    assert (explanation.layer, explanation.origin) == ("adders_relu", "adders_hidden")
    assert "weight" in explanation.cause
