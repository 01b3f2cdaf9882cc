"""`l1ae convert`: from a trained run to an HLS project, written whole or not at all."""

import pytest
import yaml


def test_a_project_is_written_where_it_is_asked_for(l1ae, variational, copy_of, tmp_path):
    place = copy_of(variational)
    ended = l1ae("convert", place.run, "--firmware", tmp_path / "elsewhere")
    assert ended.text
    project = tmp_path / "elsewhere" / "tiny"
    assert str(project) in ended.out
    for name in ("firmware/tiny.cpp", "firmware/defines.h", "tiny_test.cpp", "README.md", "provenance.json"):
        assert (project / name).read_bytes()
        if name != "provenance.json":  # it holds the date
            assert (project / name).read_bytes() == (place.project / name).read_bytes()


def test_a_new_project_makes_the_old_verdict_and_the_old_report_void(l1ae, variational, copy_of):
    place = copy_of(variational)
    assert l1ae("convert", place.run, "--firmware", place.firmware).text
    for name in ("verification.json", "report.json", "report.html"):
        assert not (place.run / name).exists()
    assert "l1ae verify" in l1ae("report", place.run).message


def test_foreign_files_in_the_place_of_the_project_are_left_alone(l1ae, variational, copy_of, folder_content, tmp_path):
    place = copy_of(variational)
    mine = tmp_path / "elsewhere" / "tiny" / "trigger.v"
    mine.parent.mkdir(parents=True)
    mine.write_text("module trigger; endmodule\n")
    before = folder_content(tmp_path)
    ended = l1ae("convert", place.run, "--firmware", tmp_path / "elsewhere")
    assert ended.code == 2
    assert f"{mine.parent} exists and is no firmware project of l1ae" in ended.message
    assert folder_content(tmp_path) == before


def test_a_firmware_folder_that_is_a_file_is_refused(l1ae, variational, copy_of, folder_content, tmp_path):
    place = copy_of(variational)
    (tmp_path / "file").write_text("")
    before = folder_content(tmp_path)
    assert "cannot write" in l1ae("convert", place.run, "--firmware", tmp_path / "file").message
    assert folder_content(tmp_path) == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"part": "an old one"}, "firmware.part 'an old one'"), ({"reuse_factor": 7}, "firmware.reuse_factor 7")],
)
def test_firmware_that_cannot_be_made_is_refused(l1ae, variational, copy_of, folder_content, setting, message):
    place = copy_of(variational)
    record = yaml.safe_load((place.run / "config.yaml").read_text())
    record["firmware"].update(setting)
    (place.run / "config.yaml").write_text(yaml.safe_dump(record))
    before = folder_content(place.root)
    assert message in l1ae("convert", place.run, "--firmware", place.firmware).message
    assert folder_content(place.root) == before


def test_a_damaged_model_is_named(l1ae, variational, copy_of, folder_content):
    place = copy_of(variational)
    model = place.run / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    before = folder_content(place.root)
    assert "model.keras" in l1ae("convert", place.run, "--firmware", place.firmware).message
    assert folder_content(place.root) == before
