"""A graph of ONNX operations while it is being written, and the file that it becomes."""

import json
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from l1ae.circuit import Circuit
from l1ae.circuit.nodes import Node
from l1ae.files import sha256
from l1ae.hardware.exchange.packages import need

#: Operations as in ONNX 1.13 (2022), which every current tool reads.
_OPSET, _IR_VERSION = 18, 8
#: Operations of QONNX (arXiv:2206.07527), and their version.
QONNX_DOMAIN, _QONNX_VERSION = "qonnx.custom_op.general", 1
#: Name of the axis of the events, whose length is free.
EVENTS = "events"


class Graph:
    """Operations and constants of a model whose tensors hold elements of `dtype`, in the order they were added."""

    def __init__(self, circuit: Circuit, dtype: type[np.generic]) -> None:
        self.circuit = circuit
        self.dtype = dtype
        self._layer = "port"
        self._count = 0
        self._nodes: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Any] = {}
        self._onnx = need("onnx")

    def layer(self, node: Node) -> None:
        """What is added from now on belongs to this layer and is named after it."""
        self._layer = node.name

    def constant(self, values: ArrayLike, dtype: type[np.generic] | None = None) -> str:
        """Name of a constant tensor, the same one for the same values."""
        array = np.asarray(values, dtype=dtype or self.dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = self._onnx.numpy_helper.from_array(array, name)
        return str(self._constants[key].name)

    def op(self, kind: str, *inputs: str, output: str | None = None, domain: str = "", **attributes: Any) -> str:
        """Add one operation; returns the name of its result."""
        self._count += 1
        name = f"{self._layer}/{kind}_{self._count}"
        result = name if output is None else output
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, [result], name=name, domain=domain, **attributes))
        return result

    def reshape(self, tensor: str, shape: Sequence[int], output: str | None = None) -> str:
        """A tensor (events, *shape) with the elements of another."""
        return self.op("Reshape", tensor, self.constant([-1, *shape], np.int64), output=output)

    def finish(self, name: str, quantum: str) -> bytes:
        """The content of the file: always the same bytes for the same circuit. `quantum`: what an element counts."""
        helper = self._onnx.helper
        element = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        ports = self.circuit.inputs
        outputs = [self.circuit[name] for name in self.circuit.outputs]
        names = output_names(self.circuit)

        def tensor(label: str, node: Node) -> Any:
            return helper.make_tensor_value_info(label, element, [EVENTS, *node.shape])

        graph = helper.make_graph(
            self._nodes,
            name,
            [tensor(port.name, port) for port in ports],
            [tensor(label, node) for label, node in zip(names, outputs, strict=True)],
            list(self._constants.values()),
        )
        domains = sorted({node.domain for node in self._nodes})
        versions = {"": _OPSET, QONNX_DOMAIN: _QONNX_VERSION}
        model = helper.make_model(
            graph,
            ir_version=_IR_VERSION,
            producer_name="l1ae",
            producer_version=version("l1ae"),
            opset_imports=[helper.make_opsetid(domain, versions[domain]) for domain in domains],
        )
        helper.set_model_props(
            model,
            {
                "l1ae_version": version("l1ae"),
                "circuit_sha256": digest(self.circuit),
                "elements": quantum,
                "inputs": json.dumps([_described(port.name, port) for port in ports]),
                "outputs": json.dumps([_described(*one) for one in zip(names, outputs, strict=True)]),
            },
        )
        self._onnx.checker.check_model(model)
        content: bytes = model.SerializeToString(deterministic=True)
        return content


def output_names(circuit: Circuit) -> list[str]:
    """Names of the output tensors: those of the layers; a port that is an output too has a second name."""
    ports = {port.name for port in circuit.inputs}
    return [f"{name}/output" if name in ports else name for name in circuit.outputs]


def digest(circuit: Circuit) -> str:
    """SHA-256 of the file `circuit.json` that holds the circuit."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "circuit.json"
        circuit.save(file)
        return sha256(file)


def _described(name: str, node: Node) -> dict[str, Any]:
    return {"name": name, "shape": list(node.shape), "format": str(node.format), "lsb": node.format.lsb}
