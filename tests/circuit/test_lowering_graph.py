"""Models as graphs: ports, several inputs and outputs, models inside of models, layers used twice, names."""

from typing import Any

import keras
import numpy as np
import pytest
import qkeras
from keras import layers

from l1ae.circuit import FixedFormat, Quantize, lower
from l1ae.circuit.lowering import lower_model
from l1ae.circuit.lowering_graph import walk
from l1ae.errors import ConversionError

from ..lowered import assert_exact, bits, chain, quantized, with_weights

PORT = FixedFormat.parse("ap_fixed<6,3,RND_CONV,SAT>")
KERNEL: dict[str, Any] = {"kernel_quantizer": bits(5, 2), "bias_quantizer": bits(6, 2)}


def dense(units: int, name: str, **options: Any) -> Any:
    return qkeras.QDense(units, name=name, **KERNEL, **options)


def words(*shape: int, name: str = "words") -> Any:
    return keras.Input(shape, name=name)


def names(model: Any, **options: Any) -> list[str]:
    return [node.name for node in lower(model, **options).nodes]


def test_several_inputs_and_outputs_in_the_order_of_the_model() -> None:
    first, second = words(3, name="first"), words(2, 3, name="second")
    a, b = quantized(bits(6, 3), "a")(first), quantized(bits(5, 4), "b")(second)
    total = layers.Add(name="total")([b, a])
    model = with_weights(keras.Model([second, first], [dense(2, "code")(a), total, layers.Flatten(name="flat")(b)]))
    circuit = assert_exact(model).circuit
    assert [port.name for port in circuit.inputs] == ["second", "first"]
    assert [str(port.format) for port in circuit.inputs] == [
        "ap_fixed<5,4,RND_CONV,SAT>",
        "ap_fixed<6,3,RND_CONV,SAT>",
    ]
    assert circuit.outputs == ("code", "total", "flat")


def test_inputs_and_outputs_by_name() -> None:
    inputs = {"z": words(3, name="z"), "a": words(3, name="a")}
    ports = {name: quantized(bits(6, 3))(tensor) for name, tensor in inputs.items()}
    total = layers.Add(name="total")([ports["z"], ports["a"]])
    model = keras.Model(inputs, {"sum": total, "difference": layers.Subtract(name="apart")([ports["z"], ports["a"]])})
    circuit = assert_exact(model).circuit
    assert [port.name for port in circuit.inputs] == [tensor.name for tensor in model.inputs]


def test_an_output_that_is_another_tensor_has_a_name_of_its_own() -> None:
    source = words(3)
    port = quantized(bits(6, 3), "port")(source)
    model = keras.Model(source, [port, layers.Dropout(0.1, name="dropped")(port), port, source])
    circuit = assert_exact(model, {"words": PORT}).circuit
    assert circuit.outputs == ("port", "dropped", "port_2", "words_2")


def test_models_inside_of_models_are_laid_open() -> None:
    source = words(4)
    inner_input = keras.Input((3,), name="code")
    inner = keras.Model(inner_input, quantized(bits(5, 4), "last")(dense(2, "dense")(inner_input)), name="inner")
    block = keras.Sequential([keras.Input((3,)), quantized(bits(5, 2)), dense(3, "block_dense")], name="block")
    tensor = dense(3, "dense")(quantized(bits(6, 3), "port")(source))
    model = with_weights(keras.Model(source, inner(block(quantized(bits(5, 3), "between")(tensor)))))
    circuit = assert_exact(model).circuit
    assert [node.name for node in circuit.nodes][1:] == [
        "port",
        "dense",
        "between",
        block.layers[0].name,
        "block_dense",
        "inner__dense",
        "last",
    ]


def test_a_model_used_twice_and_models_of_several_inputs() -> None:
    a, b = keras.Input((3,)), keras.Input((3,))
    inner = keras.Model([a, b], [layers.Add(name="total")([a, b]), dense(3, "weighted")(a)], name="inner")
    source = words(3)
    port = quantized(bits(6, 3), "port")(source)
    total, weighted = inner([port, port])
    again, _ = inner([quantized(bits(5, 3), "x")(total), quantized(bits(5, 2), "y")(weighted)])
    model = with_weights(keras.Model(source, again))
    circuit = assert_exact(model).circuit
    assert {"total", "weighted", "inner__total"} < {node.name for node in circuit.nodes}
    assert "inner__weighted" not in {node.name for node in circuit.nodes}  # nothing depends on it


def test_a_layer_used_twice_has_two_nodes() -> None:
    source = words(3)
    shared, relu = dense(3, "shared"), quantized(qkeras.quantized_relu(5, 2), "relu")
    tensor = relu(shared(relu(shared(quantized(bits(6, 3), "port")(source)))))
    model = with_weights(keras.Model(source, dense(2, "shared_2")(tensor)))
    assert names(model)[1:] == ["port", "shared", "relu", "shared_3", "relu_2", "shared_2"]
    assert_exact(model)


def test_sequential_models() -> None:
    assert_exact(with_weights(keras.Sequential([words(4), quantized(bits(6, 3)), dense(3, "dense"), layers.ReLU()])))
    late = keras.Sequential([quantized(bits(6, 3)), dense(3, "dense")])
    late.build((None, 4))
    assert_exact(with_weights(late))


def test_names_become_identifiers() -> None:
    source = keras.Input((3,), name="4 vectors")
    model = keras.Model(source, quantized(bits(6, 3), "the port-1")(source))
    assert names(model) == ["_4_vectors", "the_port_1"]


@pytest.mark.parametrize("given", [PORT, [PORT], {"words": PORT}], ids=["one for all", "one each", "by name"])
def test_a_port_with_a_given_format(given: Any) -> None:
    source = words(3)
    model = with_weights(keras.Model(source, dense(2, "dense")(source)))
    circuit = assert_exact(model, given).circuit
    assert circuit.input.format == PORT
    assert [node.name for node in circuit.nodes] == ["words", "dense"]


def test_a_given_format_wins_and_the_quantizer_follows() -> None:
    circuit = assert_exact(chain((3,), port=bits(4, 2)), PORT).circuit
    assert circuit.input.format == PORT
    assert isinstance(circuit["port"], Quantize)
    assert str(circuit["port"].format) == "ap_fixed<4,2,RND_CONV,SAT>"


def test_ports_behind_layers_that_only_move() -> None:
    source = words(12)
    image = layers.Dropout(0.1)(layers.Reshape((3, 2, 2))(source))
    halves = [layers.Cropping2D(((0, 1), (0, 0)))(image), layers.ZeroPadding2D(1)(image)]
    model = keras.Model(source, [quantized(bits(6, 3), f"port_{index}")(half) for index, half in enumerate(halves)])
    assert assert_exact(model).circuit.input.format == PORT


def test_unsigned_and_symmetric_quantizers_make_ports() -> None:
    for quantizer, port in (
        (qkeras.quantized_relu(5, 2), "ap_ufixed<5,2,RND_CONV,SAT>"),
        (bits(5, 2, symmetric=1), "ap_fixed<5,2,RND_CONV,SAT>"),
        (bits(5, 2, keep_negative=False), "ap_ufixed<5,1,RND_CONV,SAT>"),
    ):
        assert str(assert_exact(chain((3,), port=quantizer)).circuit.input.format) == port


def two_ports() -> Any:
    source = words(3)
    return keras.Model(source, layers.Add()([quantized(bits(6, 3), "a")(source), quantized(bits(5, 3), "b")(source)]))


def unread() -> Any:
    source, other = words(3), words(2, name="other")
    return keras.Model([source, other], quantized(bits())(source))


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        (lambda: keras.Model(x := words(3), dense(2, "dense")(x)), None, r"dense \(QDense\) reads floats from "
         r"input words; put a QActivation.*--input-format"),
        (lambda: chain((3,), port=qkeras.quantized_tanh(4)), None, r"port \(QActivation\) reads floats"),
        (lambda: keras.Model(x := words(3), [x, quantized(bits())(x)]), None, "the output reads floats"),
        (two_ports, None, r"input words goes into different formats, a \(ap_fixed<6,3,.*b \(ap_fixed<5,3"),
        (unread, None, "nothing reads input other"),
        (two_ports, {"word": PORT}, "a format for word: the inputs are words"),
        (two_ports, [PORT, PORT], "2 formats for 1 inputs"),
    ],
    ids=["no quantizer", "a table", "an output", "two formats", "unread", "unknown name", "too many"],
)  # fmt: skip
def test_refused_ports(model: Any, given: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        lower(model(), given)
    assert "\n" not in str(caught.value)


class Own(keras.Model):
    """A model that computes in a call of its own."""

    def call(self, inputs: Any) -> Any:
        return inputs


class Half(keras.Model):
    """A functional model whose call does something else."""

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        return 2 * super().call(inputs, training=training, mask=mask)


def behind_port(tensor_of: Any) -> Any:
    source = words(4)
    return keras.Model(source, tensor_of(quantized(bits(6, 3), "port")(source)))


def lstm(tensor: Any) -> Any:
    return layers.LSTM(2, return_state=True, name="lstm")(tensor)


def reshaped_for(inner_shape: tuple[int, ...]) -> Any:
    inner_input = keras.Input(inner_shape)
    inner = keras.Model(inner_input, layers.ReLU()(inner_input), name="inner")
    return lambda port: inner(layers.Reshape((4, 1))(port))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Own, "Own computes in a call.. of its own; build the same with keras.Model"),
        (lambda: Half(x := words(4), quantized(bits())(x)), "Half computes in a call.. of its own"),
        (lambda: behind_port(Own(name="own")), "model own: Own computes in a call.. of its own"),
        (lambda: keras.Sequential([dense(3, "dense")], name="late"), "late: this Sequential has no inputs yet"),
        (lambda: "model.keras", "str is no Keras model"),
        (lambda: behind_port(lambda port: port + 1.0), "operation .*: keras.ops and operators.*use a layer"),
        (lambda: behind_port(keras.ops.abs), "operation .*: keras.ops and operators"),
        (lambda: behind_port(lambda port: layers.Dropout(0.1, name="drop")(port, training=True)),
         "drop: it was called with training=True; call it without"),
        (lambda: behind_port(reshaped_for((4,))), r"inner: this model takes \(4,\) and is given \(4, 1\)"),
        (lambda: keras.Model(x := keras.Input((4,), dtype="int32", name="x"), layers.Flatten()(x)), "x of .*int32"),
        (lambda: keras.Model(x := keras.Input((4,), batch_size=2, name="x"), quantized(bits())(x)), "x of.*batch_size"),
        (lambda: keras.Model(x := keras.Input((None,), name="x"), quantized(bits())(x)), r"x: shape \(None,\)"),
        (lambda: behind_port(layers.Reshape((2, 2, 1, 1), name="four")), "four: shape .*one to three dimensions"),
        (lambda: behind_port(lambda port: lstm(layers.Reshape((2, 2))(port))[0]),
         "lstm: LSTM has 3 outputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refused_graphs(model: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message) as caught:
        lower(model())
    assert "\n" not in str(caught.value)


def test_a_trace_of_nothing_and_of_some_layers() -> None:
    lowered = lower_model(chain((3,), dense(2, "dense"), quantized(bits(4, 2), "last")))
    assert lowered.trace(np.zeros((0, 3)))["dense"].shape == (0, 2)
    assert lowered.outputs(np.zeros((0, 3))).shape == (0, 2)
    assert set(lowered.trace(np.zeros((5, 3)), ["last"])) == {"last"}


def test_a_trace_goes_on_over_many_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered = lower_model(chain((3,), dense(2, "dense")))
    events = np.random.default_rng(0).integers(-32, 32, (50, 3))
    whole, outputs = lowered.trace(events)["dense"], lowered.outputs(events)
    monkeypatch.setattr("l1ae.circuit.lowering_trace.BATCH", 7)
    np.testing.assert_array_equal(lowered.trace(events)["dense"], whole)
    np.testing.assert_array_equal(lowered.outputs(events), outputs)


def test_the_comparison_sees_one_wrong_weight() -> None:
    model = chain((3,), dense(2, "dense"))
    lowered = lower_model(model)
    model.get_layer("dense").kernel.assign(model.get_layer("dense").kernel + 0.25)
    events = np.ones((1, 3))
    assert (
        lowered.trace(events)["dense"] != lowered.circuit.value("dense", lowered.circuit.output_words(events))
    ).any()


@pytest.mark.parametrize("make", [lambda n: layers.Dropout(0.1, name=f"d{n}"), lambda n: layers.ReLU(name=f"d{n}")])
def test_a_model_may_be_deeper_than_functions_can_call_each_other(make: Any) -> None:
    model = chain((2,), *map(make, range(700)))
    assert len(walk(model).calls) == 701
    assert str(lower(model).input.format) == "ap_fixed<6,3,RND_CONV,SAT>"
