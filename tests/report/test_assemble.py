"""The records of a finished run, gathered: every number is counted again by other means."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from l1ae.circuit import Circuit
from l1ae.config import BudgetConfig
from l1ae.evaluation import MenuBaseline, TableBaseline, clopper_pearson, object_count, pile_up_dependence, total_pt
from l1ae.events.io import CHUNK, write_events
from l1ae.events.split import PARTS, part_codes
from l1ae.events.stream import EventStream
from l1ae.events.summary import Summary
from l1ae.hardware.estimate import estimate
from l1ae.hardware.hls.sources import read_provenance
from l1ae.report import Data, Exactness
from l1ae.report.assemble import assemble, firmware_record, model_record
from l1ae.report.comparisons import OtherScore
from l1ae.runs import RunFolder
from l1ae.settings import TriggerConfig

from ..made_reports import simulated, staged

BACKGROUND = ("W", "Z", "QCD", "tt")
SIMPLE = ["leading-object pT", "total pT", "object count"]
COMPONENTS = "PCA, 2 components"
BASELINES = [*SIMPLE, COMPONENTS, "pT tables", "isolation forest", "menu of cuts", "supervised trees"]


class Run:
    """A finished run, read back."""

    def __init__(self, place):
        self.folder = RunFolder.open(place.run)
        self.circuit = Circuit.load(self.folder.circuit)
        self.provenance = read_provenance(place.project)
        self.history = json.loads(self.folder.history.read_text())
        verdict = json.loads(self.folder.verification.read_text())
        del verdict["firmware_sha256"], verdict["circuit_sha256"]
        self.exactness = Exactness.model_validate_json(json.dumps(verdict))

    def firmware(self, **measured):
        return firmware_record(self.folder.config, "firmware/tiny", self.provenance, estimate(self.circuit), **measured)

    def decoded(self):
        return Circuit.load(self.folder.decoded) if self.folder.decoded.exists() else None

    def assemble(self, stream, trigger=None, budget=None, measured=None, **more):
        changes = {"trigger": trigger, "budget": budget}
        changes = {name: value for name, value in changes.items() if value is not None}
        return assemble(
            self.folder.config.model_copy(update=changes),
            self.circuit,
            stream,
            data=Data(file="events.h5", sha256="0" * 64, metadata={}),
            history=self.history,
            exactness=self.exactness,
            firmware=self.firmware(**(measured or {})),
            decoded=self.decoded(),
            **more,
        )


@pytest.fixture(scope="module")
def run(variational):
    return Run(variational.place)


@pytest.fixture(scope="module")
def adder_trees(undercomplete):
    return Run(undercomplete.place)


@pytest.fixture(scope="module")
def stream(event_file):
    return EventStream([event_file])


@pytest.fixture(scope="module")
def parts(stream):
    """Training, validation and test events."""
    return SimpleNamespace(**{part: stream.read(part=part) for part in PARTS})


@pytest.fixture(scope="module")
def assembled(run, stream):
    return run.assemble(stream)


@pytest.fixture(scope="module")
def scores(run, parts):
    """Scores of the Keras model on the test events, by process."""
    from l1ae.autoencoder import inference

    model = inference.load_model(run.folder.model)
    found = inference.scores(model, parts.test.inputs)[:, 0].astype(np.float64)
    background = np.isin(parts.test.process, [parts.test.process_names.index(name) for name in BACKGROUND])
    signals = {
        name: found[parts.test.process == parts.test.process_names.index(name)]
        for name in run.folder.config.data.signals
    }
    return found[background], signals


def test_auc_is_that_of_the_python_model(assembled, scores):
    record, _ = assembled
    background, signals = scores
    for name, signal in signals.items():
        labels = np.r_[np.zeros(len(background)), np.ones(len(signal))]
        assert record.physics[name].auc == pytest.approx(roc_auc_score(labels, np.r_[background, signal]), abs=1e-12)


def test_thresholds_are_score_words_that_pass_the_stated_events(assembled, run, scores):
    record, _ = assembled
    background, signals = scores
    lsb = float(run.circuit.output.format.lsb)
    for name, signal in signals.items():
        point = record.physics[name].tpr["1e-2"]
        cut = point.threshold * lsb
        assert point.background_passed == (background >= cut).sum() <= 0.01 * len(background)
        assert point.signal_passed == (signal >= cut).sum()
        assert point.value == (signal >= cut).mean()
        assert (background >= cut - lsb).sum() > 0.01 * len(background), "one word lower would pass too many"


def test_samples_are_those_of_the_split(assembled, parts, scores):
    record, _ = assembled
    background, signals = scores
    assert record.samples.training == len(parts.training.of(*BACKGROUND))
    assert record.samples.validation == len(parts.validation.of(*BACKGROUND))
    assert record.samples.test_background == len(background)
    assert record.samples.signals == {name: len(signal) for name, signal in signals.items()}


def test_signals_are_never_among_the_training_events(assembled, parts):
    record, _ = assembled
    assert record.samples.training < len(parts.training)


def test_baselines_are_judged_on_the_same_events(assembled, parts):
    record, arrays = assembled
    assert list(record.baselines) == [*BASELINES, "its decoder's error"]
    assert not any("Left out" in note for note in record.notes)
    for name, baseline in record.baselines.items():
        for signal, gain in baseline.gain.items():
            assert len(arrays.baselines[name].against(signal)) == record.samples.test_background
            assert len(arrays.baselines[name].signals[signal]) == record.samples.signals[signal]
            expected = record.physics[signal].auc - baseline.performance[signal].auc
            assert gain.value == pytest.approx(expected, abs=1e-12)
    total = parts.test.of(*BACKGROUND).to_physical()[..., 0].sum(axis=1)
    assert arrays.baselines["total pT"].background == pytest.approx(total)


def test_small_chunks_change_nothing(assembled, run, monkeypatch, event_file):
    class InPieces(EventStream):
        def chunks(self, processes=None, part=None, size=100):
            return super().chunks(processes, part, size)

    record, arrays = assembled
    again, others = run.assemble(InPieces([event_file]))
    assert (others.scores.background == arrays.scores.background).all()
    assert again.physics == record.physics
    for name in BASELINES:
        if name != COMPONENTS:
            assert again.baselines[name] == record.baselines[name]
    assert (again.rates, again.efficiency) == (record.rates, record.efficiency)
    first, second = (found.baselines[COMPONENTS].background for found in (arrays, others))
    np.testing.assert_allclose(second, first, rtol=1e-9, atol=1e-9)


def test_the_distributions_are_those_of_the_test_events(assembled, parts):
    _, arrays = assembled
    expected = Summary.of(parts.test)
    for kind in expected.layout.kinds:
        assert (arrays.events.multiplicity(kind.name) == expected.multiplicity(kind.name)).all()


def test_the_pca_sees_what_the_network_sees(assembled, run, parts):
    from sklearn.decomposition import PCA

    def scaled(events):
        return run.circuit.value("scaled", run.circuit.trace(events.inputs, ["scaled"])["scaled"])

    pca = PCA(2).fit(scaled(parts.training.of(*BACKGROUND)))
    background = scaled(parts.test.of(*BACKGROUND))
    error = ((background - pca.inverse_transform(pca.transform(background))) ** 2).sum(axis=1)
    _, arrays = assembled
    assert arrays.baselines[COMPONENTS].background == pytest.approx(error, rel=1e-6)


def test_the_decoder_of_a_variational_autoencoder_is_that_of_the_trained_network(assembled, run, parts):
    record, arrays = assembled
    decoded = run.decoded()
    events = parts.test.of(*BACKGROUND).inputs
    assert (decoded.trace(events)["code_quantized"] == run.circuit.trace(events)["code_quantized"]).all()
    residual = decoded.trace(events)["residual"]
    assert (arrays.baselines["its decoder's error"].background == (residual.astype(np.int64) ** 2).sum(axis=1)).all()
    assert any("its decoder's error" in note for note in record.notes)


def test_a_deterministic_autoencoder_is_not_compared_with_itself(adder_trees, stream):
    record, _ = adder_trees.assemble(stream)
    assert list(record.baselines) == BASELINES
    assert record.notes == ()


def test_only_what_was_trained_on_the_signal_sees_it(assembled, parts):
    record, arrays = assembled
    assert [name for name, found in record.baselines.items() if found.sees_signal] == ["supervised trees"]
    backgrounds = arrays.baselines["supervised trees"].backgrounds
    assert list(backgrounds) == list(record.physics)
    first, second, *_ = backgrounds.values()
    assert (first != second).any()


def test_the_menu_and_the_tables_are_those_of_the_training_events(assembled, parts):
    _, arrays = assembled
    for name, kind in (("menu of cuts", MenuBaseline), ("pT tables", TableBaseline)):
        fitted = kind().fit([parts.training.of(*BACKGROUND)])
        assert (arrays.baselines[name].background == fitted.score(parts.test.of(*BACKGROUND))).all()


def test_rates_are_those_of_the_score_words_and_the_menu(assembled, run, stream, scores):
    _, arrays = assembled
    background, _ = scores
    words = (background / float(run.circuit.output.format.lsb)).astype(np.int64)
    trigger = TriggerConfig(rates_khz=(3000.0, 1e-3), background_share=0.5)
    record, _ = run.assemble(stream, trigger=trigger)
    assert record.rates.basis == trigger
    point, unreachable = record.rates.points
    assert point.background.passed == (words >= point.threshold).sum()
    assert (words >= point.threshold).mean() <= 3000 / trigger.input_khz < (words >= point.threshold - 1).mean()
    menu = arrays.baselines["menu of cuts"].background
    allowed = int(len(menu) * 3000 / trigger.input_khz)
    fires_menu = menu > np.sort(menu)[::-1][allowed]
    assert point.menu.pure.passed == ((words >= point.threshold) & ~fires_menu).sum()
    assert "not reachable" in unreachable.reason


def test_efficiencies_are_those_of_the_test_events(assembled, parts, run):
    record, arrays = assembled
    found = record.efficiency
    assert found.target == 1e-2, "too few events for 1e-3"
    assert found.threshold == next(iter(record.physics.values())).tpr["1e-2"].threshold
    multiplicity = next(curve for curve in found.curves if curve.quantity == "object multiplicity")
    counts = object_count(parts.test.of(*BACKGROUND))
    fires = arrays.scores.background >= found.threshold
    in_first = (counts >= multiplicity.edges[5]) & (counts < multiplicity.edges[6])
    assert multiplicity.processes["background"][5].events == in_first.sum() > 0
    assert multiplicity.processes["background"][5].passed == fires[in_first].sum()


def test_other_scores_are_compared_like_any(run, stream, assembled):
    other = OtherScore("the same network in float", "no unit", lambda events: total_pt(events) / 7)
    record, _ = run.assemble(stream, others={"float network": other})
    found = record.baselines["float network"]
    assert (found.description, found.unit, found.sees_signal) == ("the same network in float", "no unit", False)
    same = assembled[0].baselines["total pT"]
    assert {name: one.auc for name, one in found.performance.items()} == {
        name: one.auc for name, one in same.performance.items()
    }
    assert list(record.baselines)[-1] == "float network"


def test_a_baseline_that_cannot_be_fitted_is_left_out_with_a_note(run, event_file):
    class Few(EventStream):
        """A stream with less training events than a forest or a classifier takes."""

        def chunks(self, processes=None, part=None, size=CHUNK):
            for chunk in super().chunks(processes, part, size):
                yield chunk.take(slice(60)) if part == "training" else chunk

    record, _ = run.assemble(Few([event_file]))
    left_out = [note for note in record.notes if note.startswith("Left out of the comparison: ")]
    assert len(left_out) == 2
    assert "isolation forest (an isolation forest needs 256 training events of the background, has 60)" in left_out[0]
    assert (
        "supervised trees (supervised trees need 100 training events of each sample, background has 60)" in left_out[1]
    )
    assert list(record.baselines) == [*BASELINES[:5], "menu of cuts", "its decoder's error"]


def test_the_report_knows_the_layout_and_that_there_is_no_pile_up(assembled, stream):
    record, _ = assembled
    assert record.layout == stream.layout
    assert record.pile_up is None


def test_events_that_carry_pile_up_tell_how_the_score_follows_it(run, assembled, many_crowded, tmp_path):
    write_events(tmp_path / "crowded.h5", many_crowded)
    record, arrays = run.assemble(EventStream([tmp_path / "crowded.h5"]))
    test = many_crowded.take(part_codes(many_crowded.event_id) == PARTS.index("test")).of(*BACKGROUND)
    words = arrays.scores.background
    assert record.pile_up == pile_up_dependence(words, test.pile_up, record.efficiency.threshold)
    assert record.pile_up.correlation == pytest.approx(spearmanr(words, test.pile_up).statistic, abs=1e-12)
    point = next(iter(record.physics.values())).tpr["1e-2"]
    assert sum(one.passing.passed for one in record.pile_up.bins) == point.background_passed
    assert sum(one.passing.events for one in record.pile_up.bins) == len(test)
    for one in record.pile_up.bins:
        inside = words[(test.pile_up >= one.low) & (test.pile_up <= one.high)]
        passed = int((inside >= point.threshold).sum())
        assert (one.passing.passed, one.passing.events) == (passed, len(inside))
        assert (one.passing.low, one.passing.high) == clopper_pearson(passed, len(inside))
    # Nothing else of the report has changed.
    before = assembled[0]
    assert (record.physics, record.rates, record.efficiency) == (before.physics, before.rates, before.efficiency)


def test_the_history_is_that_of_the_training(assembled, run):
    record, arrays = assembled
    assert record.training.epochs == len(run.history["loss"]) == 2
    kept = run.history["best_epoch"]
    assert record.training.best_validation_loss == run.history["validation_loss"][kept - 1]
    assert list(arrays.loss) == run.history["loss"]


def test_the_layers_are_those_of_the_model(run):
    from l1ae.autoencoder.inference import load_model

    model = load_model(run.folder.model)
    record = model_record(run.circuit, run.folder.config)
    dense = [layer for layer in record.layers if layer.kind == "Dense"]
    assert [layer.name for layer in dense] == ["encoder_1", "encoder_2", "code"]
    assert record.parameters == sum(weights.size for weights in model.get_weights())
    assert (record.kind, record.latent) == ("variational", 2)
    for layer in dense:
        kernel = np.asarray(model.get_layer(layer.name).kernel)
        assert layer.weights == kernel.size + kernel.shape[1]
        assert layer.weight_format.startswith("ap_fixed<8,2")
        assert layer.accumulator
    assert record.layers[0].format == "ap_fixed<13,13,RND_CONV,SAT>"


@pytest.mark.parametrize("which", ["run", "adder_trees"])
def test_the_firmware_record_holds_every_type_of_every_layer(request, which):
    record = request.getfixturevalue(which).firmware()
    layers = {name.rsplit(".", 1)[0] for name in record.types}
    assert {"port", "scaled", "encoder_1_relu", "encoder_2_relu", "code_quantized", "score"} <= layers
    assert all(text.startswith(("ap_fixed<", "ap_ufixed<", "ap_uint<", "ap_int<")) for text in record.types.values())
    assert record.types["scaled.result"] == "ap_fixed<8,4,RND_CONV,SAT>"


def test_only_adder_trees_have_a_figure_of_hls4ml(run, adder_trees):
    figures = {}
    for name, which in (("latency", run), ("distributed_arithmetic", adder_trees)):
        record = which.firmware()
        assert record.strategy == name
        figures[name] = {item.quantity: item for item in record.figures if item.tool == "hls4ml"}
    assert figures["latency"]["LUT of kernels"].value is None
    assert "no resource figure" in figures["latency"]["LUT of kernels"].note
    costs = [layer["estimate"]["lut"] for layer in adder_trees.provenance["layers"] if "estimate" in layer]
    assert len(costs) == 6
    assert figures["distributed_arithmetic"]["LUT of kernels"].value == sum(costs) > 0


def test_a_larger_circuit_is_estimated_to_cost_more(run, adder_trees):
    def lut(which):
        return next(item.value for item in which.firmware().figures if item.quantity == "LUT")

    assert lut(adder_trees) > lut(run)


def test_measured_figures_follow_the_estimates_and_are_held_against_the_budget(run, stream):
    measured = {"figures": staged(9_000.0), "rtl": simulated(), "netlist": simulated(events=10)}
    record, _ = run.assemble(stream, budget=BudgetConfig(lut=8_000, dsp=0, latency_ns=50), measured=measured)
    assert [item.stage for item in record.firmware.figures[-len(staged()) :]] == [item.stage for item in staged()]
    assert record.firmware.figures[0].stage == "estimate"
    assert list(record.firmware.checks) == ["RTL", "netlist"]
    assert [(row.quantity, row.verdict, row.stage) for row in record.budget.rows] == [
        ("latency", "within", "RTL simulation"),
        ("LUT", "exceeded", "netlist"),
        ("DSP", "within", "netlist"),
    ]


def test_estimates_alone_decide_nothing(run, stream, assembled):
    assert assembled[0].budget is None, "the configuration has no limit"
    record, _ = run.assemble(stream, budget=BudgetConfig(lut=0, latency_ns=1))
    assert {row.verdict for row in record.budget.rows} == {"estimated only"}
    latency = record.budget.rows[0]
    stages = next(item.value for item in record.firmware.figures if item.quantity == "latency")
    assert latency.spent == pytest.approx(stages * run.folder.config.rtl.clock_ns)
