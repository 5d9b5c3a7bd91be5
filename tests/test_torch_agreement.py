"""ece662 and torch compute the same thing: same nets, same weights, same batches.

torch's nets are those that `benchmarks` times, so that what is compared there is shown
to be equal here.
"""

import numpy as np
import pytest

from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.solver import Solver
from ece662.training.callbacks import Callback

torch = pytest.importorskip("torch")

from benchmarks.torch_nets import fully_connected  # noqa: E402 (it imports torch)

N, IMAGE_SHAPE, CLASSES = 7, (3, 4, 5), 6
INPUT_DIM = int(np.prod(IMAGE_SHAPE))
NORMALIZATIONS = [None, "batchnorm", "layernorm"]

# For each rule of ours: torch's optimizer, and its arguments for the same settings.
OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {}, {}),
    "sgd_momentum": (torch.optim.SGD, {"momentum": 0.8}, {"momentum": 0.8}),
    "rmsprop": (torch.optim.RMSprop, {"decay_rate": 0.95}, {"alpha": 0.95}),
    "adam": (
        torch.optim.Adam,
        {"beta1": 0.8, "beta2": 0.99, "epsilon": 1e-6},
        {"betas": (0.8, 0.99), "eps": 1e-6},
    ),
}


class SameMask(torch.nn.Module):
    """Dropout that draws the mask ece662 draws for the same seed."""

    def __init__(self, keep, seed):
        super().__init__()
        self.keep, self.seed = keep, seed

    def forward(self, x):
        np.random.seed(self.seed)
        kept = np.random.rand(*x.shape) < self.keep
        return x * torch.tensor(kept / self.keep)


def twin(model, *, hidden_dims, keep=1.0, seed=None):
    """Return torch's float64 net with the weights of `model`."""
    normalization = getattr(model, "normalization", None)
    net = fully_connected(
        INPUT_DIM, hidden_dims, CLASSES, normalization=normalization, dropout=keep
    ).double()
    for i, layer in enumerate(net):
        if isinstance(layer, torch.nn.Dropout):
            net[i] = SameMask(keep, seed)
    with torch.no_grad():
        for name, parameter in named_parameters(net).items():
            parameter.copy_(torch.tensor(model.params[name].T))  # theirs is (M, D)
    return net


def named_parameters(net):
    """Return torch's parameters under our names; torch's W are transposed."""
    affines = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    others = [layer for layer in net if hasattr(layer, "weight")]
    norms = [layer for layer in others if layer not in affines]
    named = {}
    for i, affine in enumerate(affines, start=1):
        named |= {f"W{i}": affine.weight, f"b{i}": affine.bias}
    for i, norm in enumerate(norms, start=1):
        named |= {f"gamma{i}": norm.weight, f"beta{i}": norm.bias}
    return named


def batches(count):
    rng = np.random.default_rng(3)
    X = rng.standard_normal((count, N, *IMAGE_SHAPE))
    y = rng.integers(CLASSES, size=(count, N))
    return X, y


def torch_loss(net, X, y):
    return torch.nn.functional.cross_entropy(net(torch.tensor(X)), torch.tensor(y))


def assert_close(ours, theirs, what):
    """Compare at 1e-8 of the largest value: single entries may be rounding only."""
    theirs = theirs.detach().numpy().T
    assert ours.shape == theirs.shape, what
    error = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
    assert error < 1e-8, f"{what} differs by {error:.1e} of its largest value"


def assert_same_gradients(model, net):
    [X], [y] = batches(1)
    loss, grads = model.loss(X, y)
    expected = torch_loss(net, X, y)
    expected.backward()
    named = named_parameters(net)
    assert loss == pytest.approx(expected.item(), rel=1e-10)
    assert grads.keys() == named.keys()
    for name, gradient in grads.items():
        if is_cancelled_bias(name, model):
            assert np.max(np.abs(gradient)) < 1e-12
        else:
            assert_close(gradient, named[name].grad, f"the gradient of {name}")


def is_cancelled_bias(name, model):
    """Batchnorm takes off whatever the bias before it adds: its gradient is zero."""
    hidden = name != f"b{getattr(model, 'num_layers', 0)}"
    batchnorm = getattr(model, "normalization", None) == "batchnorm"
    return batchnorm and name.startswith("b") and name[1:].isdigit() and hidden


def test_two_layer_net_agrees_with_torch():
    np.random.seed(0)
    model = TwoLayerNet(INPUT_DIM, 9, CLASSES, weight_scale=0.3)
    assert_same_gradients(model, twin(model, hidden_dims=[9]))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("keep", [1.0, 0.6])
def test_fully_connected_net_agrees_with_torch(normalization, keep):
    np.random.seed(1)
    model = FullyConnectedNet(
        [11, 9, 8],
        INPUT_DIM,
        CLASSES,
        dropout=keep,
        normalization=normalization,
        weight_scale=0.3,
        dtype=np.float64,
        seed=123,
    )
    net = twin(model, hidden_dims=[11, 9, 8], keep=keep, seed=123)
    assert_same_gradients(model, net)


class Recorder(FullyConnectedNet, Callback):
    """A net that keeps the minibatches it is trained on, and its last weights."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.minibatches = []

    def loss(self, X, y=None):
        if y is not None:
            self.minibatches.append((X, y))
        return super().loss(X, y)

    def on_train_end(self, solver):
        self.last_params = {name: w.copy() for name, w in self.params.items()}


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_solver_trains_as_torch_does(rule, normalization):
    optimizer_class, ours, theirs = OPTIMIZERS[rule]
    hidden_dims = [11, 9]
    np.random.seed(2)
    model = Recorder(
        hidden_dims,
        INPUT_DIM,
        CLASSES,
        normalization=normalization,
        weight_scale=0.1,
        dtype=np.float64,
    )
    net = twin(model, hidden_dims=hidden_dims)
    X, y = batches(10)
    solver = Solver(
        model,
        {"X_train": np.concatenate(X), "y_train": np.concatenate(y)}
        | {"X_val": X[0], "y_val": y[0]},
        update_rule=rule,
        optim_config={"learning_rate": 1e-3, **ours},
        batch_size=N,
        num_epochs=2,
        verbose=False,
        callbacks=[model],
    )
    solver.train()

    optimizer = optimizer_class(net.parameters(), lr=1e-3, **theirs)
    expected = []
    for X, y in model.minibatches:
        optimizer.zero_grad()
        loss = torch_loss(net, X, y)
        loss.backward()
        optimizer.step()
        expected.append(loss.item())

    assert len(expected) == 20
    np.testing.assert_allclose(solver.loss_history, expected, rtol=1e-8)
    for name, parameter in named_parameters(net).items():
        if not is_cancelled_bias(name, model):
            assert_close(model.last_params[name], parameter, name)
