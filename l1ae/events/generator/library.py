"""Where recipes are found: by the name of one that l1ae ships, or by the path of a YAML file."""

from importlib import resources
from pathlib import Path

from l1ae.errors import ConfigError
from l1ae.events.generator.recipes import Recipe
from l1ae.records import load_record

_ENDINGS = (".yaml", ".yml")


def recipe_folder() -> Path:
    """The folder of the shipped recipes: inside an installed package, `configs/recipes` in a source tree."""
    installed = Path(str(resources.files("l1ae.events.generator"))) / "recipe_files"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "configs" / "recipes"


def recipe_names() -> tuple[str, ...]:
    """Names of the shipped recipes, in alphabetical order."""
    return tuple(sorted(path.stem for path in recipe_folder().glob("*.yaml")))


def find_recipe(name: str | Path) -> Recipe:
    """The shipped recipe of that name, or the one in that file; raises `ConfigError` that says what is wrong."""
    path = Path(name)
    if path.suffix not in _ENDINGS and str(name) in recipe_names():
        return load_record(recipe_folder() / f"{name}.yaml", Recipe)
    if path.suffix not in _ENDINGS:
        raise ConfigError(f"no recipe {str(name)!r}; known recipes: {', '.join(recipe_names())}, or a YAML file")
    if not path.is_file():
        raise ConfigError(f"no recipe file {name}; known recipes: {', '.join(recipe_names())}")
    return load_record(path, Recipe)
