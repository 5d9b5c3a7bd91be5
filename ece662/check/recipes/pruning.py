"""Recipes of Q6: which weights were pruned, and are all others unchanged?"""

import numbers
from collections.abc import Mapping
from functools import partial

import numpy as np

from ece662.check.recipe import Misfit, Recipe, Rule
from ece662.check.recipes.training import CASE, make_nothing

__all__ = ["RECIPES"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
LEVELS = (0.1, 0.2, 0.3)
WHOLE = "the model itself is whole"


def run_unstructured(code, inputs, whole, pruned, weights_of):
    """Return the weights of the pruned networks and of the network they come from."""
    whole, by_share = _left_behind(code, whole, pruned)
    shares = _shares_of(by_share, pruned)
    row, *rows = (
        whole_weights(net, weights_of)["whole"]
        for net in (whole, *map(by_share.get, shares))
    )
    if any(other.size != row.size for other in rows):
        raise Misfit("a pruned network has another number of weights than the whole")
    return {
        "shares asked for": np.array(shares, float),
        "whole": row,
        "pruned": np.stack(rows),
    }


def _shares_of(by_share, name) -> list:
    """Return the sorted keys of what a cell left: a dict of networks by share.

    Raises:
        Misfit: it is something else.
    """
    wanted = f"{name} should be a dict of networks by the share that went"
    if not isinstance(by_share, Mapping):
        raise Misfit(f"{wanted}; it is a {type(by_share).__name__}")
    for share in by_share:
        if not isinstance(share, numbers.Real):
            raise Misfit(f"{wanted}, such as 0.1; it has the key {share!r}")
    return sorted(by_share)


def compare_weights(inputs, outputs):
    """Compare each pruned network with the one it comes from, weight by weight."""
    before, zeros, smallest, kept_as_it_was = outputs["whole"], [], [], []
    rows = (np.size(outputs["shares asked for"]), *before.shape)
    if before.ndim != 1 or outputs["pruned"].shape != rows:
        raise Misfit(f"weights of shape {outputs['pruned'].shape}, expected {rows}")
    for after in outputs["pruned"]:
        gone = after == 0
        zeros.append(gone.mean())
        sizes = np.abs(before)
        limit = np.max(sizes[gone], initial=0.0)
        smallest.append(bool(limit <= np.min(sizes[~gone], initial=np.inf)))
        kept_as_it_was.append(bool(np.array_equal(before[~gone], after[~gone])))
    return {  # what spoils the others first: that is what is told
        WHOLE: np.array(bool(np.mean(before == 0) < 0.01)),
        "shares asked for": outputs["shares asked for"],
        "share of zeros": np.array(zeros),
        "what is kept is as it was": np.array(kept_as_it_was),
        "the smallest are gone": np.array(smallest),
    }


def whole_weights(net, weights_of) -> dict:
    """Return all weights of a network that pruning is about, in one row."""
    return {"whole": np.concatenate([w.ravel() for w in weights_of(net)])}


def run_filters(code, inputs):
    """Return the filters of the pruned networks and of the network they come from."""
    whole, pruned = _left_behind(code, "model", "filtered_models")
    shares = _shares_of(pruned, "filtered_models")
    outputs = {"levels asked for": np.array(shares, float), **whole_filters(whole)}
    filters_of = {share: torch_filters(pruned[share]) for share in shares}
    for i, before in enumerate(torch_filters(whole)):
        if any(len(layers) <= i for layers in filters_of.values()):
            raise Misfit("a pruned network has fewer convolutions than the whole")
        after = [filters_of[share][i] for share in shares]
        if any(filters.shape != before.shape for filters in after):
            raise Misfit("filters were taken out: set them to zero, and keep the shape")
        outputs[f"pruned {i}"] = np.stack(after)
    return outputs


def compare_filters(inputs, outputs):
    """Count the filters that are zero, layer by layer."""
    levels = outputs["levels asked for"]
    counts, smallest = np.ones((2, len(levels)), bool)
    layers = [name for name in outputs if name.startswith("whole ")]
    for layer in layers:
        before = outputs[layer]
        pruned = outputs[layer.replace("whole", "pruned")]
        if pruned.shape != (rows := (len(levels), *before.shape)):
            raise Misfit(f"filters of shape {pruned.shape}, expected {rows}")
        for k, (share, after) in enumerate(zip(levels, pruned, strict=True)):
            gone = ~after.any(axis=1)
            counts[k] &= abs(gone.sum() - share * len(gone)) <= 0.5 + 1e-9
            smallest[k] &= any(_are_lowest(before, gone, order) for order in (1, 2))
    return {
        "levels asked for": levels,
        "filters gone in each layer": counts,
        "the smallest filters are gone": smallest,
    }


def whole_filters(net) -> dict:
    """Return the filters of a network, layer by layer."""
    return {f"whole {i}": filters for i, filters in enumerate(torch_filters(net))}


def _are_lowest(filters, gone, order) -> bool:
    norms = np.linalg.norm(filters, order, axis=1)
    return bool(np.max(norms[gone], initial=0) <= np.min(norms[~gone], initial=np.inf))


def torch_weights(model) -> list:
    """Return the weights of the convolutions and affine layers of a PyTorch network."""
    from torch import nn

    _require_network(model, nn.Module, "PyTorch")
    kinds = (nn.Conv2d, nn.Linear)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    return [layer.weight.detach().cpu().numpy() for layer in layers]


def torch_filters(model) -> list:
    """Return the filters of each convolution, a row for each."""
    return [w.reshape(len(w), -1) for w in torch_weights(model) if w.ndim == 4]


def keras_weights(model) -> list:
    """Return the kernels of a Keras network."""
    from tensorflow import keras

    _require_network(model, keras.Model, "Keras")
    # Those of layers that are not to be trained, too.
    kernels = [v for v in model.weights if v.path.endswith("kernel")]
    if not kernels:
        raise Misfit(
            "a network has no weights yet: clone_model copies the layers, build and "
            "set_weights give them weights"
        )
    return [kernel.numpy() for kernel in kernels]


def _require_network(model, kind, framework) -> None:
    if not isinstance(model, kind):
        got = type(model).__name__
        raise Misfit(f"a network of {framework} belongs here, not something like {got}")


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
    "what is kept is as it was": Rule(
        says="Weights that were kept have other values: does the copy begin with those "
        "of the trained model, and is nothing but the mask applied to them?"
    ),
    WHOLE: Rule(says="The trained model itself was changed: work on a copy of it."),
    "levels asked for": Rule(says="There is not one network for 10, 20 and 30 %."),
    "filters gone in each layer": Rule(
        says="In some layer another number of whole filters is zero than asked for."
    ),
    "the smallest filters are gone": Rule(
        says="Filters went that are larger than some that stayed, by either norm."
    ),
}
ALL_SHARES = {
    WHOLE: True,
    "shares asked for": SHARES,
    "share of zeros": SHARES,
    "what is kept is as it was": (True,) * len(SHARES),
    "the smallest are gone": (True,) * len(SHARES),
}
ALL_LEVELS = {
    "levels asked for": LEVELS,
    "filters gone in each layer": (True,) * len(LEVELS),
    "the smallest filters are gone": (True,) * len(LEVELS),
}


def recipe(run, compare, known):
    """Return a recipe whose outputs are facts that must be true."""
    return Recipe(run, make_nothing, (CASE,), RULES, compare, known=known, fixed=False)


RECIPES = {
    "q6-unstructured-exercise": recipe(
        partial(
            run_unstructured,
            whole="model",
            pruned="pruned_models",
            weights_of=torch_weights,
        ),
        compare_weights,
        ALL_SHARES,
    ),
    "q6-tensorflow-exercise": recipe(
        partial(
            run_unstructured,
            whole="tf_model",
            pruned="tf_pruned_models",
            weights_of=keras_weights,
        ),
        compare_weights,
        ALL_SHARES,
    ),
    "q6-filters-exercise": recipe(run_filters, compare_filters, ALL_LEVELS),
}
