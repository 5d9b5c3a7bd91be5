"""The recipes by name: what the entries `recipe` of the list of exercises refer to."""

from ece662.check.recipe import Recipe
from ece662.check.recipes import (
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
for module in (
    *(layers, norm, dropout, conv, optim, nets, training),
    *(frameworks, pruning),
):
    RECIPES |= module.RECIPES
