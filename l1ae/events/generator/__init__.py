"""Event generation with Pythia 8 and FastJet (optional extra `l1ae[generate]`)."""

from l1ae.events.generator.generate import generate
from l1ae.events.generator.library import find_recipe, recipe_names

__all__ = ["find_recipe", "generate", "recipe_names"]
