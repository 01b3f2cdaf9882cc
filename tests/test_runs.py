import pytest

from l1ae.config import RunConfig
from l1ae.errors import RunFolderError
from l1ae.runs import RunFolder


@pytest.fixture
def tiny():
    return RunConfig.model_validate({"name": "tiny", "autoencoder": {"kind": "variational"}})


def test_a_run_can_be_opened_again(tmp_path, tiny):
    RunFolder.create(tmp_path / "run", tiny)
    assert RunFolder.open(tmp_path / "run").config == tiny


def test_the_same_configuration_continues_its_run(tmp_path, tiny):
    run = RunFolder.create(tmp_path / "run", tiny)
    run.model.write_text("trained")
    assert RunFolder.create(tmp_path / "run", tiny).model.read_text() == "trained"


def test_another_configuration_is_refused_and_the_difference_named(tmp_path, tiny):
    run = RunFolder.create(tmp_path / "run", tiny)
    run.model.write_text("trained")
    other = tiny.model_copy(update={"training": tiny.training.model_copy(update={"epochs": 3})})
    with pytest.raises(RunFolderError, match=r"holds another run \(training.epochs: 50 there, 3 here\)"):
        RunFolder.create(tmp_path / "run", other)
    assert run.model.read_text() == "trained"
    assert not RunFolder.create(tmp_path / "run", other, fresh=True).model.exists()


def test_the_history_of_costs_outlives_a_fresh_start(tmp_path, tiny):
    run = RunFolder.create(tmp_path / "run", tiny)
    for file in (run.model, run.costs):
        file.write_text("kept?")
    run.log("train").parent.mkdir()
    RunFolder.create(run.path, tiny, fresh=True)
    assert sorted(entry.name for entry in run.path.iterdir()) == ["config.yaml", "costs.jsonl"]
    assert run.costs.read_text() == "kept?"
    (run.path / "config.yaml").unlink()  # as if it had been interrupted
    assert RunFolder.create(run.path, tiny).costs.read_text() == "kept?"


def test_a_run_of_another_version_names_the_way_out_and_fresh_takes_it(tmp_path, tiny):
    run = RunFolder.create(tmp_path / "run", tiny)
    run.model.write_text("trained")
    (run.path / "config.yaml").write_text("name: tiny\nautoencoder: {kind: variational, direction_shift: 4}\n")
    for refused in (lambda: RunFolder.open(run.path), lambda: RunFolder.create(run.path, tiny)):
        with pytest.raises(RunFolderError, match=r"direction_shift: unknown key: .* l1ae run CONFIG --fresh"):
            refused()
    assert not RunFolder.create(run.path, tiny, fresh=True).model.exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path, tiny):
    (tmp_path / "thesis.tex").write_text("precious")
    for fresh in (False, True):
        with pytest.raises(RunFolderError, match="not empty and holds no run"):
            RunFolder.create(tmp_path, tiny, fresh=fresh)
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_a_file_is_no_run_folder(tmp_path, tiny):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="is a file"):
        RunFolder.create(tmp_path / "file", tiny)


def test_a_stage_that_comes_too_early_names_the_command_to_run_first(tmp_path, tiny):
    run = RunFolder.create(tmp_path / "run", tiny)
    with pytest.raises(RunFolderError, match=r"has no model.keras yet: l1ae train"):
        run.need(run.model, "train")
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(tmp_path / "nothing")
