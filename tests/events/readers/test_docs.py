"""Every command of docs/formats.md works."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import uproot

from l1ae.events.layout import GLOBAL_TRIGGER, LEPTON

REPOSITORY = Path(__file__).parents[3]
TEXT = (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [shlex.split(line)[1:] for block in BLOCKS for line in block.splitlines()]


@pytest.fixture
def files(make, tmp_path, monkeypatch):
    """The files that the text speaks of."""
    lepton, trigger = make.words(LEPTON, 20), make.words(GLOBAL_TRIGGER, 20)
    for name in ("background.h5", "Ato4l.h5"):
        make.public(tmp_path / name, make.particles(lepton))
    folders = make.cms_columns(trigger)
    folders |= dict.fromkeys(("MHT", "FET", "FHT"), folders["MET"]) | {"ET": {"Et": folders["MET"]["Et"]}}
    make.flat(make.cms(tmp_path / "train", folders).parent / "train-00000-of-00001.parquet", folders)
    make.root(tmp_path / "L1Ntuple.root", make.trees(trigger))
    np.save(tmp_path / "array.npy", lepton)
    with uproot.recreate(tmp_path / "tree.root") as file:
        names = ("met_pt", "met_phi", "jet_pt", "jet_eta", "jet_phi")
        file["Events"] = {name: np.ones((5, 3)) if "jet" in name else np.ones(5) for name in names}
    (tmp_path / "mapping.yaml").write_text(re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL).group(1))
    shutil.copytree(REPOSITORY / "configs", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)


def test_every_command_works(l1ae, files):
    assert len(COMMANDS) > 12
    for command in COMMANDS:
        ended = l1ae(*command)
        assert ended.code == 0, (command, ended.err)


def test_every_option_and_format_is_explained(l1ae):
    help_text = l1ae("data", "convert", "--help").text
    for option in re.findall(r"--[a-z-]+", help_text):
        assert option in ("--help",) or option in TEXT, option
    from l1ae.events.readers.formats import FORMATS

    assert all(f"| `{name}` |" in TEXT for name in FORMATS)
