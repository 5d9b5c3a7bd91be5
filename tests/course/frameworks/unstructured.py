"""Pruning the smallest of all weights of a PyTorch network, in many hands.

Each takes a trained network and returns the pruned ones by share. The wrong ones stand
beside words that are true of them.
"""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, prune

from tests.course.frameworks.hands import right, wrong
from tests.course.frameworks.pruned import (
    SHARES,
    each_share,
    layers_of,
    make_network,
    zero_each,
)

__all__ = ["RIGHT", "WRONG"]

RIGHT, WRONG = {}, {}


@right(RIGHT)
@each_share()
def by_torch(model, share):
    targets = [(layer, "weight") for layer in layers_of(model)]
    prune.global_unstructured(targets, prune.L1Unstructured, amount=share)
    for layer, name in targets:
        prune.remove(layer, name)


@right(RIGHT)
@each_share()
def by_torch_and_left_masked(model, share):
    targets = [(layer, "weight") for layer in layers_of(model)]
    prune.global_unstructured(
        targets, pruning_method=prune.L1Unstructured, amount=share
    )


@right(RIGHT)
@each_share()
def by_quantile(model, share):
    weights = [layer.weight for layer in layers_of(model)]
    sizes = torch.cat([w.detach().abs().flatten() for w in weights])
    limit = torch.quantile(sizes, share)
    for w in weights:
        w.data[w.abs() < limit] = 0


@right(RIGHT)
@each_share()
def by_kth_value(model, share):
    weights = [layer.weight for layer in layers_of(model)]
    sizes = torch.cat([w.detach().abs().flatten() for w in weights])
    limit = sizes.kthvalue(round(share * len(sizes))).values
    with torch.no_grad():
        for w in weights:
            w.mul_((w.abs() > limit).float())


@right(RIGHT)
@each_share()
def by_numpy_percentile(model, share):
    weights = [layer.weight for layer in layers_of(model)]
    row = np.concatenate([w.detach().numpy().ravel() for w in weights])
    limit = np.percentile(np.abs(row), 100 * share)
    for w in weights:
        w.data = torch.where(w.data.abs() < float(limit), torch.zeros(()), w.data)


@right(RIGHT)
@each_share()
def by_state_dict(model, share):
    state = model.state_dict()
    names = [name for name, value in state.items() if value.ndim in (2, 4)]
    row = torch.cat([state[name].abs().flatten() for name in names])
    limit = row.sort().values[int(share * len(row))]
    for name in names:
        state[name] = state[name] * (state[name].abs() >= limit)
    model.load_state_dict(state)


@right(RIGHT)
@each_share()
def by_positions(model, share):
    weights = [layer.weight for layer in layers_of(model)]
    row = parameters_to_vector(weights).detach().clone()
    row[row.abs().argsort()[: round(share * len(row))]] = 0
    start = 0
    for w in weights:
        w.data = row[start : start + w.numel()].view_as(w).clone()
        start += w.numel()


@right(RIGHT)
def from_the_largest_share_down(model):
    found = {}
    for share in reversed(SHARES):
        net = copy.deepcopy(model)
        weights = [layer.weight.detach() for layer in layers_of(net)]
        sizes = torch.cat([w.abs().flatten() for w in weights])
        limit = torch.topk(sizes, round(share * len(sizes)), largest=False).values[-1]
        for layer in layers_of(net):
            layer.weight.data *= layer.weight.abs() > limit
        found[share] = net
    return found


@right(RIGHT)
def zeros_count_among_the_smallest(model):
    # Where masks are removed, what has gone is what goes first in the next round.
    net, found = copy.deepcopy(model), {}
    for share in SHARES:
        by_torch_on(net, share)
        found[share] = copy.deepcopy(net)
    return found


def by_torch_on(net, share):
    targets = [(layer, "weight") for layer in layers_of(net)]
    prune.global_unstructured(targets, prune.L1Unstructured, amount=share)
    for layer, name in targets:
        prune.remove(layer, name)


@wrong(WRONG, None, "one for all layers")
@each_share()
def layer_by_layer(model, share):
    zero_each([layer.weight for layer in layers_of(model)], share)


@wrong(WRONG, None, "an earlier round")
def masks_on_top_of_masks(model):
    # Of a layer that is masked already, torch prunes a share of what is left.
    net, found = copy.deepcopy(model), {}
    for share in SHARES:
        targets = [(layer, "weight") for layer in layers_of(net)]
        prune.global_unstructured(targets, prune.L1Unstructured, amount=share)
        found[share] = make_network()
        for layer, pruned in zip(layers_of(found[share]), targets, strict=True):
            layer.weight.data = pruned[0].weight.detach().clone()
    return found


@wrong(WRONG, None, "work on a copy")
def without_a_copy(model):
    found = {}
    for share in SHARES:
        by_torch_on(model, share)
        found[share] = model
    return found


@wrong(WRONG, None, "from 10 % to 80 %")
@each_share(SHARES[:3])
def stopped_at_thirty(model, share):
    by_quantile_of_all(model, share)


def by_quantile_of_all(model, share, sizes_of=torch.abs):
    weights = [layer.weight for layer in layers_of(model)]
    row = torch.cat([sizes_of(w.detach()).flatten() for w in weights])
    limit = torch.quantile(row, share)
    for w in weights:
        w.data[sizes_of(w.data) < limit] = 0


@wrong(WRONG, None, "larger ones")
@each_share()
def without_the_absolute_value(model, share):
    by_quantile_of_all(model, share, sizes_of=lambda w: w)


@wrong(WRONG, None, "larger ones")
@each_share()
def the_largest(model, share):
    by_quantile_of_all(model, share, sizes_of=lambda w: -w.abs())


@wrong(WRONG, None, "larger ones")
@each_share()
def by_chance(model, share):
    torch.manual_seed(0)
    targets = [(layer, "weight") for layer in layers_of(model)]
    prune.global_unstructured(targets, prune.RandomUnstructured, amount=share)


@wrong(WRONG, None, "share of zeros")
@each_share()
def convolutions_only(model, share):
    targets = [(layer, "weight") for layer in layers_of(model, nn.Conv2d)]
    prune.global_unstructured(targets, prune.L1Unstructured, amount=share)


@wrong(WRONG, None, "share of zeros")
@each_share()
def what_is_to_stay(model, share):
    by_quantile_of_all(model, 1 - share)


@wrong(WRONG, None, "share of zeros")
@each_share()
def nothing_happens(model, share):
    """The masks are computed and never used."""


@wrong(WRONG, None, "other values")
@each_share()
def kept_ones_are_scaled(model, share):
    by_quantile_of_all(model, share)
    for layer in layers_of(model):
        layer.weight.data /= 1 - share


@wrong(WRONG, None, "other values")
@each_share()
def by_a_soft_threshold(model, share):
    weights = [layer.weight for layer in layers_of(model)]
    limit = torch.quantile(
        torch.cat([w.detach().abs().flatten() for w in weights]), share
    )
    for w in weights:
        w.data = w.data.sign() * (w.data.abs() - limit).clamp(min=0)
