import tomllib
from pathlib import Path

import l1ae
from l1ae.events.generator import library

ROOT = Path(l1ae.__file__).parents[1]


def test_the_wheel_ships_the_recipes_where_they_are_looked_for(tmp_path, monkeypatch):
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    (source, target), *others = build["targets"]["wheel"]["force-include"].items()
    assert not others
    assert (ROOT / source).samefile(library.recipe_folder())
    installed = tmp_path / target
    installed.mkdir(parents=True)
    (installed / "mine.yaml").touch()
    monkeypatch.setattr(library.resources, "files", lambda package: tmp_path.joinpath(*package.split(".")))
    assert library.recipe_folder() == installed
    assert library.recipe_names() == ("mine",)
