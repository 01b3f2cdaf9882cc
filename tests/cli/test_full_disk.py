"""A disk without space: every stage says so in one line, keeps what there was, and leaves no halves."""

import errno
from pathlib import Path

import pytest

LEFT_OVER = (".partial-", ".build-", ".tiny-")


@pytest.fixture
def full(monkeypatch):
    """full(name): from now on no file whose name ends so can be written."""

    def fill(name):
        write_text = Path.write_text

        def write(path, *arguments, **options):
            if path.name.endswith(name):
                with path.open("w") as file:
                    file.write("half of")
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            return write_text(path, *arguments, **options)

        monkeypatch.setattr(Path, "write_text", write)

    return fill


def refused(l1ae, place, folder_content, *arguments):
    before = folder_content(place.root)
    ended = l1ae(*arguments)
    assert ended.code == 2
    assert "No space left on device" in ended.message
    after = folder_content(place.root)
    assert not [name for name in after if any(part in name for part in LEFT_OVER)]
    assert {name: content for name, content in after.items() if name in before} == before
    return sorted(set(after) - set(before))


def test_when_the_run_folder_is_made(l1ae, place, folder_content, full):
    full("config.yaml")
    new = refused(l1ae, place, folder_content, "run", place.config, "--out", place.run)
    assert new == ["run"]


def test_when_the_model_is_saved(l1ae, variational, copy_of, folder_content, monkeypatch):
    import keras

    def save(_, path):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    place = copy_of(variational)
    for name in ("model.keras", "history.json"):
        (place.run / name).unlink()
    monkeypatch.setattr(keras.Model, "save", save)
    assert refused(l1ae, place, folder_content, "train", place.run) == []


@pytest.mark.parametrize("name", ["provenance.json", "tb_input_features.dat"])
def test_when_the_project_is_written(l1ae, variational, copy_of, folder_content, full, name):
    place = copy_of(variational)
    full(name)
    new = refused(l1ae, place, folder_content, "convert", place.run, "--firmware", place.root / "other")
    assert new in ([], ["other"])
    assert refused(l1ae, place, folder_content, "convert", place.run, "--firmware", place.firmware) == []


def test_when_the_firmware_is_compiled(l1ae, variational, copy_of, folder_content, full, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = copy_of(variational)
    full("driver.cpp")
    assert refused(l1ae, place, folder_content, "verify", place.run) == []
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("command", "name"), [("verify", "verification.json"), ("report", "report.json")])
def test_when_a_record_is_written(l1ae, variational, copy_of, folder_content, full, command, name):
    place = copy_of(variational)
    full(name)
    assert refused(l1ae, place, folder_content, command, place.run) == []


def test_when_the_log_cannot_be_written_the_message_still_can(tmp_path, capfd, monkeypatch):
    from l1ae import terminal
    from l1ae.errors import L1aeError
    from l1ae.terminal import Terminal, quiet

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "stage.log").symlink_to("/dev/full")
    monkeypatch.setattr(terminal, "first_error", lambda *_: None)  # /dev/full would be read without end
    with Terminal() as ui:
        with pytest.raises(L1aeError, match="ValueError: the real reason"), quiet(tmp_path / "stage.log"):
            raise ValueError("the real reason")
        ui.say("still heard")
    assert capfd.readouterr().out == "still heard\n"
