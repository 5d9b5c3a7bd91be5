"""Dropout: sub-networks, their average, and the network at test time."""

import numpy as np
import pytest

from ece662 import layers
from ece662.widgets import dropout_masks
from ece662.widgets._base import own_random_numbers
from ece662.widgets.dropout import (
    UNITS,
    draw_dropout,
    drop,
    make_network,
    run_network,
)


def test_run_network_at_test_time_is_the_whole_network():
    np.random.seed(0)
    network = make_network(2)
    out = network.x
    for w in network.weights[:-1]:
        out = np.maximum(out @ w, 0)
    expected = out @ network.weights[-1]
    assert np.allclose(run_network(network, 0.5, "test"), expected)
    assert np.allclose(run_network(network, 1.0, "train", 5), expected)


def test_run_network_averages_to_the_test_network_behind_one_hidden_layer():
    np.random.seed(0)
    network = make_network(1)
    scores = run_network(network, 0.5, "train", 20_000)
    standard_error = scores.std(axis=0) / np.sqrt(len(scores))
    gap = np.abs(scores.mean(axis=0) - run_network(network, 0.5, "test")[0])
    assert (gap < 4 * standard_error).all()
    assert len(np.unique(scores[:, 0])) > 19_000  # masks of their own


def test_drop_keeps_the_mean():
    np.random.seed(0)
    kept = drop(np.ones((300, UNITS)), 0.25)
    assert set(np.unique(kept)) == {0.0, 4.0}
    assert kept.mean() == pytest.approx(1, abs=0.05)


def test_average_is_that_of_the_scores_beside_it():
    with own_random_numbers():
        _, average, spread = draw_dropout(0.5, 50, 1, 1).panels
    for j in (0, 2, 4):  # between them the lines of the test-time network
        scores = spread.axes[0].lines[j].get_ydata()
        shown = average.axes[0].lines[j].get_ydata()
        assert len(scores) == len(shown) == 50
        assert shown[-1] == pytest.approx(scores.mean())
        assert shown[9] == pytest.approx(scores[:10].mean())


def test_dropout_masks_every_dial_changes_the_picture(pictures):
    board = dropout_masks()
    dials = ({"p": 0.8}, {"networks": 30}, {"layers": 3}, {"draw": 2})
    for values in dials:
        before = pictures(board)
        board.set(**values)
        assert any(
            a.shape != b.shape or (a != b).any()
            for a, b in zip(before, pictures(board), strict=True)
        )


def test_dropout_masks_is_the_same_for_the_same_dials(pictures):
    first, second = (pictures(dropout_masks(p=0.3)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("p", [0.05, 1.0])
def test_dropout_masks_at_the_ends(p):
    assert f"each now {1 / p:.2f}" in dropout_masks(p=p, networks=1).text


def test_dropout_masks_unwritten(monkeypatch):
    monkeypatch.setattr(layers, "dropout_forward", lambda x, param: (None, None))
    assert "dropout_forward returns None so far" in dropout_masks().text
