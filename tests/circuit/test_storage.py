import json
from pathlib import Path

import numpy as np
import pytest

from l1ae.circuit import Circuit
from l1ae.errors import RunFolderError


def test_saved_and_loaded(circuit: Circuit, tmp_path: Path) -> None:
    circuit.save(tmp_path / "circuit.json")
    loaded = Circuit.load(tmp_path / "circuit.json")
    assert loaded == circuit
    words = np.random.default_rng(0).integers(-4096, 4096, (100, 57))
    np.testing.assert_array_equal(loaded.reference(words), circuit.reference(words))
    assert [entry.name for entry in tmp_path.iterdir()] == ["circuit.json"]


def test_a_person_can_read_it(small_circuit: Circuit, tmp_path: Path) -> None:
    small_circuit.save(tmp_path / "circuit.json")
    text = (tmp_path / "circuit.json").read_text()
    assert '"format": "ap_ufixed<8,3,RND_CONV,SAT>"' in text
    kernel = json.loads(text)["nodes"][4]["kernel"]
    row = ", ".join(str(weight) for weight in kernel[0])
    assert f"[{row}]" in text
    assert max(len(line) for line in text.splitlines()) < 120


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("l1ae circuit 2", "l1ae circuit 9"),
        ("ap_ufixed<8,3,RND_CONV,SAT>", "ap_ufixed<8>"),
        ('"operation": "Dot"', '"operation": "Product"'),
        ('"inputs": ["words"]', '"inputs": ["nobody"]'),
        ('"kernel": [', '"kernel": [[0.5, 1, 1, 1], '),
        ("}", ""),
        ('"nodes"', '"knots"'),
    ],
)
def test_damaged_files_are_refused(small_circuit: Circuit, tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "circuit.json"
    small_circuit.save(path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RunFolderError, match=r"circuit\.json") as caught:
        Circuit.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot read the circuit"):
        Circuit.load(tmp_path / "circuit.json")
