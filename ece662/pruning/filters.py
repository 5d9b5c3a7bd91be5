"""Structured pruning that makes a network smaller: filters are taken out.

A filter that is only set to zero still costs its time: the convolution multiplies by
the zeros. Taken out, it is gone from

- the weights of its convolution, and gamma, beta and the running statistics of the
  batch normalisation behind it;
- the inputs of every layer that reads its channel;
- the layers whose outputs are *added* to it: on a residual path the k-th channel of
  one is added to the k-th of the other, so partners lose the same channels.

So channels are counted in groups: all convolutions that write to the same sum make one
group, and either all of them keep the k-th channel or none. With the groups known, a
smaller network is a smaller description, and the weights that are left are copied.

Libraries that trace any network (torch-pruning is one) find such groups by themselves.
For one family of networks the rules are those above, and here they can be read.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ece662.pruning.architecture import Architecture
from ece662.pruning.torch_net import ResidualNet, build, get_weights, set_weights

__all__ = ["filter_sizes", "groups", "keep_largest", "shrink", "shrink_to"]


def groups(architecture: Architecture) -> dict[str, tuple[str, str]]:
    """Tell from which group each layer reads, and to which it writes.

    Returns:
        wires: (reads, writes) by layer; a group bears the name of the first
            convolution that writes to it. The stem reads "picture", the head writes
            "scores".
    """
    wires = {"stem": ("picture", "stem")}
    stream = "stem"
    for i, block in enumerate(architecture.blocks):
        conv1, conv2 = f"blocks.{i}.conv1", f"blocks.{i}.conv2"
        after = conv2 if block.project else stream  # an identity adds to what was there
        wires |= {conv1: (stream, conv1), conv2: (conv1, after)}
        if block.project:
            wires[f"blocks.{i}.shortcut"] = (stream, after)
        stream = after
    return wires | {"head": (stream, "scores")}


def filter_sizes(net: ResidualNet) -> dict[str, np.ndarray]:
    """Return how large each filter is, by group: what its removal would change.

    Batch normalisation divides by the standard deviation of its input, so a filter with
    small weights may give maps as large as any other. What counts is the filter as it
    acts: its weights times gamma / std. Partners' sizes are added as squares.
    """
    weights, sizes = get_weights(net), {}
    for name, (_, group) in groups(net.architecture).items():
        if name == "head":
            continue
        w, norm = weights[f"{name}.conv.weight"], f"{name}.norm."
        std = np.sqrt(weights[norm + "running_var"] + 1e-5)
        scale = weights[norm + "weight"] / std
        squares = np.sum(w**2, axis=(1, 2, 3)) * scale**2  # (F,)
        sizes[group] = sizes.get(group, 0) + squares
    return {group: np.sqrt(squares) for group, squares in sizes.items()}


def keep_largest(
    sizes: Mapping[str, np.ndarray], share: float, multiple: int = 1
) -> dict[str, np.ndarray]:
    """Choose the channels that stay: in each group the largest.

    Args:
        sizes: (F,) sizes of the filters, by group.
        share: how much of each group goes, from 0 to below 1.
        multiple: what the number that stays is rounded to. Processors compute 8 or 16
            channels at once, and a group of 9 takes as long as one of 16.

    Returns:
        keep: by group, which channels stay, in ascending order.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share must be from 0 to below 1, got {share}")
    keep = {}
    for group, size in sizes.items():
        count = round(len(size) * (1 - share) / multiple) * multiple
        count = min(max(count, multiple), len(size))
        keep[group] = np.sort(np.argsort(-size, kind="stable")[:count])
    return keep


def shrink(net: ResidualNet, keep: Mapping[str, np.ndarray]) -> ResidualNet:
    """Return a smaller network that holds the channels of `net` that stay.

    Args:
        net: the network; it stays as it is.
        keep: by group, which channels stay.

    Raises:
        ValueError: a group is missing or unknown, or would be left without a channel.
    """
    old, wires = net.architecture, groups(net.architecture)
    expected = {writes for _, writes in wires.values()} - {"scores"}
    if expected != keep.keys() or not all(len(rows) for rows in keep.values()):
        raise ValueError(
            f"expected channels for each of {sorted(expected)}, "
            f"got { {group: len(rows) for group, rows in keep.items()} }"
        )
    width = {name: len(keep[wires[name][1]]) for name in wires if name != "head"}
    blocks = tuple(
        replace(b, inner=width[f"blocks.{i}.conv1"], out=width[f"blocks.{i}.conv2"])
        for i, b in enumerate(old.blocks)
    )
    smaller = build(Architecture(width["stem"], blocks, old.num_classes))
    kept = {**keep, "picture": slice(None), "scores": slice(None)}
    weights = get_weights(net)
    for name, w in weights.items():
        layer = name.rpartition(".")[0].removesuffix(".conv").removesuffix(".norm")
        reads, writes = wires[layer]
        weights[name] = w[kept[writes]]
        if w.ndim > 1:
            weights[name] = weights[name][:, kept[reads]]
    set_weights(smaller, weights)
    return smaller.train(net.training)


def shrink_to(net: ResidualNet, macs: float, multiple: int = 1) -> ResidualNet:
    """Return a network with the largest filters and at most `macs` a picture.

    Each group loses the same share of its filters, the smallest that is enough.
    """
    sizes = filter_sizes(net)
    for share in np.arange(0, 1, 0.01):
        smaller = shrink(net, keep_largest(sizes, share, multiple))
        if smaller.architecture.macs() <= macs:
            return smaller
    raise ValueError(f"no network of this kind needs only {macs:,.0f} MACs")
