"""Pruning whole filters of a PyTorch network, in many hands.

Each takes a trained network and returns the pruned ones by level. The wrong ones stand
beside words that are true of them.
"""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from tests.course.frameworks.hands import right, wrong
from tests.course.frameworks.pruned import LEVELS, each_share, layers_of, zero_each

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


def weakest(filters, share, order=1):
    """Return the numbers of the filters with the smallest norms."""
    norms = filters.detach().flatten(1).norm(order, dim=1)
    return norms.argsort()[: round(share * len(norms))]


@right(RIGHT)
@each_share(LEVELS)
def structured_by_torch(model, share):
    for layer in layers_of(model, nn.Conv2d):
        prune.ln_structured(layer, "weight", amount=share, n=2, dim=0)
        prune.remove(layer, "weight")


@right(RIGHT)
@each_share(LEVELS)
def structured_by_torch_in_l1(model, share):
    for layer in layers_of(model, nn.Conv2d):
        prune.ln_structured(layer, name="weight", amount=share, n=1, dim=0)


@right(RIGHT)
@each_share(LEVELS)
def by_sorted_norms(model, share):
    for layer in layers_of(model, nn.Conv2d):
        layer.weight.data[weakest(layer.weight, share)] = 0


@right(RIGHT)
@each_share(LEVELS)
def by_squares(model, share):
    for layer in layers_of(model, nn.Conv2d):
        energy = (layer.weight.detach() ** 2).sum(dim=(1, 2, 3))
        gone = torch.topk(energy, round(share * len(energy)), largest=False).indices
        layer.weight.data[gone] = 0


@right(RIGHT)
@each_share(LEVELS)
def by_a_limit_on_norms(model, share):
    for layer in layers_of(model, nn.Conv2d):
        norms = layer.weight.detach().abs().sum((1, 2, 3))
        limit = norms.sort().values[round(share * len(norms))]
        layer.weight.data *= (norms >= limit).view(-1, 1, 1, 1)


@right(RIGHT)
@each_share(LEVELS)
def by_numpy(model, share):
    for layer in layers_of(model, nn.Conv2d):
        w = layer.weight.detach().numpy().copy()
        order = np.argsort(np.linalg.norm(w.reshape(len(w), -1), axis=1))
        w[order[: round(share * len(w))]] = 0
        layer.weight.data = torch.from_numpy(w)


@right(RIGHT)
@each_share(LEVELS)
def in_a_loop_over_filters(model, share):
    for layer in layers_of(model, nn.Conv2d):
        sizes = sorted((f.abs().sum().item(), i) for i, f in enumerate(layer.weight))
        for _, i in sizes[: round(share * len(sizes))]:
            layer.weight.data[i].zero_()


@right(RIGHT)
@each_share(LEVELS)
def with_the_biases(model, share):
    for layer in layers_of(model, nn.Conv2d):
        gone = weakest(layer.weight, share, order=2)
        layer.weight.data[gone], layer.bias.data[gone] = 0, 0


@wrong(WRONG, None, "another number of whole filters")
@each_share(LEVELS)
def single_weights(model, share):
    zero_each([layer.weight for layer in layers_of(model, nn.Conv2d)], share)


@wrong(WRONG, None, "another number of whole filters")
@each_share(LEVELS)
def channels_in_for_filters(model, share):
    for layer in layers_of(model, nn.Conv2d):
        prune.ln_structured(layer, "weight", amount=share, n=2, dim=1)


@wrong(WRONG, None, "another number of whole filters")
@each_share(LEVELS)
def first_layer_forgotten(model, share):
    for layer in layers_of(model, nn.Conv2d)[1:]:
        prune.ln_structured(layer, "weight", amount=share, n=2, dim=0)


@wrong(WRONG, None, "another number of whole filters")
def a_level_on_top_of_another(model):
    net, found = copy.deepcopy(model), {}
    for share in LEVELS:
        for layer in layers_of(net, nn.Conv2d):
            alive = layer.weight.detach().flatten(1).any(1).nonzero().flatten()
            gone = alive[weakest(layer.weight[alive], share)]
            layer.weight.data[gone] = 0
        found[share] = copy.deepcopy(net)
    return found


@wrong(WRONG, None, "Filters went that are larger")
@each_share(LEVELS)
def the_strongest_filters(model, share):
    for layer in layers_of(model, nn.Conv2d):
        layer.weight.data[weakest(-1 / layer.weight, share)] = 0


@wrong(WRONG, None, "Filters went that are larger")
@each_share(LEVELS)
def filters_by_chance(model, share):
    torch.manual_seed(0)
    for layer in layers_of(model, nn.Conv2d):
        prune.random_structured(layer, "weight", amount=share, dim=0)


@wrong(WRONG, None, "Filters went that are larger")
@each_share(LEVELS)
def the_first_filters(model, share):
    for layer in layers_of(model, nn.Conv2d):
        layer.weight.data[: round(share * len(layer.weight))] = 0


@wrong(WRONG, None, "Filters went that are larger")
@each_share(LEVELS)
def by_the_sum_without_absolute_values(model, share):
    for layer in layers_of(model, nn.Conv2d):
        order = layer.weight.detach().sum((1, 2, 3)).argsort()
        layer.weight.data[order[: round(share * len(order))]] = 0


@wrong(WRONG, None, "set them to zero, and keep the shape")
@each_share(LEVELS)
def filters_taken_out(model, share):
    for layer in layers_of(model, nn.Conv2d):
        kept = len(layer.weight) - round(share * len(layer.weight))
        layer.weight.data = layer.weight.data[:kept]


@wrong(WRONG, None, "10, 20 and 30 %")
@each_share(LEVELS[:1])
def one_level_only(model, share):
    by_sorted_norms_of(model, share)


def by_sorted_norms_of(model, share):
    for layer in layers_of(model, nn.Conv2d):
        layer.weight.data[weakest(layer.weight, share)] = 0


@wrong(WRONG, None, "10, 20 and 30 %")
@each_share([10, 20, 30])
def levels_in_percent(model, share):
    by_sorted_norms_of(model, share / 100)


@wrong(WRONG, None, "another number of whole filters")
@each_share(LEVELS)
def what_stays_is_zero(model, share):
    by_sorted_norms_of(model, 1 - share)
