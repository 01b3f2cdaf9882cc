"""The build folder: a copy of a project, so that what was emitted and verified stays as it is."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from l1ae.errors import RunFolderError
from l1ae.files import sha256, write_text
from l1ae.hardware.vendor.tools import Step

_MARK = ".l1ae-source"
#: What a step leaves, and every step behind it is made from; beside these only the project and what tools remember.
_SOLUTION = "{name}_prj/solution1"
_RESULTS: dict[Step, tuple[str, ...]] = {
    "csim": (f"{_SOLUTION}/csim",),
    "csynth": (f"{_SOLUTION}/syn",),
    "cosim": (f"{_SOLUTION}/sim",),
    "export": (f"{_SOLUTION}/impl",),
    "synth": ("reports/{name}_*synth.rpt", "{name}_synth.dcp"),
    "impl": ("reports/{name}_*routed.rpt", "{name}_routed.dcp"),
}
#: The steps whose results are no longer true when a step runs again.
_FOLLOWERS: dict[Step, tuple[Step, ...]] = {
    "csim": (),
    "csynth": ("cosim", "export", "synth", "impl"),
    "cosim": (),
    "export": (),
    "synth": ("impl",),
    "impl": (),
}


def digest(files: Iterable[Path], root: Path) -> str:
    """SHA-256 over names and contents of files."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path.relative_to(root).as_posix()}\0{sha256(path)}\0".encode())
    return total.hexdigest()


def project_files(project: Path, leave_out: Iterable[str] = ()) -> list[Path]:
    """The files of a project without some of its folders, hidden files left out."""
    left_out = set(leave_out)
    return [
        path
        for path in sorted(project.rglob("*"))
        if path.is_file()
        and path.relative_to(project).parts[0] not in left_out
        and not any(part.startswith(".") for part in path.relative_to(project).parts)
    ]


def prepare(project: Path, folder: Path, leave_out: Iterable[str] = ()) -> None:
    """Make `folder` a copy of the project; one of the same files is kept, with the results of former steps in it.

    Raises `RunFolderError` when the folder cannot be written, or holds what l1ae has not put there.
    """
    files = project_files(project, leave_out)
    wanted = digest(files, project)
    mark = folder / _MARK
    try:
        if folder.exists():
            if not mark.is_file():
                raise RunFolderError(f"{folder} holds no build of l1ae: move it away, or choose another with --out")
            if mark.read_text(encoding="utf-8").strip() == wanted:
                return
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
            draft = Path(temporary) / folder.name
            for path in files:
                target = draft / path.relative_to(project)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)
            write_text(draft / _MARK, f"{wanted}\n")
            if folder.exists():
                folder.rename(Path(temporary) / "previous")
            draft.rename(folder)
    except OSError as error:
        raise RunFolderError(f"cannot write {folder}: {error.strerror or error}") from error


def forget(folder: Path, name: str, step: Step) -> None:
    """Remove the results of a former run of a step, and of the steps that were made from them."""
    for one in (step, *_FOLLOWERS[step]):
        for pattern in _RESULTS[one]:
            for path in folder.glob(pattern.format(name=name)):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
