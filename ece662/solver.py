"""The Solver: trains any classifier by minibatch gradient descent.

    solver = Solver(model, data, update_rule="adam",
                    optim_config={"learning_rate": 1e-3},
                    lr_decay=0.95, num_epochs=10, batch_size=100)
    solver.train()

Needed of a model: `model.params`, a dict of arrays, and `model.loss(X, y)`, which
gives the scores (N, C) where y is None and `(loss, grads)` otherwise. `loss` trains
nothing: the Solver takes the step, by its update rule. A model with `state_dict()` and
`load_state_dict()` (see `ece662.classifiers.base`) gets its running statistics saved
with its parameters.

A model with `step(X, y)` takes its steps itself and returns the loss before each: it
has no need of `params` and no use for an update rule (see `torch_tools.TorchModel`).

Needed of the data: a dict of `X_train`, `y_train`, `X_val`, `y_val`, of which X is
indexed by arrays of row numbers and y holds integer classes. A model gets the images in
the data's type, and casts them to its own.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ece662._checks import Array
from ece662.fast import fast_optim
from ece662.training import _resume
from ece662.training import _solver_checks as checks
from ece662.training._interrupts import hold_interrupts
from ece662.training.accuracy import count_right
from ece662.training.callbacks import (
    Callback,
    CheckpointWriter,
    LogPrinter,
    ProgressBar,
)
from ece662.training.checkpoint import load_checkpoint, save_checkpoint

__all__ = ["DivergenceWarning", "Solver"]


class DivergenceWarning(RuntimeWarning):
    """The loss became nan or infinite, and training was stopped."""


class _StoppedError(Exception):
    """A stop came while the accuracies were being measured."""


class Solver:
    """Train a model, keep its histories, and leave it with its best parameters.

    Attributes:
        loss_history: loss of each iteration.
        train_acc_history, val_acc_history: accuracies before training and after each
            epoch: one more entry than epochs.
        best_val_acc: the highest validation accuracy so far.
        best_params: copies of the parameters that reached it. The model gets them
            (and its running statistics of that moment) when training ends.
        iteration, epoch: steps and epochs done.
        stop_reason: None, then "finished", "stopped", "interrupted", "diverged" or
            "error".
    """

    def __init__(
        self,
        model: Any,
        data: Mapping[str, Any],
        *,
        update_rule: str | Callable = "sgd",
        optim_config: Mapping[str, Any] | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        print_every: int = 10,
        verbose: bool = True,
        checkpoint_name: str | os.PathLike | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        """Check the arguments and get ready to train.

        Args:
            model: what to train; see the top of this module.
            data: dict of X_train, y_train, X_val and y_val.
            update_rule: name of a rule in `ece662.optim`, "adam_fast" for the compiled
                one of `ece662.fast.fast_optim`, or a function like them.
            optim_config: the rule's settings, the same for every parameter.
            lr_decay: factor of the learning rate after each epoch.
            batch_size: images in a minibatch.
            num_epochs: passes over the training set.
            num_train_samples: images drawn to measure the training accuracy; None
                for all.
            num_val_samples: the same for the validation set.
            print_every: iterations between two log lines.
            verbose: print log lines and show a progress bar.
            checkpoint_name: path of a checkpoint to keep, see `Solver.resume`.
            callbacks: further watchers, see `ece662.training.callbacks`.

        Raises:
            ValueError: an argument cannot be used; says what was expected.
        """
        self.model = model
        self._steps_itself = checks.check_model(model)
        self.X_train, self.y_train = checks.check_data(data, "train")
        self.X_val, self.y_val = checks.check_data(data, "val")
        self.update_rule = checks.find_rule(update_rule)
        # None where the rule is a function of the caller's: `resume` asks for it.
        self._rule_name = checks.name_of_rule(update_rule)
        self.lr_decay = checks.check_factor("lr_decay", lr_decay)
        self.batch_size = checks.check_count("batch_size", batch_size)
        self.num_epochs = checks.check_count("num_epochs", num_epochs)
        self.num_train_samples = checks.check_count_or_none(
            "num_train_samples", num_train_samples
        )
        self.num_val_samples = checks.check_count_or_none(
            "num_val_samples", num_val_samples
        )
        self.print_every = checks.check_count("print_every", print_every)
        config = checks.check_optim_config(optim_config, update_rule)
        if self._steps_itself:
            checks.check_own_steps(update_rule, config, self.lr_decay, checkpoint_name)

        self.callbacks = checks.check_callbacks(callbacks)
        if verbose:
            self.callbacks += [LogPrinter(self.print_every), ProgressBar()]
        if checkpoint_name is not None:
            _resume.check_config(config)
            self.callbacks.append(CheckpointWriter(checkpoint_name))

        # A generator of our own: other draws, such as dropout with a seed, must not
        # decide which images share a minibatch.
        self._rng = np.random.RandomState(np.random.randint(2**31))
        self.optim_configs = {name: dict(config) for name in self._params}
        # One image through the model, so that shapes that do not fit show at once.
        scores = checks.check_scores(model.loss(self.X_train[np.arange(1)]), N=1)
        checks.check_labels(self.y_train, "train", C=scores.shape[1])
        checks.check_labels(self.y_val, "val", C=scores.shape[1])
        self._reset()

    def _reset(self) -> None:
        self.iteration = 0
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.best_val_acc = -1.0
        self.best_params: dict[str, Array] = {}
        self.stop_reason: str | None = None
        self.resumable = True  # False in the middle of a step
        self._order: Any = None  # this epoch's shuffle of the training set
        self._best_state: dict | None = None
        self._latest_state: dict | None = None  # while the model holds the best
        self._global_rng: Any = None  # state of np.random to go on with after a resume
        self._asked_to_stop = self._interrupted = self._measuring = False

    @property
    def _params(self) -> dict[str, Array]:
        return getattr(self.model, "params", {})  # a model with `step` may have none

    @property
    def iterations_per_epoch(self) -> int:
        return max(1, len(self.y_train) // self.batch_size)

    @property
    def num_iterations(self) -> int:
        return self.num_epochs * self.iterations_per_epoch

    @property
    def epoch(self) -> int:
        return self.iteration // self.iterations_per_epoch

    def train(self) -> None:
        """Run the epochs that are left, then give the model its best parameters.

        A keyboard interrupt waits for the current step, and leaves everything as if
        training had ended there, before it goes on to the caller; `train()` again
        continues. (A second interrupt does not wait.)

        Warns:
            DivergenceWarning: the loss became nan or infinite; training stopped.
        """
        self._begin()
        try:
            with hold_interrupts(self._note_interrupt):
                while self.stop_reason is None:
                    self._advance()
        except KeyboardInterrupt:
            self.stop_reason = "interrupted"
            raise
        finally:
            self.stop_reason = self.stop_reason or "error"
            self._notify("on_train_end")
            self._give_best_to_model()

    def _note_interrupt(self) -> None:
        self._interrupted = True

    def stop(self) -> None:
        """Ask a running `train()` to end after the current step (from any thread).

        While accuracies are measured: after the current batch, to be measured later.
        """
        self._asked_to_stop = True

    def check_accuracy(
        self,
        X: Any,
        y: Array,
        num_samples: int | None = None,
        batch_size: int = 100,
    ) -> float:
        """Measure how often the model's highest score is the true class.

        Args:
            X: (N, ...) inputs.
            y: (N,) true classes.
            num_samples: draw this many of the N at random; None for all.
            batch_size: images in one forward pass.

        Returns:
            accuracy: float between 0 and 1.
        """
        X, y = checks.check_pair(X, y, "X", "y")
        num_samples = checks.check_count_or_none("num_samples", num_samples)
        batch_size = checks.check_count("batch_size", batch_size)
        rows = np.arange(len(y))
        if num_samples is not None and num_samples < len(y):
            rows = self._rng.choice(len(y), num_samples, replace=False)
        hits = 0
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            if self._measuring and (self._asked_to_stop or self._interrupted):
                raise _StoppedError
            scores = self.model.loss(X[batch])
            hits += count_right(scores, y[batch])
        return hits / len(rows)

    def save(self, name: str | os.PathLike) -> Path:
        """Write all that `resume` needs to go on; see `ece662.training.checkpoint`."""
        return save_checkpoint(name, *_resume.pack(self))

    @classmethod
    def resume(
        cls,
        name: str | os.PathLike,
        model: Any,
        data: Mapping[str, Any],
        *,
        num_epochs: int | None = None,
        **arguments: Any,
    ) -> "Solver":
        """Return a Solver that goes on where a checkpoint was written.

        Training ends with the histories and weights, to the bit, that it would have
        ended with had it never stopped.

        Args:
            name: the `checkpoint_name` of the earlier run.
            model: a model built as the earlier one was; its parameters are replaced.
            data: the same data.
            num_epochs: a new total of epochs, or None for the earlier one.
            **arguments: `verbose`, `checkpoint_name`, `callbacks` and, where the
                rule was a function (a lambda, a partial), `update_rule`.

        Raises:
            FileNotFoundError: there is no such checkpoint.
            ValueError: it is damaged, belongs to another model or other data, or its
                rule was a function and none was given.
        """
        arrays, meta = load_checkpoint(name)
        settings = {key: meta[key] for key in _resume.SETTINGS}
        if num_epochs is not None:
            settings["num_epochs"] = num_epochs
        if "update_rule" not in arguments:
            arguments["update_rule"] = _resume.rule_named_in(meta, name)
        solver = cls(model, data, **settings, **arguments)
        _resume.check_data(solver, meta, name)
        _resume.unpack(solver, arrays, meta)
        return solver

    def _begin(self) -> None:
        self._asked_to_stop = self._interrupted = False
        self.stop_reason = None
        if self._latest_state is not None:
            _resume.load_state(self.model, self._latest_state)
            self._latest_state = None
        if self._global_rng is not None:
            np.random.set_state(self._global_rng)
            self._global_rng = None
        # A rule may overwrite a parameter: never an array that others hold.
        for key, value in self._params.items():
            self._params[key] = np.array(value, order="C")
        due = len(self.val_acc_history) <= self.epoch
        measured = due and self._measure()
        self._notify("on_train_begin")
        if measured and self.iteration > 0:  # after a stop while measuring
            self._notify("on_epoch_end")
        if self.stop_reason is None and self.iteration >= self.num_iterations:
            self.stop_reason = "finished"

    def _advance(self) -> None:
        """Do one step, and at the end of an epoch what is due then."""
        self.resumable = False
        if not self._step():
            return
        measured = False
        if self.iteration % self.iterations_per_epoch == 0:
            self._decay_learning_rate()
            measured = self._measure()
        self.resumable = True
        self._notify("on_batch_end")
        if measured:
            self._notify("on_epoch_end")
        if self._interrupted:
            raise KeyboardInterrupt
        if self._asked_to_stop:
            self.stop_reason = "stopped"
        elif self.iteration >= self.num_iterations:
            self.stop_reason = "finished"

    def _step(self) -> bool:
        """Take one minibatch through loss, gradients and update; False if it cannot."""
        X, y = self._next_batch()
        if self._steps_itself:
            loss, grads = self.model.step(X, y), {}
        else:
            loss, grads = self.model.loss(X, y)
        if not math.isfinite(loss):
            self.stop_reason = "diverged"
            warnings.warn(checks.describe_divergence(self, loss), DivergenceWarning, 4)
            return False
        self.loss_history.append(float(loss))
        if not self._steps_itself:
            checks.check_grads(grads, self.model.params)
            for name in self.model.params:
                self._update(name, grads[name])
        self.iteration += 1
        return True

    def _next_batch(self) -> tuple[Array, Array]:
        position = self.iteration % self.iterations_per_epoch
        if position == 0:
            self._order = self._rng.permutation(len(self.y_train))
        start = position * self.batch_size
        rows = self._order[start : start + self.batch_size]
        return self.X_train[rows], self.y_train[rows]

    def _update(self, name: str, grad: Array) -> None:
        """Move one parameter: the rule gets the whole of it, once."""
        w, config = self.model.params[name], self.optim_configs[name]
        if self.update_rule is fast_optim.adam_fast:
            result = self.update_rule(w, grad, config, out=w)
        else:
            result = self.update_rule(w, grad, config)
        next_w, self.optim_configs[name] = checks.check_update(result, name, w)
        self.model.params[name] = next_w

    def _decay_learning_rate(self) -> None:
        for config in self.optim_configs.values():
            if "learning_rate" in config:
                config["learning_rate"] *= self.lr_decay

    def _measure(self) -> bool:
        """Add the accuracies to the histories; False if a stop came in between."""
        drawn = self._rng.get_state()
        self._measuring = True
        try:
            train_acc = self.check_accuracy(
                self.X_train, self.y_train, self.num_train_samples
            )
            val_acc = self.check_accuracy(self.X_val, self.y_val, self.num_val_samples)
        except _StoppedError:
            self._rng.set_state(drawn)  # the same samples when it is repeated
            self.stop_reason = "stopped"
            return False
        finally:
            self._measuring = False
        self.train_acc_history.append(train_acc)
        self.val_acc_history.append(val_acc)
        if val_acc > self.best_val_acc:
            self.best_val_acc = val_acc
            self._best_state = _resume.model_state(self.model)
            self.best_params = {k: self._best_state[k] for k in self._params}
        return True

    def _give_best_to_model(self) -> None:
        self._latest_state = _resume.model_state(self.model)
        if self._best_state is not None:
            _resume.load_state(self.model, self._best_state)

    def _notify(self, hook: str) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(self)
