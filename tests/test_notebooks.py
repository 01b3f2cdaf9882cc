"""Every notebook runs from top to bottom on the shipped events, and is committed without outputs."""

import re
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


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def shown(notebook):
    """The text that each code cell of an executed notebook shows, without colours."""
    return [
        _COLOUR.sub("", "".join(output.get("text", "") or output.data["text/plain"] + "\n" for output in cell.outputs))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def chatter(notebook):
    """What libraries wrote, in passing, to the standard output and error of an executed notebook."""
    return [
        output.text for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "stream"
    ]


#: What each notebook has to show, as regular expressions: its central claims.
CLAIMS = {
    "01_train_and_look": (
        r"0\.\d{3} ± 0\.00\d",  # areas with their errors
        r"PCA, 3 components",
        r"name='roc'",
    ),
    "02_compare_the_family": (
        r"(?s)(?:│ \w+ +│ [\d,]+ +│ 0 +│.*){4}",  # four runs, no input differs
        r"2: 1, 2",  # one row has two seeds
        r"name='mean-auc'",
    ),
    "03_from_model_to_firmware": (
        r"no sum can overflow: True; Keras' float32 is exact: True",
        r"encoder_1 +│ \d+% +│ 100%",  # corner words reach the bounds of the first layer
        r"(?s)(?:│ \w[\w ]+│ 0 +│ 0 +│ 0 +│\s*){3}",
        r"reference = c-simulation: 0 of \d+ events differ",
        r"differs: [1-9]\d* of \d+ events differ; keras and c-simulation first at event \d+ .*, layer encoder_2_relu",
        r"stage: estimate",
    ),
    "04_your_own_data": (
        r"refused: 1 events hold NaN",
        r"refused: \S+\s+autoencoder\.latnet:\s+unknown\s+key",  # wrapped where the path is long
        r"mine: Exact: .*[\d,]+ events, 0 mismatches",
        r"'different': 0,",
    ),
    "05_generation_and_compression": (
        r"bits per event: 194 .* -> 30 .*: 6\.5 times fewer",
        r"generated │ +10000 │ +10000 │",  # read back
        r"'codes of the prior': \{'median KS': 0\.\d+",
    ),
}


def test_each_notebook_has_claims():
    assert [path.stem for path in NOTEBOOKS] == list(CLAIMS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    # With this, IPython would not show what libraries write past Python, which a reader would see.
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = execute(nbformat.read(path, 4), tmp_path, monkeypatch)
    texts = shown(done)
    assert all(texts), "a cell shows nothing"
    assert chatter(done) == []
    missing = [claim for claim in CLAIMS[path.stem] if not re.search(claim, "\n".join(texts))]
    assert missing == [], "\n".join(texts)


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
