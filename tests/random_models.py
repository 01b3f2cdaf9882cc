"""Random QKeras models, as users might build them: depth, widths, quantizers, skip connections, scores."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

#: Bits, integer bits and sign of the first quantizer.
_PORTS = [(6, 3, False), (8, 7, True), (5, 5, True), (4, 0, False), (9, 4, True)]
_SCORES = ["last", "dot", "squared difference", "two outputs"]
_NUMBER = st.integers(0, 2**16)


@st.composite
def recipes(draw: Any, *, layers: int = 6) -> tuple[Any, ...]:
    """What `build` makes a model of: plain values, so that a failing example can be read and run again."""
    steps = draw(st.lists(st.tuples(_NUMBER, _NUMBER, _NUMBER), min_size=1, max_size=layers))
    port, score = draw(st.sampled_from(_PORTS)), draw(st.sampled_from(_SCORES))
    return draw(st.booleans()), port, tuple(steps), score, draw(_NUMBER)


def _quantizers() -> list[Callable[[], Any]]:
    import qkeras as q

    return [
        lambda: q.quantized_bits(6, 2, alpha=1),
        lambda: q.quantized_bits(4, 0, symmetric=1, alpha=1),
        lambda: q.quantized_bits(7, 3, keep_negative=False, alpha=1),
        lambda: q.quantized_bits(3, 4, alpha=1),
        lambda: q.quantized_relu(6, 3),
        lambda: q.quantized_relu(4, 4),
        lambda: q.quantized_relu(5, 0),
        lambda: q.quantized_bits(5, 1, alpha=2.0),
        lambda: q.quantized_linear(6, 2, alpha=1),
    ]


def _tables() -> list[Callable[[], Any]]:
    """Quantizers that become tables: their input has to be narrow."""
    import qkeras as q

    return [
        lambda: q.quantized_tanh(6),
        lambda: q.quantized_sigmoid(5),
        lambda: q.quantized_relu_po2(4, 4),
        lambda: q.quantized_po2(4, 4),
        lambda: q.ternary(alpha=1),
        lambda: q.binary(alpha=1),
        lambda: q.quantized_relu(6, 2, negative_slope=0.25),
        lambda: q.quantized_ulaw(6, 1),
    ]


def _kernels() -> list[Callable[[], Any]]:
    import qkeras as q

    return [
        lambda: q.quantized_bits(6, 1, alpha=1),
        lambda: q.quantized_bits(3, 0, symmetric=1, alpha=1),
        lambda: q.ternary(alpha=1),
        lambda: q.binary(alpha=1),
        lambda: q.quantized_po2(4, 2),
        lambda: q.quantized_bits(4, 0, alpha="auto_po2"),
    ]


def build(recipe: tuple[Any, ...]) -> Any:
    """The Keras model of a recipe, with random weights."""
    import keras
    import qkeras

    image, (width, integer, negative), steps, score, seed = recipe
    keras.utils.clear_session(free_memory=False)
    words = keras.Input((3, 2, 2) if image else (4,), name="words")
    port = qkeras.quantized_bits(width, integer - int(negative), keep_negative=negative, alpha=1)
    tensors = [qkeras.QActivation(port, name="port")(words)]
    for number, step in enumerate(steps):
        tensors.append(_layer(tensors, f"layer_{number}", *step))
    outputs = _narrow(tensors[-1], "last")
    if len(outputs.shape) > 2:
        outputs = keras.layers.Flatten(name="flat")(outputs)
    if score == "dot":
        outputs = keras.layers.Dot(axes=1, name="score")([outputs, outputs])
    elif score == "squared difference":
        kernel = _kernels()[0]()
        other = qkeras.QDense(outputs.shape[-1], kernel_quantizer=kernel, use_bias=False, name="other")(outputs)
        rest = keras.layers.Subtract(name="rest")([outputs, _narrow(other, "other_code")])
        outputs = keras.layers.Dot(axes=1, name="score")([rest, rest])
    elif score == "two outputs":
        outputs = [keras.layers.Flatten(name="side")(tensors[len(tensors) // 2]), outputs]
    model = keras.Model(words, outputs, name="random")
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([rng.normal(0, 0.7, values.shape).astype(np.float32) for values in layer.get_weights()])
    return model


def _narrow(tensor: Any, name: str) -> Any:
    import qkeras

    return qkeras.QActivation(qkeras.quantized_bits(6, 2, alpha=1), name=f"{name}_narrow")(tensor)


def _layer(tensors: list[Any], name: str, kind: int, which: int, choice: int) -> Any:
    import keras
    import qkeras

    source = tensors[which % len(tensors)]
    twin = next((tensor for tensor in reversed(tensors) if tensor.shape == source.shape), source)
    vector = len(source.shape) == 2

    def pick(options: list[Callable[[], Any]]) -> Any:
        return options[choice % len(options)]()

    def weighted() -> dict[str, Any]:
        bias = {"bias_quantizer": qkeras.quantized_bits(6, 2, alpha=1)} if choice % 3 else {"use_bias": False}
        activation = {"activation": pick(_quantizers())} if choice % 4 == 3 else {}
        return {"kernel_quantizer": pick(_kernels()), "name": name, **bias, **activation}

    def convolution() -> Any:
        padding = "valid" if choice % 2 and source.shape[1] > 1 else "same"
        layer = qkeras.QConv2D(1 + choice % 2, (2, 1), padding=padding, **weighted())
        return layer(_narrow(source, name))

    def depthwise() -> Any:
        quantizer = pick(_kernels())
        layer = qkeras.QDepthwiseConv2D(
            (1, 2), padding="same", depthwise_quantizer=quantizer, use_bias=False, name=name
        )
        return layer(_narrow(source, name))

    anywhere: list[Callable[[], Any]] = [
        lambda: qkeras.QActivation(pick(_quantizers()), name=name)(source),
        lambda: qkeras.QActivation(pick(_tables()), name=name)(_narrow(source, name)),
        lambda: keras.layers.ReLU(name=name)(source),
        lambda: keras.layers.LeakyReLU(negative_slope=0.5, name=name)(source),
        lambda: keras.layers.Add(name=name)([_narrow(source, f"{name}_a"), twin]),
        lambda: keras.layers.Subtract(name=name)([source, _narrow(twin, f"{name}_b")]),
        lambda: keras.layers.Multiply(name=name)([_narrow(source, f"{name}_a"), _narrow(twin, f"{name}_b")]),
        lambda: keras.layers.Concatenate(name=name)([source, twin]),
        lambda: keras.layers.Dropout(0.5, name=name)(source),
    ]
    vectors: list[Callable[[], Any]] = [
        lambda: qkeras.QDense(1 + choice % 4, **weighted())(_narrow(source, name)),
        lambda: qkeras.QDense(1 + choice % 3, **weighted())(source),
    ]
    images: list[Callable[[], Any]] = [
        convolution,
        depthwise,
        lambda: keras.layers.MaxPooling2D((1, 2), strides=1, padding="same", name=name)(source),
        lambda: keras.layers.ZeroPadding2D(((0, 0), (1, 0)), name=name)(source),
        lambda: keras.layers.Flatten(name=name)(source),
    ]
    options = [*anywhere, *(vectors * 3 if vector else images * 2)]
    return options[kind % len(options)]()
