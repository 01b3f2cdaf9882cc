"""What is refused before a file is written: each message names the layer, the option and the way out."""

import math
import re

from l1ae.circuit.graph import Circuit
from l1ae.circuit.nodes import Dense
from l1ae.config import FirmwareConfig
from l1ae.errors import ConversionError
from l1ae.hardware.hls.names import is_identifier

#: xcvu13p-flga2577-2-e, xc7vx690tffg1927-2, xcvc1902-vsva2197-2MP-e-S: device, package, speed grade, temperature.
_PART = re.compile(r"x[aqc][a-z0-9]{3,}-?[a-z]{2,4}\d{2,4}-\d[A-Za-z]{0,2}(-[A-Za-z]{1,3})*")
_VIVADO_ARRAY = 4096
#: What a double shows exactly, and with it the test bench and the C simulation.
WIDEST_PORT = 53


def check(circuit: Circuit, config: FirmwareConfig, name: str) -> None:
    """Refuse what the circuit allows but hls4ml would turn into other firmware, or into files that do not compile."""
    check_settings(config, name)
    for port in (*circuit.inputs, *(circuit[output] for output in circuit.outputs)):
        if port.format.width > WIDEST_PORT:
            raise ConversionError(
                f"layer {port.name}: a port of {port.format.width} bits, and the C simulation shows words of up to "
                f"{WIDEST_PORT} bits; use fewer, or put a QActivation in front of an output"
            )
    _check_reuse(circuit, config)
    _check_size(circuit, config)


def check_settings(config: FirmwareConfig, name: str) -> None:
    """Refuse settings that are wrong for every model."""
    if not is_identifier(name):
        raise ConversionError(f"project name {name!r}: take letters, digits and _, and no word, type or macro of C++")
    if not _PART.fullmatch(config.part):
        raise ConversionError(
            f"firmware.part {config.part!r} is no part number: give device, package and speed grade, "
            "such as xcvu13p-flga2577-2-e or xc7vx690tffg1927-2"
        )
    if config.strategy == "distributed_arithmetic" and config.reuse_factor != 1:
        raise ConversionError(
            f"firmware.reuse_factor {config.reuse_factor}: distributed_arithmetic has no multipliers to reuse; "
            "set it to 1 or take strategy latency"
        )


def _check_reuse(circuit: Circuit, config: FirmwareConfig) -> None:
    sizes = {node.name: node.kernel.size for node in circuit.nodes if isinstance(node, Dense)}
    common = math.gcd(*sizes.values())
    for name, size in sizes.items():
        if size % config.reuse_factor:
            allowed = ", ".join(str(factor) for factor in range(1, common + 1) if common % factor == 0)
            raise ConversionError(
                f"firmware.reuse_factor {config.reuse_factor} does not divide the {size} multiplications "
                f"of layer {name}; use one of {allowed}"
            )


def _check_size(circuit: Circuit, config: FirmwareConfig) -> None:
    """Vivado HLS gives up on products that are one array of more than 4096 elements; Vitis HLS does not."""
    if (config.backend, config.strategy) != ("Vivado", "latency"):
        return
    for node in circuit.nodes:
        if isinstance(node, Dense) and node.kernel.size > _VIVADO_ARRAY:
            raise ConversionError(
                f"layer {node.name}: {node.kernel.size} products at once and Vivado HLS takes {_VIVADO_ARRAY}; "
                "take backend Vitis, strategy distributed_arithmetic or a smaller layer"
            )
