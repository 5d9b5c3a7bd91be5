"""Recipes of Q6: which weights went, and are all others still there?"""

from functools import partial

import numpy as np

from ece662.check.recipe import Recipe, Rule
from ece662.check.recipes.training import CASE, make_nothing

__all__ = ["RECIPES"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LEVELS = (0.1, 0.2, 0.3)


def run_unstructured(code, inputs, whole, pruned, weights_of):
    """Compare each pruned network with the one it was made of, weight by weight."""
    whole, pruned = _left_behind(code, whole, pruned)
    before = np.concatenate([w.ravel() for w in weights_of(whole)])
    zeros, smallest, kept_as_it_was = [], [], []
    for share in sorted(pruned):
        after = np.concatenate([w.ravel() for w in weights_of(pruned[share])])
        gone = after == 0
        zeros.append(gone.mean())
        sizes = np.abs(before)
        limit = np.max(sizes[gone], initial=0.0)
        smallest.append(bool(limit <= np.min(sizes[~gone], initial=np.inf)))
        kept_as_it_was.append(bool(np.array_equal(before[~gone], after[~gone])))
    return {
        "shares asked for": np.array(sorted(pruned), float),
        "share of zeros": np.array(zeros),
        "the smallest are gone": np.array(smallest),
        "what is kept is as it was": np.array(kept_as_it_was),
        "the model itself is whole": np.array(bool(np.mean(before == 0) < 0.01)),
    }


def run_filters(code, inputs):
    """Count the filters that are zero, layer by layer."""
    whole, pruned = _left_behind(code, "model", "filtered_models")
    counts, smallest = [], []
    for share in sorted(pruned):
        right, lowest = True, True
        pairs = zip(torch_filters(whole), torch_filters(pruned[share]), strict=True)
        for before, after in pairs:
            gone = ~after.any(axis=1)
            right &= bool(abs(gone.sum() - share * len(gone)) <= 0.5 + 1e-9)
            lowest &= any(_are_lowest(before, gone, order) for order in (1, 2))
        counts.append(right)
        smallest.append(lowest)
    return {
        "levels asked for": np.array(sorted(pruned), float),
        "filters gone in each layer": np.array(counts),
        "the smallest filters are gone": np.array(smallest),
    }


def _are_lowest(filters, gone, order) -> bool:
    norms = np.linalg.norm(filters, order, axis=1)
    return bool(np.max(norms[gone], initial=0) <= np.min(norms[~gone], initial=np.inf))


def torch_weights(model) -> list:
    """Return the weights of the convolutions and affine layers of a PyTorch network."""
    from torch import nn

    kinds = (nn.Conv2d, nn.Linear)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    return [layer.weight.detach().cpu().numpy() for layer in layers]


def torch_filters(model) -> list:
    """Return the filters of each convolution, a row for each."""
    return [w.reshape(len(w), -1) for w in torch_weights(model) if w.ndim == 4]


def keras_weights(model) -> list:
    """Return the kernels of a Keras network."""
    kernels = [v for v in model.trainable_variables if v.path.endswith("kernel")]
    return [kernel.numpy() for kernel in kernels]


def _left_behind(code, *names):
    found = [getattr(code, name, None) for name in names]
    if any(value is None for value in found) or not found[-1]:
        raise NotImplementedError
    return found


RULES = {
    "shares asked for": Rule(
        says="There is not one network for each share from 10 % to 80 %."
    ),
    "share of zeros": Rule(
        tolerance=2e-3,
        says="The share of zeros in the whole network is not what was asked for: is it "
        "taken from what an earlier round has left?",
    ),
    "the smallest are gone": Rule(
        says="Among the weights that went are larger ones than among those that "
        "stayed: is the limit one for all layers?",
    ),
    "what is kept is as it was": Rule(says="Weights that were kept have other values."),
    "the model itself is whole": Rule(
        says="The trained model itself was pruned: work on a copy."
    ),
    "levels asked for": Rule(says="There is not one network for 10, 20 and 30 %."),
    "filters gone in each layer": Rule(
        says="In some layer another number of whole filters is zero than asked for."
    ),
    "the smallest filters are gone": Rule(
        says="Filters went that are larger than some that stayed, by either norm."
    ),
}
ALL_SHARES = {
    "shares asked for": SHARES,
    "share of zeros": SHARES,
    "the smallest are gone": (True,) * len(SHARES),
    "what is kept is as it was": (True,) * len(SHARES),
    "the model itself is whole": True,
}
ALL_LEVELS = {
    "levels asked for": LEVELS,
    "filters gone in each layer": (True,) * len(LEVELS),
    "the smallest filters are gone": (True,) * len(LEVELS),
}


def recipe(run, known):
    """Return a recipe whose outputs are facts that have to hold."""
    return Recipe(run, make_nothing, (CASE,), RULES, known=known, fixed=False)


RECIPES = {
    "q6-unstructured-exercise": recipe(
        partial(
            run_unstructured,
            whole="model",
            pruned="pruned_models",
            weights_of=torch_weights,
        ),
        ALL_SHARES,
    ),
    "q6-tensorflow-exercise": recipe(
        partial(
            run_unstructured,
            whole="tf_model",
            pruned="tf_pruned_models",
            weights_of=keras_weights,
        ),
        ALL_SHARES,
    ),
    "q6-filters-exercise": recipe(run_filters, ALL_LEVELS),
}
