import math

import numpy as np
import pytest

from l1ae.errors import ConfigError, DataError
from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON, Layout


def test_the_default_layout_is_that_of_the_public_dataset():
    assert [(kind.name, kind.code, kind.count) for kind in LEPTON.kinds] == [
        ("MET", 1, 1),
        ("e/gamma", 2, 4),
        ("muon", 3, 4),
        ("jet", 4, 10),
    ]
    assert [LEPTON.rows(kind.name) for kind in LEPTON.kinds] == [slice(0, 1), slice(1, 5), slice(5, 9), slice(9, 19)]
    assert (LEPTON.shape, LEPTON.n_inputs, LEPTON.word_width) == ((19, 3), 57, 13)
    names = LEPTON.feature_names()
    assert len(names) == len(set(names)) == 57
    assert names[:4] == ("MET_pt", "MET_eta", "MET_phi", "egamma1_pt")
    assert names[-1] == "jet10_phi"
    assert LEPTON.class_codes.tolist() == [1, *[2] * 4, *[3] * 4, *[4] * 10]


def test_the_scales_are_those_of_the_global_trigger():
    met, egamma, muon, jet, tau = GLOBAL_TRIGGER.kinds
    assert [kind.pt.width for kind in (met, egamma, muon, jet, tau)] == [12, 9, 9, 11, 9]
    assert {kind.pt.lsb for kind in GLOBAL_TRIGGER.kinds} == {0.5}
    assert {kind.fields["eta"].lsb for kind in (egamma, jet, tau)} == {0.0435}
    assert muon.fields["eta"].lsb == 0.010875
    assert muon.fields["phi"].lsb == 2 * math.pi / 576
    assert {kind.fields["phi"].lsb for kind in (met, egamma, jet, tau)} == {2 * math.pi / 144}
    assert [kind.count for kind in GLOBAL_TRIGGER.kinds] == [1, 12, 8, 12, 12]


def test_a_layout_comes_back_from_its_json():
    assert Layout.from_json(GLOBAL_TRIGGER.to_json()) == GLOBAL_TRIGGER
    with pytest.raises(DataError, match="the layout of the events is damaged"):
        Layout.from_json(GLOBAL_TRIGGER.to_json().replace('"count": 12', '"count": 0'))


def test_directions_are_the_inputs_that_are_angles():
    assert LEPTON.is_direction().tolist() == [False, True, True] * 19
    assert LEPTON.select(features=["pt", "phi"]).is_direction().tolist() == [False, True] * 19


def test_a_selection_takes_the_leading_objects_in_the_layouts_order():
    chosen = GLOBAL_TRIGGER.select({"jet": 2, "MET": 1, "muon": 3}, ["pt", "phi"])
    assert [(kind.name, kind.count) for kind in chosen.kinds] == [("MET", 1), ("muon", 3), ("jet", 2)]
    assert chosen.features == ("pt", "phi")
    rows, columns = GLOBAL_TRIGGER.positions(chosen)
    assert rows.tolist() == [0, 13, 14, 15, 21, 22]
    assert columns.tolist() == [0, 2]
    assert LEPTON.select() == LEPTON


@pytest.mark.parametrize(
    ("objects", "features", "message"),
    [
        ({"photon": 1}, None, "the events hold no photon; they hold MET, e/gamma, muon, jet"),
        ({"jet": 11}, None, "11 jet objects were asked for, the events hold 1 to 10"),
        ({"jet": 0}, None, "0 jet objects"),
        (None, ["pt", "mass"], "no feature mass; they hold pt, eta, phi"),
        (None, ["eta", "pt"], "the first feature must be pt"),
        (None, ["pt", "pt"], "feature pt stands twice"),
    ],
)
def test_a_selection_that_the_events_cannot_give_is_refused(objects, features, message):
    with pytest.raises(ConfigError, match=message):
        LEPTON.select(objects, features)


def test_a_kind_that_is_not_there_is_named():
    with pytest.raises(DataError, match="no tau in this layout, it holds MET, e/gamma, muon, jet"):
        LEPTON.rows("tau")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kinds: kinds[1].update(name="MET"), "object MET stands twice"),
        (lambda kinds: kinds[1].update(code=1), "the same class code"),
        (lambda kinds: kinds[1].update(name="j/et"), "two objects would have the same name"),
        (lambda kinds: kinds[1]["fields"].pop("pt"), "e/gamma has no pt"),
        (lambda kinds: kinds[1]["fields"].update(mass=kinds[1]["fields"]["pt"]), "a field mass that is no feature"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(change, message):
    content = LEPTON.model_dump(mode="json")
    change(content["kinds"])
    with pytest.raises(ValueError, match=message):
        Layout.model_validate(content, strict=False)


def test_every_column_is_told_with_its_scale():
    columns = list(LEPTON.columns())
    assert len(columns) == 12
    assert [column.feature for column in columns if column.scale is None] == ["eta"]
    assert np.prod(LEPTON.shape) == sum((column.rows.stop - column.rows.start) for column in columns)


@pytest.mark.parametrize("layout", [LEPTON, GLOBAL_TRIGGER, LEPTON.select(None, ["pt"])])
def test_the_momenta_are_the_inputs_named_pt(layout):
    names = layout.feature_names()
    assert [names[index] for index in layout.momenta()] == [name for name in names if name.endswith("_pt")]
