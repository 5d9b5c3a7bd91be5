"""TwoLayerNet and FullyConnectedNet: the course's numbers, gradients, state."""

import numpy as np
import pytest

from ece662 import layers
from ece662.classifiers import fc_net
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.gradient_check import eval_numerical_gradient


def assert_gradients(model, X, y, tolerance=1e-6):
    _, grads = model.loss(X, y)
    assert grads.keys() == model.params.keys()
    for name, value in model.params.items():
        numerical = eval_numerical_gradient(
            lambda _: model.loss(X, y)[0], value, verbose=False
        )
        scale = np.abs(numerical).max()
        np.testing.assert_allclose(
            grads[name], numerical, rtol=tolerance, atol=tolerance * scale + 1e-9
        )


def course_two_layer_net():
    N, D, H, C = 3, 5, 50, 7
    model = TwoLayerNet(input_dim=D, hidden_dim=H, num_classes=C, weight_scale=1e-3)
    model.params["W1"] = np.linspace(-0.7, 0.3, num=D * H).reshape(D, H)
    model.params["b1"] = np.linspace(-0.1, 0.9, num=H)
    model.params["W2"] = np.linspace(-0.3, 0.4, num=H * C).reshape(H, C)
    model.params["b2"] = np.linspace(-0.9, 0.1, num=C)
    return model, np.linspace(-5.5, 4.5, num=N * D).reshape(D, N).T


def test_two_layer_net_known_scores():
    model, X = course_two_layer_net()
    # The scores rise evenly from class to class, so the first and last tell all.
    ends = [[11.53165108, 16.09215096], [12.05769098, 16.18839143]]
    ends += [[12.58373087, 16.2846319]]
    expected = [np.linspace(first, last, num=7) for first, last in ends]
    np.testing.assert_allclose(model.loss(X), expected, atol=6e-9)


def test_two_layer_net_known_losses():
    model, X = course_two_layer_net()
    y = np.array([0, 5, 1])
    assert model.loss(X, y)[0] == pytest.approx(3.4702243556, abs=1e-10)
    model.reg = 1.0
    assert model.loss(X, y)[0] == pytest.approx(26.5948426952, abs=1e-10)


@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_two_layer_net_gradients(reg):
    model, X = course_two_layer_net()
    model.reg = reg
    assert_gradients(model, X, np.array([0, 5, 1]))


def test_two_layer_net_draws_its_weights_in_order():
    np.random.seed(3)
    model = TwoLayerNet(input_dim=4, hidden_dim=5, num_classes=2, weight_scale=0.1)
    np.random.seed(3)
    np.testing.assert_array_equal(model.params["W1"], 0.1 * np.random.randn(4, 5))
    np.testing.assert_array_equal(model.params["W2"], 0.1 * np.random.randn(5, 2))
    assert not model.params["b1"].any()
    assert not model.params["b2"].any()


def course_batch():
    np.random.seed(231)
    return np.random.randn(2, 15), np.random.randint(10, size=2)


@pytest.mark.parametrize(
    ("normalization", "losses"),
    [
        (None, [2.3004790897684924, 7.052114776533016]),
        ("batchnorm", [2.2611955101340957, 6.996533220108303]),
    ],
)
def test_fully_connected_net_known_losses(normalization, losses):
    X, y = course_batch()
    for reg, expected in zip((0, 3.14), losses, strict=True):
        model = FullyConnectedNet(
            [20, 30],
            input_dim=15,
            reg=reg,
            weight_scale=5e-2,
            dtype=np.float64,
            normalization=normalization,
        )
        assert model.loss(X, y)[0] == pytest.approx(expected, rel=1e-14)


def test_fully_connected_net_known_losses_with_dropout():
    X, y = course_batch()
    known = {1: 2.3004790897684924, 0.75: 2.302371489704412, 0.5: 2.3042759220785896}
    for dropout, expected in known.items():
        model = FullyConnectedNet(
            [20, 30],
            input_dim=15,
            dropout=dropout,
            weight_scale=5e-2,
            dtype=np.float64,
            seed=123,
        )
        assert model.loss(X, y)[0] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
@pytest.mark.parametrize("dropout", [1, 0.6])
@pytest.mark.parametrize("hidden_dims", [[], [4], [5, 3, 4]])
def test_fully_connected_net_gradients(normalization, dropout, hidden_dims):
    rng = np.random.RandomState(5)
    X, y = rng.randn(6, 2, 3), np.array([0, 1, 2, 0, 1, 2])
    np.random.seed(2)
    model = FullyConnectedNet(
        hidden_dims,
        input_dim=6,
        num_classes=3,
        dropout=dropout,
        normalization=normalization,
        reg=0.3,
        weight_scale=0.5,
        dtype=np.float64,
        seed=11,
    )
    for name in model.params:  # gamma, beta and biases away from their start
        model.params[name] += 0.1 * rng.randn(*model.params[name].shape)
    assert_gradients(model, X, y, tolerance=1e-5)


def test_last_layer_is_neither_normalised_nor_cut():
    model = FullyConnectedNet([4], input_dim=3, normalization="batchnorm")
    assert sorted(model.params) == ["W1", "W2", "b1", "b2", "beta1", "gamma1"]
    model.params["b2"] -= 5
    assert model.loss(np.ones((2, 3))).max() < -4


def test_test_mode_is_deterministic_and_leaves_running_averages():
    np.random.seed(0)
    model = FullyConnectedNet(
        [8], input_dim=4, dropout=0.5, normalization="batchnorm", weight_scale=1
    )
    X, y = np.random.randn(10, 4), np.arange(10)
    model.loss(X, y)
    before = model.bn_params[0]["running_mean"].copy()
    np.testing.assert_array_equal(model.loss(X), model.loss(X))
    np.testing.assert_array_equal(model.bn_params[0]["running_mean"], before)
    # one image alone gets the scores it has in a batch: no batch statistics
    np.testing.assert_allclose(model.loss(X[:1]), model.loss(X)[:1], rtol=1e-5)


def test_each_layer_keeps_its_own_running_averages():
    model = FullyConnectedNet([4, 6], input_dim=3, normalization="batchnorm")
    model.loss(np.random.randn(5, 3), np.arange(5))
    assert [p["running_mean"].shape for p in model.bn_params] == [(4,), (6,)]


@pytest.mark.parametrize("normalization", [None, "batchnorm", "layernorm"])
def test_float32_net_computes_in_float32(normalization):
    model = FullyConnectedNet(
        [4], input_dim=3, normalization=normalization, dropout=0.5, reg=np.float64(0.1)
    )
    X = np.random.randn(5, 3)
    loss, grads = model.loss(X, np.arange(5))
    assert type(loss) is float
    assert {v.dtype for v in grads.values()} == {np.dtype("float32")}
    assert model.loss(X).dtype == np.float32


def test_state_dict_carries_a_net_over():
    def build(seed):
        np.random.seed(seed)
        return FullyConnectedNet(
            [4], input_dim=3, normalization="batchnorm", weight_scale=1
        )

    trained, other = build(0), build(1)
    X = np.random.randn(8, 3)
    trained.loss(X, np.arange(8))
    other.load_state_dict(trained.state_dict())
    np.testing.assert_array_equal(other.loss(X), trained.loss(X))
    other.params["W1"] += 1  # copies, not the same arrays
    assert not np.array_equal(other.loss(X), trained.loss(X))


def test_load_state_dict_refuses_another_net():
    model = TwoLayerNet(input_dim=4, hidden_dim=5)
    with pytest.raises(ValueError, match=r"\['W1', 'W2', 'b1', 'b2'\], got \['W1'\]"):
        model.load_state_dict({"W1": np.zeros((4, 5))})
    wrong = {**model.state_dict(), "W1": np.zeros((5, 4))}
    with pytest.raises(ValueError, match=r"W1 must be \(4, 5\), got \(5, 4\)"):
        model.load_state_dict(wrong)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"normalization": "batch"}, "'batchnorm', 'layernorm' or None, got 'batch'"),
        ({"dropout": 0}, "0 < p <= 1, got 0"),
        ({"dropout": 25}, "0 < p <= 1, got 25"),
    ],
)
def test_unknown_settings_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        FullyConnectedNet([4], input_dim=3, **arguments)


def test_wrong_input_size_is_named():
    with pytest.raises(ValueError, match=r"\(3, M\) .* got \(4, 100\)"):
        TwoLayerNet(input_dim=4).loss(np.zeros((2, 3)))


def test_star_import_brings_the_layers():
    assert {"TwoLayerNet", "FullyConnectedNet", *layers.__all__} <= set(fc_net.__all__)
    assert all(hasattr(fc_net, name) for name in fc_net.__all__)
