"""The figures of Q4: the numbers that they show are true."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ece662.fast.winograd import MATRICES
from ece662.figures import convolution
from ece662.figures.texts import text_of
from ece662.layers import (
    conv_backward_naive,
    conv_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)


@pytest.fixture(autouse=True)
def _close_figures(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def table(ax):
    """Read the numbers that a panel shows, row by row."""
    texts = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in ax.texts]
    return [float(text) for text in texts]


def test_show_convolution_agrees_with_the_layer():
    image = np.random.default_rng(0).integers(0, 10, (6, 5))
    kernel = np.array([[1, 0, -1], [2, 0, -2]])
    convolution.show_convolution(image, kernel, window=(1, 1), stride=2, pad=1)
    out, _ = conv_forward_naive(
        image[np.newaxis, np.newaxis].astype(float),
        kernel[np.newaxis, np.newaxis].astype(float),
        np.zeros(1),
        {"stride": 2, "pad": 1},
    )
    padded, _, shown = plt.gcf().axes
    assert table(padded) == np.pad(image, 1).ravel().tolist()
    assert table(shown) == out.ravel().tolist()
    sum_shown = plt.gcf().get_suptitle().replace("\N{MINUS SIGN}", "-")
    products, total = sum_shown.replace("·", "*").split(" = ")
    assert eval(products) == float(total) == out[0, 0, 1, 1]


def test_show_window_moving_fills_the_output_of_the_layer(monkeypatch):
    states = []

    def note(figures, text):
        for figure in figures:
            numbers = [t for t in figure.axes[2].texts if t.get_visible()]
            sums = figure.get_suptitle().replace("\N{MINUS SIGN}", "-").split(" = ")
            places = [p.get_xy() for p in figure.axes[0].patches if p.get_lw() == 4]
            states.append((len(numbers), sums, places, text))

    monkeypatch.setattr(convolution, "show_moving", note)
    image = np.random.default_rng(0).integers(0, 10, (6, 5))
    kernel = np.array([[1, 0, -1], [2, 0, -2]])
    convolution.show_window_moving(image, kernel, stride=2, pad=1)
    out, _ = conv_forward_naive(
        image[np.newaxis, np.newaxis].astype(float),
        kernel[np.newaxis, np.newaxis].astype(float),
        np.zeros(1),
        {"stride": 2, "pad": 1},
    )
    assert [count for count, *_ in states] == list(range(1, out.size + 1))
    totals = [float(total) for _, (_, total), _, _ in states]
    assert totals == out.ravel().tolist()
    for _, (products, total), _, text in states:
        assert eval(products.replace("·", "*")) == float(total)
        assert str(out[0, 0].astype(int).tolist()) in text
    corners = [(2 * j - 0.5, 2 * i - 0.5) for i, j in np.ndindex(out.shape[2:])]
    assert [places for _, _, places, _ in states] == [[c] for c in corners]


def test_show_collecting_agrees_with_the_layer():
    kernel, dout = np.array([[1, 2, 5], [3, 4, 6]]), np.array([[1, 10], [100, 1000]])
    convolution.show_collecting(kernel, dout)
    x, w = np.zeros((1, 1, 3, 4)), kernel[np.newaxis, np.newaxis].astype(float)
    _, cache = conv_forward_naive(x, w, np.zeros(1), {"stride": 1, "pad": 0})
    dx, _, _ = conv_backward_naive(dout[np.newaxis, np.newaxis].astype(float), cache)
    *pieces, total = map(table, plt.gcf().axes)
    assert len(pieces) == 4
    assert total == np.sum(pieces, axis=0).tolist() == dx.ravel().tolist()
    assert str(dx[0, 0].astype(int).tolist()) in text_of(plt.gcf())


def test_show_pooling_agrees_with_the_layer():
    x = np.random.default_rng(1).permutation(24).reshape(4, 6)
    dout = np.arange(10, 16).reshape(2, 3)
    convolution.show_pooling(x, dout)
    pool_param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    out, cache = max_pool_forward_naive(x[np.newaxis, np.newaxis], pool_param)
    dx = max_pool_backward_naive(dout[np.newaxis, np.newaxis], cache)
    for ax, values in zip(plt.gcf().axes, (x, out, dout, dx), strict=True):
        assert table(ax) == values.ravel().tolist()


def test_show_normalised_together_gives_each_group_a_letter():
    convolution.show_normalised_together(N=2, C=4, G=2)
    letters = [
        "".join(text.get_text() for text in ax.texts).replace(" ", "")
        for ax in plt.gcf().axes
    ]
    assert letters == ["ABCDABCD", "AABBCCDD", "AAAABBBB"]


def test_show_filters_has_a_picture_for_each_filter():
    rng = np.random.default_rng(2)
    newborn = rng.standard_normal((5, 3, 4, 4))
    W = newborn.copy()
    W[1, 2, 3, 0] += 1
    convolution.show_filters(W, newborn)
    filters, added = (ax.images[0].get_array() for ax in plt.gcf().axes)
    assert filters.shape == added.shape == (3 * 4 + 2, 3 * 4 + 2, 3)
    assert (filters[:4, :4].min(), filters[:4, :4].max()) == (0, 255)
    assert np.argwhere(added).tolist() == [[3, 5, 2]]  # the second picture's last row


def test_show_filters_says_that_training_has_added_nothing():
    W = np.random.default_rng(2).standard_normal((5, 3, 2, 2))
    convolution.show_filters(W, W.copy())
    assert not plt.gcf().axes[1].images[0].get_array().any()
    assert "what training has added, which is nothing." in text_of(plt.gcf())


def test_show_channels_has_a_panel_for_each():
    picture = np.full((3, 4, 5), [[[300.0]], [[7.0]], [[-2.0]]])
    channels = np.arange(6 * 2 * 3).reshape(6, 2, 3)
    convolution.show_channels(picture, channels)
    first, *others = plt.gcf().axes
    assert (first.images[0].get_array() == [255, 7, 0]).all()
    for ax, channel in zip(others, channels, strict=True):
        assert (ax.images[0].get_array() == channel).all()
    assert "; none of them are the same everywhere." in text_of(plt.gcf())
    channels[0] = 7
    convolution.show_channels(picture, channels)
    assert "; 1 of them is the same everywhere." in text_of(plt.gcf())


def test_show_filtered_has_a_row_for_each_photograph():
    pictures = [np.zeros((4, 5, 3), np.uint8)] * 2
    filtered = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    convolution.show_filtered(pictures, filtered, ["a", "b", "c"])
    axes = np.reshape(plt.gcf().axes, (2, 4))
    assert (axes[1, 3].images[0].get_array() == filtered[1, 2]).all()


def test_show_fewer_multiplications_counts_as_the_tiles_do():
    convolution.show_fewer_multiplications()
    _, costs = plt.gcf().axes
    counts = [
        9,
        *((tile + 2) ** 2 / tile**2 for tile in MATRICES),  # 16 for 4, 36 for 16
    ]
    assert [bar.get_width() for bar in costs.patches] == counts
    assert [text.get_text() for text in costs.texts] == ["9", "4", "2.25"]


def test_show_speed_writes_the_times_at_the_bars():
    times = {"loops": {"forward": 2.5, "backward": 7.0}, "fast": {"forward": 0.0125}}
    times["fast"]["backward"] = 0.03
    convolution.show_speed(times)
    forward, backward = plt.gcf().axes
    assert [text.get_text() for text in forward.texts] == ["2.5 s", "12.5 ms"]
    assert [text.get_text() for text in backward.texts] == ["7 s", "30 ms"]
