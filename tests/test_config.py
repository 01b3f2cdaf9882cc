import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from l1ae.config import RtlConfig, RunConfig, changed_rtl, dump_config, load_config
from l1ae.errors import ConfigError
from l1ae.records import Precision

MINIMAL = {"name": "tiny", "autoencoder": {"kind": "variational"}}


def write(tmp_path, content):
    path = tmp_path / "config.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_short_file_is_enough_and_its_defaults_can_be_read_back(tmp_path):
    config = load_config(write(tmp_path, MINIMAL))
    assert config.autoencoder.hidden == (32, 16)
    assert load_config(write(tmp_path, dump_config(config))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": 1}, "nmae: unknown key"),
        ({"training": {"epoch": 3}}, "training.epoch: unknown key"),
        ({"training": {"epochs": "3"}}, "training.epochs: Input should be a valid integer"),
        ({"training": {"epochs": 0}}, "training.epochs: Input should be greater than 0"),
        ({"training": {"learning_rate": ".nan"}}, "training.learning_rate"),
        ({"autoencoder": {"kind": "magic"}}, "autoencoder.kind: Input should be"),
        ({"autoencoder": {"kind": "variational", "hidden": []}}, "autoencoder.hidden"),
        (
            {"autoencoder": {"kind": "variational", "weights": {"width": 40, "integer": 2}}},
            "autoencoder.weights.width: Input should be less than or equal to 16",
        ),
        (
            {"autoencoder": {"kind": "variational", "weights": {"width": 4, "integer": 6}}},
            "6 integer bits do not fit a width of 4",
        ),
        ({"firmware": {"backend": "Quartus"}}, "firmware.backend"),
        ({"firmware": {"clock_ns": -1.0}}, "firmware.clock_ns"),
        ({"name": "../elsewhere"}, "name: String should match pattern"),
        ({"data": {"background": []}}, "data.background: Tuple should have at least 1 item"),
        ({"data": {"signals": []}}, "data.signals: Tuple should have at least 1 item"),
        (
            {"data": {"background": ["W", "W"]}},
            "data: process W stands twice among background and signals",
        ),
        ({"data": {"background": ["W"], "signals": ["W"]}}, "process W stands twice"),
    ],
)
def test_mistakes_are_named_by_their_key(tmp_path, change, message):
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, MINIMAL | change))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "must hold keys and values"),
        ("- 1", "must hold keys"),
        ("a: [1", "is not YAML"),
        ("\x00", "is not YAML"),
        ("name: a\nname: b", "is not YAML: key name stands twice"),
        ("training: {seed: 1, seed: 2}", "key seed stands twice"),
        ("name: !!binary aGVsbG8=", "holds a value that is no text"),
        ("name: 2026-11-23", "holds a value that is no text"),
        ("name: &a [*a]", "holds a value that is no text"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path, content, message):
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, content))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load_config(tmp_path / "nothing.yaml")


def test_every_preset_is_valid():
    from pathlib import Path

    presets = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
    assert {preset.stem for preset in presets} >= {"dense_ae", "dense_vae"}
    for preset in presets:
        config = load_config(preset)
        assert config.name == preset.stem
        weights = config.autoencoder.weights
        assert isinstance(weights, str) or weights.width <= 8


@given(st.integers(-20, 30), st.integers(-20, 30))
def test_a_precision_has_room_for_its_integer_bits(width, integer):
    try:
        precision = Precision(width=width, integer=integer)
    except ValueError:
        assert width < 2 or width > 16 or integer < 0 or integer > width
    else:
        assert precision.integer <= precision.width


def test_records_cannot_be_changed():
    config = RunConfig.model_validate({"name": "x", "autoencoder": {"kind": "variational"}})
    with pytest.raises(ValueError, match="frozen"):
        config.name = "y"


def test_the_verilog_is_cut_by_latency_or_by_depth_but_not_by_both(tmp_path):
    file = tmp_path / "both.yaml"
    file.write_text("name: a\nautoencoder: {kind: sparse}\nrtl: {latency_clocks: 4, adder_levels: 4}\n")
    with pytest.raises(ConfigError, match="rtl: give latency_clocks or adder_levels, not both"):
        load_config(file)


def test_changed_settings_of_the_verilog_replace_those_that_exclude_them():
    settings = RtlConfig(clock_mhz=320.0, latency_clocks=16)
    changed = changed_rtl(settings, {"adder_levels": 4}, synthesise=False)
    assert (changed.clock_mhz, changed.latency_clocks, changed.adder_levels) == (320.0, None, 4)
    assert not changed.synthesise
    assert changed_rtl(settings, {}, synthesise=True) == settings
    with pytest.raises(ConfigError, match=r"rtl\.latency_clocks"):
        changed_rtl(settings, {"latency_clocks": 0}, synthesise=True)
    with pytest.raises(ConfigError, match="not both"):
        changed_rtl(settings, {"latency_clocks": 4, "adder_levels": 4}, synthesise=True)
