"""The network in torch and in Keras: same scores, same steps, masks that hold."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
# ruff: noqa: E402 -- what follows imports torch

from ece662.pruning import torch_net
from ece662.pruning.architecture import Architecture, Block
from ece662.pruning.by_hand import magnitude_masks
from ece662.pruning.masks import share_of_zeros
from ece662.pruning.training import TrainingPlan, batches
from ece662.pruning_helper import invert_ch

ODD = Architecture(
    3, (Block(4, 5, 2, project=True), Block(3, 5, 1, project=False)), num_classes=6
)
PLAN = TrainingPlan(epochs=1, batch_size=4, learning_rate=0.05)


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)
    X = rng.normal(scale=64, size=(12, 3, 32, 32)).astype(np.float32)
    return X, rng.integers(0, 6, 12)


@pytest.fixture(params=["torch", "tensorflow"])
def framework(request):
    pytest.importorskip(request.param)
    if request.param == "torch":
        return torch_net
    from ece662.pruning import keras_net

    return keras_net


@pytest.fixture
def twins():
    """A network in torch, and one in Keras with the same weights."""
    pytest.importorskip("tensorflow")
    from ece662.pruning import keras_net

    net, model = torch_net.build(ODD, seed=0), keras_net.build(ODD, seed=0)
    keras_net.set_weights(model, in_keras(torch_net.get_weights(net)))
    return net, model


def in_keras(weights):
    """Return torch's weights under Keras's names, in its layout."""
    names = {"weight": "gamma", "bias": "beta"}
    names |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
    renamed = {}
    for name, w in weights.items():
        layer, _, part = name.rpartition(".")
        if layer == "head":
            renamed[f"head/{'kernel' if w.ndim == 2 else 'bias'}"] = w.T
        elif layer.endswith(".conv"):
            kernel = w.transpose(2, 3, 1, 0)
            renamed[f"{layer.removesuffix('.conv')}/kernel"] = kernel
        else:
            renamed[f"{layer}/{names[part]}"] = w
    return renamed


def test_both_give_the_same_scores(twins, pictures):
    net, model = twins
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(pictures[0])).numpy()
    scores = model(invert_ch(pictures[0]), training=False).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


class Steady(TrainingPlan):
    """The rate stays: Keras's momentum remembers steps, torch's gradients."""

    def rate(self, step, steps):
        return self.learning_rate


def test_both_learn_the_same(twins, pictures):
    from ece662.pruning import keras_net

    net, model = twins
    initial = in_keras({n: w.copy() for n, w in torch_net.get_weights(net).items()})
    plan = Steady(epochs=2, batch_size=12, learning_rate=0.02)
    torch_net.train(net, *pictures, plan)
    keras_net.train(model, *pictures, plan)
    weights = keras_net.get_weights(model)
    for name, w in in_keras(torch_net.get_weights(net)).items():
        if "moving_variance" in name:  # torch's is the unbiased one
            continue
        moved = np.abs(w - initial[name]).max()
        assert moved > 1e-4
        np.testing.assert_allclose(weights[name], w, rtol=0, atol=0.02 * moved)


def test_keep_masks_hold_through_training(framework, pictures):
    net = framework.build(ODD, seed=0)
    masks = magnitude_masks(framework.prunable(net), 0.8)
    hold = framework.keep_masks(net, masks)
    before = framework.prunable(net)
    before = {name: w.copy() for name, w in before.items()}
    assert share_of_zeros(before) == pytest.approx(0.8, abs=1e-3)
    framework.train(net, *pictures, PLAN, hold)
    after = framework.prunable(net)
    for name, w in after.items():
        assert not np.any(w[~masks[name]])
        assert np.any(w[masks[name]] != before[name][masks[name]])
    framework.train(net, *pictures, PLAN)  # and without: they grow back
    assert share_of_zeros(framework.prunable(net)) < 0.3


def test_prunable_leaves_out_biases_and_normalisation(framework):
    weights = framework.prunable(framework.build(ODD))
    expected = sum(conv.weights for conv in ODD.convs()) + 5 * 6
    assert sum(w.size for w in weights.values()) == expected
    assert len(weights) == len(ODD.convs()) + 1


def test_train_leaves_the_network_ready_for_use(pictures):
    net = torch_net.build(ODD, seed=0)
    torch_net.train(net, *pictures, PLAN)
    assert not net.training


def test_set_weights_wants_its_own(framework):
    net = framework.build(ODD)
    weights = framework.get_weights(net)
    name = next(iter(weights))
    with pytest.raises(ValueError, match=f"{name}: expected float32 of shape"):
        framework.set_weights(net, weights | {name: np.zeros(7, np.float32)})
    with pytest.raises(ValueError, match=r"unknown are \['more'\]"):
        framework.set_weights(net, weights | {"more": np.zeros(7, np.float32)})


def test_batches_same_seed_same_batches_and_every_picture_once():
    X = np.arange(10.0).reshape(10, 1, 1, 1) * np.ones((3, 8, 8))
    plan = TrainingPlan(epochs=2, batch_size=5, augment=False)
    first, again = (list(batches(X, np.arange(10), plan)) for _ in range(2))
    assert len(first) == plan.steps(10) == 4
    for (images, labels, rate), (_, same, _) in zip(first, again, strict=True):
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        np.testing.assert_array_equal(labels, same)
        assert 0 <= rate <= plan.learning_rate
    assert {*first[0][1], *first[1][1]} == set(range(10))
    assert [*first[0][1]] != [*first[2][1]]


def test_batches_mirror_and_shift_whole_pictures():
    X = np.ones((64, 3, 8, 8)) * np.arange(1, 9)  # each column its own number
    ((images, _, _),) = batches(X, np.zeros(64), TrainingPlan(epochs=1, batch_size=64))
    directions, tops = set(), set()
    for image in images:
        columns = image[:, image.any(axis=(0, 2))][:, 0]  # (3, 8), the same in all
        assert np.all(columns == columns[0])
        seen = columns[0][columns[0] > 0]
        assert np.all(np.abs(np.diff(seen)) == 1)
        directions.add(np.sign(np.diff(seen)[0]))
        tops.add(int(np.argmax(image.any(axis=(0, 2)))))
    assert directions == {-1, 1}
    assert len(tops) > 2


def test_rate_rises_to_its_peak_and_falls_to_nothing():
    plan = TrainingPlan(epochs=1, learning_rate=0.3, warm_up=0.2)
    rates = [plan.rate(step, 100) for step in range(100)]
    assert np.argmax(rates) == 19
    assert rates[19] == pytest.approx(0.3)
    assert rates[0] < 0.02
    assert rates[-1] == pytest.approx(0)
