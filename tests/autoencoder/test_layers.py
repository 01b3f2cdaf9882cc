import keras
import numpy as np
import pytest

from l1ae.autoencoder.layers import InputScaling, Select, SumOver, TableLookup


def test_scaling_is_exact_for_every_word_of_the_port():
    words = np.arange(-4096, 4096, dtype=np.float32)[:, None].repeat(3, axis=1)
    layer = InputScaling(offset=[0, 17, -4096], shift=[0, 5, -2])
    expected = np.stack([words[:, 0], (words[:, 1] - 17) / 32, (words[:, 2] + 4096) * 4], axis=1)
    assert (np.asarray(layer(words)) == expected).all()


def test_it_can_be_saved_and_made_again():
    layer = InputScaling(offset=[1, 2], shift=[3, 4], name="scaling")
    again = InputScaling.from_config(layer.get_config())
    assert (again.offset, again.shift, again.name) == ([1, 2], [3, 4], "scaling")


def test_offsets_and_shifts_belong_together():
    with pytest.raises(ValueError, match="2 offsets and 1 shifts"):
        InputScaling(offset=[1, 2], shift=[3])


TABLES = np.random.default_rng(0).integers(-300, 300, (3, 16))


def test_a_table_lookup_gives_the_entry_of_every_word():
    words = np.arange(-4, 12)
    layer = TableLookup(TABLES, low=-4, fraction_in=3, fraction_out=5)
    values = np.repeat(words[:, None], 3, axis=1).astype(np.float32) / 8
    assert (np.asarray(layer(values)) == TABLES.T / 32).all()
    shared = TableLookup(TABLES[:1], low=-4, fraction_in=3, fraction_out=5)
    assert (np.asarray(shared(values)) == TABLES[0][:, None] / 32).all()


def test_words_beyond_a_table_take_the_nearest_entry():
    layer = TableLookup(TABLES, low=-4, fraction_in=0, fraction_out=0)
    below, above = np.asarray(layer(np.array([[-5.0, -1e9, -4.0], [12.0, 3e38, 11.0]], dtype=np.float32)))
    assert (below == TABLES[:, 0]).all()
    assert (above == TABLES[:, -1]).all()


@pytest.mark.parametrize("layer", [TableLookup(TABLES, -4, 0, 2, name="tables"), SumOver(name="total")])
def test_tables_and_sums_work_in_models_and_are_saved_with_them(layer, tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layer(inputs))
    values = np.random.default_rng(1).integers(-4, 12, (100, 3)).astype(np.float32)
    expected = np.asarray(layer(values))
    assert expected.shape == (100, *model.output_shape[1:])
    assert (model.predict(values, verbose=0) == expected).all()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert (again.predict(values, verbose=0) == expected).all()
    assert type(again.layers[-1]) is type(layer)


def test_layers_behind_a_table_are_trained_and_none_in_front_of_it():
    inputs = keras.Input((3,))
    behind = keras.layers.Dense(1, name="behind")
    found = TableLookup(TABLES, -4, 0, 8)(keras.layers.Dense(3, trainable=False)(inputs))
    model = keras.Model(inputs, behind(found))
    model.compile("sgd", "mse")
    before = behind.get_weights()[0].copy()
    model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    assert (behind.get_weights()[0] != before).any()


def test_a_sum_keeps_its_axis():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert (np.asarray(SumOver()(values)) == values.sum(axis=-1, keepdims=True)).all()


@pytest.mark.parametrize(
    ("tables", "low", "message"),
    [
        ([1, 2, 3], 0, r"tables of shape \(3,\)"),
        (np.zeros((2, 0), dtype=int), 0, r"tables of shape \(2, 0\)"),
        ([[0.5, 1.0]], 0, "type float64: give integers"),
        ([[0, 2**25]], 0, "beyond 24 bits"),
        ([[0, 1]], -(2**25), "beyond 24 bits"),
    ],
)
def test_tables_that_cannot_be_are_refused(tables, low, message):
    with pytest.raises(ValueError, match=message):
        TableLookup(tables, low, 0, 0)


def test_as_many_tables_as_inputs():
    with pytest.raises(ValueError, match="3 tables for 4 inputs"):
        TableLookup(TABLES, 0, 0, 0)(np.zeros((1, 4), dtype=np.float32))


def test_selected_elements_of_the_last_axis(tmp_path):
    words = keras.Input((4,))
    layer = Select([3, 0, 3], name="select")
    model = keras.Model(words, layer(words))
    assert model.output_shape == (None, 3)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.asarray(again(np.array([[1.0, 2.0, 3.0, 4.0]]))).tolist() == [[4.0, 1.0, 4.0]]
    assert np.asarray(layer(np.ones((2, 5, 4)))).shape == (2, 5, 3)


@pytest.mark.parametrize("indices", [[], [-1], [0, 4]])
def test_elements_that_are_not_there(indices):
    with pytest.raises(ValueError, match=r"indices|index 4 of an input with 4 elements"):
        Select(indices)(np.ones((2, 4)))
