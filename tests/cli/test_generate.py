"""`l1ae generate`: events of a decoder, and how far they are from true ones."""

import json
from dataclasses import replace

import numpy as np
import pytest

from l1ae.circuit import UNDECIDED, Circuit, Dense, Input, Quantize
from l1ae.events.io import read_events
from l1ae.events.layout import LEPTON
from l1ae.samples import Samples

from ..coders import autoencoder, relative_front, write_run


@pytest.fixture
def run(tmp_path, event_file):
    return write_run(tmp_path / "run", event_file, "variational", training={"prior_width": 1.5})


def sent(events):
    """Absent objects are all zero and each kind stands in falling order of pT."""
    for kind in events.layout.kinds:
        block = events.words[:, events.layout.rows(kind.name)]
        if not ((np.diff(block[..., 0].astype(int), axis=1) <= 0).all() and (block[block[..., 0] == 0] == 0).all()):
            return False
    return True


def test_events_of_the_prior_are_an_event_file_that_other_commands_read(l1ae, run, tmp_path):
    out = tmp_path / "made.h5"
    ended = l1ae("generate", run.path, "--events", "3000", "--out", out)
    assert "Gaussian of width 1.5, the prior of the training" in ended.text
    assert "KS distance to the true background" in ended.out
    made = read_events(out)
    assert (len(made), made.process_names) == (3000, ("generated",))
    assert sent(made)
    assert len(np.unique(made.words.reshape(3000, -1), axis=0)) > 1000
    assert len(np.unique(made.event_id)) == 3000
    assert "background_processes" in made.metadata
    ended = l1ae("data", "info", out, "--plot", tmp_path / "made.png")
    assert "generated" in ended.text


def test_equal_seeds_give_equal_events_and_others_do_not(l1ae, run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert l1ae("generate", run.path, "--events", "500", "--seed", seed, "--out", tmp_path / f"{name}.h5").text
    a, b, c = (read_events(tmp_path / f"{name}.h5") for name in "abc")
    assert (a.words == b.words).all()
    assert (a.event_id == b.event_id).all()
    assert not (a.words == c.words).all()
    assert not set(a.event_id) & set(c.event_id)


def test_the_events_look_to_the_network_as_its_decoder_says(l1ae, run, tmp_path, monkeypatch):
    from l1ae import sampling

    autoencoder(seed=4).save(run.decoded)
    autoencoder(seed=4, decoder=False).save(run.circuit)
    drawn = []
    events = sampling.Sampler.events
    monkeypatch.setattr(sampling.Sampler, "events", lambda *a: drawn.append(a[1]) or events(*a))
    assert l1ae("generate", run.path, "--events", "400", "--out", tmp_path / "made.h5").text
    whole = Circuit.load(run.decoded)
    decoded = whole.between("code_quantized", "reconstruction").reference(drawn[0])
    seen = whole.trace(read_events(tmp_path / "made.h5").inputs, ["scaled"])["scaled"]
    met = 0  # alone of its kind, so that no order moves it, and hardly ever absent
    there = decoded[:, met] > 8  # well above the softest one that is sent
    assert there.sum() > 50
    distance = seen[there, met] - decoded[there, met]  # one word of MET is two LSB here
    assert set(np.unique(distance)) == {-1, 0}


def test_codes_of_true_events_are_moved_by_one_lsb(l1ae, event_file, tmp_path, monkeypatch):
    from l1ae import sampling

    run = write_run(tmp_path / "run", event_file)
    drawn = []
    events = sampling.Sampler.events
    monkeypatch.setattr(sampling.Sampler, "events", lambda *a: drawn.append(a[1]) or events(*a))
    ended = l1ae("generate", run.path, "--from-data", "--events", "2000", "--out", tmp_path / "made.h5")
    samples = Samples.open(run.config.data)
    true = samples.stream.read(samples.config.background, "test")
    assert f"codes of {len(true)} background test events, moved by Gaussian noise of 1 LSB" in ended.text
    known = Circuit.load(run.circuit).trace(true.inputs, ["code_quantized"])["code_quantized"]
    nearest = np.array([np.abs(known - code).max(axis=1).min() for code in drawn[0]])
    assert nearest.max() <= 5
    assert 0 < nearest.mean() < 2
    assert sent(read_events(tmp_path / "made.h5"))


def test_the_record_and_the_page_hold_every_test(l1ae, event_file, tmp_path):
    small = LEPTON.select({"MET": 1, "jet": 2}, ("pt", "phi"))  # few panels, quickly drawn
    chosen = {"objects": {"MET": 1, "jet": 2}, "features": ["pt", "phi"]}
    run = write_run(tmp_path / "run", event_file, "variational", small, data=chosen, training={"prior_width": 1.5})
    record, page = tmp_path / "made.json", tmp_path / "made.html"
    files = ("--out", tmp_path / "made.h5", "--json", record, "--html", page)
    assert l1ae("generate", run.path, "--events", "2000", *files).text
    found = json.loads(record.read_text())
    assert (found["run"], found["seed"], found["events"]) == ("made", 1, 2000)
    comparison = found["comparison"]
    assert comparison["first"]["processes"] == ["W", "Z", "QCD", "tt"]
    assert (comparison["second"]["name"], comparison["second"]["events"]) == ("generated", 2000)
    assert comparison["common_ids"] == 0
    assert 0 < found["saturated"] < 0.2  # a code of width 4 holds 2.7 widths of the prior
    text = page.read_text()
    assert "<script" not in text
    assert "data:image/svg+xml;base64," in text
    for test in comparison["tests"]:
        assert f"<th>{test['name']}</th>" in text
    assert "2,000 events of the decoder of made, seed 1" in text


def test_no_object_is_softer_than_those_of_the_training_events(l1ae, run, tmp_path):
    record = tmp_path / "made.json"
    assert l1ae("generate", run.path, "--events", "3000", "--out", tmp_path / "made.h5", "--json", record).text
    made = read_events(tmp_path / "made.h5")
    samples = Samples.open(run.config.data)
    true = samples.stream.read(samples.config.background, "training")
    for kind, softest in json.loads(record.read_text())["softest_gev"].items():
        rows = made.layout.rows(kind)
        lsb = made.layout.kind(kind).pt.lsb
        momenta = true.words[:, rows, 0]
        assert softest == momenta[momenta > 0].min() * lsb
        momenta = made.words[:, rows, 0]
        assert (momenta[momenta > 0] * lsb >= softest).all()


def test_codes_that_the_encoder_never_gives_are_not_decoded(l1ae, run, tmp_path):
    """The sums of the decoder hold what the encoder can give, and would wrap beyond."""
    whole = autoencoder()
    constant = whole["code"]
    assert isinstance(constant, Dense)
    constant = replace(constant, kernel=0 * constant.kernel, bias=constant.bias // 20)
    nodes = [constant if node.name == "code" else node for node in whole.nodes]
    fresh = [node if isinstance(node, (Input, Quantize)) else replace(node, format=UNDECIDED) for node in nodes]
    small = Circuit.derive(fresh)
    assert not small.between("code_quantized", "reconstruction").proved
    small.save(run.decoded)
    small.between("words", "code_quantized").save(run.circuit)
    record = tmp_path / "made.json"
    assert l1ae("generate", run.path, "--events", "300", "--out", tmp_path / "made.h5", "--json", record).text
    assert json.loads(record.read_text())["saturated"] > 0.5


def test_where_there_is_no_way_from_a_code_to_an_event_the_way_out_is_named(l1ae, event_file, tmp_path):
    plain = write_run(tmp_path / "plain", event_file)
    student = write_run(tmp_path / "student", event_file, "student")
    bare = write_run(tmp_path / "bare", event_file, "variational")
    bare.decoded.unlink()
    turned = write_run(tmp_path / "turned", event_file)
    autoencoder(begin=relative_front()).save(turned.circuit)
    embedded = write_run(tmp_path / "embedded", event_file)
    whole = autoencoder()
    named = replace(whole["encoder_1_relu"], name="embedded")
    code = replace(whole["code"], inputs=("embedded",))
    before_it = whole.nodes[: whole.nodes.index(whole["encoder_1_relu"])]
    Circuit((*before_it, named, code, whole["code_quantized"])).save(embedded.circuit)
    (tmp_path / "made.h5").write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    for arguments, message in (
        ((plain.path,), "kind undercomplete was trained towards no distribution of codes; take those of the data"),
        ((student.path, "--from-data"), "a student computes its score directly and has no code"),
        ((bare.path,), "has no decoder: train it again"),
        ((turned.path, "--from-data"), "of relative angles the sign is lost"),
        ((embedded.path, "--from-data"), "no event can be made of an embedding"),
        ((plain.path, "--from-data", "--out", tmp_path / "made.h5"), "exists: overwrite it with --force"),
        ((plain.path, "--from-data", "--out", tmp_path / "made.root"), "must end with .h5"),
    ):  # fmt: skip
        if "--out" not in arguments:
            arguments = (*arguments, "--out", tmp_path / "new.h5")
        assert message in l1ae("generate", *arguments).message
        assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_interruption_leaves_nothing_half(l1ae, run, tmp_path, monkeypatch):
    from l1ae.events.summary import Summary

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Summary, "add", interrupt)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert l1ae("generate", run.path, "--out", tmp_path / "made.h5").code == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_the_help_tells_the_two_generators_apart(l1ae):
    assert "data generate" in l1ae("generate", "--help").text
    assert "decoder" in l1ae("--help").text


def test_a_trained_run_generates(l1ae, variational, tmp_path):
    assert l1ae("generate", variational.place.run, "--events", "500", "--out", tmp_path / "made.h5").text
    assert sent(read_events(tmp_path / "made.h5"))
