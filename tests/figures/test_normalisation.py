"""The figures of Q2 and Q3: they show what they were given, and true numbers."""

from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ece662.figures import normalisation
from ece662.figures.texts import text_of
from ece662.layers import batchnorm_forward, layernorm_forward


@pytest.fixture(autouse=True)
def _close_figures(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def curves(ax):
    """Read the curves of a panel by their labels."""
    return {line.get_label(): list(line.get_ydata()) for line in ax.lines}


def test_show_batchnorm_graph_has_two_arrows_for_each_edge():
    normalisation.show_batchnorm_graph()
    arrows = [text for text in plt.gca().texts if getattr(text, "arrow_patch", None)]
    assert len(arrows) == 2 * len(normalisation.EDGES) + 1  # dout comes from outside


def test_batchnorm_graph_leads_from_every_node_to_out():
    reached = {"out"}
    for _ in normalisation.NODES:
        reached |= {edge.start for edge in normalisation.EDGES if edge.end in reached}
    assert reached == normalisation.NODES.keys()


def test_show_batch_and_layer_agrees_with_the_layers():
    normalisation.show_batch_and_layer()
    x, batch, layer = (
        np.array([float(t.get_text().replace("\N{MINUS SIGN}", "-")) for t in ax.texts])
        for ax in plt.gcf().axes
    )
    x = x.reshape(3, 4)
    ones, zeros = np.ones(4), np.zeros(4)
    by_column, _ = batchnorm_forward(x, ones, zeros, {"mode": "train"})
    by_row, _ = layernorm_forward(x, ones, zeros, {})
    np.testing.assert_allclose(batch, by_column.ravel(), atol=0.051)
    np.testing.assert_allclose(layer, by_row.ravel(), atol=0.051)


def test_show_weight_scales_marks_the_losses_above_the_panel():
    best = {"plain": [0.2, 0.4, 0.3]}
    normalisation.show_weight_scales(
        [0.01, 0.1, 1], best, best, {"plain": [1.5, 1.0, 1e7]}
    )
    val, train, loss = plt.gcf().axes
    assert curves(val)["plain"] == curves(train)["plain"] == [20, 40, 30]
    inside, beyond = loss.lines
    np.testing.assert_array_equal(inside.get_ydata(), [1.5, 1.0, np.nan])
    assert list(beyond.get_xdata()) == [1]
    assert loss.get_ylim()[0] < beyond.get_ydata()[0] < loss.get_ylim()[1]
    assert "Loss above 3 at 1 of 3 scales: plain." in text_of(plt.gcf())


def test_show_layer_sizes_has_a_panel_for_each_network():
    sizes = {"plain": {0.1: [1, 2, 4]}, "normed": {0.1: [1, 1, 1]}}
    normalisation.show_layer_sizes(sizes, "size", marked=0.5)
    plain, normed = plt.gcf().axes
    assert curves(plain)["0.1"] == [1, 2, 4]
    assert curves(normed)["0.1"] == [1, 1, 1]
    assert plain.get_ylabel() == "size"
    assert list(plain.lines[0].get_xdata()) == [1, 2, 3]


def test_show_batch_sizes_shows_every_run_beside_the_baseline():
    run = SimpleNamespace(
        train_acc_history=[0.1, 0.9], val_acc_history=[0.1, 0.5], batch_size=5
    )
    normalisation.show_batch_sizes({5: run, 50: run}, run, "batch norm")
    train, val = plt.gcf().axes
    assert list(curves(train)) == ["batch norm, 5", "batch norm, 50", "no norm, 5"]
    assert curves(train)["batch norm, 50"] == [10, 90]
    assert curves(val)["no norm, 5"] == [10, 50]


def test_show_pictures_cuts_off_what_is_no_brightness():
    picture = np.full((3, 2, 2), [[[-5.0]], [[7.0]], [[300.0]]])
    normalisation.show_pictures({"one": picture, "other": picture})
    first, second = plt.gcf().axes
    assert (first.images[0].get_array() == [0, 7, 255]).all()
    assert second.get_title() == "other"


def test_show_pictures_says_how_they_differ():
    picture = np.arange(12.0).reshape(3, 2, 2)
    turned, dropped = picture.transpose(0, 2, 1), picture * (picture < 6)
    normalisation.show_pictures(
        {"a": picture, "b": picture.copy(), "c": turned, "d": dropped}
    )
    text = text_of(plt.gcf())
    assert "No. 1: the picture, mean 6, zeros 8%. No. 2: the same. No. 3: its " in text
    assert "rows turned into columns. No. 4: mean 1, zeros 58%." in text
