"""Faults planted in the emitted files are seen by the C simulation, in the layer where they are."""

import re
import shutil

import numpy as np
import pytest

from l1ae.circuit import corner_words, lower
from l1ae.hardware.hls import CSimulation, changed_files

from .conftest import deployed, random_words


@pytest.fixture
def planted(emitted, cache, tmp_path):
    """plant(strategy, file, edit) -> names of the layers that differ once one file of the project is edited."""
    model = deployed("variational", n=6, hidden=(4,), seed=7)

    def plant(strategy, file, edit):
        project = emitted(model, f"healthy-{strategy}", strategy=strategy)
        broken = tmp_path / "broken"
        shutil.copytree(project, broken)
        text = (broken / file).read_text()
        changed = edit(text)
        assert changed != text
        (broken / file).write_text(changed)
        assert changed_files(broken) == (file,)
        assert changed_files(project) == ()
        circuit = lower(model)
        words = np.concatenate([random_words(model, 5_000), corner_words(circuit, 0)])
        simulation = CSimulation.build(broken, cache=cache)
        assert (simulation.scores(words) != circuit.reference(words)).any()
        reference = circuit.trace(words)
        return [layer for layer, found in simulation.trace(words).items() if (found != reference[layer]).any()]

    return plant


def weight_header(text, index, change):
    """Change one value of a weight header."""
    start = text.index("{") + 1
    values = text[start : text.index("}")].split(", ")
    values[index] = f"{change(float(values[index])):.10f}"
    return text[:start] + ", ".join(values) + text[text.index("}") :]


def test_one_bit_of_one_weight_in_the_header(planted):
    layers = planted(
        "latency", "firmware/weights/w7.h", lambda text: weight_header(text, 3, lambda value: value + 2**-5)
    )
    assert layers[0] == "code_quantized"


def test_one_bit_of_one_bias_in_the_header(planted):
    layers = planted(
        "latency", "firmware/weights/b5.h", lambda text: weight_header(text, 1, lambda value: value + 2**-4)
    )
    assert layers[0] == "encoder_1_relu"


def test_one_shift_in_the_adder_tree(planted):
    def edit(text):
        body = text.index("dense_da_7")
        found = re.compile(r"bit_shift<(-?\d+)>").search(text, body)
        return text[: found.start(1)] + str(int(found.group(1)) + 1) + text[found.end(1) :]

    assert planted("distributed_arithmetic", "firmware/nnet_utils/nnet_code_gen.h", edit)[0] == "code_quantized"


@pytest.mark.parametrize(
    ("type_", "old", "new", "layer"),
    [
        ("encoder_1_t", "AP_RND_CONV", "AP_RND", "encoder_1_relu"),
        ("code_t", "AP_RND_CONV", "AP_TRN", "code_quantized"),
        ("scaling_t", "AP_SAT", "AP_WRAP", "scaled"),
    ],
)
def test_one_mode_of_one_type(planted, type_, old, new, layer):
    def edit(text):
        line = next(line for line in text.splitlines() if line.endswith(f" {type_};"))
        return text.replace(line, line.replace(f"{old},", f"{new},"))

    assert planted("latency", "firmware/defines.h", edit)[0] == layer


def test_one_offset_of_the_input_scaling(planted):
    def edit(text):
        found = re.search(r"inp\[2\] - ap_int<(\d+)>\((-?\d+)\)", text)
        return text[: found.start(2)] + str(int(found.group(2)) ^ 1) + text[found.end(2) :]

    assert planted("latency", "firmware/nnet_utils/nnet_code_gen.h", edit)[0] == "scaled"


def test_narrow_accumulator(planted):
    """What happened to AXOL1TL v6.0.2: an accumulator too narrow for large scores."""

    def edit(text):
        line = next(line for line in text.splitlines() if line.endswith(" score_accum_t;"))
        width, integer = map(int, re.search(r"<(\d+),(\d+)>", line).groups())
        return text.replace(line, line.replace(f"<{width},{integer}>", f"<{width - 4},{integer - 4}>"))

    assert planted("latency", "firmware/defines.h", edit) == ["score"]
