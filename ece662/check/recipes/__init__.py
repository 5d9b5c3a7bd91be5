"""The recipes by name: what the entries `recipe` of the list of exercises refer to."""

from ece662.check.recipe import EXACT, Recipe
from ece662.check.recipes import (
    by_hand,
    conv,
    dropout,
    frameworks,
    layers,
    nets,
    norm,
    optim,
    pruning,
    training,
)

__all__ = ["RECIPES"]

RECIPES: dict[str, Recipe] = {}
for module in (dropout, training, frameworks, pruning):
    RECIPES |= module.RECIPES
for module in (layers, norm, conv, optim, nets, by_hand):
    RECIPES |= {
        name: recipe._replace(tolerance=EXACT)
        for name, recipe in module.RECIPES.items()
    }
