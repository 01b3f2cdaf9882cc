"""Every notebook runs from top to bottom on the shipped events, and is committed without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def left_over(notebook):
    """Numbers of the code cells that were committed with outputs or as already executed."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [number for number, cell in enumerate(cells) if cell.outputs or cell.execution_count is not None]


def logic(notebook):
    """Functions and classes that a notebook defines: they belong into the package."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return [line for line in source.splitlines() if line.lstrip().startswith(("def ", "class ", "async def "))]


def execute(notebook, folder, monkeypatch):
    """Run all cells in a kernel of its own, in `folder`; raises `CellExecutionError` for the first that fails."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(folder / name.lower()))
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    return client.execute()


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    done = execute(nbformat.read(path, 4), tmp_path, monkeypatch)
    shown = [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)
        for cell in done.cells
        if cell.cell_type == "code"
    ]
    assert all(shown), "a cell shows nothing"
    if path.name == "first_steps.ipynb":
        assert any("'different scores': 0," in text for text in shown)
        assert any(text.startswith("(True,") and "no overflow for any input" in text for text in shown)
        assert any("'stage': 'estimate'" in text for text in shown)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_committed_without_outputs_and_holds_no_logic(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert left_over(notebook) == []
    assert logic(notebook) == []


def test_a_failing_cell_outputs_and_logic_are_seen(tmp_path, monkeypatch):
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("def f():\n    return 1\nf()"), nbformat.v4.new_code_cell("1 / 0")]
    )
    assert (left_over(notebook), logic(notebook)) == ([], ["def f():"])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(notebook, tmp_path, monkeypatch)
    assert left_over(notebook) == [0, 1]
