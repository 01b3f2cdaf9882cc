"""Small QKeras models around one layer, and the one comparison of Keras with the reference."""

from typing import Any

import numpy as np


def bits(width: int = 6, integer: int = 3, **options: Any) -> Any:
    """`ap_fixed<width,integer,RND_CONV,SAT>`."""
    import qkeras

    return qkeras.quantized_bits(width, integer - 1, **{"alpha": 1, **options})


def quantized(quantizer: Any, name: str | None = None) -> Any:
    """A QActivation."""
    import qkeras

    return qkeras.QActivation(quantizer, name=name)


def chain(shape: tuple[int, ...], *layers: Any, port: Any = None, seed: int = 0) -> Any:
    """A model of layers in a row behind the input `words` and its quantizer `port`, with random weights."""
    import keras

    tensor = words = keras.Input(shape, name="words")
    for layer in (quantized(port or bits(), "port"), *layers):
        tensor = layer(tensor)
    return with_weights(keras.Model(words, tensor, name="chain"), seed)


def with_weights(model: Any, seed: int = 0) -> Any:
    """The model with random weights on and off the grid, some of them zero, some beyond the range."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if any(part in weight.path for part in ("kernel", "bias", "weight")):
            values = rng.normal(0, 1.2, weight.shape) * (rng.random(weight.shape) > 0.2)
            weight.assign(np.where(rng.random(weight.shape) < 0.3, np.round(values * 4) / 4, values))
        elif any(part in weight.path for part in ("variance", "gamma")):
            weight.assign(rng.uniform(0.2, 2, weight.shape))
        elif any(part in weight.path for part in ("mean", "beta")):
            weight.assign(rng.normal(0, 0.7, weight.shape))
    return model


def hard_words(circuit: Any, count: int = 300, seed: int = 1) -> np.ndarray:
    """Corner words, and random words over the whole ports and around zero."""
    from l1ae.circuit import corner_words

    rng = np.random.default_rng(seed)
    low, high = circuit.port_range
    whole = rng.integers(low, high, (count, circuit.n_inputs), endpoint=True)
    near = np.clip(rng.integers(-4, 4, whole.shape), low, high)
    return np.concatenate([corner_words(circuit), whole, near])


def assert_exact(model: Any, input_formats: Any = None) -> Any:
    """Every layer and output of Keras is the integer of the reference; returns the lowered model.

    On corner words and random words, and, where quantizers make the ports, on values between words and past the range.
    """
    import keras

    from l1ae.circuit.lowering import lower_model

    lowered = lower_model(model, input_formats)
    circuit = lowered.circuit
    assert circuit.proved
    assert all(circuit.float32_exact.values()), circuit.float32_exact
    words = hard_words(circuit)
    seen = lowered.trace(words)
    wanted = circuit.trace(words)
    assert set(seen) == {step.result for step in lowered.steps}
    for name, values in seen.items():
        np.testing.assert_array_equal(circuit.value(name, wanted[name]), values, err_msg=name)
    np.testing.assert_array_equal(_outputs(circuit, words), lowered.outputs(words))
    if input_formats is None:
        rng = np.random.default_rng(2)
        values = rng.normal(0, 1, (300, circuit.n_inputs)) * np.exp2(rng.integers(-2, 7, (300, 1)))
        values = values.astype(np.float32)
        split = np.split(values, [columns.stop for columns in circuit.columns.values()][:-1], axis=1)
        arrays = [part.reshape(-1, *port.shape) for part, port in zip(split, circuit.inputs, strict=True)]
        result = model(keras.tree.pack_sequence_as(getattr(model, "_functional", model).input, arrays))
        np.testing.assert_array_equal(_outputs(circuit, values), _flat(result))
    return lowered


def _outputs(circuit: Any, events: np.ndarray) -> np.ndarray:
    traced = circuit.trace(events, circuit.outputs)
    return _joined([circuit.value(name, traced[name]) for name in circuit.outputs])


def _flat(results: Any) -> np.ndarray:
    import keras

    return _joined([np.asarray(result, dtype=np.float64) for result in keras.tree.flatten(results)])


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
