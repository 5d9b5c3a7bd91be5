"""The layers' benchmark: both sides compute the same, and the report is complete."""

import numpy as np
import pytest

from benchmarks import conv, ece662_layers

torch_layers = pytest.importorskip("benchmarks.torch_layers")

SMALL = {
    "conv": {"x_shape": [3, 2, 5, 6], "w_shape": [4, 2, 3, 3], "stride": 2, "pad": 1},
    "max_pool": {"x_shape": [3, 2, 5, 6], "size": 2},
}


@pytest.mark.parametrize("layer", SMALL)
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("way", ["naive", "im2col", "fast"])
def test_all_contestants_compute_the_same(layer, backward, way):
    arguments = SMALL[layer] | {"dtype": "float64", "backward": backward}
    ours = getattr(ece662_layers, layer)(way=way, **arguments)()
    theirs = getattr(torch_layers, layer)(**arguments)()
    ours = ours if isinstance(ours, tuple) else (ours,)
    theirs = theirs if isinstance(theirs, tuple) else (theirs,)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-10, atol=1e-12)


def test_conv_net_steps_train_on_both_sides():
    ours = ece662_layers.conv_net_step(batch_size=4, num_train=8)
    theirs = torch_layers.conv_net_step(batch_size=4, num_train=8, fused=True)
    for _ in range(3):  # the torch side starts a new shuffle here
        ours()
        assert np.isfinite(theirs())


def test_rows_hold_every_measurement(monkeypatch):
    monkeypatch.setattr(conv, "NAIVE_IMAGES", 1)
    layer = conv.Layer("small", "conv", SMALL["conv"])
    rows = list(conv.layer_rows([layer], ["float32"], [1], 2, 0.01))
    assert [row[:4] for row in rows] == [
        ["small", "float32", "forward", "1"],
        ["small", "float32", "backward", "1"],
    ]
    for row in rows:
        assert len(row) == 10
        assert all(float(cell.split()[0].replace(",", "")) >= 0 for cell in row[4:])


def test_naive_loops_get_a_part_of_the_batch():
    for layer in conv.LAYERS:
        contestant = conv.naive_contestant(layer, dtype="float32", backward=False)
        assert contestant.arguments["x_shape"][0] == conv.NAIVE_IMAGES
        assert layer.arguments["x_shape"][0] > conv.NAIVE_IMAGES
