"""Reports of runs that never took place: every figure is made up, so that a test can say which one it expects."""

from l1ae.config import BudgetConfig
from l1ae.evaluation import AucDifference, SignalPerformance, WorkingPoint, share_of
from l1ae.hardware.budget import hold
from l1ae.hardware.simulation.verdict import PatternResult, RtlMismatch, RtlVerdict
from l1ae.report import (
    Baseline,
    Data,
    Exactness,
    Firmware,
    HardwareFigure,
    Mismatch,
    Model,
    Pair,
    RunReport,
    Samples,
    Training,
)
from l1ae.report.comparison_rows import Run

SIGNALS, EVENTS, BACKGROUND = ("LQ", "A4l"), 1000, 20_000
ERROR, PAIRED_ERROR = 0.004, 0.002
TOOL = {"stage": "estimate", "tool": "da4ml", "version": "0.6.0"}
PAIRS = (("keras", "reference"), ("keras", "c-simulation"), ("reference", "c-simulation"))
FIRST = Mismatch(
    event=3, stimulus="data", layer="score", unit=0, first_value=1, second_value=2, distance_lsb=1, words=(0.0,)
)
#: Baselines that are the same for every run: AUC, and events that fire at FPR 1e-4.
TRIVIAL = {"total pT": (0.80, 20), "object count": (0.70, 5), "pT tables": (0.90, 100)}


def point(target, passed, background=BACKGROUND):
    """A working point at which `passed` of the signal events fire; None for one that cannot be reached."""
    given = {"target": target, "background_events": background, "signal_events": EVENTS}
    if passed is None:
        none = dict.fromkeys(("value", "low", "high", "threshold", "fpr", "fpr_low", "fpr_high"))
        return WorkingPoint(**given, **none, background_passed=None, signal_passed=None, reason="too few events")
    found, fpr = share_of(passed, EVENTS), share_of(int(target * background), background)
    return WorkingPoint(
        **given, value=found.value, low=found.low, high=found.high, threshold=99, fpr=fpr.value, fpr_low=fpr.low,
        fpr_high=fpr.high, background_passed=fpr.passed, signal_passed=passed, reason=None,
    )  # fmt: skip


def performance(auc, passed, background=BACKGROUND, collapsed=False):
    return SignalPerformance(
        auc=auc,
        auc_error=ERROR,
        tpr={
            "1e-2": point(1e-2, 500, background),
            "1e-3": point(1e-3, None if passed is None else min(3 * passed, EVENTS), background),
            "1e-4": point(1e-4, passed, background),
        },
        events=EVENTS,
        background_events=background,
        collapsed=collapsed,
    )


def baseline(description, found, auc, sees_signal=False):
    """`found`: performance by signal; `auc`: that of the model by signal."""
    return Baseline(
        description=description,
        unit="GeV",
        sees_signal=sees_signal,
        performance=found,
        gain={name: AucDifference(value=auc[name] - one.auc, error=PAIRED_ERROR) for name, one in found.items()},
    )


def exactness(events=1000, mismatches=0):
    pairs = [
        Pair(
            first=first,
            second=second,
            events=events,
            mismatches=mismatches if number == 0 else 0,
            layers_compared=5,
            first_mismatch=FIRST if mismatches and number == 0 else None,
        )
        for number, (first, second) in enumerate(PAIRS)
    ]
    return Exactness(
        events=events, mismatches=mismatches, pairs=tuple(pairs), stimuli={"data": events}, ties={}, edited_files=()
    )


def estimate(quantity, value, unit, note="", **tool):
    return HardwareFigure(quantity=quantity, value=value, unit=unit, note=note, **{**TOOL, **tool})


def firmware(lut, more=()):
    estimates = (
        estimate("LUT", lut, "LUT", "whole circuit"),
        estimate("FF", 2 * lut, "FF", "5 adder levels per stage"),
        estimate("latency", 7.0, "clocks", "5 adder levels per stage"),
        estimate("logic depth", 31.0, "adder levels"),
        estimate("EBOPs", 5 * lut, "bit operations"),
        estimate("LUT of kernels", None, "LUT", "no figure", tool="hls4ml", version="1.3.0"),
        *more,
    )
    return Firmware(
        backend="Vitis", part="xcvu13p", clock_ns=5.0, strategy="latency", reuse_factor=1, project="firmware/made_up",
        types={}, figures=estimates,
    )  # fmt: skip


PART = "xcvu13p-flga2577-2-e"


def staged(lut=10_000.0, clocks=12.0, mhz=240.0, part=PART):
    """Figures of the stages that a run has without a tool of a vendor: RTL simulation and netlist, per module too."""
    simulated = {"stage": "RTL simulation", "tool": "Verilator", "version": "5.48"}
    netlist = {"stage": "netlist", "tool": "Yosys", "version": "0.70", "part": part, "clock_ns": 1000 / mhz}
    ns = clocks * 1000 / mhz
    return (
        estimate("latency", clocks, "clocks", "from valid to valid", **simulated),
        estimate("latency", ns, "ns", clock_ns=1000 / mhz, **simulated),
        estimate("latency", ns / 25, "bunch crossings", clock_ns=1000 / mhz, **simulated),
        estimate("initiation interval", 1.0, "clocks", **simulated),
        estimate("LUT", lut, "LUT", **netlist),
        estimate("FF", lut / 2, "FF", **netlist),
        estimate("DSP", 0.0, "DSP", **netlist),
        estimate("BRAM36", 0.0, "BRAM36", **netlist),
        estimate("clock period", 3.0, "ns", "uncalibrated model", **netlist),
        *(estimate("LUT", lut / 2, "LUT", module=f"tiny_stage{number}", **netlist) for number in (1, 2)),
    )


def routed(lut=9_000.0, ns=4.1):
    """Figures of a vendor's tools."""
    vendor = {"stage": "place and route", "tool": "Vivado", "version": "2024.1", "part": PART, "clock_ns": 1000 / 240}
    return (
        estimate("LUT", lut, "LUTs", **vendor),
        estimate("FF", lut / 2, "registers", **vendor),
        estimate("clock period", ns, "ns", **vendor),
    )


def simulated(mismatches=0, latency=12, events=100_000):
    """How a simulation of Verilog ended."""
    first = RtlMismatch(pattern="gaps", fault="wrong words", clock=7, origin="corner", event=3, expected=5, found=4)
    return RtlVerdict(
        name="made_up", events=events, stimuli={"data": events}, mismatches=mismatches,
        first=first if mismatches else None, latency_clocks=latency, promised_clocks=12, initiation_interval=1,
        patterns=tuple(
            PatternResult(name=name, events=events, wrong=mismatches * (name == "gaps"), lost=0, spurious=0)
            for name in ("back to back", "gaps")
        ),
        tool="Verilator", version="5.48",
    )  # fmt: skip


def with_hardware(one, figures, budget=None, rtl=None, netlist=None):
    """A report with more figures, held against a budget, and with the simulations of its Verilog."""
    made = one.firmware.model_copy(
        update={"figures": (*one.firmware.figures, *figures), "rtl": rtl, "netlist": netlist}
    )
    held = hold(BudgetConfig(**(budget or {})), made.figures, part=PART)
    return one.model_copy(update={"firmware": made, "budget": held})


def model(**changed):
    values = {
        "kind": "undercomplete", "architecture": "dense", "inputs": 57, "transform": "log", "angles": "absolute",
        "latent": 3, "score": "squared_error", "parameters": 110, "weights": 100, "zero_weights": 50,
        "weight_format": "ap_fixed<8,2>", "weight_bits": 8, "seed": 1, "same_but_seed": "a" * 12, "layers": (),
    }  # fmt: skip
    return Model(**{**values, **changed})


def report(name="dense_ae", *, auc=0.92, fired=90, lut=10_000.0, signals=SIGNALS, **changed):
    """A report; `auc` and `fired` (events at FPR 1e-4) are those of every signal, or one each.

    Other names are those of the model (`seed`, `same_but_seed`, ...), `own` (AUC of a PCA of its inputs), `sha256`,
    `background`, `exact`, `collapsed`, `more` (estimates), `versions`.
    """
    background, own = changed.pop("background", BACKGROUND), changed.pop("own", None)
    collapsed, sha256 = changed.pop("collapsed", False), changed.pop("sha256", "ab" * 32)
    exact, more = changed.pop("exact", exactness()), changed.pop("more", ())
    versions = changed.pop("versions", {"l1ae": "0.1.0", "keras": "3.15.0"})
    of_auc = dict(zip(signals, auc if isinstance(auc, tuple) else (auc,) * len(signals), strict=True))
    of_fired = dict(zip(signals, fired if isinstance(fired, tuple) else (fired,) * len(signals), strict=True))
    others = {
        other: baseline(f"the {other}", {signal: performance(area, passed, background) for signal in signals}, of_auc)
        for other, (area, passed) in TRIVIAL.items()
    }
    if own is not None:
        others["PCA"] = baseline("of its inputs", {name: performance(own, 30, background) for name in signals}, of_auc)
    return RunReport(
        name=name,
        created="2026-01-02T03:04:05+00:00",
        exactness=exact,
        physics={signal: performance(of_auc[signal], of_fired[signal], background, collapsed) for signal in signals},
        baselines=others,
        samples=Samples(
            training=100, validation=50, test_background=background, signals=dict.fromkeys(signals, EVENTS)
        ),
        model=model(**changed),
        firmware=None if lut is None else firmware(lut, more),
        training=Training(epochs=2, best_epoch=1, best_validation_loss=0.1, seconds=1.0),
        versions=versions,
        data=Data(file="made_up.h5", sha256=sha256, metadata={"recipe": "made up", "collisions": "13 TeV"}),
    )


def runs(*reports):
    """The reports as runs, in folders named after them."""
    return [Run(f"runs/{one.name}", one) for one in reports]


def many(count=12):
    """Runs with long names, some with several seeds; better ones cost more, with exceptions."""
    found = []
    signals = ("LQ", "A4l", "h0", "h+", "HH", "LLP")
    kinds = ("undercomplete", "variational", "student", "sparse", "denoising", "contractive")
    for number in range(count):
        for seed in range(1, 4 if number % 4 == 1 else 2):
            good = 0.70 + 0.015 * number - 0.02 * (number % 3) + 0.003 * seed
            found.append(
                report(
                    f"{kinds[number % 6]}_autoencoder_with_quite_a_long_name_{number}_seed{seed}",
                    signals=signals,
                    auc=tuple(min(0.99, good + 0.03 * place) for place in range(6)),
                    fired=tuple(max(0, int(20 * good * number * (place + 1) / 4 - 8)) for place in range(6)),
                    lut=float(round(900 * 1.5**number * (1 + 0.01 * seed))) if number != 7 else None,
                    own=0.78 + 0.01 * (number % 2), kind=kinds[number % 6], seed=seed, same_but_seed=f"{number:012d}",
                    transform=("scale", "log", "tail")[number % 3], angles=("absolute", "relative")[number % 2],
                    score=("squared_error", "radius", "student")[number % 3], zero_weights=number,
                )
            )  # fmt: skip
    return runs(*found)
