"""The log of a training loop: it keeps what it is told, and says what went wrong."""

import math

import numpy as np
import pytest

from ece662.frameworks.training_log import TrainingLog


def test_step_keeps_every_loss_and_prints_some(capsys):
    log = TrainingLog(print_every=2)
    for loss in (1.5, 1.25, np.float32(1.0)):
        log.step(loss)
    assert log.loss_history == [1.5, 1.25, 1.0]
    printed = "(Iteration 1) loss: 1.500000\n(Iteration 3) loss: 1.000000\n"
    assert capsys.readouterr().out == printed


def test_step_prints_nothing_where_none_is_wanted(capsys):
    TrainingLog(print_every=0).step(1.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_step_stops_at_a_loss_that_is_no_number(loss):
    log = TrainingLog(num_classes=10)
    log.step(2.3)
    with pytest.raises(FloatingPointError) as raised:
        log.step(loss)
    said = str(raised.value)
    assert f"the loss is {loss} at step 2" in said
    assert "learning rate too high" in said
    assert "near 2.30" in said
    assert log.loss_history == [2.3]


def test_epoch_keeps_accuracies_as_the_solver_does(capsys):
    log = TrainingLog()
    log.epoch(0.25)
    log.step(1.0)
    log.epoch(0.5, train_acc=0.75)
    assert log.val_acc_history == [0.25, 0.5]
    assert math.isnan(log.train_acc_history[0])
    assert log.train_acc_history[1] == 0.75
    assert log.best_val_acc == 0.5
    assert capsys.readouterr().out.splitlines() == [
        "(Epoch 0) val_acc: 0.250000",
        "(Iteration 1) loss: 1.000000",
        "(Epoch 1) train acc: 0.750000; val_acc: 0.500000",
    ]


def test_epoch_before_training_may_be_a_guess(capsys):
    TrainingLog().epoch(1 / 6)
    assert "guess" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("num_classes", "val_acc", "guessing"),
    [
        (6, 0.167, True),
        (6, 0.199, True),
        (6, 0.21, False),
        (2, 0.5, True),
        (6, 0, True),
    ],
)
def test_epoch_says_when_it_is_still_a_guess(capsys, num_classes, val_acc, guessing):
    log = TrainingLog(num_classes, print_every=0)
    log.step(1.0)
    log.epoch(val_acc)
    said = capsys.readouterr().out
    assert ("still a guess" in said) == guessing
    assert ("unknown to the optimizer" in said) == guessing


def test_epoch_says_so_for_every_epoch_that_is_one(capsys):
    log = TrainingLog(print_every=0)
    log.step(1.0)
    log.epoch(0.4)
    log.epoch(0.16)
    assert "still a guess" in capsys.readouterr().out


@pytest.mark.parametrize("accuracies", [(math.nan,), (40.0,), (0.4, 40.0), (-0.1,)])
def test_epoch_refuses_what_is_no_accuracy(accuracies):
    with pytest.raises(ValueError, match="must be between 0 and 1, got"):
        TrainingLog().epoch(*accuracies)


def test_best_val_acc_is_unknown_before_the_first_epoch():
    assert math.isnan(TrainingLog().best_val_acc)
