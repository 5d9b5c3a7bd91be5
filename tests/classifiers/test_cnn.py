"""ThreeLayerConvNet and ConvNet: gradients, torch, sanity, bad input."""

import numpy as np
import pytest

from ece662 import layer_utils, layers
from ece662.classifiers import cnn
from ece662.classifiers.cnn import ConvNet, ThreeLayerConvNet
from ece662.gradient_check import eval_numerical_gradient
from ece662.solver import Solver


def images(N, input_dim, num_classes, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, *input_dim)).astype(dtype)
    return X, rng.integers(num_classes, size=N)


def three_layers(reg=0.0):
    np.random.seed(231)
    return ThreeLayerConvNet(
        (2, 6, 8), num_filters=3, filter_size=3, hidden_dim=12, num_classes=4,
        weight_scale=0.3, reg=reg, dtype=np.float64,
    )  # fmt: skip


def deep(reg=0.0):
    np.random.seed(231)
    return ConvNet((2, 4, 8), ((3, 2), (4,)), num_classes=3, reg=reg, dtype=np.float64)


@pytest.mark.parametrize("make", [three_layers, deep])
@pytest.mark.parametrize("reg", [0.0, 0.7])
def test_gradients_agree_with_numerical_ones(make, reg):
    model = make(reg)
    input_dim, classes = ((2, 6, 8), 4) if make is three_layers else ((2, 4, 8), 3)
    X, y = images(3, input_dim, classes)
    _, grads = model.loss(X, y)
    assert grads.keys() == model.params.keys()
    for name, value in model.params.items():
        expected = eval_numerical_gradient(
            lambda _: model.loss(X, y)[0], value, verbose=False
        )
        error = np.max(np.abs(grads[name] - expected)) / np.max(np.abs(expected))
        assert error < 1e-6, f"the gradient of {name} is off by {error:.1e}"


def test_three_layer_conv_net_agrees_with_torch():
    torch = pytest.importorskip("torch")
    model = three_layers()
    X, y = images(5, (2, 6, 8), 4)
    loss, grads = model.loss(X, y)

    t = {name: torch.tensor(v, requires_grad=True) for name, v in model.params.items()}
    maps = torch.nn.functional.conv2d(torch.tensor(X), t["W1"], t["b1"], padding=1)
    maps = torch.nn.functional.max_pool2d(maps.relu(), 2)
    hidden = (maps.flatten(1) @ t["W2"] + t["b2"]).relu()
    scores = hidden @ t["W3"] + t["b3"]
    expected = torch.nn.functional.cross_entropy(scores, torch.tensor(y))
    expected.backward()
    np.testing.assert_allclose(model.loss(X), scores.detach().numpy(), rtol=1e-10)
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    for name, gradient in grads.items():
        np.testing.assert_allclose(
            gradient, t[name].grad.numpy(), rtol=1e-8, atol=1e-12
        )


def test_conv_net_agrees_with_torch():
    torch = pytest.importorskip("torch")
    model = deep()
    X, y = images(5, (2, 4, 8), 3)
    loss, grads = model.loss(X, y)

    t = {name: torch.tensor(v, requires_grad=True) for name, v in model.params.items()}
    out = torch.tensor(X)
    for i, ends_stage in enumerate([False, True, True], start=1):
        out = torch.nn.functional.conv2d(out, t[f"W{i}"], padding=1)
        out = torch.nn.functional.batch_norm(
            out, None, None, t[f"gamma{i}"], t[f"beta{i}"], training=True
        ).relu()
        out = torch.nn.functional.max_pool2d(out, 2) if ends_stage else out
    scores = out.flatten(1) @ t["W4"] + t["b4"]
    expected = torch.nn.functional.cross_entropy(scores, torch.tensor(y))
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    for name, gradient in grads.items():
        np.testing.assert_allclose(
            gradient, t[name].grad.numpy(), rtol=1e-7, atol=1e-12
        )


def test_three_layer_conv_net_starts_at_the_loss_of_a_guess():
    np.random.seed(0)
    model = ThreeLayerConvNet()
    X, y = images(10, (3, 32, 32), 10)
    loss, _ = model.loss(X, y)
    assert loss == pytest.approx(np.log(10), abs=1e-3)
    model.reg = 0.5
    assert model.loss(X, y)[0] > loss + 0.1


def test_three_layer_conv_net_draws_its_weights_in_order():
    np.random.seed(3)
    model = ThreeLayerConvNet(
        (2, 4, 6), num_filters=3, filter_size=5, hidden_dim=7, dtype=np.float64
    )
    np.random.seed(3)
    for name, shape in {"W1": (3, 2, 5, 5), "W2": (18, 7), "W3": (7, 10)}.items():
        np.testing.assert_array_equal(
            model.params[name], 1e-3 * np.random.randn(*shape)
        )


@pytest.mark.parametrize("model_class", [ThreeLayerConvNet, ConvNet])
def test_float32_stays_float32(model_class):
    np.random.seed(0)
    model = model_class(reg=np.float64(0.1))
    X, y = images(2, (3, 32, 32), 10)
    loss, grads = model.loss(X, y)
    assert isinstance(loss, float)
    assert {g.dtype for g in grads.values()} == {np.dtype(np.float32)}
    assert model.loss(X).dtype == np.float32


@pytest.mark.parametrize("make", [three_layers, deep])
def test_few_images_can_be_learnt_by_heart(make):
    input_dim, classes = ((2, 6, 8), 4) if make is three_layers else ((2, 4, 8), 3)
    X, y = images(12, input_dim, classes)
    data = {"X_train": X, "y_train": y, "X_val": X, "y_val": y}
    solver = Solver(
        make(), data, update_rule="adam", optim_config={"learning_rate": 1e-2},
        batch_size=12, num_epochs=60, verbose=False,
    )  # fmt: skip
    solver.train()
    assert solver.check_accuracy(X, y) == 1.0


def test_conv_net_uses_running_statistics_without_labels():
    model = deep()
    X, y = images(4, (2, 4, 8), 3)
    model.loss(X, y)
    alone = model.loss(X[:1])
    np.testing.assert_allclose(alone, model.loss(X)[:1])
    assert [bn_param["mode"] for bn_param in model.bn_params] == ["test"] * 3


def test_conv_net_restores_its_state():
    model, other = deep(), deep()
    X, y = images(4, (2, 4, 8), 3)
    model.loss(X, y)
    model.params["W1"] += 1
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(model.loss(X), other.loss(X))


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="filter_size must be odd, got 4"):
        ThreeLayerConvNet(filter_size=4)
    with pytest.raises(ValueError, match=r"2 stages need .* divisible by 4, got 6 x 8"):
        ConvNet((3, 6, 8), ((4,), (4,)))
    with pytest.raises(ValueError, match="each stage must list its filters"):
        ConvNet(stages=((4,), ()))


def test_star_import_brings_the_layers():
    assert set(layers.__all__) < set(cnn.__all__)
    assert all(hasattr(cnn, name) for name in cnn.__all__)


def test_conv_net_computes_the_same_with_your_own_layers(monkeypatch):
    X, y = images(5, (2, 4, 8), 3)
    calls = count_calls(monkeypatch, "spatial_batchnorm_forward")
    results = {}
    for own_layers in (False, True):
        np.random.seed(0)
        model = ConvNet(
            (2, 4, 8), ((3, 2), (4,)), 3, dtype=np.float64, own_layers=own_layers
        )
        results[own_layers] = (*model.loss(X, y), model.loss(X), model.state_dict())
        assert len(calls) == (2 * 3 if own_layers else 0)  # in both modes
    (loss, grads, scores, state), others = results[False], results[True]
    assert loss == pytest.approx(others[0], rel=1e-12)
    np.testing.assert_allclose(scores, others[2], rtol=1e-10)
    for mine, theirs in ((grads, others[1]), (state, others[3])):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            np.testing.assert_allclose(value, theirs[name], rtol=1e-8, atol=1e-12)


def count_calls(monkeypatch, name):
    """Let a layer note in a list that it was called."""
    layer, calls = getattr(layer_utils, name), []

    def counted(*arguments):
        calls.append(name)
        return layer(*arguments)

    monkeypatch.setattr(layer_utils, name, counted)
    return calls
