"""Event generation with Pythia 8 and FastJet (optional extra `l1ae[generate]`)."""

from l1ae.events.generator.generate import generate
from l1ae.events.generator.recipes import RECIPES

__all__ = ["RECIPES", "generate"]
