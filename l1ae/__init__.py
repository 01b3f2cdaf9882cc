"""Quantized autoencoders for Level-1 triggers, with firmware that equals the Python model bit for bit."""

from importlib import import_module
from typing import Any

#: Public names and the modules they live in; imported when first used, so that `import l1ae` is immediate.
_PUBLIC = {
    "Circuit": "l1ae.circuit",
    "ConversionError": "l1ae.errors",
    "Emulator": "l1ae.hardware.emulator.emulator",
    "EventSet": "l1ae.events.schema",
    "Firmware": "l1ae.firmware",
    "FixedFormat": "l1ae.circuit.formats",
    "L1aeError": "l1ae.errors",
    "RunConfig": "l1ae.config",
    "RunFolder": "l1ae.runs",
    "VerificationError": "l1ae.errors",
    "convert": "l1ae.firmware",
    "load_config": "l1ae.config",
    "read_events": "l1ae.events.io",
    "write_events": "l1ae.events.io",
}

__all__ = [
    "Circuit",
    "ConversionError",
    "Emulator",
    "EventSet",
    "Firmware",
    "FixedFormat",
    "L1aeError",
    "RunConfig",
    "RunFolder",
    "VerificationError",
    "__version__",
    "convert",
    "load_config",
    "read_events",
    "write_events",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("l1ae")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module l1ae has no attribute {name}")


def __dir__() -> list[str]:
    return __all__
