"""Pruning dashboard: which weights go, and what it says of the rest."""

import numpy as np
import pytest

from ece662.widgets.pruning import choose_masks, pruning_dashboard

torch_net = pytest.importorskip("ece662.pruning.torch_net", exc_type=ImportError)


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return {
        "small": 0.1 * rng.standard_normal((4, 10)),
        "large": rng.random((3, 20)) + 1,
    }


@pytest.fixture(scope="module")
def net():
    from ece662.pruning.architecture import residual

    return torch_net.build(residual(4), seed=1)


@pytest.fixture(scope="module")
def pictures_and_labels():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3, 32, 32)).astype(np.float32)
    return [X, rng.integers(0, 6, 40)]


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("which", ["magnitude", "random"])
def test_choose_masks_takes_the_share(weights, scope, which):
    masks = choose_masks(weights, 0.4, scope, which)
    assert sum(mask.sum() for mask in masks.values()) == 60
    if scope == "layer":
        assert [mask.sum() for mask in masks.values()] == [24, 36]


def test_choose_masks_by_magnitude_takes_the_smallest(weights):
    masks = choose_masks(weights, 0.4, "global", "magnitude")
    assert not masks["small"].any()
    assert masks["large"].all()
    masks = choose_masks(weights, 0.5, "layer", "magnitude")
    for name, w in weights.items():
        assert np.abs(w[~masks[name]]).max() <= np.abs(w[masks[name]]).min()


def test_choose_masks_at_random_does_not_look(weights):
    masks = choose_masks(weights, 0.4, "global", "random")
    assert 0 < masks["small"].sum() < 40


def test_dashboard_leaves_the_network_as_it_is(net, pictures_and_labels):
    before = {name: w.copy() for name, w in torch_net.prunable(net).items()}
    pruning_dashboard(net, pictures_and_labels, share=90)
    after = torch_net.prunable(net)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_dashboard_nothing_pruned_is_the_network(net, pictures_and_labels):
    board = pruning_dashboard(net, pictures_and_labels, share=0)
    X, y = pictures_and_labels
    accuracy = np.mean(torch_net.predict(net, X) == y)
    macs = net.architecture.macs() / 1e6
    assert f"accuracy {accuracy:.1%}" in board.text
    assert f"{macs:.1f} of {macs:.1f} million multiplications" in board.text


def test_dashboard_every_dial_changes_the_pictures(net, pictures_and_labels, pictures):
    board = pruning_dashboard(net, pictures_and_labels)
    layers = board.dials["layer"].options
    changes = ({"share": 80}, {"scope": "layer"}, {"which": "random"})
    for values in (*changes, {"layer": layers[2]}):
        before = pictures(board)
        board.set(**values)
        changed = [(a != b).any() for a, b in zip(before, pictures(board), strict=True)]
        assert any(changed), values


def test_dashboard_halves_what_it_says(net, pictures_and_labels):
    board = pruning_dashboard(net, pictures_and_labels, share=50, scope="layer")
    total = sum(w.size for w in torch_net.prunable(net).values())
    left = int(board.text.split("; ")[1].split(" of ")[0].replace(",", ""))
    assert left == pytest.approx(total / 2, abs=len(torch_net.prunable(net)))


def test_dashboard_shows_the_whole_network_and_what_colours_mean(
    net, pictures_and_labels
):
    board = pruning_dashboard(net, pictures_and_labels, share=90)
    X, y = pictures_and_labels
    _, mask, accuracies = board._figures
    [line] = [
        x for x in accuracies.axes[0].lines if x.get_label() == "the whole network"
    ]
    assert line.get_ydata()[0] == 100 * np.mean(torch_net.predict(net, X) == y)
    assert mask.axes[1].get_title("left") == "size"
    name = board.values["layer"]
    largest = np.abs(torch_net.prunable(net)[name]).max()
    assert mask.axes[0].images[0].get_clim() == (0, pytest.approx(largest))


def test_dashboard_says_which_networks_it_takes(pictures_and_labels):
    from torch import nn

    with pytest.raises(TypeError, match=r"from load_model.*; got Sequential"):
        pruning_dashboard(nn.Sequential(nn.Linear(4, 2)), pictures_and_labels)
