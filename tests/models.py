"""QKeras models as others write them: plain keras and qkeras, nothing of l1ae in them."""

from pathlib import Path
from typing import Any

#: A script outside of the package, which knows nothing of l1ae: saves models into the folder that it is given.
SCRIPT = """
import sys
from pathlib import Path

import keras
from qkeras import QActivation, QDense, quantized_bits, quantized_relu

folder = Path(sys.argv[1])
keras.utils.set_random_seed(int(sys.argv[2]))


def fixed(bits, integer):
    return quantized_bits(bits, integer, alpha=1)


def dense(units, name):
    return QDense(units, kernel_quantizer=fixed(6, 0), bias_quantizer=fixed(6, 0), name=name)


inputs = x = keras.Input((8,), name="x")
x = QActivation(fixed(8, 3), name="port")(x)
x = QActivation(quantized_relu(6, 3), name="hidden_relu")(dense(6, "hidden")(x))
model = keras.Model(inputs, QActivation(fixed(10, 4), name="rounded")(dense(2, "last")(x)), name="trigger")
for layer in model.layers:
    if layer.weights:
        layer.set_weights([keras.random.normal(w.shape, stddev=0.4) for w in layer.weights])
model.save(folder / "trigger.keras")
model.save(folder / "trigger.h5")
unclear = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="float_layer")], name="unclear")
unclear.save(folder / "unclear.keras")
"""


def fixed(bits: int, integer: int) -> Any:
    """A fixed-point quantizer."""
    from qkeras import quantized_bits

    return quantized_bits(bits, integer, alpha=1)


def dense(units: int, name: str) -> Any:
    """A layer with 6-bit weights."""
    from qkeras import QDense

    return QDense(units, kernel_quantizer=fixed(6, 0), bias_quantizer=fixed(6, 0), name=name)


def shaken(model: Any, seed: int = 1) -> Any:
    """The model with normal weights, biases too."""
    import keras

    for number, layer in enumerate(layer for layer in model.layers if layer.weights):
        weights = [keras.random.normal(w.shape, stddev=0.4, seed=100 * seed + number) for w in layer.weights]
        layer.set_weights(weights)
    return model


def trigger(name: str = "trigger", units: int = 6) -> Any:
    """8 inputs behind a quantizer, a hidden layer, 2 outputs."""
    import keras
    from qkeras import QActivation, quantized_relu

    inputs = keras.Input((8,), name="x")
    x = QActivation(fixed(8, 3), name="port")(inputs)
    x = QActivation(quantized_relu(6, 3), name="hidden_relu")(dense(units, "hidden")(x))
    x = QActivation(fixed(10, 4), name="rounded")(dense(2, "last")(x))
    return shaken(keras.Model(inputs, x, name=name))


def scaled() -> Any:
    """Weights behind a float scale, which no fixed-point number is."""
    import keras
    from qkeras import QActivation, QDense, quantized_bits

    inputs = keras.Input((8,), name="x")
    x = QActivation(fixed(8, 3), name="port")(inputs)
    kernel = quantized_bits(6, 0, alpha="auto")
    x = QDense(4, kernel_quantizer=kernel, bias_quantizer=fixed(6, 0), name="hidden")(x)
    return shaken(keras.Model(inputs, QActivation(fixed(10, 4), name="rounded")(x), name="scaled"))


def several() -> Any:
    """An image behind a quantizer and a vector without one; a vector and an image come out."""
    import keras
    from qkeras import QActivation

    image, vector = keras.Input((2, 2, 1), name="image"), keras.Input((3,), name="vector")
    pixels = QActivation(fixed(6, 2), name="pixels")(image)
    flat = keras.layers.Flatten(name="flat")(pixels)
    joined = keras.layers.Concatenate(name="joined")([flat, vector])
    total = dense(2, "total")(joined)
    doubled = keras.layers.UpSampling2D((2, 1), name="doubled")(pixels)
    return shaken(keras.Model([image, vector], [total, doubled], name="several"))


def wide() -> Any:
    """The sum of squares of words of 16 bits, for which float32 has too few bits."""
    import keras
    from qkeras import QActivation

    inputs = keras.Input((4,), name="x")
    x = QActivation(fixed(16, 15), name="port")(inputs)
    return keras.Model(inputs, keras.layers.Dot(axes=1, name="score")([x, x]), name="wide")


def save(model: Any, file: Path) -> Path:
    """The file with the model in it."""
    model.save(file)
    return file


def change_weight(project: Path) -> str:
    """One bit of the weight from input 2 to unit 1 of `trigger`'s hidden layer; returns the name of the file."""
    weights = project / "firmware" / "weights"
    (file,) = (file for file in weights.glob("w*.h") if "shape [8, 6]" in file.read_text())
    text = file.read_text()
    start, end = text.index("{") + 1, text.index("}")
    values = [float(value) for value in text[start:end].split(",")]
    index = 2 * 6 + 1
    values[index] += 2.0**-5 if values[index] < 0 else -(2.0**-5)
    file.write_text(text[:start] + ", ".join(map(str, values)) + text[end:])
    return file.relative_to(project).as_posix()
