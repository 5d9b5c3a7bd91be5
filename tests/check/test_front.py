"""Checks from end to end: right code passes, wrong code gets a reason."""

import re
import signal
from pathlib import Path

import numpy as np
import pytest

from ece662 import layers
from ece662.check import check, front
from ece662.exercises.regions import END


def without_bias(x, w, b):
    return x.reshape(len(x), -1) @ w, (x, w, b)


@pytest.mark.parametrize(
    "id", ["affine_forward", "affine_backward", "batchnorm_forward"]
)
def test_check_passes_the_reference(id):
    assert check(id).passed


def test_check_refuses_a_wrong_function(monkeypatch):
    monkeypatch.setattr(layers, "affine_forward", without_bias)
    report = check("affine_forward")
    assert not report.passed
    assert "out (one number: x (1, 1), w (1, 1), b (1,)): error" in str(report)


def test_check_blames_the_forward_for_a_backward_that_fits_it(monkeypatch):
    def fitting(dout, cache):
        dx, dw, _ = affine_backward(dout, cache)
        return dx, dw, np.zeros(dout.shape[1])

    affine_backward = layers.affine_backward
    monkeypatch.setattr(layers, "affine_forward", without_bias)
    monkeypatch.setattr(layers, "affine_backward", fitting)
    report = check("affine_backward")
    assert not report.passed
    assert report.results[0].diagnosis.id == "forward-at-fault"


def test_check_shows_what_the_reader_finds_in_the_file(monkeypatch, tmp_path):
    text = Path(layers.__file__).read_text("utf-8")
    copy = text[text.index("def relu_forward") : text.index("def relu_backward")]
    text = f"{text}\n\n{copy}".replace(END, "", 1)  # of affine_forward
    (tmp_path / "ece662").mkdir()
    (tmp_path / "ece662/layers.py").write_text(text, "utf-8")
    monkeypatch.setattr(front, "find_root", lambda: tmp_path)
    note = "Note: ece662/layers.py: relu_forward is defined 2 times"
    report = check("relu_forward")
    assert report.passed
    assert note in str(report)
    assert note in report._repr_html_()
    damaged = str(check("affine_forward"))
    assert "never closed: what cannot be read cannot be handed in." in damaged
    assert "Note" not in str(check("relu_backward"))


def test_check_of_a_loop_that_never_ends_says_where(monkeypatch):
    def affine_forward(x, w, b):
        while len(x):
            w = w * 1

    monkeypatch.setenv("ECE662_PATIENCE", "0.01")
    monkeypatch.setattr(layers, "affine_forward", affine_forward)
    report = check("affine_forward")
    assert not report.passed
    headline, message = str(report).splitlines()
    assert headline == "affine_forward: stopped"
    where = r"Stopped after 0.3 seconds in tests/check/test_front.py, line \d+ \(`.*`\)"
    assert re.match(rf"  {where}: does a loop there never end\?$", message)


def test_check_that_is_interrupted_shows_one_line(monkeypatch):
    def affine_forward(x, w, b):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(layers, "affine_forward", affine_forward)
    # A run of the tests in a shell's background ignores interrupts.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt) as caught:
        check("affine_forward")
    signal.signal(signal.SIGINT, former)
    [line] = caught.value._render_traceback_()
    assert line.startswith("The check was interrupted in tests/check/test_front.py, li")
    assert caught.value.__suppress_context__


def test_check_unknown_id_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean affine_forward"):
        check("affin_forward")


def test_check_of_a_notebook_shows_how_its_cells_went(monkeypatch):
    class Model:
        def loss(self, X):
            return np.eye(6)[X.astype(int)]

        def state_dict(self):
            return {}

    class Solver:
        loss_history = (1.8, 1.0)
        train_acc_history = (0.2, 0.5)

    y = np.arange(600) % 6
    names = {"model": Model(), "solver": Solver(), "data": {"X_val": y, "y_val": y}}
    monkeypatch.setattr(front, "_remembered", {})
    monkeypatch.setattr(front, "_names_of_the_notebook", lambda exercise: names)
    before = {r.verdict.exercise: r for r in check("Q1").results}
    assert 'check("q1-solver-train")' in before["q1-solver-train"].message
    assert before["affine_forward"].verdict.passed
    assert check("q1-solver-train").passed
    names["model"] = None  # a later cell uses the name for something else
    after = {r.verdict.exercise: r for r in check("Q1").results}
    assert after["q1-solver-train"].verdict.passed
    assert not after["q1-best-train"].verdict.passed


@pytest.mark.parametrize(
    ("losses", "id"),
    [
        ((1.8, 1.79), "not-learning"),
        ((1.8, 7.0), "diverged"),
        ((1.8, np.nan), "diverged"),
        ((1.8, 0.5), "overfitting"),
    ],
)
def test_check_of_training_reads_the_loss(monkeypatch, losses, id):
    class Model:
        def loss(self, X):
            return np.eye(6)[X * 0]

        def state_dict(self):
            return {}

    class Solver:
        loss_history = losses
        train_acc_history = (0.2, 0.9)

    y = np.arange(600) % 6
    names = {"model": Model(), "solver": Solver(), "data": {"X_val": y, "y_val": y}}
    monkeypatch.setattr(front, "_remembered", {})
    monkeypatch.setattr(front, "_names_of_the_notebook", lambda exercise: names)
    report = check("q1-solver-train")
    assert report.results[0].diagnosis.id == id
    assert "validation accuracy 16.7%, expected at least 40%" in str(report)
