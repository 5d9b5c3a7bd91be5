"""What solutions of the pruning exercises share."""

import copy

import torch
from torch import nn

__all__ = ["LEVELS", "SHARES", "each_share", "layers_of", "make_network", "zero_each"]

SHARES = [tenth / 10 for tenth in range(1, 9)]
LEVELS = [0.1, 0.2, 0.3]


def make_network():
    """Return a network of 3,080 weights in three layers of different widths."""
    torch.manual_seed(231)
    return nn.Sequential(
        nn.Conv2d(3, 20, 3, padding=1),
        nn.BatchNorm2d(20),
        nn.ReLU(),
        nn.Conv2d(20, 10, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(160, 6),
    )


def layers_of(model, *kinds):
    kinds = kinds or (nn.Conv2d, nn.Linear)
    return [layer for layer in model.modules() if isinstance(layer, kinds)]


def each_share(shares=SHARES):
    """Turn a function that prunes a copy in place into one that makes them all."""

    def wrap(prune_one):
        def prune_all(model):
            found = {}
            for share in shares:
                found[share] = copy.deepcopy(model)
                prune_one(found[share], share)
            return found

        prune_all.__name__ = prune_one.__name__
        return prune_all

    return wrap


def zero_each(weights, share):
    """Zero a share of each of some arrays by itself."""
    for w in weights:
        limit = torch.quantile(w.detach().abs().flatten(), share)
        w.data[w.abs() < limit] = 0
