"""The exported file against the integer reference: run by onnxruntime, qonnx or gcc, compared as integers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from l1ae.circuit import Circuit
from l1ae.errors import ToolchainError, VerificationError
from l1ae.hardware.exchange.header import compiled
from l1ae.hardware.exchange.packages import need

Words = NDArray[np.int64]
#: Elements per tensor of the inputs of one call, some megabytes; many more lie between.
_EVENTS = 1024
#: From one port's tensor each, by name, to one tensor per output.
Run = Callable[[dict[str, NDArray[Any]]], list[NDArray[Any]]]


def compare(
    circuit: Circuit,
    content: bytes,
    kind: str,
    words: Mapping[str, Words],
    advance: Callable[[int], object] = lambda events: None,
) -> int:
    """Events on which the file `content` of a `kind` ("onnx", "qonnx", "c") and the reference were compared, all equal.

    `words`: (N, n_inputs) by origin. Raises `VerificationError` at the first word that differs, and `ToolchainError`
    when the file cannot be run at all.
    """
    tools: dict[str, Callable[[bytes], Run]] = {"onnx": _onnxruntime, "qonnx": _qonnx, "c": partial(compiled, circuit)}
    run = tools[kind](content)
    total = 0
    for origin, given in words.items():
        for start in range(0, len(given), _EVENTS):
            part = given[start : start + _EVENTS]
            _compare(circuit, kind, run, part, f"{origin} event", start)
            advance(len(part))
            total += len(part)
    return total


def _compare(circuit: Circuit, kind: str, run: Run, words: Words, origin: str, start: int) -> None:
    count = len(words)
    given: dict[str, NDArray[Any]] = {}
    for port in circuit.inputs:
        own = words[:, circuit.columns[port.name]].reshape(count, *port.shape)
        given[port.name] = own if kind != "qonnx" else np.ldexp(own, -port.format.fraction).astype(np.float32)
    try:
        found = run(given)
    except Exception as error:  # of the tool, whose exceptions have no common kind
        raise ToolchainError(f"the {kind} file cannot be run: {' '.join(str(error).split())[:300]}") from error
    expected = circuit.trace(words, circuit.outputs)
    for name, got in zip(circuit.outputs, found, strict=True):
        # A value that is no word at all differs as well: nothing is rounded before it is compared.
        exact = got if kind != "qonnx" else np.ldexp(got.astype(np.float64), circuit[name].format.fraction)
        if exact.shape != expected[name].shape:
            raise VerificationError(f"the {kind} file gives {exact.shape} for {name}, not {expected[name].shape}")
        wrong = np.argwhere((exact != expected[name]).reshape(count, -1))
        if len(wrong):
            event, element = wrong[0].tolist()
            there, here = (array.reshape(count, -1)[event, element] for array in (exact, expected[name]))
            raise VerificationError(
                f"the {kind} file differs from the reference on {len(np.unique(wrong[:, 0]))} of {count} events, first "
                f"at {origin} {start + event}, output {name}, element {element}: {there:g} instead of {here}"
            )


def _onnxruntime(content: bytes) -> Run:
    runtime = need("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors only
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ToolchainError(f"onnxruntime cannot load the file: {' '.join(str(error).split())[:300]}") from error
    return lambda given: list(session.run(None, given))


def _qonnx(content: bytes) -> Run:
    onnx, execution = need("onnx"), need("qonnx.core.onnx_exec")
    wrapper, shapes = need("qonnx.core.modelwrapper"), need("qonnx.transformation.infer_shapes")
    models: dict[int, Any] = {}

    def run(given: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        count = len(next(iter(given.values())))
        if count not in models:
            # The executor of qonnx wants to know every shape, that of the events too.
            model = onnx.ModelProto.FromString(content)
            for tensor in (*model.graph.input, *model.graph.output):
                tensor.type.tensor_type.shape.dim[0].dim_value = count
            models[count] = wrapper.ModelWrapper(model).transform(shapes.InferShapes())
        found = execution.execute_onnx(models[count], given)
        return [found[tensor.name] for tensor in models[count].graph.output]

    return run
