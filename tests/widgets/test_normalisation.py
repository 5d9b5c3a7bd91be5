"""Normalisation: who shares a mean, and who depends on the batch."""

import numpy as np
import pytest

from ece662 import layers
from ece662.widgets import normalisation_cube
from ece662.widgets.normalisation import KINDS, C, normalise_in_batches, sharing


@pytest.mark.parametrize(
    ("kind", "sets"), [("batch", 6), ("layer", 4), ("instance", 24), ("group", 8)]
)
def test_sharing_has_as_many_sets(kind, sets):
    assert len(np.unique(sharing(kind, N=4, G=2))) == sets


@pytest.mark.parametrize("kind", KINDS)
def test_sharing_is_what_the_layers_do(kind):
    """A change of one number changes those that share its mean, and no others."""
    N, G = 3, 2
    x = np.random.default_rng(0).standard_normal((N, C, 2, 2))

    def run(x):
        if kind == "batch":
            return layers.spatial_batchnorm_forward(
                x, np.ones(C), np.zeros(C), {"mode": "train"}
            )[0]
        groups = {"layer": 1, "instance": C, "group": G}[kind]
        ones, zeros = np.ones((1, C, 1, 1)), np.zeros((1, C, 1, 1))
        return layers.spatial_groupnorm_forward(x, ones, zeros, groups, {})[0]

    moved = x.copy()
    moved[1, 2, 0, 1] += 1
    changed = np.abs(run(moved) - run(x)).max(axis=(2, 3)) > 1e-9
    numbers = sharing(kind, N, G)
    assert np.array_equal(changed, numbers == numbers[1, 2])


def test_normalise_in_batches_only_batch_norm_in_training_depends_on_the_others():
    np.random.seed(0)
    spread = {kind: normalise_in_batches(kind, 4, 2, "train").std() for kind in KINDS}
    assert spread["batch"] > 0.1
    assert all(spread[kind] < 1e-12 for kind in KINDS if kind != "batch")
    assert normalise_in_batches("batch", 4, 2, "test").std() < 1e-12


def test_normalise_in_batches_large_batches_agree():
    np.random.seed(0)
    small, large = (normalise_in_batches("batch", N, 2, "train") for N in (4, 256))
    assert large.std() < small.std() / 2


def test_normalisation_cube_every_dial_changes_the_picture(pictures):
    board = normalisation_cube(kind="group")
    for values in ({"kind": "batch"}, {"N": 7}, {"mode": "test"}):
        before = pictures(board)
        board.set(**values)
        assert (pictures(board)[1] != before[1]).any()
    board.set(kind="group")
    before = pictures(board)
    board.set(G=3)
    assert (pictures(board)[0] != before[0]).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("N", [1, 32])
def test_normalisation_cube_shows_every_kind(kind, N, pictures):
    board = normalisation_cube(kind=kind, N=N)
    assert board.text.startswith(f"{kind} normalisation: ")
    assert len(pictures(board)) == 2


def test_normalisation_cube_unwritten_layer(monkeypatch):
    monkeypatch.setattr(
        layers, "spatial_batchnorm_forward", lambda *arguments: (None, None)
    )
    board = normalisation_cube()
    assert "spatial_batchnorm_forward returns None" in board.text
    board.set(kind="layer")
    assert board.text.startswith("layer normalisation: 4 means, each of 24 numbers")


def test_normalisation_cube_without_pixels_uses_the_plain_layers(monkeypatch):
    for name in ("spatial_batchnorm_forward", "spatial_groupnorm_forward"):
        monkeypatch.setattr(layers, name, lambda *arguments: (None, None))
    board = normalisation_cube(pixels=False)
    assert board.text.startswith("batch normalisation: 6 means, each of 4 numbers")
    board.set(kind="layer")
    assert board.text.startswith("layer normalisation: 4 means, each of 6 numbers")
    assert "deviation 0.00" in board.text
    assert board.dials["kind"].options == ("batch", "layer")


def test_normalisation_cube_only_offers_what_matters():
    board = normalisation_cube(kind="group")
    assert not board.dials["G"].disabled
    assert board.dials["mode"].disabled
