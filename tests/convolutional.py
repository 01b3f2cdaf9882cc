"""Convolutional models with random weights, small and full-sized: words in, score out."""

from typing import Any

import numpy as np


def bits(width: int, integer: int, **options: Any) -> Any:
    """`ap_fixed<width,integer,RND_CONV,SAT>`."""
    import qkeras

    return qkeras.quantized_bits(width, integer - 1, **{"alpha": 1, **options})


def activation(quantizer: Any, name: str) -> Any:
    import qkeras

    return qkeras.QActivation(quantizer, name=name)


def rectifier(name: str) -> Any:
    import qkeras

    return activation(qkeras.quantized_relu(8, 3), name)


def convolution(filters: int, kernel: tuple[int, int], name: str, **options: Any) -> Any:
    import qkeras

    quantizers = {"kernel_quantizer": bits(8, 2), "bias_quantizer": bits(8, 3)}
    return qkeras.QConv2D(filters, kernel, name=name, **{**quantizers, **options})


def dense(units: int, name: str) -> Any:
    import qkeras

    return qkeras.QDense(units, kernel_quantizer=bits(8, 2), bias_quantizer=bits(8, 3), name=name)


def image(rows: int, columns: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Words, scaled vector, and the vector as an image of one channel."""
    import keras

    from l1ae.autoencoder.layers import InputScaling

    n, rng = rows * columns, np.random.default_rng(seed)
    words = keras.Input((n,), name="words")
    port = activation(bits(13, 13), "port")(words)
    scaling = InputScaling(rng.integers(-30, 60, n).tolist(), rng.integers(3, 9, n).tolist(), name="scaling")(port)
    scaled = activation(bits(8, 4), "scaled")(scaling)
    return words, scaled, keras.layers.Reshape((rows, columns, 1), name="image")(scaled)


def finished(words: Any, result: Any, seed: int = 1) -> Any:
    """The model with random weights on and off the grid, some of them zero, some beyond the range."""
    import keras

    model, rng = keras.Model(words, result), np.random.default_rng(seed)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            shape = layer.kernel.shape
            width = 1.2 * np.sqrt(2 / np.prod(shape[:-1]))
            kernel = rng.normal(0, width, shape) * (rng.random(shape) > 0.3)
            layer.set_weights([kernel, rng.normal(0, 0.5, shape[-1])][: len(layer.get_weights())])
    return model


def score(vector: Any) -> Any:
    import keras

    return keras.layers.Dot(axes=1, name="score")([vector, vector])


def code_of(tensor: Any, kernel: tuple[int, int], filters: tuple[int, int], code: int) -> Any:
    from keras import layers

    tensor = rectifier("conv_1_relu")(convolution(filters[0], kernel, "conv_1")(tensor))
    tensor = layers.MaxPooling2D((3, 1), name="pool_1")(tensor)
    tensor = rectifier("conv_2_relu")(convolution(filters[1], (min(3, tensor.shape[1]), 1), "conv_2")(tensor))
    if tensor.shape[1] >= 3:
        tensor = layers.MaxPooling2D((3, 1), name="pool_2")(tensor)
    tensor = layers.Flatten(name="flat")(tensor)
    return activation(bits(8, 4), "code_quantized")(dense(code, "code")(tensor))


def encoder(
    rows: int = 19,
    columns: int = 3,
    kernel: tuple[int, int] = (3, 3),
    filters: tuple[int, int] = (16, 32),
    code: int = 8,
) -> Any:
    """Convolutions and maxima down to a code, whose square is the score (after arXiv:2108.03986, which averages)."""
    words, _, tensor = image(rows, columns)
    return finished(words, score(code_of(tensor, kernel, filters, code)))


def autoencoder(
    rows: int = 19,
    columns: int = 3,
    kernel: tuple[int, int] = (3, 3),
    filters: tuple[int, int] = (16, 32),
    code: int = 8,
) -> Any:
    """The encoder and, mirrored by repeating rows, its decoder; the score is the squared error."""
    from keras import layers

    words, scaled, tensor = image(rows, columns)
    tensor = code_of(tensor, kernel, filters, code)
    base = -(-(rows + 8) // 9)
    tensor = rectifier("base_relu")(dense(base * filters[1], "base")(tensor))
    tensor = layers.Reshape((base, 1, filters[1]), name="base_image")(tensor)
    tensor = layers.UpSampling2D((3, 1), name="up_1")(tensor)
    tensor = rectifier("deconv_1_relu")(convolution(filters[0], (3, 1), "deconv_1")(tensor))
    tensor = layers.UpSampling2D((3, 1), name="up_2")(tensor)
    tensor = convolution(columns, (3, 1), "deconv_2")(tensor)
    if tensor.shape[1] > rows:
        tensor = layers.Cropping2D(((0, tensor.shape[1] - rows), (0, 0)), name="crop")(tensor)
    tensor = activation(bits(8, 4), "reconstruction")(layers.Flatten(name="flat_2")(tensor))
    return finished(words, score(layers.Subtract(name="residual")([scaled, tensor])))


def menagerie() -> Any:
    """Padding, strides, one by one, no bias, maxima of negative numbers, and a quantizer that cannot be fused."""
    from keras import layers

    from l1ae.autoencoder.layers import Select

    words, _, tensor = image(4, 3)
    first = convolution(2, (3, 2), "first", padding="same", use_bias=False)(tensor)
    second = convolution(2, (2, 2), "second", padding="same")(rectifier("first_relu")(first))
    tensor = layers.Subtract(name="difference")([first, second])
    tensor = activation(bits(6, 3), "pool_bits")(layers.MaxPooling2D((2, 1), name="pool")(tensor))
    tensor = convolution(3, (3, 3), "strided", padding="same", strides=(2, 2))(tensor)
    tensor = convolution(2, (1, 1), "one")(activation(bits(7, 4), "strided_bits")(tensor))
    tensor = layers.Flatten(name="flat")(rectifier("one_relu")(tensor))
    tensor = activation(bits(5, 3), "select_bits")(Select([3, 0, 1, 1], name="select")(tensor))
    return finished(words, score(tensor))


#: Small versions, so that compilers and solvers need seconds. The last row of the second is cropped.
SMALL: dict[str, Any] = {
    "encoder": lambda: encoder(9, 2, (3, 2), (3, 4), 2),
    "autoencoder": lambda: autoencoder(11, 2, (3, 2), (3, 4), 2),
    "menagerie": menagerie,
}
