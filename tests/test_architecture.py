"""The house rules that a machine can check."""

import ast
from pathlib import Path

import pytest

import l1ae

PACKAGE = Path(l1ae.__file__).parent
ROOMS = ("events", "autoencoder", "circuit", "hardware", "evaluation", "report", "cli")
SHARED = ("config", "consistency", "environment", "errors", "files", "records", "settings", "terminal")
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path):
    """Full names of everything in l1ae that a file imports, at the top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return {name for name in names if name.split(".")[0] == "l1ae"}


def wrong_way(path):
    """Imports of a room that lie to the right of it, or of the stages and records above all rooms."""
    room = path.relative_to(PACKAGE).parts[0]
    if room not in ROOMS or room == "cli":
        return []
    allowed = {*SHARED, *ROOMS[: ROOMS.index(room) + 1]}
    return sorted(name for name in imported(path) if "." in name and name.split(".")[1] not in allowed)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_to_its_left(path):
    assert wrong_way(path) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_can_be_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 320


@pytest.mark.parametrize("name", SHARED)
def test_what_belongs_to_all_imports_no_room(name):
    rooms = {other.split(".")[1] for other in imported(PACKAGE / f"{name}.py") if "." in other}
    assert rooms <= set(SHARED)


def test_an_import_the_wrong_way_would_be_seen(tmp_path, monkeypatch):
    bad = tmp_path / "events" / "bad.py"
    bad.parent.mkdir()
    bad.write_text("def f():\n    from l1ae.report.record import RunReport\n")
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    assert wrong_way(bad) == ["l1ae.report.record", "l1ae.report.record.RunReport"]


def test_only_a_few_files_know_keras():
    circuit = {
        f"circuit/{name}" for name in ("activations.py", "evaluate.py", "lowering", "quantizers.py", "scales.py")
    }
    allowed = {"autoencoder", *circuit, "pipeline.py"}
    for path in FILES:
        text = path.read_text()
        names = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").split(".")[0] for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)
        }
        if names & {"keras", "tensorflow", "qkeras"}:
            relative = path.relative_to(PACKAGE).as_posix()
            assert any(relative.startswith(place) for place in allowed), relative
