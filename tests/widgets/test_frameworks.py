"""Training in PyTorch and TensorFlow: the same dials, and the steps of our own nets."""

import importlib
import threading
from functools import partial

import numpy as np
import pytest

from ece662.classifiers.cnn import ThreeLayerConvNet
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.solver import Solver
from ece662.widgets import hyperparameter_search, training_dashboard
from ece662.widgets._search import try_settings
from ece662.widgets._settings import LEARNING_RATES, NETS, Settings, call_of, nets_of
from ece662.widgets.training import TrainingDashboard
from tests.limits import wait_until

FRAMEWORKS = ("torch", "tensorflow")


@pytest.fixture(autouse=True)
def _own_dashboard(monkeypatch):
    monkeypatch.setattr(TrainingDashboard, "_latest", None)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    pytest.importorskip(request.param)
    return request.param


@pytest.fixture
def notebook(framework, data):
    """The names that Q5 has, and a network of the student's."""
    names = {"np": np, "data": data}
    if framework == "torch":
        from torch import nn, optim

        names |= vars(importlib.import_module("ece662.frameworks.torch_tools"))
        names |= {"torch": importlib.import_module("torch"), "nn": nn, "optim": optim}
    else:
        from tensorflow import keras

        names |= vars(importlib.import_module("ece662.frameworks.tf_tools"))
        names |= {"keras": keras}
    own = f"small_{framework}_net"
    return names | {own: globals()[own]}


def small_torch_net(filters):
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, filters, 4, stride=4),
        nn.BatchNorm2d(filters),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * filters, 6),
    )


def small_tensorflow_net(filters):
    """A model that draws its weights at the first picture."""
    from tensorflow import keras

    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(filters, 4, strides=4),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(6),
        ]
    )


def unfinished_net(*sizes):
    return None


@pytest.mark.parametrize(
    "settings",
    [
        Settings(epochs=2, rule="sgd_momentum", dropout=0.6, normalization="batchnorm"),
        Settings(epochs=1, net="3 layers, convolution first", pictures=300, reg=0.01),
        Settings(epochs=2, net="mine", rule="adam", learning_rate=1e-3, batch_size=50),
    ],
)
def test_as_code_repeats_the_run(data, framework, notebook, settings):
    networks = {"mine": partial(globals()[f"small_{framework}_net"], filters=4)}
    nets = nets_of(framework)
    solver = nets.build_solver(settings, data, networks=networks)
    solver.train()
    code = nets.as_code(settings, data, networks)
    assert code.count("num_epochs") == 1
    exec(code.replace("num_epochs", "verbose=False, num_epochs"), notebook, notebook)
    again = notebook["solver"]
    assert len(again.loss_history) == solver.num_iterations > 2
    assert again.loss_history == pytest.approx(solver.loss_history, rel=1e-5)
    assert again.val_acc_history == solver.val_acc_history
    assert solver.loss_history[-1] < solver.loss_history[0]


def numpy_twin(network, settings, classes):
    """Return our own net with a network's weights, whatever the order of its axes."""
    if settings.takes_layers:
        twin = FullyConnectedNet(
            list(NETS[settings.net]), num_classes=classes, reg=settings.reg
        )
    else:
        twin = ThreeLayerConvNet(
            num_filters=16, filter_size=5, num_classes=classes, reg=settings.reg
        )
    torch = hasattr(network, "parameters")
    values = network.parameters() if torch else network.trainable_weights
    values = [value.detach().numpy() if torch else value.numpy() for value in values]
    for i, (W, b) in enumerate(zip(values[::2], values[1::2], strict=True), start=1):
        if torch:
            W = W.T if W.ndim == 2 else W
        elif W.ndim == 4:
            W = W.transpose(3, 2, 0, 1)
        twin.params[f"W{i}"] = np.array(W, order="C")
        twin.params[f"b{i}"] = np.array(b)
    if not torch:  # its rows have the channels last
        name = "W1" if settings.takes_layers else "W2"
        shape = (32, 32, 3, -1) if settings.takes_layers else (16, 16, 16, -1)
        W = twin.params[name]
        rows = W.reshape(shape).transpose(2, 0, 1, 3)
        twin.params[name] = rows.reshape(W.shape).copy()
    return twin


@pytest.mark.parametrize("rule", ["sgd", "sgd_momentum", "rmsprop", "adam"])
def test_rules_take_the_steps_of_our_own(data, framework, rule):
    rate = LEARNING_RATES[rule]
    settings = Settings(
        rule=rule, learning_rate=rate, weight_scale=0.03, reg=0.02, epochs=2
    )
    compare_with_numpy(data, framework, settings)


def test_convolution_takes_the_steps_of_our_own(data, framework):
    settings = Settings(
        net="3 layers, convolution first", weight_scale=0.05, epochs=1, pictures=300
    )
    compare_with_numpy(data, framework, settings)


def compare_with_numpy(data, framework, settings):
    solver = nets_of(framework).build_solver(settings, data)
    twin = numpy_twin(solver.model.network, settings, classes=6)
    scale = data["X_train"][: settings.pictures].std()
    scaled = {k: v / scale if k[0] == "X" else v for k, v in data.items()}
    scaled |= {k: scaled[k][: settings.pictures] for k in ("X_train", "y_train")}
    np.random.seed(231)
    other = Solver(
        twin,
        scaled,
        update_rule=settings.rule,
        optim_config={"learning_rate": settings.learning_rate},
        batch_size=settings.batch_size,
        num_epochs=settings.epochs,
        verbose=False,
    )
    # The same batches: those of the Solver's own generator, begun alike.
    solver._rng.set_state(other._rng.get_state())
    solver.train()
    other.train()
    # Adam divides small gradients by small numbers, so that rounding grows; another
    # momentum, epsilon or regularisation would change the losses by a percent or more.
    assert solver.loss_history == pytest.approx(other.loss_history, rel=1e-3)
    assert solver.loss_history[-1] < 0.99 * solver.loss_history[0]


@pytest.mark.parametrize(
    ("net", "norm"),
    [("3 layers", None), ("5 layers", "layernorm")]
    + [(net, "batchnorm") for net in NETS if net != "5 layers"],
)
def test_build_solver_knows_every_network(data, framework, net, norm):
    settings = Settings(net=net, normalization=norm, dropout=0.5)
    solver = nets_of(framework).build_solver(settings, data)
    X = data["X_val"][:2]
    scores = solver.model.loss(X)
    assert scores.shape == (2, 6)
    assert np.array_equal(solver.model.loss(X), scores)  # no dropout in use


def test_dashboard_runs_a_network_of_the_students(data, framework):
    networks = {"mine": partial(globals()[f"small_{framework}_net"], 4)}
    board = training_dashboard(data, framework, networks, epochs=1)
    run = board.run(net="mine", rule="adam", learning_rate=1e-2)
    assert run.status == "finished"
    assert run.best > 0.3
    assert "Run 1 (mine, adam 0.01, batch 100)" in board.text
    assert f"model = small_{framework}_net(4)" in board.code.value


def test_latest_version_of_a_network_runs(data, framework, monkeypatch):
    name = f"small_{framework}_net"
    board = training_dashboard(
        data, framework, {"mine": partial(globals()[name], 4)}, net="mine", epochs=1
    )
    first = board.run()
    monkeypatch.setitem(globals(), name, partial(globals()[name], filters=5).func)
    assert board.run().loss == pytest.approx(first.loss)
    monkeypatch.setitem(globals(), name, unfinished_net)
    assert board.run().status == "failed"


def test_unfinished_network_gives_a_friendly_line(data, framework):
    networks = {"mine": partial(unfinished_net, 1, 2), "plain": unfinished_net}
    board = training_dashboard(data, framework, networks, net="mine")
    assert board.run().status == "failed"
    said = "Run 1 failed. unfinished_net returns None so far: an exercise to finish."
    assert said in board.text


@pytest.mark.parametrize("empty", ["nothing", "layers only"])
def test_network_without_a_forward_pass_gives_a_friendly_line(data, empty):
    """What the emptied exercise of Q5 does."""
    torch = pytest.importorskip("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            if empty == "layers only":
                self.layer = torch.nn.Linear(2, 2)

        def forward(self, x):
            return None

    module = importlib.import_module(__name__)
    module.Net = Net
    try:
        board = training_dashboard(data, "torch", {"mine": Net}, net="mine")
        board.run()
    finally:
        del module.Net
    assert "Net returns None so far: an exercise to finish" in board.text


def test_start_and_stop_in_the_background(data, framework):
    board = training_dashboard(data, framework, epochs=30)
    run = board.start()
    wait_until(lambda: run.iteration)
    board.buttons["stop"].click()
    wait_until(lambda: not trainings())
    assert run.status == "stopped"
    assert run.iteration < run.iterations


def trainings():
    """The threads that train."""
    return [t for t in threading.enumerate() if t.name == "ece662 training"]


def test_diverging_run_says_so(data, framework):
    board = training_dashboard(data, framework, net="8 layers", epochs=1)
    run = board.run(learning_rate=10.0, weight_scale=1.0)
    assert (run.status, run.error) == ("diverged", "")


def test_run_leaves_the_notebooks_random_numbers_alone(data):
    torch = pytest.importorskip("torch")
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(1, generator=torch.Generator().manual_seed(5)).item()
    training_dashboard(data, "torch", epochs=1).run(dropout=0.5)
    assert torch.rand(1).item() == expected
    assert np.random.rand() == np.random.RandomState(5).rand()


def test_runs_of_another_framework_or_a_lost_network_are_not_taken_over(data):
    pytest.importorskip("torch")
    networks = {"mine": partial(small_torch_net, 4)}
    board = training_dashboard(data, "torch", networks, epochs=1)
    board.run(net="mine")
    board.run(net="2 layers")
    again = training_dashboard(data, "torch", networks)
    assert [run.number for run in again.runs] == [1, 2]
    assert [run.number for run in training_dashboard(data, "torch").runs] == [2]
    assert training_dashboard(data).runs == []


@pytest.mark.parametrize(
    ("framework", "networks", "said"),
    [
        ("jax", {}, r"expected one of \['numpy', 'torch', 'tensorflow'\], got 'jax'"),
        ("numpy", {"mine": unfinished_net}, "need framework torch or tensorflow"),
        ("torch", {"mine": lambda: None}, "expected as a network a class"),
    ],
)
def test_training_dashboard_refuses(data, framework, networks, said):
    with pytest.raises(ValueError, match=said):
        training_dashboard(data, framework, networks)


def test_call_of_writes_what_it_makes():
    call, place = call_of(partial(dict, [("a", 1)], b="x"))
    assert call.make(place) == {"a": 1, "b": "x"}
    assert call.write() == "dict([('a', 1)], b='x')"
    assert call_of(dict)[0].write("nn", "first") == "nn.dict(first)"


def test_try_settings_trains_in_a_framework(data, framework):
    settings = Settings(net="2 layers", epochs=2, rule="adam", learning_rate=1e-3)
    accuracy, seconds, error = try_settings(settings, data, framework)
    assert error == ""
    assert accuracy > 0.3
    assert seconds > 0


def test_search_in_torch(data):
    pytest.importorskip("torch")
    board = hyperparameter_search(
        data, framework="torch", trials=2, epochs=1, pictures=500, cores=1
    )
    board.run()
    assert [trial.error for trial in board.search.trials] == ["", ""]
    assert "nn.Linear(3072, 100)" in board.code.value
