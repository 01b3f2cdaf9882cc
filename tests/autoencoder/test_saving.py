"""Saved models hold nothing of the day on which they were saved."""

import json
import time
import zipfile

import keras
import numpy as np
import qkeras

from l1ae.autoencoder.inference import load_model
from l1ae.autoencoder.saving import save_model

from .. import models


def test_equal_models_make_equal_files(tmp_path):
    for name in ("one.keras", "two.keras"):
        save_model(models.trigger(), tmp_path / name)
        time.sleep(2.1)  # a zip archive counts time in steps of two seconds
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "two.keras").read_bytes()
    save_model(models.trigger(units=5), tmp_path / "other.keras")
    assert (tmp_path / "one.keras").read_bytes() != (tmp_path / "other.keras").read_bytes()


def test_objects_that_layers_share_stay_shared(tmp_path):
    quantizer = models.fixed(6, 0)
    inputs = keras.Input((3,))
    one = qkeras.QDense(2, kernel_quantizer=quantizer, bias_quantizer=quantizer)(inputs)
    save_model(keras.Model(inputs, one), tmp_path / "one.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "one.keras").read("config.json"))
    layer = config["config"]["layers"][1]["config"]
    ids = [layer[key]["shared_object_id"] for key in ("kernel_quantizer", "bias_quantizer") if layer[key]]
    others = [found for found in shared(config) if found not in ids]
    assert ids[0] == ids[1]
    assert sorted({*ids, *others}) == list(range(1, 1 + len({*ids, *others})))
    assert load_model(tmp_path / "one.keras").layers[1].units == 2


def shared(config):
    if isinstance(config, list):
        return [found for one in config for found in shared(one)]
    if not isinstance(config, dict):
        return []
    own = [config["shared_object_id"]] if isinstance(config.get("shared_object_id"), int) else []
    return own + [found for one in config.values() for found in shared(one)]


def test_what_is_saved_is_the_model(tmp_path):
    model = models.trigger()
    save_model(model, tmp_path / "one.keras")
    x = np.random.default_rng(0).normal(0, 5, (100, 8)).astype(np.float32)
    for loaded in (load_model(tmp_path / "one.keras"), keras.models.load_model(tmp_path / "one.keras")):
        assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
