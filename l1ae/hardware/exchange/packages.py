"""The packages of the extra `export`, imported when they are needed."""

from importlib import import_module
from typing import Any

from l1ae.errors import ToolchainError


def need(module: str) -> Any:
    """A module of onnx, onnxruntime or qonnx; raises `ToolchainError` that says how to get it when it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ToolchainError(
            f"cannot import {package} ({' '.join(str(error).split())}): pip install 'l1ae[export]'"
        ) from error
