"""Choosing weights by their size."""

import numpy as np
import pytest

from ece662.pruning.by_hand import magnitude_masks
from ece662.pruning.masks import cubic_share, share_of_zeros


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    return {"small": 0.1 * rng.normal(size=(4, 3, 3, 3)), "large": rng.normal(size=92)}


@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.8, 1])
def test_magnitude_masks_share_of_the_whole_not_of_each(weights, share):
    masks = magnitude_masks(weights, share)
    gone = {name: (~mask).mean() for name, mask in masks.items()}
    assert sum((~mask).sum() for mask in masks.values()) == round(200 * share)
    if 0 < share < 1:
        assert gone["small"] > share > gone["large"]


def test_magnitude_masks_the_smallest_go(weights):
    masks = magnitude_masks(weights, 0.5)
    stay = np.concatenate([np.abs(w[masks[n]]) for n, w in weights.items()])
    go = np.concatenate([np.abs(w[~masks[n]]) for n, w in weights.items()])
    assert go.max() <= stay.min()
    assert {n: m.shape for n, m in masks.items()} == {
        n: w.shape for n, w in weights.items()
    }


def test_magnitude_masks_ties_go_in_the_number_asked():
    masks = magnitude_masks({"w": np.ones((5, 2))}, 0.3)
    assert (~masks["w"]).sum() == 3


@pytest.mark.parametrize("share", [-0.1, 1.1, np.nan])
def test_magnitude_masks_impossible_share(weights, share):
    with pytest.raises(ValueError, match="from 0 to 1"):
        magnitude_masks(weights, share)


def test_share_of_zeros_counts_all_arrays_together():
    weights = {"a": np.array([0.0, 1, 2]), "b": np.zeros((2, 1)), "c": np.ones(3)}
    assert share_of_zeros(weights) == pytest.approx(3 / 8)


def test_cubic_share_is_fast_first_and_ends_where_asked():
    shares = [cubic_share(0.8, done) for done in (0, 0.5, 1)]
    assert shares == pytest.approx([0, 0.7, 0.8])
