"""A synthetic run: every number below is made up, and says so in the report's own name and metadata."""

import numpy as np
import pytest

from l1ae.evaluation import QUANTITIES, differences, efficiencies, evaluate, object_count, rates, total_pt
from l1ae.events.layout import LEPTON
from l1ae.events.schema import EventSet
from l1ae.events.summary import Summary
from l1ae.report import (
    Baseline,
    Data,
    Exactness,
    Firmware,
    HardwareFigure,
    Layer,
    Mismatch,
    Model,
    Pair,
    RunArrays,
    RunReport,
    Samples,
    Scores,
    SignalScores,
    Training,
    render,
    run_plots,
)
from l1ae.settings import TriggerConfig

from ..made_reports import routed, simulated, staged, with_hardware

SIGNALS = {"LQ": 1200, "A4l": 900, "h0": 1000, "h+": 1100}
BACKGROUNDS = {"W": 11_840, "QCD": 6_760, "Z": 1_340, "tt": 60}
HARDNESS = {"W": 1.0, "QCD": 0.9, "Z": 1.1, "tt": 2.2, "LQ": 2.4, "A4l": 0.9, "h0": 1.0, "h+": 1.9}


def synthetic_events(rng):
    counts = {**BACKGROUNDS, **SIGNALS}
    parts = []
    for code, (name, count) in enumerate(counts.items()):
        physical = np.zeros((count, 19, 3))
        for kind in LEPTON.kinds:
            pt = -np.sort(-rng.exponential(18 * HARDNESS[name], (count, kind.count)), axis=1) + 4
            mean = {"MET": 1, "e/gamma": 0.6, "muon": 0.5, "jet": 2.5}[kind.name]
            mean *= 3 if name == "A4l" else HARDNESS[name]
            present = np.arange(kind.count) < (1 if kind.count == 1 else rng.poisson(mean, count)[:, None])
            physical[:, LEPTON.rows(kind.name), 0] = pt * present
            if "eta" in kind.fields:
                physical[:, LEPTON.rows(kind.name), 1] = (
                    rng.normal(0, 1.1, (count, kind.count)).clip(-2.1, 2.1) * present
                )
            physical[:, LEPTON.rows(kind.name), 2] = rng.uniform(-np.pi, np.pi, (count, kind.count)) * present
        label = np.full(count, code, np.uint8)
        ids = np.arange(count, dtype=np.uint64) + np.uint64(code * 10**6)
        metadata = {
            "recipe": "synthetic",
            "description": "made up for the tests of the report, not physics",
            "collisions": "proton-proton, 13 TeV",
            "signal_processes": ",".join(SIGNALS),
            "mixture": '{"W": 0.592, "QCD": 0.338, "Z": 0.067, "tt": 0.003}',
        }
        parts.append(EventSet.from_physical(physical, label, tuple(counts), ids, metadata))
    return EventSet.concatenate(parts)


def synthetic_scores(rng):
    def words(count, shift):
        values = np.floor(np.exp(rng.normal(3.5 + shift, 1.3, count))).astype(np.int64)
        values[rng.random(count) < 0.04] = 0
        return values

    shifts = {"LQ": 1.9, "A4l": 2.6, "h0": 0.9, "h+": 2.2}
    return Scores(words(sum(BACKGROUNDS.values()), 0), {name: words(SIGNALS[name], shifts[name]) for name in SIGNALS})


def synthetic_ceiling(rng):
    background = sum(BACKGROUNDS.values())
    return SignalScores(
        {name: rng.normal(0, 1, background) for name in SIGNALS},
        {name: rng.normal(2, 1, count) for name, count in SIGNALS.items()},
    )


def scored(events, score):
    return Scores(score(events.of(*BACKGROUNDS)), {name: score(events.of(name)) for name in SIGNALS})


def pair(first, second, mismatches=0, first_mismatch=None):
    return Pair(
        first=first,
        second=second,
        events=61_482,
        mismatches=mismatches,
        layers_compared=4096,
        first_mismatch=first_mismatch,
    )


@pytest.fixture(scope="session")
def events():
    return synthetic_events(np.random.default_rng(6))


@pytest.fixture(scope="session")
def arrays(events):
    rng = np.random.default_rng(7)
    epochs = np.arange(40)
    return RunArrays(
        scores=synthetic_scores(rng),
        baselines={
            "sum of pT": scored(events, total_pt),
            "object count": scored(events, object_count),
            "trees": synthetic_ceiling(rng),
        },
        loss=list(0.9 * np.exp(-epochs / 6) + 0.11 + 0.004 * rng.normal(size=40)),
        validation_loss=list(0.92 * np.exp(-epochs / 6) + 0.118 + 0.008 * rng.normal(size=40)),
        events=Summary.of(events),
    )


@pytest.fixture(scope="session")
def report(arrays, events):
    def baseline(name, description, unit):
        other, model = arrays.baselines[name], arrays.scores
        performance, gain = {}, {}
        for signal, values in other.signals.items():
            one, mine = {signal: values}, {signal: model.signals[signal]}
            performance |= evaluate(other.against(signal), one)
            gain |= differences(model.background, mine, other.against(signal), one)
        return Baseline(
            description=description,
            unit=unit,
            sees_signal=isinstance(other, SignalScores),
            performance=performance,
            gain=gain,
        )

    dense = {"kind": "QDense", "accumulator": "ap_fixed<21,10>", "weight_format": "ap_fixed<8,2,RND_CONV,SAT>"}
    other = {"accumulator": None, "weight_format": None, "weights": 0, "zero_weights": 0}
    relu = {"kind": "QActivation", "format": "ap_ufixed<8,3,RND_CONV,SAT>", **other}
    estimate = {"stage": "estimate", "tool": "synthetic", "version": "0"}
    return RunReport(
        name="synthetic_example",
        created="2001-02-03T04:05:06+00:00",
        exactness=Exactness(
            events=61_482,
            mismatches=0,
            pairs=(
                pair("keras", "reference"),
                pair("keras", "c-simulation"),
                pair("reference", "c-simulation"),
            ),
            stimuli={"data": 30_000, "random": 30_000, "corner": 1_482},
            ties={"scaled": 8123, "encoder_1_relu": 391, "code": 1022},
            edited_files=(),
        ),
        physics=evaluate(arrays.scores.background, arrays.scores.signals),
        baselines={
            "sum of pT": baseline("sum of pT", "sum of the pT of all objects, MET included", "GeV"),
            "object count": baseline("object count", "number of e/gamma, muons and jets", "objects"),
            "trees": baseline("trees", "a ceiling that has seen the signal", "log odds"),
        },
        samples=Samples(training=40_000, validation=10_000, test_background=20_000, signals=SIGNALS),
        model=Model(
            kind="variational",
            architecture="dense",
            inputs=57,
            transform="log",
            angles="absolute",
            latent=3,
            score="radius",
            parameters=2435,
            weights=2384,
            zero_weights=1211,
            weight_format="ap_fixed<8,2>",
            weight_bits=8,
            seed=1,
            same_but_seed="0123456789ab",
            layers=(
                Layer(name="port", kind="QActivation", shape=(57,), format="ap_fixed<13,13>", **other),
                Layer(name="scaling", kind="InputScaling", shape=(57,), format="ap_fixed<20,14>", **other),
                Layer(name="scaled", kind="QActivation", shape=(57,), format="ap_fixed<8,3,RND_CONV,SAT>", **other),
                Layer(name="encoder_1", shape=(32,), format="ap_fixed<21,10>", weights=1856, zero_weights=941, **dense),
                Layer(name="encoder_1_relu", shape=(32,), **relu),
                Layer(name="encoder_2", shape=(16,), format="ap_fixed<21,10>", weights=528, zero_weights=270, **dense),
                Layer(name="encoder_2_relu", shape=(16,), **relu),
                Layer(name="code", shape=(3,), format="ap_fixed<21,10>", weights=51, zero_weights=0, **dense),
                Layer(name="score", kind="Dot", shape=(1,), format="ap_ufixed<18,10>", **other),
            ),
        ),
        firmware=Firmware(
            backend="Vitis",
            part="xcvu13p-flga2577-2-e",
            clock_ns=5.0,
            strategy="distributed_arithmetic",
            reuse_factor=1,
            project="firmware/synthetic_example",
            types={"input": "ap_fixed<13,13>", "score": "ap_ufixed<18,10>"},
            figures=(
                HardwareFigure(quantity="LUT", value=12_345, unit="LUT", note="made up", **estimate),
                HardwareFigure(quantity="FF", value=6_789, unit="FF", note="made up", **estimate),
                HardwareFigure(quantity="latency", value=35.0, unit="ns", note="7 clocks of 5 ns; made up", **estimate),
                HardwareFigure(quantity="clock frequency", value=None, unit="MHz", note="no tool gave it", **estimate),
            ),
        ),
        training=Training(epochs=40, best_epoch=34, best_validation_loss=0.1172, seconds=93.2),
        versions={"l1ae": "0.1.0", "keras": "3.15.0", "hls4ml": "1.3.0", "numpy": "2.4.6"},
        data=Data(file="synthetic.h5", sha256="0" * 64, metadata=dict(arrays.events.metadata)),
        layout=LEPTON,
        rates=rates(arrays.scores, TriggerConfig(), arrays.baselines["sum of pT"]),
        efficiency=efficiencies(
            arrays.scores, {quantity.name: scored(events, quantity.function) for quantity in QUANTITIES}
        ),
    )


@pytest.fixture(scope="session")
def differing(report):
    first = Mismatch(
        event=417,
        stimulus="data",
        layer="code",
        unit=2,
        first_value=-13,
        second_value=-12,
        distance_lsb=1,
        words=(0.0,) * 57,
    )
    pairs = (
        report.exactness.pairs[0],
        pair("keras", "c-simulation", mismatches=12, first_mismatch=first),
        report.exactness.pairs[2],
    )
    exactness = report.exactness.model_copy(update={"mismatches": 12, "pairs": pairs})
    return report.model_copy(update={"exactness": exactness})


@pytest.fixture(scope="session")
def plots(report, arrays):
    return run_plots(report, arrays)


@pytest.fixture(scope="session")
def page(report, plots):
    return render(report, plots)


@pytest.fixture(scope="session")
def measured(report):
    """The report with figures of every stage, simulations, and a budget that is exceeded in places."""
    more = (*staged(), *routed(8_000.0, 4.5))
    budget = {"latency_ns": 50, "clock_mhz": 240, "lut": 7_500, "ff": 9_000, "dsp": 0, "bram": 0}
    return with_hardware(report, more, budget, rtl=simulated(), netlist=simulated(events=20_000))
