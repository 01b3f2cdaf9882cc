"""Every preset in configs/ trains, converts and verifies with no mismatch: briefly here, in full in the slow tier."""

from pathlib import Path

import pytest

from l1ae.config import load_config
from l1ae.report.record import read_report

PRESETS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
#: Kinds and architectures, each of which has a preset.
FAMILY = {
    ("undercomplete", "dense"),
    ("overcomplete", "dense"),
    ("sparse", "dense"),
    ("contractive", "dense"),
    ("denoising", "dense"),
    ("variational", "dense"),
    ("undercomplete", "convolutional"),
    ("variational", "convolutional"),
    ("student", "dense"),
}


def briefly(path, event_file):
    """Changes that make a preset train for two epochs of each phase on a few thousand events."""
    config = load_config(path)
    changes = {
        "data.file": event_file,
        "data.signals": "[LQ, A4l]",
        "training.epochs": 2,
        "training.float_epochs": min(config.training.float_epochs, 1),
        "verification.events": 300,
        "verification.random": 300,
    }
    if config.autoencoder.embedding is not None:
        changes["training.vicreg.epochs"] = 1
    if config.autoencoder.kind == "student":
        changes["training.teacher.epochs"] = 1
    if config.training.pruning is not None:
        changes["training.pruning.end_epoch"] = 2
    return [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]


def test_every_member_of_the_family_has_a_preset():
    networks = [load_config(path).autoencoder for path in PRESETS]
    assert {(network.kind, network.architecture) for network in networks} == FAMILY
    assert any(network.weights == "ternary" for network in networks)
    assert any(network.embedding is not None for network in networks)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_named_as_its_file_and_uses_at_most_8_bit_weights(path):
    config = load_config(path)
    assert config.name == path.stem
    weights = config.autoencoder.weights
    assert weights in ("ternary", "binary") or weights.width <= 8


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_has_a_budget_of_two_bunch_crossings_and_nothing_but_logic(path):
    config = load_config(path)
    assert config.budget.latency_ns == 50.0
    assert (config.budget.dsp, config.budget.bram) == (0, 0)
    assert config.budget.lut is not None
    assert config.rtl.latency_clocks is not None
    assert round(config.rtl.latency_clocks * config.rtl.clock_ns, 9) <= config.budget.latency_ns


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_trains_and_its_firmware_is_exact(path, l1ae, event_file, compiled, tmp_path):
    run = tmp_path / "run"
    assert l1ae("train", path, "--out", run, *briefly(path, event_file)).code == 0
    assert l1ae("convert", run, "--firmware", tmp_path / "firmware").code == 0
    for stage in ("verify", "report"):  # Verilog of this size takes minutes: in the slow tier
        assert l1ae(stage, run).code == 0
    report = read_report(run / "report.json")
    assert report.exactness is not None
    assert report.exactness.mismatches == 0
    assert report.exactness.events > 600
    assert {(pair.first, pair.second) for pair in report.exactness.pairs} == {
        ("keras", "reference"),
        ("keras", "c-simulation"),
        ("reference", "c-simulation"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_in_full_is_exact_and_finds_signals(path, l1ae, compiled, tmp_path):
    run = tmp_path / "run"
    assert l1ae("run", path, "--out", run, "--firmware", tmp_path / "firmware").code == 0
    report = read_report(run / "report.json")
    assert report.exactness is not None
    assert report.exactness.mismatches == 0
    assert all(not signal.collapsed and signal.auc > 0.5 for signal in report.physics.values())
