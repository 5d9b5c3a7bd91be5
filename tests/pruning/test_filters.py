"""Taking filters out: the smaller network computes what it should."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
# ruff: noqa: E402 -- what follows imports torch

from ece662.pruning.architecture import Architecture, Block, residual
from ece662.pruning.filters import (
    filter_sizes,
    groups,
    keep_largest,
    shrink,
    shrink_to,
)
from ece662.pruning.torch_net import build, get_weights

ODD = Architecture(
    6,
    (
        Block(5, 6, 1, project=False),
        Block(4, 8, 2, project=True),
        Block(7, 8, 1, project=False),
    ),
    num_classes=3,
)


@pytest.fixture
def net():
    """A network whose batch normalisation is not the identity."""
    net = build(ODD, seed=0).eval()
    rng = np.random.default_rng(0)
    for name, w in get_weights(net).items():
        if ".norm." in name:
            w[...] = rng.uniform(0.5, 2, w.shape)
    return net


@pytest.fixture
def x():
    return 64 * torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def silence(net, keep):
    """Return a copy in which the channels that do not stay are zero wherever made."""
    net = copy.deepcopy(net)
    weights = get_weights(net)
    for layer, (_, group) in groups(net.architecture).items():
        if layer != "head":
            count = len(weights[f"{layer}.norm.bias"])
            gone = np.setdiff1d(np.arange(count), keep[group])
            for name in ("weight", "bias"):
                weights[f"{layer}.norm.{name}"][gone] = 0
    return net


def test_groups_identities_share_and_projections_begin_anew():
    assert groups(ODD) == {
        "stem": ("picture", "stem"),
        "blocks.0.conv1": ("stem", "blocks.0.conv1"),
        "blocks.0.conv2": ("blocks.0.conv1", "stem"),
        "blocks.1.conv1": ("stem", "blocks.1.conv1"),
        "blocks.1.conv2": ("blocks.1.conv1", "blocks.1.conv2"),
        "blocks.1.shortcut": ("stem", "blocks.1.conv2"),
        "blocks.2.conv1": ("blocks.1.conv2", "blocks.2.conv1"),
        "blocks.2.conv2": ("blocks.2.conv1", "blocks.1.conv2"),
        "head": ("blocks.1.conv2", "scores"),
    }


def test_shrink_computes_what_silenced_channels_leave(net, x):
    keep = keep_largest(filter_sizes(net), 0.4)
    with torch.no_grad():
        expected, out = silence(net, keep)(x), shrink(net, keep)(x)
        before = net(x)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert (out - before).abs().max() > 0.01


def test_shrink_is_smaller_as_its_description_says(net):
    keep = keep_largest(filter_sizes(net), 0.5)
    smaller = shrink(net, keep)
    widths = {"stem": 3, "blocks.0.conv1": 2, "blocks.1.conv1": 2}
    widths |= {"blocks.1.conv2": 4, "blocks.2.conv1": 4}
    assert {group: len(rows) for group, rows in keep.items()} == widths
    count = sum(p.numel() for p in smaller.parameters())
    assert count == smaller.architecture.parameters() < 0.4 * ODD.parameters()


def test_shrink_leaves_the_network_as_it_was(net):
    before = {name: w.copy() for name, w in get_weights(net).items()}
    smaller = shrink(net, keep_largest(filter_sizes(net), 0))
    get_weights(smaller)["stem.conv.weight"][...] = 0
    for name, w in get_weights(net).items():
        np.testing.assert_array_equal(w, before[name])


def test_shrink_wrong_groups(net):
    keep = keep_largest(filter_sizes(net), 0.5)
    with pytest.raises(ValueError, match="expected channels for each of"):
        shrink(net, keep | {"stem": []})
    del keep["stem"]
    with pytest.raises(ValueError, match="expected channels for each of"):
        shrink(net, keep)


def test_filter_sizes_are_those_of_the_folded_filters(net):
    size = filter_sizes(net)
    get_weights(net)["blocks.0.conv1.conv.weight"][...] *= 4
    get_weights(net)["blocks.0.conv1.norm.running_var"][...] *= 16
    after = filter_sizes(net)
    np.testing.assert_allclose(
        after["blocks.0.conv1"], size["blocks.0.conv1"], rtol=1e-4
    )


@pytest.mark.parametrize("partner", ["conv2", "shortcut"])
def test_filter_sizes_add_up_partners(net, partner):
    before = filter_sizes(net)["blocks.1.conv2"]
    get_weights(net)[f"blocks.1.{partner}.norm.weight"][...] = 0
    after = filter_sizes(net)["blocks.1.conv2"]
    assert np.all((after > 0) & (after < before))


def test_keep_largest_rounds_to_multiples():
    sizes = {"a": np.arange(24.0), "b": np.arange(4.0)}
    keep = keep_largest(sizes, 0.3, multiple=8)
    assert {group: len(rows) for group, rows in keep.items()} == {"a": 16, "b": 4}
    np.testing.assert_array_equal(keep["a"], np.arange(8, 24))


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_keep_largest_impossible_share(share):
    with pytest.raises(ValueError, match="from 0 to below 1"):
        keep_largest({"a": np.ones(3)}, share)


def test_shrink_to_halves_the_macs():
    net = build(residual(8), seed=0)
    macs = net.architecture.macs()
    assert 0.4 * macs < shrink_to(net, macs / 2).architecture.macs() <= macs / 2
    with pytest.raises(ValueError, match="needs only 1 MACs"):
        shrink_to(net, 1)
