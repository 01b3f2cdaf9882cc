"""Networks and trainings that cannot be: refused by name, with a way out, before anything is read or made."""

import json
import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from l1ae.autoencoder.requirements import check_network
from l1ae.config import RunConfig, load_config
from l1ae.errors import ConfigError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON
from l1ae.settings import SCORES

DOCUMENT = Path(__file__).parents[1] / "docs" / "configuration.md"
NEEDS = {
    "sparse": {"sparsity": {}},
    "contractive": {"contraction": 0.1},
    "denoising": {"corruption": {}},
    "overcomplete": {"weight_decay": 0.1},
}


def run(tmp_path, autoencoder, training=None, inputs=None):
    """A configuration by way of a file."""
    content = {"name": "tiny", "autoencoder": autoencoder, "training": training or {}, "inputs": inputs or {}}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_config(path)


def config(kind, autoencoder=None, training=None, inputs=None):
    content = {
        "name": "tiny",
        "autoencoder": {"kind": kind, **(autoencoder or {})},
        "training": {**NEEDS.get(kind, {}), **(training or {})},
        "inputs": inputs or {},
    }
    return RunConfig.model_validate_json(json.dumps(content))


@pytest.mark.parametrize("kind", SCORES)
def test_every_kind_gives_its_scores_and_the_first_unless_asked(kind):
    assert config(kind).autoencoder.given_score == SCORES[kind][0]
    for score in SCORES[kind]:
        assert config(kind, {"score": score}).autoencoder.given_score == score


@pytest.mark.parametrize("kind", SCORES)
def test_a_score_that_a_kind_cannot_give_is_refused(tmp_path, kind):
    others = {score for scores in SCORES.values() for score in scores} - set(SCORES[kind])
    for score in others:
        with pytest.raises(ConfigError, match=rf"kind {kind} gives no score {score}; it gives {SCORES[kind][0]}"):
            run(tmp_path, {"kind": kind, "score": score}, NEEDS.get(kind))


VAE, AE, STUDENT = {"kind": "variational"}, {"kind": "undercomplete"}, {"kind": "student"}
CONV = {"kind": "undercomplete", "architecture": "convolutional"}
EMBEDDED = {"kind": "undercomplete", "embedding": {}}
RELATIVE = {"angles": "relative", "transform": "log", "direction_shift": 1}


@pytest.mark.parametrize(
    ("autoencoder", "training", "inputs", "message"),
    [
        (VAE | {"mask_absent": True}, {}, {}, "mask_absent: score radius is no reconstruction error"),
        (STUDENT | {"mask_absent": True}, {}, {}, "mask_absent: score student"),
        (STUDENT | {"embedding": {}}, {}, {}, "an embedding stands in front of a dense autoencoder"),
        (CONV | {"embedding": {}}, {}, {}, "an embedding stands in front of a dense autoencoder"),
        (EMBEDDED | {"mask_absent": True}, {}, {}, "mask_absent: behind an embedding"),
        (STUDENT | {"architecture": "convolutional"}, {}, {}, "a student is dense"),
        (AE | {"layers": {"encoder_3": {}}}, {}, {}, "no layer encoder_3; there are encoder_1, encoder_2, code"),
        (AE | {"layers": {"embedding": {}}}, {}, {}, "no layer embedding;"),
        (VAE | {"layers": {"log_variance": {}}}, {}, {}, "no layer log_variance;"),
        (CONV | {"layers": {"decoder_3": {}}}, {}, {}, "no layer decoder_3; .* decoder_2, output"),
        (STUDENT | {"layers": {"output": {}}}, {}, {}, "no layer output; there are encoder_1, encoder_2, code"),
        (
            AE | {"layers": {"code": {"activations": {"width": 8, "integer": 3}}}},
            {},
            {},
            "layers.code.activations: no rectifier stands behind code",
        ),
        (AE | {"layers": {"code": {"weights": "trinary"}}}, {}, {}, "layers.code.weights: Input should be 'ternary'"),
        (AE | {"weights": {"width": 9, "integer": 0}}, {}, {}, "autoencoder.weights.integer: Input should be greater"),
        (AE | {"filters": [3]}, {}, {}, "autoencoder.filters"),
        ({"kind": "sparse"}, {}, {}, "kind sparse needs training.sparsity"),
        ({"kind": "denoising"}, {}, {}, "kind denoising needs training.corruption"),
        ({"kind": "contractive"}, {}, {}, "kind contractive needs training.contraction"),
        ({"kind": "contractive"}, {"contraction": 0.0}, {}, "kind contractive needs training.contraction"),
        ({"kind": "overcomplete"}, {}, {}, "give training.weight_decay or training.sparsity"),
        (AE, {"sparsity": {}}, {}, "training.sparsity belongs to kind sparse, not to undercomplete"),
        (VAE, {"corruption": {}}, {}, "training.corruption belongs to kind denoising"),
        (STUDENT, {"contraction": 1.0}, {}, "training.contraction belongs to kind contractive"),
        (
            {"kind": "denoising"},
            {"corruption": {"masking": 1.1}},
            {},
            "training.corruption.masking: .* less than or eq",
        ),
        ({"kind": "denoising"}, {"corruption": {"detector": -0.1}}, {}, "corruption.detector: .* greater than or eq"),
        ({"kind": "denoising"}, {"corruption": {"gaussian": 3}}, {}, "corruption.gaussian: .* less than or eq"),
        ({"kind": "sparse"}, {"sparsity": {"weight": 0}}, {}, "sparsity.weight: .* greater than 0"),
        ({"kind": "sparse"}, {"sparsity": {"target": 1}}, {}, "sparsity.target: .* less than 1"),
        (AE, {"batch_norm": True}, {}, "batch_norm .*: set float_epochs"),
        (CONV, {"batch_norm": True, "float_epochs": 1}, {}, "training.batch_norm folds into dense layers only"),
        (AE, {"epochs": 5, "pruning": {"end_epoch": 6}}, {}, "pruning ends with epoch 6, behind the last of 5"),
        (AE, {"pruning": {"begin_epoch": 4, "end_epoch": 4}}, {}, "pruning ends with epoch 4 and begins behind 4"),
        (AE, {"pruning": {"sparsity": 1}}, {}, "pruning.sparsity: .* less than 1"),
        (AE | {"weights": "binary"}, {"pruning": {}}, {}, "training.pruning: binary weights .* take ternary"),
        (AE | {"layers": {"code": {"weights": "binary"}}}, {"pruning": {}}, {}, "training.pruning: binary weights"),
        (AE, {"feature_weights": {"pt": -1.0}}, {}, "feature_weights.pt: .* greater than or equal to 0"),
        (AE, {"weight_decay": float("inf")}, {}, "training.weight_decay"),
        (AE, {"learning_rate": float("inf")}, {}, "training.learning_rate"),
        (VAE, {"beta": 1.5}, {}, "training.beta: .* less than or equal to 1"),
        (VAE, {"prior_width": 0}, {}, "training.prior_width: .* greater than 0"),
        (STUDENT, {"teacher": {"members": {}}}, {}, "training.teacher.members"),
        (STUDENT, {"teacher": {"members": {"oracle": 1.0}}}, {}, "training.teacher.members.oracle"),
        (STUDENT, {"teacher": {"members": {"table": 0}}}, {}, "training.teacher.members.table: .* greater than 0"),
        (
            {"kind": "contractive"},
            {"contraction": 1.0, "float_epochs": 1, "batch_norm": True},
            {},
            "couples the events",
        ),
        (AE, {"beta": 0.5}, {}, "training.beta belongs to kind variational and would change nothing here"),
        (AE, {"prior_width": 2.0}, {}, "training.prior_width belongs to kind variational"),
        (AE, {"warmup_epochs": 2}, {}, "training.warmup_epochs belongs to kind variational"),
        (AE, {"vicreg": {"epochs": 2}}, {}, "training.vicreg belongs to networks with an embedding"),
        (AE, {"teacher": {"epochs": 2}}, {}, "training.teacher belongs to kind student"),
        (STUDENT, {"reconstruction": "absolute"}, {}, "training.reconstruction belongs to networks that reconstruct"),
        (AE, {}, {"address": 8}, "inputs.address belongs to look-up tables"),
        (VAE | {"score": "kl"}, {"prior_width": 64.0}, {}, "prior_width 64: a code from -8 to 8 hardly moves the KL"),
        (AE, {}, {"angles": "relative", "direction_shift": 3}, "less than 9 levels of a cosine"),
        (AE, {"periodic": True}, RELATIVE, "training.periodic: relative angles"),
        (AE, {"periodic": True}, {"transform": "tail"}, "training.periodic: behind tables"),
        (STUDENT, {"mask_absent": True}, {}, "training.mask_absent weighs inputs"),
        (EMBEDDED, {"periodic": True}, {}, "training.periodic weighs inputs"),
        (EMBEDDED, {"feature_weights": {"pt": 2.0}}, {}, "training.feature_weights weighs inputs"),
        (AE, {}, {"transform": "sqrt"}, "inputs.transform: Input should be 'scale', 'log'"),
        (AE, {}, {"address": 11}, "inputs.address: .* less than or equal to 10"),
        (AE, {}, {"direction_shift": 9}, "inputs.direction_shift: .* less than or equal to 8"),
        (AE | {"inputs": {"width": 8, "integer": 4}}, {}, {}, "autoencoder.inputs: unknown key"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path, autoencoder, training, inputs, message):
    with pytest.raises(ConfigError, match=message) as error:
        run(tmp_path, autoencoder, training, inputs)
    assert "\n" not in str(error.value)
    assert "[" not in str(error.value).split(":")[1], "a key, not a type of pydantic"


PT = LEPTON.select(None, ["pt"])


def other_phi():
    """A layout whose jets count phi in steps that are no whole part of those of the MET."""
    content = json.loads(LEPTON.to_json())
    for kind in content["kinds"]:
        if kind["name"] == "jet":
            kind["fields"]["phi"] |= {"period": 200, "lsb": 2 * 3.141592653589793 / 200}
    return type(LEPTON).from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("kind", "changes", "layout", "message"),
    [
        ("undercomplete", {"autoencoder": {"latent": 57}}, LEPTON, "autoencoder.latent: 57 is not below 57 inputs"),
        ("variational", {"autoencoder": {"latent": 19}}, PT, "latent: 19 is not below 19 inputs; take less, or kind"),
        ("overcomplete", {"autoencoder": {"latent": 56}}, LEPTON, "autoencoder.latent: 56 is less than 57 inputs"),
        (
            "contractive",
            {"autoencoder": {"latent": 10, "embedding": {"size": 10}}},
            LEPTON,
            "latent: 10 is not below 10 outputs of the embedding",
        ),
        (
            "undercomplete",
            {"autoencoder": {"architecture": "convolutional"}},
            LEPTON.select({"jet": 10}),
            "autoencoder.architecture: convolutional needs 11 rows of objects, these events have 10; take dense",
        ),
        (
            "undercomplete",
            {"training": {"feature_weights": {"eta": 1.0}}},
            LEPTON.select(None, ["pt", "phi"]),
            "training.feature_weights: no feature eta in these events; they have pt, phi",
        ),
        ("undercomplete", {"training": {"periodic": True}}, PT, "training.periodic: these events have no phi"),
        ("undercomplete", {"inputs": RELATIVE}, PT, "inputs.angles: relative needs phi"),
        ("undercomplete", {"inputs": RELATIVE}, LEPTON.select({"jet": 8}), "relative needs phi and a missing momentum"),
        ("undercomplete", {"inputs": RELATIVE}, other_phi(), "phi of MET is no whole number of counts of jet"),
    ],
)
def test_what_does_not_fit_the_events_is_refused_by_name(kind, changes, layout, message):
    wanted = config(kind, **changes)
    with pytest.raises(ConfigError, match=message):
        check_network(wanted.autoencoder, wanted.training, wanted.inputs, layout)


@pytest.mark.parametrize(
    ("kind", "changes", "layout"),
    [
        ("undercomplete", {"autoencoder": {"latent": 56}}, LEPTON),
        ("overcomplete", {"autoencoder": {"latent": 57}}, LEPTON),
        ("sparse", {"autoencoder": {"latent": 100}}, LEPTON),
        ("student", {"autoencoder": {"latent": 100}}, PT),
        ("undercomplete", {"autoencoder": {"architecture": "convolutional"}}, LEPTON.select({"jet": 10, "MET": 1})),
        ("undercomplete", {"inputs": RELATIVE}, GLOBAL_TRIGGER),
        ("undercomplete", {"training": {"periodic": True, "feature_weights": {"phi": 0.1}}}, LEPTON),
    ],
)
def test_what_just_fits_is_taken(kind, changes, layout):
    wanted = config(kind, **changes)
    check_network(wanted.autoencoder, wanted.training, wanted.inputs, layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"autoencoder": {"kind": "sparse"}}, "kind sparse needs training.sparsity"),
        ({"autoencoder": {"kind": "undercomplete", "latent": 57}}, "autoencoder.latent: 57 is not below 57 inputs"),
        ({"autoencoder": AE | {"layers": {"cdoe": {}}}}, "there is no layer cdoe"),
        (
            {"data": {"objects": {"jet": 9}}, "autoencoder": CONV},
            "convolutional needs 11 rows of objects, these events have 9",
        ),
        ({"data": {"features": ["pt"]}, "inputs": RELATIVE}, "inputs.angles: relative needs phi"),
    ],
)
def test_a_run_is_refused_before_anything_is_made(l1ae, place, folder_content, change, message):
    content = yaml.safe_load(place.config.read_text())
    merged = {key: value if key == "autoencoder" else content.get(key, {}) | value for key, value in change.items()}
    place.write_config(content | merged)
    before = folder_content(place.root)
    ended = l1ae("run", place.config, "--out", place.run, "--firmware", place.firmware)
    assert ended.code == 2
    assert message in ended.message
    assert ended.out == ""
    assert not place.run.exists()
    assert not place.firmware.exists()
    assert folder_content(place.root) == before


def documented():
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return next(yaml.safe_load(body) for body in blocks if body.startswith("name: every_key"))


def test_the_documented_defaults_are_the_defaults():
    shown = RunConfig.model_validate_json(json.dumps(documented())).model_dump()
    plain = config("undercomplete").model_dump()
    for section in plain.keys() - {"name", "data"}:
        assert shown[section] == plain[section]


def keys(record, prefix=""):
    for name, field in record.model_fields.items():
        yield f"{prefix}{name}"
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from keys(annotation, f"{prefix}{name}.")


def test_every_key_is_documented():
    """Each record's own keys in the block of defaults; those of optional ones behind a comment."""

    def has(content, path):
        head, _, rest = path.partition(".")
        return head in content and (not rest or has(content[head], rest))

    shown = documented()
    assert [key for key in keys(RunConfig) if not has(shown, key)] == []
    from l1ae import settings

    text = DOCUMENT.read_text()
    for name in ("SparsityConfig", "CorruptionConfig", "PruningConfig", "EmbeddingConfig", "LayerConfig"):
        for key in getattr(settings, name).model_fields:
            assert re.search(rf"\b{key}\b", text), (name, key)
    for choices in (SCORES, SCORES["variational"], ("masking", "gaussian", "detector"), ("log", "tail", "density")):
        assert all(f"`{choice}`" in text for choice in choices)


@pytest.mark.parametrize("layout", [LEPTON, GLOBAL_TRIGGER], ids=["lepton", "global trigger"])
def test_weights_of_some_features_may_be_0_and_not_of_all(layout):
    def check(weights):
        found = config("undercomplete", training={"feature_weights": weights})
        check_network(found.autoencoder, found.training, found.inputs, layout)

    check({"eta": 0.0, "phi": 0.0})
    with pytest.raises(ConfigError, match="feature_weights: every weight is 0"):
        check({"pt": 0.0, "eta": 0.0, "phi": 0.0})


def test_numbers_may_be_written_with_an_exponent(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\nautoencoder: {kind: undercomplete}\ntraining: {learning_rate: 1e-3}\n")
    assert load_config(path).training.learning_rate == 1e-3
    assert load_config(path, ["training.learning_rate=2E-4"]).training.learning_rate == 2e-4


def test_a_change_reaches_below_a_key_that_is_empty(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("name: tiny\nautoencoder: {kind: undercomplete}\ntraining: {pruning: null}\n")
    assert load_config(path, ["training.pruning.sparsity=0.6"]).training.pruning.sparsity == 0.6
