"""The recipes by name: what the entries `recipe` of the list of exercises refer to."""

from ece662.check.recipe import Recipe
from ece662.check.recipes import layers, norm

__all__ = ["RECIPES"]

RECIPES: dict[str, Recipe] = {**layers.RECIPES, **norm.RECIPES}
