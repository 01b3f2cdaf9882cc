import pytest

from l1ae.errors import RunFolderError
from l1ae.files import atomic_path, write_text


def test_a_file_appears_whole(tmp_path):
    write_text(tmp_path / "new" / "file.txt", "text")
    assert (tmp_path / "new" / "file.txt").read_text() == "text"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.txt"]


def test_the_former_file_stays_when_writing_breaks_off(tmp_path):
    target = tmp_path / "file.txt"
    write_text(target, "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_full_disk_is_one_clear_line(tmp_path):
    with (
        pytest.raises(RunFolderError, match=r"cannot write .*file.txt: No space left on device"),
        atomic_path(tmp_path / "file.txt"),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot write"):
        write_text(tmp_path / "file" / "inside.txt", "")
