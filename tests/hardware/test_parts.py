"""Parts and their names."""

import pytest

from l1ae.hardware.parts import PARTS, find_part


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("xcvu13p", "xcvu13p"),
        ("xcvu13p-flga2577-2-e", "xcvu13p"),
        ("XCVU9P-FLGB2104-2-E", "xcvu9p"),
        ("xcvu9p-flga2104-2L-e", "xcvu9p"),
        ("xc7vx690tffg1927-2", "xc7vx690t"),
        ("xc7vx690t-ffg1927-2", "xc7vx690t"),
        ("xc7k325tffg900-2", "xc7k325t"),
        ("xcku115-flvb2104-1-i", "xcku115"),
        ("xcku15p-ffva1760-2-e", "xcku15p"),
        ("xczu9eg-ffvb1156-2-e", "xczu9eg"),
        ("zu7ev", "xczu7ev"),
        ("u250", "xcvu13p"),
        ("xcu280-fsvh2892-2L-e", "xcvu37p"),
        ("xcu55c-fsvh2892-2L-e", "xcvu37p"),
    ],
)
def test_a_part_is_found_by_every_spelling_of_its_name(name, part):
    assert find_part(name).name == part


@pytest.mark.parametrize("name", ["", "xc", "xcvu", "xcvu99p", "xcvu9pp", "xcvu3", "ep4cgx30", "xc7k325tt", "xcvu9p/x"])
def test_no_part_is_guessed(name):
    assert find_part(name) is None


def test_figures_of_the_parts_of_published_triggers():
    virtex, ultra = PARTS["xc7vx690t"], PARTS["xcvu9p"]
    assert (virtex.family, virtex.lut, virtex.ff, virtex.dsp, virtex.bram36) == ("7-series", 433200, 866400, 3600, 1470)
    assert (ultra.family, ultra.lut, ultra.ff, ultra.dsp, ultra.bram36) == ("UltraScale+", 1182240, 2364480, 6840, 2160)


def test_families_follow_the_names():
    for name, part in PARTS.items():
        seventh, plus = name.startswith("xc7"), name.startswith("xczu") or name.endswith("p")
        assert part.family == ("7-series" if seventh else "UltraScale+" if plus else "UltraScale")
        assert part.uram == 0 or plus, f"{name}: only UltraScale+ has UltraRAM"


def test_shares_are_percent_of_the_part():
    part = PARTS["xcvu9p"]
    assert part.share("LUT", 1_182_240) == 100
    assert part.share("FF", 236_448) == pytest.approx(10)
    assert part.share("DSP", 0) == 0
    assert part.share("CARRY", part.lut / 4) == 100


def test_what_is_no_resource_has_no_share():
    assert PARTS["xcvu9p"].share("logic levels", 5) is None
    assert PARTS["xcku115"].share("URAM", 1) is None
