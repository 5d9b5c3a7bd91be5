"""Training dashboard: threads that end, runs that are kept, errors that are shown."""

import sys
import threading
import time
import traceback
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ece662 import layer_utils, layers, optim, widgets
from ece662.classifiers.cnn import ThreeLayerConvNet
from ece662.classifiers.fc_net import FullyConnectedNet
from ece662.solver import Solver
from ece662.widgets import _trainer, training_dashboard
from ece662.widgets._numpy_nets import as_code, build_solver
from ece662.widgets._settings import NETS, Settings
from ece662.widgets._trainer import Trainer, TrainingRun
from ece662.widgets.training import (
    TrainingDashboard,
    describe,
    draw_runs,
    name_runs,
    runs_table,
)
from tests.limits import WAIT, wait_until


@pytest.fixture(autouse=True)
def _leave_no_thread(monkeypatch):
    monkeypatch.setattr(TrainingDashboard, "_latest", None)
    yield
    if Trainer._active is not None:
        Trainer._active.stop()
    assert trainings() == []


def trainings():
    """The threads that train."""
    return [t for t in threading.enumerate() if t.name == "ece662 training"]


def holds():
    """True when the training waits between two steps."""
    stack = traceback.extract_stack(sys._current_frames()[trainings()[0].ident])
    names = [call.name for call in stack]
    return ("on_batch_end", "wait") in pairwise(names)


def solver_of(data):
    """What a Trainer makes a Solver with."""
    return lambda settings, callbacks: build_solver(settings, data, callbacks)


def test_run_learns_and_is_kept(data, pictures):
    board = training_dashboard(data, epochs=3)
    before = pictures(board)
    run = board.run(rule="adam", learning_rate=1e-3)
    assert run.status == "finished"
    assert run.train_acc[-1] > run.train_acc[0] + 0.15
    assert board.runs == [run]
    assert "Run 1 (3 layers, adam 0.001" in board.text
    assert all((a != b).any() for a, b in zip(before, pictures(board), strict=True))
    assert run.iteration == run.iterations == len(run.loss) == 18
    assert len(run.val_acc) == len(run.train_acc) == 4


def test_start_trains_in_the_background_and_ends(data):
    board = training_dashboard(data, epochs=2)
    run = board.start()
    assert len(trainings()) == 1
    wait_until(lambda: not trainings())
    assert run.status == "finished"
    assert board.buttons["stop"].disabled
    assert board.progress.value == 1


def test_a_step_that_never_ends_ends_the_run_and_names_the_line(data, monkeypatch):
    def affine_forward(x, w, b):
        while len(x):
            b = b * 1

    monkeypatch.setenv("ECE662_PATIENCE", "0.01")
    monkeypatch.setattr(layer_utils, "affine_forward", affine_forward)
    run = TrainingRun(1, Settings())
    trainer = Trainer(solver_of(data), lambda run: None)
    trainer.start(run)
    wait_until(lambda: not trainer.running)
    assert run.status == "failed"
    assert "Stopped after 1.2 seconds in tests/widgets/test_training.py" in run.error


def test_stop_leaves_a_step_that_never_ends(data, monkeypatch):
    begun = threading.Event()

    def affine_forward(x, w, b):
        begun.set()
        while len(x):
            b = b * 1

    monkeypatch.setattr(_trainer, "LAST_SECONDS", 0.5)
    monkeypatch.setattr(layer_utils, "affine_forward", affine_forward)
    trainer = Trainer(solver_of(data), lambda run: None)
    trainer.start(TrainingRun(1, Settings()))
    assert begun.wait(WAIT)
    trainer.stop()
    assert trainer.run.status == "stopped"
    assert not trainer.running


def test_stop_ends_a_run(data):
    board = training_dashboard(data, net="8 layers", epochs=30)
    run = board.start()
    wait_until(lambda: run.iteration > 0)
    board.buttons["stop"].click()
    assert trainings() == []
    assert run.status == "stopped"


class Gate:
    """A layer that waits, in a step of training, until it is let go on."""

    def __init__(self, monkeypatch, layer=layers.relu_forward):
        self.layer, self.closed = layer, False
        self.reached, self.open = threading.Event(), threading.Event()
        monkeypatch.setattr("ece662.layer_utils.relu_forward", self)

    def __call__(self, x):
        if self.closed:
            self.reached.set()
            assert self.open.wait(WAIT)
        return self.layer(x)


def in_the_background(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_stop_waits_for_the_step_in_hand_and_no_longer(data, monkeypatch):
    gate = Gate(monkeypatch)
    board = training_dashboard(data, epochs=30)
    run = board.start()
    wait_until(lambda: run.iteration > 0)
    gate.closed = True
    assert gate.reached.wait(WAIT)
    stopping = in_the_background(board.stop)
    wait_until(board.trainer._stop.is_set)
    done = run.iteration
    assert trainings() != []  # nothing breaks the step off
    gate.open.set()
    stopping.join(WAIT)
    assert trainings() == []
    assert run.status == "stopped"
    assert run.iteration <= done + 1
    assert len(run.loss) == run.iteration


def test_stop_while_accuracies_are_measured_ends_within_the_batch(data, monkeypatch):
    """The accuracies before training: many batches, which nobody waits for."""
    gate = Gate(monkeypatch)
    batches = []
    monkeypatch.setattr(gate, "layer", lambda x: (batches.append(len(x)), (x, x))[1])
    many = data | {"X_val": np.tile(data["X_val"], (20, 1, 1, 1))}
    many |= {"y_val": np.tile(data["y_val"], 20)}
    trainer = Trainer(solver_of(many), lambda run: None)
    run = TrainingRun(1, Settings(epochs=30, net="2 layers"))
    original = Solver.train

    def train(solver):
        gate.closed = True
        original(solver)

    monkeypatch.setattr(Solver, "train", train)
    trainer.start(run)
    assert gate.reached.wait(WAIT)
    before = len(batches)
    stopping = in_the_background(trainer.stop)
    wait_until(lambda: trainer._solver._asked_to_stop)
    gate.open.set()
    stopping.join(WAIT)
    assert trainings() == []
    assert run.status == "stopped"
    assert len(batches) <= before + 1
    assert run.iteration == 0
    assert run.val_acc == []


def test_stop_before_the_first_step_is_not_forgotten(data):
    building, may_go_on = threading.Event(), threading.Event()

    def build(settings, callbacks):
        building.set()
        assert may_go_on.wait(WAIT)
        return build_solver(settings, data, callbacks)

    trainer = Trainer(build, lambda run: None)
    run = TrainingRun(1, Settings(epochs=30))
    trainer.start(run)
    assert building.wait(WAIT)
    stopping = in_the_background(trainer.stop)
    wait_until(trainer._stop.is_set)
    may_go_on.set()
    stopping.join(WAIT)
    assert trainings() == []
    assert run.status == "stopped"
    assert run.iteration == 0


def test_stop_lets_news_be_told_and_tells_the_end(data):
    """Drawing takes long on a busy machine: a stop must not cut it off."""
    telling, may_go_on, told = threading.Event(), threading.Event(), []

    def tell(run):
        if run.status == "running":
            telling.set()
            assert may_go_on.wait(WAIT)
        told.append(run.status)

    trainer = Trainer(solver_of(data), tell, every=0)
    run = TrainingRun(1, Settings(epochs=30))
    trainer.start(run)
    assert telling.wait(WAIT)
    stopping = in_the_background(trainer.stop)
    wait_until(trainer._stop.is_set)
    may_go_on.set()
    stopping.join(WAIT)
    assert trainings() == []
    assert told == ["running", "stopped"]


def test_no_exception_is_thrown_into_a_thread():
    """ctypes could; it would hit imports, locks and drawings in their midst."""
    package = Path(widgets.__file__).parents[1]
    for file in package.rglob("*.py"):
        assert "SetAsyncExc" not in file.read_text(encoding="utf-8"), file


def test_rule_brings_its_learning_rate_unless_one_was_chosen(data):
    board = training_dashboard(data)
    board.dials["rule"].value = "adam"
    assert board.values["learning_rate"] == 1e-3
    board.dials["learning_rate"].value = 0.02
    board.dials["rule"].value = "sgd"
    assert board.values["learning_rate"] == 0.02


def test_no_normalisation_is_a_choice_like_the_others(data):
    """A list whose value is None would look as if nothing were chosen."""
    board = training_dashboard(data, normalization="layernorm", epochs=1)
    board.dials["normalization"].value = "none"
    assert board.dials["normalization"].label == "no norm"
    assert board.run().settings.normalization is None


def test_pause_holds_and_goes_on(data):
    board = training_dashboard(data, epochs=30)
    run = board.start()
    wait_until(lambda: run.iteration > 0)
    board.buttons["pause"].click()
    assert board.buttons["pause"].description == "Go on"
    assert run.status == "paused"
    wait_until(holds, "the end of the step in hand")
    held = run.iteration
    time.sleep(0.2)  # in which a training that goes on would get further
    assert run.iteration == held
    board.buttons["pause"].click()
    wait_until(lambda: run.iteration > held)
    assert run.status == "running"


def test_stop_while_paused(data):
    board = training_dashboard(data, epochs=30)
    run = board.start()
    wait_until(lambda: run.iteration > 0)
    board.pause()
    board.stop()
    assert run.status == "stopped"


def test_another_dashboard_leaves_no_second_trainer(data):
    first = training_dashboard(data, epochs=30)
    run = first.start()
    second = training_dashboard(data, epochs=30)
    assert trainings() == []
    assert run.status == "stopped"
    assert second.runs == [run]  # the same data: the cell was run again
    other = second.start()
    assert len(trainings()) == 1
    assert other.status == "running"
    assert training_dashboard({**data}).runs == []


def test_start_twice_leaves_one_trainer(data):
    board = training_dashboard(data, epochs=30)
    first = board.start()
    board.set(learning_rate=0.001)
    board.start()
    assert len(trainings()) == 1
    assert first.status == "stopped"


def test_trainers_without_dashboards_give_way_too(data):
    runs = [TrainingRun(i, Settings(epochs=30)) for i in (1, 2)]
    trainers = [Trainer(solver_of(data), lambda run: None) for _ in runs]
    for trainer, run in zip(trainers, runs, strict=True):
        trainer.start(run)
    assert runs[0].status == "stopped"
    assert len(trainings()) == 1


def test_error_of_the_students_is_shown(data, monkeypatch):
    def wrong(x):
        return x @ np.ones((3, 3)), x

    monkeypatch.setattr("ece662.layer_utils.relu_forward", wrong)
    board = training_dashboard(data)
    run = board.start()
    wait_until(lambda: not trainings())
    assert run.status == "failed"
    assert "Run 1 failed. ValueError: matmul" in board.text
    assert "in tests/widgets/test_training.py, line" in board.text


def test_unwritten_rule_gives_a_friendly_line(data, monkeypatch):
    def unwritten(w, dw, config=None):
        raise NotImplementedError

    monkeypatch.setattr(optim, "adam", unwritten)
    board = training_dashboard(data)
    board.run(rule="adam")
    assert "Not written yet" in board.text


def test_diverging_run_says_so_without_a_warning(data):
    board = training_dashboard(data)
    run = board.run(learning_rate=10.0, weight_scale=1.0)
    assert run.status == "diverged"
    assert "try a tenth of the learning rate" in board.text


def test_same_settings_make_way(data):
    board = training_dashboard(data, epochs=1)
    first, second = board.run(), board.run()
    assert board.runs == [second]
    assert first.loss == second.loss


def test_run_leaves_the_notebooks_random_numbers_alone(data):
    np.random.seed(5)
    expected = np.random.RandomState(5).rand()
    training_dashboard(data, epochs=1).run(dropout=0.5)
    assert np.random.rand() == expected


@pytest.mark.parametrize(
    "settings",
    [
        Settings(epochs=2, rule="sgd_momentum", dropout=0.5, normalization="batchnorm"),
        Settings(epochs=1, net="3 layers, convolution first", pictures=200, reg=0.01),
    ],
)
def test_as_code_repeats_the_run(data, settings):
    run = TrainingRun(1, settings)
    Trainer(solver_of(data), lambda run: None).train(run)
    names = {
        "np": np,
        "data": data,
        "Solver": Solver,
        "FullyConnectedNet": FullyConnectedNet,
        "ThreeLayerConvNet": ThreeLayerConvNet,
    }
    code = as_code(settings, data).replace("num_epochs", "verbose=False, num_epochs")
    exec(code, names)
    assert names["solver"].loss_history == run.loss
    assert names["solver"].val_acc_history == run.val_acc


@pytest.mark.parametrize("net", NETS)
def test_build_solver_knows_every_network(data, net):
    solver = build_solver(Settings(net=net), data)
    assert solver.model.loss(data["X_val"][:2]).shape == (2, 6)


def test_code_and_table_show_the_best_run(data):
    board = training_dashboard(data, epochs=1)
    board.run(learning_rate=1e-5)
    best = board.run(rule="adam", learning_rate=1e-3)
    assert "update_rule=&quot;adam&quot;" in board.code.value
    assert f"{best.number} ★" in board.table.value
    assert board.table.value.index("2 ★") < board.table.value.index(">1<")


def test_seconds_left_goes_down():
    run = TrainingRun(
        1, Settings(), status="running", iteration=10, iterations=40, seconds=5
    )
    run.loss = [1.0]
    assert run.seconds_left == 15
    assert "15 s left" in describe([run])


def test_draw_runs_draws_each_run():
    runs = [
        TrainingRun(
            i, Settings(), loss=[2.0, 1.0], train_acc=[0.2, 0.3], val_acc=[0.1, 0.4]
        )
        for i in (1, 2)
    ]
    loss, accuracy = (figure.axes[0] for figure in draw_runs(runs))
    assert [list(line.get_ydata()) for line in loss.lines] == [[2.0, 1.0]] * 2
    assert list(accuracy.lines[0].get_ydata()) == [10.0, 40.0]
    assert list(accuracy.lines[1].get_ydata()) == [20.0, 30.0]


def test_draw_runs_keeps_the_legend_off_the_axis():
    other = Settings("3 layers, convolution first", batch_size=10, epochs=30, reg=0.01)
    runs = [TrainingRun(1, Settings()), TrainingRun(2, other)]
    figure = draw_runs(runs)[1]
    figure.canvas.draw()
    legend, ax = figure.axes[0].get_legend(), figure.axes[0]
    assert legend.get_window_extent().x0 > ax.get_window_extent().x0


def test_name_runs_says_what_differs():
    first, second = Settings(rule="adam"), Settings(rule="adam", dropout=0.5)
    third = Settings(rule="adam", dropout=0.5, normalization="batchnorm")
    runs = [TrainingRun(i, s) for i, s in enumerate((first, second, third), start=1)]
    assert name_runs(runs[:1]) == ["1: adam"]
    assert name_runs(runs[:2]) == ["1: keep 1", "2: keep 0.5"]
    assert name_runs(runs)[2] == "3: keep 0.5, batch norm"


def test_runs_table_escapes_what_it_shows():
    run = TrainingRun(1, Settings(), status="<b>")
    assert "&lt;b&gt;" in runs_table([run])


def test_training_uses_the_latest_code(data, monkeypatch):
    board = training_dashboard(data, epochs=1)
    right = board.run()
    monkeypatch.setattr(
        "ece662.classifiers.fc_net.affine_forward",
        lambda x, w, b: layers.affine_forward(x, 0 * w, b),
    )
    assert board.run().loss != right.loss
