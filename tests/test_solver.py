"""The Solver: it learns, it watches itself, it stops and goes on."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from ece662 import optim
from ece662.classifiers.fc_net import FullyConnectedNet, TwoLayerNet
from ece662.solver import DivergenceWarning, Solver
from ece662.training.callbacks import Callback
from ece662.training.checkpoint import load_checkpoint, save_checkpoint
from tests.limits import WAIT, wait_until

D, C = 12, 3


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    X = rng.randn(260, D)
    y = (X @ rng.randn(D, C)).argmax(axis=1)
    return {"X_train": X[:200], "y_train": y[:200], "X_val": X[200:], "y_val": y[200:]}


def build(seed=1, **arguments):
    """A net with all that training must carry over: dropout, running averages."""
    np.random.seed(seed)
    arguments = {"dropout": 0.8, "normalization": "batchnorm"} | arguments
    return FullyConnectedNet(
        [16], input_dim=D, num_classes=C, weight_scale=0.1, **arguments
    )


def quiet(model, data, **arguments):
    defaults = {"num_epochs": 4, "batch_size": 25, "verbose": False}
    return Solver(model, data, **defaults | arguments)


class StopAt(Callback):
    """Call something once a given iteration is done."""

    def __init__(self, iteration, action):
        self.iteration, self.action = iteration, action

    def on_batch_end(self, solver):
        if solver.iteration == self.iteration:
            self.action(solver)


def interrupt(solver):
    raise KeyboardInterrupt


def same_run(one, other):
    for name in ("loss_history", "train_acc_history", "val_acc_history"):
        assert getattr(one, name) == getattr(other, name)
    assert one.best_val_acc == other.best_val_acc
    for name, value in one.model.state_dict().items():
        np.testing.assert_array_equal(value, other.model.state_dict()[name])
    for name, value in one.best_params.items():
        np.testing.assert_array_equal(value, other.best_params[name])


@pytest.mark.parametrize("rule", optim.__all__)
def test_training_learns_with_every_rule(data, rule):
    rate = {"rmsprop": 1e-2, "adam": 1e-2}.get(rule, 1e-1)
    solver = quiet(
        build(dropout=1),
        data,
        update_rule=rule,
        optim_config={"learning_rate": rate},
        num_epochs=15,
    )
    solver.train()
    assert len(solver.loss_history) == 15 * 8
    assert len(solver.train_acc_history) == len(solver.val_acc_history) == 16
    assert solver.best_val_acc > 0.8
    assert solver.stop_reason == "finished"


def test_model_ends_with_its_best_parameters_and_statistics(data):
    solver = quiet(build(), data, optim_config={"learning_rate": 0.5}, num_epochs=8)
    solver.train()
    assert solver.best_val_acc == max(solver.val_acc_history)
    accuracy = solver.check_accuracy(data["X_val"], data["y_val"])
    assert accuracy == solver.best_val_acc
    for name, value in solver.best_params.items():
        np.testing.assert_array_equal(solver.model.params[name], value)


def test_an_epoch_shows_every_image_once(data):
    seen = []

    class Watching(TwoLayerNet):
        def loss(self, X, y=None):
            if y is not None:
                seen.append(X[:, 0])
            return super().loss(X, y)

    solver = quiet(Watching(D, 4, C), data, num_epochs=2)
    solver.train()
    first = np.concatenate(seen[:8])
    np.testing.assert_array_equal(np.sort(first), np.sort(data["X_train"][:, 0]))
    assert not np.array_equal(first, np.concatenate(seen[8:]))


def test_same_seed_same_run(data):
    runs = []
    for _ in range(2):
        model = build(seed=4)
        solver = quiet(model, data)
        solver.train()
        runs.append(solver)
    same_run(*runs)


def test_a_seed_in_dropout_does_not_decide_the_batches(data):
    first_batches = []

    class Watching(FullyConnectedNet):
        def loss(self, X, y=None):
            if y is not None:
                first_batches.append(X[0, 0])
            return super().loss(X, y)

    model = Watching([4], input_dim=D, num_classes=C, dropout=0.5, seed=123)
    quiet(model, data, num_epochs=3).train()
    assert len(set(first_batches[::8])) == 3


def test_learning_rate_decays_after_each_epoch(data):
    solver = quiet(build(), data, optim_config={"learning_rate": 1.0}, lr_decay=0.5)
    solver.train()
    rates = {config["learning_rate"] for config in solver.optim_configs.values()}
    assert rates == {0.5**4}


def test_a_function_serves_as_update_rule(data):
    calls = []

    def still(w, dw, config=None):
        calls.append(w.shape)
        return w, config or {}

    solver = quiet(build(), data, update_rule=still, num_epochs=1)
    before = solver.model.state_dict()["W1"]
    solver.train()
    assert (D, 16) in calls
    np.testing.assert_array_equal(solver.model.params["W1"], before)


def clipped_sgd(w, dw, config=None):
    """Shorten a gradient that is longer than 1: a rule that sees the whole array."""
    config = config or {}
    next_w = w - 0.1 * dw / max(1.0, float(np.linalg.norm(dw)))
    return next_w, config


def by_rank(w, dw, config=None):
    """Move each weight by its rank among all of them."""
    ranks = dw.reshape(-1).argsort().argsort().reshape(dw.shape)
    return w - ranks / dw.size, config or {}


@pytest.mark.parametrize("rule", [clipped_sgd, by_rank])
@pytest.mark.parametrize("name", ["sgd", None])
def test_a_rule_gets_the_whole_parameter_once_a_step(monkeypatch, rule, name):
    """By name, as a student's own rule in optim.py, or as a function."""
    calls = []

    def watched(w, dw, config=None):
        next_w, config = rule(w, dw, config)
        calls.append((w.copy(), dw.copy(), next_w))
        return next_w, config

    watched.__module__ = optim.__name__
    monkeypatch.setattr(optim, "sgd", watched)
    rng = np.random.RandomState(0)
    data = {"X_train": rng.randn(20, 500), "y_train": rng.randint(C, size=20)}
    data |= {"X_val": data["X_train"], "y_val": data["y_train"]}
    np.random.seed(0)
    model = TwoLayerNet(500, 160, C, weight_scale=0.1)  # W1 has 80,000 weights
    solver = quiet(model, data, update_rule=name or watched, num_epochs=1)
    [before] = [w.copy() for key, w in model.params.items() if key == "W1"]
    solver.train()
    assert [w.shape for w, _, _ in calls] == [w.shape for w in model.params.values()]
    w, dw, next_w = calls[0]
    np.testing.assert_array_equal(w, before)
    np.testing.assert_array_equal(next_w, rule(w, dw)[0])
    np.testing.assert_array_equal(solver._latest_state["W1"], next_w)


def keyword_only(w, dw, *, config=None):
    return w - 0.1 * dw, config


@pytest.mark.parametrize(
    "rule",
    [
        keyword_only,
        lambda w, dw: (w - 0.1 * dw, {}),
        functools.partial(optim.sgd, config={"learning_rate": 0.1}),
        functools.partial(optim.sgd, None),
        type("Rule", (), {}),
    ],
)
def test_a_rule_of_other_arguments_is_refused_before_training(data, rule):
    with pytest.raises(ValueError, match=r"is called as rule\(w, dw, config\), got"):
        quiet(build(), data, update_rule=rule)


@pytest.mark.parametrize(
    "rule",
    [
        lambda w, dw, config: (w - 0.1 * dw, config),
        lambda *args: (args[0] - 0.1 * args[1], {}),
        functools.partial(optim.sgd),
    ],
)
def test_a_rule_may_name_its_arguments_as_it_likes(data, rule):
    solver = quiet(build(), data, update_rule=rule, num_epochs=1)
    solver.train()
    assert solver.stop_reason == "finished"


@pytest.mark.parametrize("callbacks", [None, 5, [3], "ab", [Callback], [print]])
def test_what_is_no_callback_is_refused_before_training(data, callbacks):
    with pytest.raises(ValueError, match="callbacks must be"):
        quiet(build(), data, callbacks=callbacks)


def test_a_rule_may_change_w_in_place(data):
    def hasty(w, dw, config):
        w -= 0.1 * dw
        return w, config

    model = build()
    held, before = model.params["W1"], model.params["W1"].copy()
    solver = quiet(model, data, update_rule=hasty)
    solver.train()
    same = quiet(build(), data, optim_config={"learning_rate": 0.1})
    same.train()
    assert solver.loss_history == same.loss_history
    np.testing.assert_array_equal(held, before)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda w, dw, config: w - dw, r"\(next_w, config\), got ndarray \(12, 16\)"),
        (lambda w, dw, config: (None, config), r"got \(None, dict\) for W1"),
        (lambda w, dw, config: None, "got None for W1"),
        (lambda w, dw, config: (w.sum(), config), r"\(12, 16\), got \(\)"),
        (lambda w, dw, config: (w, None), "its config, a dict, .* W1, got None"),
    ],
)
def test_what_a_rule_owes_is_named(data, rule, message):
    with pytest.raises(ValueError, match=message):
        quiet(build(), data, update_rule=rule).train()


def test_float32_net_stays_float32(data):
    model = build()
    config = {"learning_rate": np.float64(1e-2)}
    solver = quiet(
        model, data, update_rule="adam", optim_config=config, lr_decay=np.float64(0.9)
    )
    solver.train()
    memory = [v for c in solver.optim_configs.values() for v in c.values()]
    arrays = [*model.params.values()]
    arrays += [m for m in memory if isinstance(m, np.ndarray)]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}


def test_arrays_held_by_others_do_not_change(data):
    model = build()
    held = model.params["W1"]
    before = held.copy()
    quiet(model, data).train()
    np.testing.assert_array_equal(held, before)


def test_fewer_images_than_a_batch(data):
    few = data | {"X_train": data["X_train"][:7], "y_train": data["y_train"][:7]}
    solver = quiet(build(), few, num_epochs=3)
    solver.train()
    assert len(solver.loss_history) == 3


def test_log_lines_are_the_courses(data, capsys):
    Solver(build(), data, num_epochs=2, batch_size=50, print_every=3).train()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("(Epoch 0 / 2) train acc: 0.")
    assert lines[1].startswith("(Iteration 1 / 8) loss: 1.")
    assert [line.split(")")[0] for line in lines[2:]] == [
        "(Iteration 4 / 8",
        "(Epoch 1 / 2",
        "(Iteration 7 / 8",
        "(Epoch 2 / 2",
    ]


def test_quiet_run_prints_nothing(data, capsys):
    quiet(build(), data).train()
    assert capsys.readouterr() == ("", "")


def test_check_accuracy_counts_hits(data):
    model = TwoLayerNet(D, 4, C)
    model.params["W1"][:] = 0
    model.params["b2"][:] = [0, 1, 0]
    solver = quiet(model, data)
    y = np.array([1, 1, 0, 2, 1])
    assert solver.check_accuracy(data["X_val"][:5], y, batch_size=2) == 0.6
    subset = solver.check_accuracy(data["X_val"][:5], y, num_samples=1)
    assert subset in (0.0, 1.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_divergence_stops_and_says_where_and_why(data, bad):
    data["X_train"] = data["X_train"].copy()
    data["X_train"][17, 0] = bad
    solver = quiet(TwoLayerNet(D, 4, C), data, optim_config={"learning_rate": 0.25})
    with (
        np.errstate(all="ignore"),
        pytest.warns(DivergenceWarning, match=r"iteration \d of 32: .*0\.25.*gradient"),
    ):
        solver.train()
    assert solver.stop_reason == "diverged"
    assert solver.iteration == len(solver.loss_history) < 8
    assert all(np.isfinite(v).all() for v in solver.model.params.values())


def test_stop_ends_after_the_step_in_hand(data):
    solver = quiet(build(), data, callbacks=[StopAt(5, lambda s: s.stop())])
    solver.train()
    assert (solver.iteration, solver.stop_reason) == (5, "stopped")
    solver.callbacks.clear()
    solver.train()
    whole = quiet(build(), data)
    whole.train()
    same_run(solver, whole)


def test_stop_from_another_thread(data):
    solver = quiet(build(), data, num_epochs=10**6)
    training = threading.Thread(target=solver.train)
    training.start()
    wait_until(lambda: solver.iteration >= 3, "the third iteration")
    solver.stop()
    training.join(timeout=WAIT)
    assert not training.is_alive()
    assert solver.stop_reason == "stopped"


def test_interrupt_keeps_what_was_learnt(data):
    solver = quiet(build(), data, callbacks=[StopAt(20, interrupt)])
    with pytest.raises(KeyboardInterrupt):
        solver.train()
    assert solver.stop_reason == "interrupted"
    assert len(solver.loss_history) == 20
    np.testing.assert_array_equal(solver.model.params["W1"], solver.best_params["W1"])
    solver.train()
    assert solver.iteration == 32


@pytest.fixture
def python_answers_interrupts():
    """Python's usual handler, which a test run in the background does not have."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.posix
@pytest.mark.usefixtures("python_answers_interrupts")
def test_interrupt_signal_waits_for_the_step(data, tmp_path):
    """A signal in the middle of `loss` leaves a checkpoint that resumes to the bit."""

    class Slow(FullyConnectedNet):
        calls = 0

        def loss(self, X, y=None):
            self.calls += y is not None
            if self.calls == 13:
                self.calls += 1
                os.kill(os.getpid(), signal.SIGINT)
            return super().loss(X, y)

    def build_slow():
        np.random.seed(1)
        return Slow([16], input_dim=D, num_classes=C, weight_scale=0.1, dropout=0.8)

    solver = quiet(build_slow(), data, checkpoint_name=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        solver.train()
    assert solver.iteration == 13
    again = build_slow()
    again.calls = 100
    resumed = Solver.resume(tmp_path / "run", again, data, verbose=False)
    assert resumed.iteration == 13
    resumed.train()
    whole = quiet(build_slow(), data)
    whole.model.calls = 100
    whole.train()
    same_run(resumed, whole)


@pytest.mark.parametrize("rule", ["sgd_momentum", "adam"])
@pytest.mark.parametrize("iteration", [8, 11, 32])
def test_resume_goes_on_to_the_bit(data, tmp_path, rule, iteration):
    settings = {
        "update_rule": rule,
        "lr_decay": 0.9,
        "num_train_samples": 50,
        "num_val_samples": 20,
    }
    whole = quiet(build(), data, **settings)
    whole.train()

    part = quiet(
        build(),
        data,
        **settings,
        checkpoint_name=tmp_path / "run",
        callbacks=[StopAt(iteration, lambda s: s.stop())],
    )
    part.train()
    np.random.seed(99)  # whatever happened in between
    resumed = Solver.resume(tmp_path / "run", build(seed=5), data, verbose=False)
    assert resumed.iteration == iteration
    resumed.train()
    same_run(resumed, whole)


def test_resume_can_go_on_longer(data, tmp_path):
    short = quiet(build(), data, num_epochs=2, checkpoint_name=tmp_path / "run")
    short.train()
    longer = Solver.resume(tmp_path / "run", build(), data, num_epochs=4, verbose=False)
    longer.train()
    whole = quiet(build(), data, num_epochs=4)
    whole.train()
    same_run(longer, whole)


def test_resume_refuses_other_data_and_other_models(data, tmp_path):
    quiet(build(), data, checkpoint_name=tmp_path / "run").train()
    other = data | {"X_train": data["X_train"] + 1}
    with pytest.raises(ValueError, match="other data: expected"):
        Solver.resume(tmp_path / "run", build(), other)
    with pytest.raises(ValueError, match="expected the parameters"):
        Solver.resume(tmp_path / "run", build(normalization=None), data)
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        Solver.resume(tmp_path / "none", build(), data)


TRAIN_FOREVER = """
    import sys, numpy as np
    from ece662.classifiers.fc_net import FullyConnectedNet
    from ece662.solver import Solver
    rng = np.random.RandomState(0)
    X, y = rng.randn(400, 300), rng.randint(3, size=400)
    data = dict(X_train=X, y_train=y, X_val=X[:50], y_val=y[:50])
    np.random.seed(1)
    model = FullyConnectedNet([64], 300, 3, dropout=0.8, normalization="batchnorm")
    arguments = dict(update_rule="adam", num_epochs=int(sys.argv[2]))
    if sys.argv[3] == "resume":
        solver = Solver.resume(sys.argv[1], model, data, num_epochs=int(sys.argv[2]),
                               verbose=False)
    else:
        solver = Solver(model, data, **arguments, verbose=False,
                        checkpoint_name=sys.argv[1])
    solver.train()
    print(sum(solver.loss_history), sum(w.sum() for w in model.params.values()))
"""


@pytest.mark.slow
def test_kill_at_any_moment_loses_at_most_the_epoch_in_hand(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(TRAIN_FOREVER))

    def run(name, epochs, how):
        command = [sys.executable, str(script), str(tmp_path / name), str(epochs), how]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    for i, wait in enumerate((0.0, 0.05, 0.11)):
        process = run(f"run{i}", 10**6, "start")
        path = tmp_path / f"run{i}.npz"
        wait_until(path.exists, "a checkpoint")
        time.sleep(wait)
        process.kill()
        process.communicate()
        done = load_checkpoint(path)[1]["iteration"] // 4
        epochs = done + 3
        resumed = run(f"run{i}", epochs, "resume").communicate()[0]
        whole = run(f"whole{i}", epochs, "start").communicate()[0]
        assert resumed == whole != ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y_val": None}, r"must have \['y_val'\]"),
        ({"y_train": np.zeros(199, int)}, r"got \(200, 12\) and \(199,\)"),
        ({"y_train": np.zeros((200, 1), int)}, r"got \(200, 12\) and \(200, 1\)"),
        ({"y_train": np.zeros(200)}, "y_train must hold integers, got float64"),
        ({"y_val": np.full(60, 3)}, "between 0 and 2 .* 3 classes, got 3 to 3"),
        ({"y_train": np.full(200, -1)}, "got -1 to -1"),
        (
            {"X_val": np.zeros((0, D)), "y_val": np.zeros(0, int)},
            r"val set must not be empty, got \(0, 12\)",
        ),
        ({"X_train": np.zeros((200, 5))}, r"\(5, M\) for x of shape \(1, 5\)"),
    ],
)
def test_bad_data_is_named(data, change, said):
    data = {k: v for k, v in (data | change).items() if v is not None}
    with pytest.raises(ValueError, match=said):
        quiet(build(), data)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"update_rule": "adamw"}, r"one of \['adam', .*got 'adamw'"),
        ({"update_rule": "np"}, "got 'np'"),
        ({"optim_config": {"lr": 1e-3}}, r"got \['lr'\]"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1 on, got 0"),
        ({"num_epochs": 1.5}, "num_epochs .* got 1.5"),
        ({"num_epochs": np.nan}, "num_epochs .* got nan"),
        ({"num_epochs": np.inf}, "num_epochs .* got inf"),
        ({"num_epochs": None}, "num_epochs .* got None"),
        ({"batch_size": "100"}, "batch_size .* got '100'"),
        ({"batch_size": True}, "batch_size .* got True"),
        ({"batch_size": np.array([5])}, r"batch_size .* got array\(\[5\]\)"),
        ({"print_every": 0}, "print_every .* from 1 on, got 0"),
        ({"num_train_samples": 0}, "num_train_samples .* got 0; None takes all"),
        ({"num_val_samples": 0}, "num_val_samples .* got 0; None takes all"),
        ({"num_val_samples": -3}, "num_val_samples .* got -3"),
        ({"num_val_samples": np.bool_(True)}, "num_val_samples .* got np.True_"),
        ({"lr_decay": 0}, "lr_decay must be a positive number, got 0"),
        ({"lr_decay": "0.9"}, "lr_decay .* got '0.9'"),
        ({"lr_decay": np.nan}, "lr_decay .* got nan"),
        ({"lr_decay": True}, "lr_decay .* got True"),
        ({"lr_decay": None}, "lr_decay .* got None"),
        ({"update_rule": None}, "or a function .* got None"),
        ({"update_rule": ["adam"]}, r"got \['adam'\]"),
        ({"optim_config": 1e-3}, "optim_config must be a dict, got float"),
        ({"optim_config": {"learning_rate": "1e-3"}}, "must be a number, got '1e-3'"),
        ({"optim_config": {"learning_rate": None}}, "must be a number, got None"),
        ({"optim_config": {"beta1": np.inf}}, "must be a number, got inf"),
        ({"checkpoint_name": ""}, "must be a path, got ''"),
        ({"checkpoint_name": 7}, "must be a path, got 7"),
        ({"checkpoint_name": "~nobody-of-that-name/run"}, "must be a path, got '~nob"),
    ],
)
def test_bad_settings_are_named(data, arguments, said):
    with pytest.raises(ValueError, match=said):
        quiet(build(), data, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_train_samples": np.int64(50), "num_val_samples": np.int32(20)},
        {"batch_size": np.int64(25), "num_epochs": np.uint8(2)},
        {"batch_size": 25.0, "print_every": np.float32(3)},
        {"batch_size": np.array(25), "lr_decay": np.array(0.9)},
        {"lr_decay": np.float32(0.9), "optim_config": {"learning_rate": np.float32(1)}},
        {"optim_config": {"learning_rate": np.array(0.1)}, "lr_decay": 1},
        {"batch_size": 10**6, "num_train_samples": 10**6, "num_val_samples": 10**6},
        {"verbose": np.bool_(False)},
    ],
)
def test_numpys_numbers_serve_as_settings(data, tmp_path, arguments):
    """Up to the checkpoint, whose writer is the last to see them, and a resume."""
    arguments = {"num_epochs": 2, "checkpoint_name": tmp_path / "run"} | arguments
    whole = quiet(build(), data, **arguments)
    whole.train()
    assert whole.epoch == 2
    assert {w.dtype for w in whole.model.params.values()} == {np.dtype("float32")}
    resumed = Solver.resume(tmp_path / "run", build(seed=5), data, verbose=False)
    resumed.train()  # nothing is left to do: the model gets its best parameters
    same_run(resumed, whole)


class Clipped:
    """A rule that is an object."""

    def __init__(self, largest):
        self.largest = largest

    def __call__(self, w, dw, config=None):
        return clipped_sgd(w, np.clip(dw, -self.largest, self.largest), config)


@pytest.mark.parametrize(
    ("rule", "description"),
    [
        (functools.partial(optim.adam), "a partial of adam"),
        (functools.partial(functools.partial(clipped_sgd)), "a partial of clipped_sgd"),
        (lambda w, dw, config: clipped_sgd(w, dw, config), "<lambda>"),
        (Clipped(0.1), "an object of class Clipped"),
        (Clipped(0.1).__call__, "__call__"),
        (clipped_sgd, "clipped_sgd"),
    ],
)
def test_a_rule_of_ones_own_resumes_when_it_is_given_again(
    data, tmp_path, rule, description
):
    arguments = {"update_rule": rule, "lr_decay": 0.9, "optim_config": {"note": "mine"}}
    whole = quiet(build(), data, **arguments)
    whole.train()
    path = tmp_path / "run"
    quiet(build(), data, **arguments, num_epochs=2, checkpoint_name=path).train()
    with pytest.raises(ValueError, match=f"{description}: pass it again, as update_r"):
        Solver.resume(path, build(), data, verbose=False)
    resumed = Solver.resume(
        path, build(seed=5), data, update_rule=rule, num_epochs=4, verbose=False
    )
    resumed.train()
    same_run(resumed, whole)


def test_ones_own_adam_is_not_taken_for_the_packages(data, tmp_path):
    def adam(w, dw, config=None):
        return clipped_sgd(w, dw, config)

    path = tmp_path / "run"
    quiet(build(), data, update_rule=adam, checkpoint_name=path).train()
    with pytest.raises(ValueError, match="a function as its update rule, adam: pass"):
        Solver.resume(path, build(), data)
    quiet(build(), data, update_rule=optim.adam, checkpoint_name=path).train()
    assert Solver.resume(path, build(), data).update_rule is optim.adam


def test_what_a_rule_remembers_comes_back_from_a_checkpoint(data, tmp_path):
    def rule(w, dw, config=None):
        config.setdefault("norms", []).append(float(np.linalg.norm(dw)))
        config["t"] = np.int64(config.get("t", 0) + 1)
        config["small"] = np.bool_(config["norms"][-1] < 1)
        config["best"] = {"norm": min(config["norms"]), "ends": (1, 2.5)}
        config["last"] = dw
        return w - 0.1 * dw, config

    path = tmp_path / "run"
    config = {"betas": (0.9, [0.99])}
    solver = quiet(
        build(), data, update_rule=rule, optim_config=config, checkpoint_name=path
    )
    solver.train()
    resumed = Solver.resume(path, build(), data, update_rule=rule, verbose=False)
    for name, kept in resumed.optim_configs.items():
        assert kept.keys() == solver.optim_configs[name].keys()
        np.testing.assert_equal(kept, solver.optim_configs[name])
    assert resumed.optim_configs["W1"]["betas"] == (0.9, [0.99])


@pytest.mark.parametrize("value", [object(), {1: 2}, [np.zeros(2)], 1j, abs])
def test_what_a_checkpoint_cannot_keep_is_named_at_once(data, tmp_path, value):
    """At construction, or after the first step: not after an epoch."""

    def rule(w, dw, config=None):
        config["odd"] = value
        return w, config

    settings = {"update_rule": rule, "checkpoint_name": tmp_path / "run"}
    with pytest.raises(ValueError, match=r"got \w+ in optim_config\['odd'\]"):
        quiet(build(), data, **settings, optim_config={"odd": value})
    solver = quiet(build(), data, **settings)
    with pytest.raises(ValueError, match=r"got \w+ in optim_config\['odd'\]"):
        solver.train()
    assert solver.iteration == 1
    quiet(build(), data, update_rule=rule).train()  # without a checkpoint: no matter


def test_tilde_in_a_checkpoints_name_is_the_home_folder(data, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    whole = quiet(build(), data, checkpoint_name="~/runs/one")
    whole.train()
    assert (tmp_path / "home" / "runs" / "one.npz").is_file()
    assert os.listdir(tmp_path) == ["home"]
    resumed = Solver.resume("~/runs/one", build(), data, verbose=False)
    resumed.train()
    same_run(resumed, whole)


def test_a_place_that_cannot_be_written_to_is_named_at_construction(data, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.npz").mkdir()
    for name in ("file/run", "folder"):
        with pytest.raises(ValueError, match=r"no checkpoint can be written to .*npz"):
            quiet(build(), data, checkpoint_name=tmp_path / name)


def test_a_full_disk_does_not_end_training(data, tmp_path, monkeypatch):
    solver = quiet(build(), data, checkpoint_name=tmp_path / "run")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.warns(RuntimeWarning, match="not written, training goes on"):
        solver.train()
    assert solver.stop_reason == "finished"


def full_disk(file):
    raise OSError("no space left")


class Stepping:
    """A model that takes its steps itself, as those of PyTorch and Keras do."""

    def __init__(self):
        np.random.seed(1)
        self.net = TwoLayerNet(D, 8, C, weight_scale=0.1)
        self.steps, self.evaluations = 0, 0

    def loss(self, X, y=None):
        self.evaluations += y is not None
        return self.net.loss(X, y)

    def step(self, X, y):
        loss, grads = self.net.loss(X, y)
        for name, grad in grads.items():
            self.net.params[name] = self.net.params[name] - 0.5 * grad
        self.steps += 1
        return np.float32(loss)


class SteppingWithState(Stepping):
    def state_dict(self):
        return self.net.state_dict()

    def load_state_dict(self, state):
        self.net.load_state_dict(state)


@pytest.mark.parametrize("kind", [Stepping, SteppingWithState])
def test_a_model_with_step_is_stepped_and_loss_trains_nothing(data, kind):
    model = kind()
    solver = quiet(model, data, num_epochs=20)
    solver.train()
    assert model.steps == solver.iteration == len(solver.loss_history) == 160
    assert model.evaluations == 0
    assert solver.best_val_acc > 0.7
    if kind is SteppingWithState:
        accuracy = solver.check_accuracy(data["X_val"], data["y_val"])
        assert accuracy == solver.best_val_acc


def test_a_number_called_step_is_no_step(data):
    model = build()
    model.step = 0
    quiet(model, data, num_epochs=1).train()


@pytest.mark.parametrize(
    ("arguments", "useless"),
    [
        ({"update_rule": "adam"}, "update_rule"),
        ({"optim_config": {"learning_rate": 1}}, "optim_config"),
        ({"lr_decay": 0.9}, "lr_decay"),
        ({"checkpoint_name": "run"}, "checkpoint_name"),
    ],
)
def test_what_a_model_with_step_has_no_use_for_is_refused(data, arguments, useless):
    with pytest.raises(ValueError, match=f"expected no {useless}"):
        quiet(Stepping(), data, **arguments)


def test_a_model_without_parameters_or_with_integers_is_refused(data):
    class Empty:
        def loss(self, X, y=None):
            return np.zeros((len(X), C))

    for params, message in (
        ({}, "dict of arrays, or step"),
        (None, "dict of arrays, or step"),
        ({"W": np.zeros(3, int)}, r"params\['W'\] must be .* floats, got int64"),
        ({"W": [0.0]}, r"params\['W'\] must be an array of floats, got list"),
    ):
        model = Empty()
        model.params = params
        with pytest.raises(ValueError, match=message):
            quiet(model, data)
    with pytest.raises(ValueError, match=r"must have loss\(X, y\), got dict"):
        quiet({}, data)
    model = build()
    model.loss = lambda X, y=None: None
    with pytest.raises(ValueError, match=r"scores \(N, C\), .* got None"):
        quiet(model, data)


def test_check_accuracy_names_what_it_cannot_use(data):
    solver = quiet(build(), data)
    X, y = data["X_val"], data["y_val"]
    assert solver.check_accuracy(X.tolist(), y.tolist()) == solver.check_accuracy(X, y)
    for arguments, message in (
        ((X[:0], y[:0]), r"X must not be empty, got \(0, 12\)"),
        ((X, y[:5]), r"got \(60, 12\) and \(5,\)"),
        ((X, y, 0), "num_samples must be .* got 0"),
        ((X, y, None, 0), "batch_size must be .* got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            solver.check_accuracy(*arguments)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8])
def test_pictures_of_any_type_train_in_the_models_type(data, dtype):
    """The Solver hands them over as they are; the model casts, once."""
    seen = []

    class Watching(FullyConnectedNet):
        def loss(self, X, y=None):
            seen.append(X.dtype)
            return super().loss(X, y)

    whole = {k: np.round(np.abs(10 * v)).astype(v.dtype) for k, v in data.items()}
    whole |= {"y_train": data["y_train"], "y_val": data["y_val"]}
    runs = []
    for kind in (np.float32, dtype):
        images = {k: whole[k].astype(kind) for k in ("X_train", "X_val")}
        np.random.seed(1)
        model = Watching([16], D, C, weight_scale=0.1)
        runs.append(quiet(model, whole | images, num_epochs=1))
        runs[-1].train()
    same_run(*runs)
    assert set(seen) == {np.dtype(np.float32), np.dtype(dtype)}


def test_stop_while_accuracies_are_measured_is_made_up_for(data, tmp_path):
    """The run then ends as one that was never stopped: to the bit, samples included."""
    settings = {"num_train_samples": 50, "num_val_samples": 40, "lr_decay": 0.9}
    settings["checkpoint_name"] = tmp_path / "run"
    whole = quiet(build(), data, **settings)
    whole.train()

    class Stopping(FullyConnectedNet):
        at = ()

        def loss(self, X, y=None):
            if y is None:
                self.count = getattr(self, "count", 0) + 1
                if self.count in self.at:
                    self.solver.stop()
            return super().loss(X, y)

    np.random.seed(1)
    model = Stopping(
        [16], D, C, weight_scale=0.1, dropout=0.8, normalization="batchnorm"
    )
    solver = model.solver = quiet(model, data, **settings)
    model.at = (2, 5)  # in the accuracies before training and after the first epoch
    solver.train()
    assert (solver.stop_reason, solver.iteration) == ("stopped", 0)
    assert solver.train_acc_history == solver.val_acc_history == []
    solver.train()
    assert (solver.stop_reason, solver.iteration) == ("stopped", 8)
    assert len(solver.val_acc_history) == 1
    shutil.copy(tmp_path / "run.npz", tmp_path / "stopped.npz")
    solver.train()
    assert solver.stop_reason == "finished"
    same_run(solver, whole)
    resumed = Solver.resume(tmp_path / "stopped", build(seed=5), data, verbose=False)
    resumed.train()
    same_run(resumed, whole)


def test_missing_and_misshapen_gradients_are_named(data):
    class Forgetful(TwoLayerNet):
        def loss(self, X, y=None):
            if y is None:
                return super().loss(X)
            loss, grads = super().loss(X, y)
            return loss, self.spoil(grads)

    model = Forgetful(D, 4, C)
    model.spoil = lambda grads: {k: v for k, v in grads.items() if k != "b2"}
    with pytest.raises(ValueError, match=r"got \['W1', 'W2', 'b1'\]"):
        quiet(model, data).train()
    model.spoil = lambda grads: grads | {"b1": np.zeros((1, 4))}
    with pytest.raises(ValueError, match=r"grads\['b1'\] .* \(4,\), got \(1, 4\)"):
        quiet(model, data).train()


def test_a_model_needs_no_more_than_params_and_loss(data, tmp_path):
    class Plain:
        def __init__(self):
            self.net = TwoLayerNet(D, 8, C, weight_scale=0.1)
            self.params = self.net.params

        def loss(self, X, y=None):
            return self.net.loss(X, y)

    np.random.seed(0)
    solver = quiet(
        Plain(), data, optim_config={"learning_rate": 0.5}, num_epochs=20,
        checkpoint_name=tmp_path / "plain",
    )  # fmt: skip
    solver.train()
    assert solver.best_val_acc > 0.7
    Solver.resume(tmp_path / "plain", Plain(), data, verbose=False).train()


def test_checkpoint_is_not_pickled_and_foreign_files_are_named(tmp_path):
    path = save_checkpoint(tmp_path / "a", {"x": np.arange(3)}, {"n": 1.5})
    arrays, meta = load_checkpoint(tmp_path / "a")
    assert list(arrays) == ["x"]
    np.testing.assert_array_equal(arrays["x"], [0, 1, 2])
    assert meta["n"] == 1.5
    assert os.listdir(tmp_path) == ["a.npz"]

    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        load_checkpoint(path)
    np.savez(path, x=np.arange(3))
    with pytest.raises(ValueError, match="not written by ece662"):
        load_checkpoint(path)
    np.savez(path, __meta__=np.array({"format": "?"}, dtype=object))
    with pytest.raises(ValueError, match="not written by ece662"):
        load_checkpoint(path)
    with pytest.raises(ValueError, match=r"got objects in \['x'\]"):
        save_checkpoint(tmp_path / "b", {"x": np.array([{}], dtype=object)}, {})
    assert not (tmp_path / "b.npz").exists()
