import numpy as np
import pytest

from l1ae.autoencoder.layers import InputScaling


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
