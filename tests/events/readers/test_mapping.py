"""Mappings and layouts in YAML files."""

from pathlib import Path

import pytest

from l1ae.errors import ConfigError
from l1ae.events.layout import GLOBAL_TRIGGER, Layout
from l1ae.events.readers.layouts import LAYOUTS, load_layout
from l1ae.events.readers.mapping import CMS_L1, L1_NTUPLE, load_mapping
from l1ae.records import load_record

CONFIGS = Path(__file__).parents[3] / "configs"
JET = "objects: {jet: {source: jets, features: {pt: jetIEt}}}"


@pytest.mark.parametrize(("file", "mapping"), [("cms_l1", CMS_L1), ("l1_ntuple", L1_NTUPLE)])
def test_the_files_hold_what_is_built_in(file, mapping):
    assert load_mapping(CONFIGS / "sources" / f"{file}.yaml", mapping.format) == mapping
    assert load_mapping(None, mapping.format) is mapping
    mapping.check(GLOBAL_TRIGGER)


@pytest.mark.parametrize(("file", "name"), [("lepton", "lepton"), ("global_trigger", "global-trigger")])
def test_the_layouts_in_files_are_the_named_ones(file, name):
    assert load_record(CONFIGS / "layouts" / f"{file}.yaml", Layout) == load_layout(name) == LAYOUTS[name]


def test_the_layout_with_all_sums_is_mapped():
    layout = load_layout(str(CONFIGS / "layouts" / "global_trigger_sums.yaml"))
    assert [kind.name for kind in layout.kinds[5:]] == ["ET", "HT", "MHT", "METHF", "MHTHF"]
    assert all(kind.sum for kind in layout.kinds[5:])
    CMS_L1.check(layout)
    L1_NTUPLE.check(layout)


def test_an_unknown_layout_is_refused():
    with pytest.raises(ConfigError, match="no layout muons: neither one of lepton, global-trigger nor a YAML file"):
        load_layout("muons")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"format: cms\n{JET}", "units: Field required"),
        (f"format: csv\nunits: words\n{JET}", "format: Input should be 'cms' or 'root'"),
        (f"format: cms\nunits: GeV\n{JET}", "units: Input should be 'physical' or 'words'"),
        (f"format: cms\nunits: words\nsorted: true\n{JET}", "sorted: unknown key"),
        ("format: cms\nunits: words\nobjects: {}", "objects"),
        (
            "format: cms\nunits: words\nobjects: {jet: {source: jets, features: {eta: a}}}",
            "objects.jet: .*no column for pt",
        ),
        ("format: cms\nunits: words\nobjects: {jet: {features: {pt: a}}}", "objects.jet has no source"),
        ("format: cms\nunits: words\nobjects: {jet: {source: j, features: {pt: 3}}}", "objects.jet.features.pt"),
        (f"format: cms\nunits: words\n{JET}\nevent: {{source: a, columns: []}}", "event.columns"),
        ("- 1", "must hold keys and values"),
    ],
)
def test_a_fault_in_a_mapping_is_named_with_its_key(tmp_path, text, message):
    file = tmp_path / "mapping.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"mapping.yaml.*{message}") as error:
        load_mapping(file, "cms")
    assert "\n" not in str(error.value)


def test_a_mapping_for_another_format_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="is a mapping for the format root, the events are cms"):
        load_mapping(CONFIGS / "sources" / "l1_ntuple.yaml", "cms")
