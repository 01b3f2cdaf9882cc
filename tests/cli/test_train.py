"""`l1ae train`: alone, interrupted, continued, started over."""

import json

import numpy as np
import pytest


@pytest.fixture
def interrupted(monkeypatch):
    """Makes the next progress bar interrupt the process when it first moves, as Ctrl-C would."""
    from contextlib import contextmanager

    from l1ae.terminal import Terminal

    @contextmanager
    def interrupting(*_):
        def advance(*_, **__):
            raise KeyboardInterrupt

        yield advance

    with monkeypatch.context() as patched:
        patched.setattr(Terminal, "progress", interrupting)
        yield patched


def weights(run):
    from l1ae.autoencoder.inference import load_model

    return load_model(run / "model.keras").get_weights()


def equal(one, two):
    return all(np.array_equal(left, right) for left, right in zip(one, two, strict=True))


def test_an_interrupted_training_continues_and_ends_with_the_weights_of_an_uninterrupted_one(
    l1ae, place, variational, interrupted
):
    train = ("train", place.config, "--out", place.run)
    ended = l1ae(*train)
    assert ended.code == 130
    assert ended.err.strip() == "l1ae: interrupted; run, train, emulate and data generate continue where they stopped"
    assert not (place.run / "model.keras").exists()
    assert len(json.loads((place.run / "checkpoints" / "quantized" / "history.json").read_text())["loss"]) == 1

    interrupted.undo()
    ended = l1ae(*train)
    assert ended.text
    assert "2 epochs in" in ended.out
    assert equal(weights(place.run), weights(variational.place.run))
    record, whole = (json.loads((run / "history.json").read_text()) for run in (place.run, variational.place.run))
    for key in ("loss", "validation_loss", "best_epoch"):
        assert record[key] == whole[key]


def test_training_again_changes_nothing_and_fresh_starts_over(l1ae, variational, copy_of, folder_content, interrupted):
    place = copy_of(variational)
    before = folder_content(place.run)
    for target in ((place.run,), (place.config, "--out", place.run)):
        ended = l1ae("train", *target)
        assert ended.text
        assert "is trained already" in ended.out
    assert folder_content(place.run) == before

    assert l1ae("train", place.config, "--out", place.run, "--fresh").code == 130  # after one epoch
    assert {path.name for path in place.run.iterdir()} == {"config.yaml", "checkpoints", "logs", "costs.jsonl"}


def test_options_of_a_configuration_do_not_go_with_a_run_folder(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    before = folder_content(place.root)
    ended = l1ae("train", place.run, "--fresh")
    assert ended.code == 2
    assert "--out, --set and --fresh go with a configuration" in ended.err
    assert folder_content(place.root) == before


def test_a_folder_without_a_run_is_refused(l1ae, place, folder_content):
    before = folder_content(place.root)
    assert "holds no run" in l1ae("train", place.root).message
    assert folder_content(place.root) == before


def test_a_damaged_checkpoint_is_named(l1ae, variational, copy_of):
    place = copy_of(variational)
    for name in ("model.keras", "history.json"):
        (place.run / name).unlink()
    folder = place.run / "checkpoints" / "quantized"
    (folder / "history.json").write_text("{")
    assert f"the checkpoint in {folder} is damaged" in l1ae("train", place.run).message
    assert not (place.run / "model.keras").exists()
