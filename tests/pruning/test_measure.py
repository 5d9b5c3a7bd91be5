"""What a network costs, and the figures that show it."""

import copy

import matplotlib.pyplot as plt
import numpy as np
import pytest

from ece662.figures import pruning
from ece662.pruning.measure import Cost, table

COSTS = {
    "whole": Cost(0.85, 1_000_000, 46_000_000, 4_096_000, 40.0),
    "half": Cost(0.843, 500_000, 23_000_000, 2_048_000, 25.0),
}


def test_table_says_the_speed_up_over_the_first():
    first, whole, half = table(COSTS).splitlines()
    assert first.split()[-1] == "speed-up"
    assert whole.split() == (
        ["whole", "85.0%", "1,000,000", "46.0", "M", "4,000", "KiB", "40.0", "1.00x"]
    )
    assert half.split()[-2:] == ["25.0", "1.60x"]
    assert len(first) == len(whole) == len(half)


def test_cost_counts_what_is_there():
    pytest.importorskip("torch")
    from ece662.pruning.architecture import residual
    from ece662.pruning.by_hand import magnitude_masks
    from ece662.pruning.measure import measure, milliseconds
    from ece662.pruning.torch_net import build, keep_masks, predict, prunable

    net = build(residual(2), seed=0)
    X = np.random.default_rng(0).normal(size=(8, 3, 32, 32)).astype(np.float32)
    y = predict(net, X)
    y[:2] = (y[:2] + 1) % 6
    sparse = copy.deepcopy(net)
    keep_masks(sparse, magnitude_masks(prunable(net), 0.5))
    costs = measure({"whole": net, "pruned": sparse}, X, y, batch_size=2)
    whole, pruned = costs["whole"], costs["pruned"]
    assert whole.accuracy == 0.75
    assert whole.parameters == net.architecture.parameters()
    weights = sum(w.size for w in prunable(net).values())
    assert whole.parameters - pruned.parameters == round(weights / 2)
    assert pruned.macs == whole.macs == net.architecture.macs()
    assert pruned.bytes < 0.8 * whole.bytes
    large = build(residual(16), seed=0)
    times = milliseconds(net, large, net, batch_size=16, seconds=0.01)
    assert 0 < times[0] < times[1] > times[2] > 0


def test_every_figure_is_drawn(monkeypatch):
    drawn = []
    monkeypatch.setattr(plt, "show", lambda: drawn.append(plt.gcf()))
    rng = np.random.default_rng(0)
    weights = {"a.conv.weight": rng.normal(size=(9, 3, 3, 3)), "b": np.ones((2, 4))}
    masks = {name: w > 0.5 for name, w in weights.items()}
    curves = {"a": {0.5: 0.7, 0.8: 0.3}, "b": {0.5: 0.8, 0.8: 0.8}}
    pruning.show_weight_sizes(weights, [0.1, 0.8])
    pruning.show_accuracies(curves, "share in %")
    pruning.show_masks(masks, "masks")
    pruning.show_sensitivity(curves, whole=0.8)
    pruning.show_widths({"whole": [8, 16], "half": [4, 8]}, ["a", "b"])
    pruning.show_costs(COSTS)
    assert len(drawn) == len(set(drawn)) == 6
    sensitivity = drawn[3].axes[0]
    assert [text.get_text() for text in sensitivity.texts] == ["10", "50", "0", "0"]
    plt.close("all")
