"""What an FPGA has: look-up tables, flip-flops, multipliers and memories of the parts that triggers use."""

import re
from typing import Literal

from l1ae.records import Record

#: Families that Yosys maps to; the FPGA of a Zynq counts with its family.
Family = Literal["7-series", "UltraScale", "UltraScale+"]


class Part(Record):
    """One FPGA: how many of each resource it has, and the AMD data sheet with these figures.

    A 7-series slice has 4 LUTs and 8 flip-flops (UG474), an UltraScale slice 8 and 16 (UG574): two flip-flops a LUT.
    """

    name: str
    family: Family
    lut: int
    ff: int
    dsp: int
    bram36: int
    uram: int
    source: str

    def share(self, quantity: str, value: float) -> float | None:
        """Percent of the part that `value` of a quantity takes; None for what is no resource, or not in this part."""
        available = {
            "LUT": self.lut,
            "FF": self.ff,
            "DSP": self.dsp,
            "BRAM36": self.bram36,
            "URAM": self.uram,
            "CARRY": self.lut // 4,  # cells of 4 bits, one beside four LUTs
        }.get(quantity)
        return 100 * value / available if available else None


# Columns: LUT, DSP, 36 kbit memories, 288 kbit memories.
_SIZES: dict[tuple[Family, str], dict[str, tuple[int, int, int, int]]] = {
    ("7-series", "DS180"): {
        "xc7k160t": (101_400, 600, 325, 0),
        "xc7k325t": (203_800, 840, 445, 0),
        "xc7vx485t": (303_600, 2_800, 1_030, 0),
        "xc7vx690t": (433_200, 3_600, 1_470, 0),
    },
    ("UltraScale", "DS890"): {
        "xcku040": (242_400, 1_920, 600, 0),
        "xcku060": (331_680, 2_760, 1_080, 0),
        "xcku115": (663_360, 5_520, 2_160, 0),
    },
    ("UltraScale+", "DS890"): {
        "xcku5p": (216_960, 1_824, 480, 64),
        "xcku11p": (298_560, 2_928, 600, 80),
        "xcku15p": (522_720, 1_968, 984, 128),
        "xcvu3p": (394_080, 2_280, 720, 320),
        "xcvu5p": (600_577, 3_474, 1_024, 470),
        "xcvu7p": (788_160, 4_560, 1_440, 640),
        "xcvu9p": (1_182_240, 6_840, 2_160, 960),
        "xcvu11p": (1_296_000, 9_216, 2_016, 960),
        "xcvu13p": (1_728_000, 12_288, 2_688, 1_280),
        "xcvu35p": (871_680, 5_952, 1_344, 640),
        "xcvu37p": (1_303_680, 9_024, 2_016, 960),
    },
    ("UltraScale+", "DS891"): {
        "xczu3eg": (70_560, 360, 216, 0),
        "xczu5ev": (117_120, 1_248, 144, 64),
        "xczu7ev": (230_400, 1_728, 312, 96),
        "xczu9eg": (274_080, 2_520, 912, 0),
        "xczu11eg": (298_560, 2_928, 600, 80),
        "xczu15eg": (341_280, 3_528, 744, 112),
        "xczu19eg": (522_720, 1_968, 984, 128),
    },
    ("UltraScale+", "DS889"): {
        "xczu28dr": (425_280, 4_272, 1_080, 80),
    },
}

#: The FPGAs of accelerator cards are sold under names of their own.
_SAME = {"xcu200": "xcvu9p", "xcu250": "xcvu13p", "xcu50": "xcvu35p", "xcu55c": "xcvu37p", "xcu280": "xcvu37p"}

PARTS: dict[str, Part] = {
    name: Part(name=name, family=family, lut=lut, ff=2 * lut, dsp=dsp, bram36=bram, uram=uram, source=source)
    for (family, source), sizes in _SIZES.items()
    for name, (lut, dsp, bram, uram) in sizes.items()
}

# Package, then speed and temperature grade: -flga2577-2-e, ffg1927-2, -ffvc1156-1LV-i.
_REST = re.compile(r"(?:-?[a-z]{2,4}\d{3,4})?(?:-\w+)*$")


def find_part(name: str) -> Part | None:
    """The part of this name, with or without package and grades, such as xc7vx690tffg1927-2; None when unknown.

    The leading xc may be missing (zu9eg, u250).
    """
    full = name.strip().lower()
    full = full if full.startswith("xc") else f"xc{full}"
    for known in sorted((*PARTS, *_SAME), key=len, reverse=True):
        if full.startswith(known) and _REST.match(full, len(known)):
            return PARTS[_SAME.get(known, known)]
    return None


# Of parts that are not in the table, the name still tells the family.
_FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"xc7[akvsz]", "7-series"),
    (r"xc[kv]u\d{3}", "UltraScale"),
    (r"xc([kva]u\d+p|su\d+p|zu\d|k26)", "UltraScale+"),
)


def family_of(name: str) -> Family | None:
    """The family of a part, also of one that is not in the table; None when the name tells none."""
    part = find_part(name)
    if part is not None:
        return part.family
    return next((family for start, family in _FAMILIES if re.match(start, name.strip().lower())), None)
