"""Training in the background: one thread, runs that are kept, a stop between steps.

Everything here works without a widget. A `Trainer` trains one network at a time in a
thread of its own, through a Solver's callback; a new run ends the one before.

A run stops after the current step. Nothing from outside breaks a step off: an exception
thrown into a thread may hit an import, a lock or a drawing, and leave it half done. A
step that does not end is left by the thread itself, in a line of the student's code.
"""

import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ece662 import solver as solver_module
from ece662.live.limit import STEP_SECONDS, EndlessError, Limit, patience, time_limit
from ece662.training.callbacks import Callback
from ece662.widgets._errors import describe_error
from ece662.widgets._settings import Settings

__all__ = ["Trainer", "TrainingRun"]

LAST_SECONDS = 10  # that the current step has left once a stop is asked for
ASK_AGAIN = 0.1  # seconds; a Solver that is just beginning forgets an earlier stop


@dataclass
class TrainingRun:
    """One training run: its settings, how far it is, and its histories."""

    number: int
    settings: Settings
    status: str = "waiting"  # then running, paused, finished, stopped, diverged, failed
    error: str = ""
    iteration: int = 0
    iterations: int = 0
    seconds: float = 0.0
    loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    val_acc: list[float] = field(default_factory=list)

    @property
    def best(self) -> float:
        """The highest validation accuracy so far."""
        return max(self.val_acc, default=0.0)

    @property
    def seconds_left(self) -> float:
        """What is left at the pace so far."""
        if not self.iteration:
            return 0.0
        return self.seconds / self.iteration * (self.iterations - self.iteration)


class Trainer:
    """Trains in a thread: at most one run at a time, whoever asks for it."""

    _one_at_a_time = threading.Lock()
    _active: "Trainer | None" = None

    def __init__(self, build: Callable, tell: Callable[[TrainingRun], None], every=0.5):
        """Get ready to train; nothing runs yet.

        Args:
            build: makes a Solver of settings and a list of callbacks.
            tell: called with the run when something happened, from the thread.
            every: seconds between two calls while it trains.
        """
        self.build, self.tell, self.every = build, tell, every
        self.run: TrainingRun | None = None
        self._thread: threading.Thread | None = None
        self._go, self._stop = threading.Event(), threading.Event()
        self._solver = None  # of the run
        self._limit: Limit | None = None  # of the current step

    def start(self, run: TrainingRun) -> None:
        """Train in the background; whatever else is training, here or there, stops."""
        with Trainer._one_at_a_time:
            if Trainer._active is not None:
                Trainer._active.stop()
            Trainer._active = self
            self._prepare(run)
            self._thread = threading.Thread(
                target=self._work, name="ece662 training", daemon=True
            )
            self._thread.start()

    def train(self, run: TrainingRun) -> None:
        """Train here and now, and return when it is done."""
        self.stop()
        self._prepare(run)
        self._work()

    def pause(self, wait: bool = True) -> None:
        """Hold after the current step, or go on again."""
        (self._go.clear if wait else self._go.set)()
        if self.running:
            self.run.status = "paused" if wait else "running"
            self.tell(self.run)

    def stop(self) -> None:
        """End the run after the current step, and wait until it has ended.

        While accuracies are measured, that is after the current batch. Waiting can be
        interrupted; the run ends all the same.
        """
        self._stop.set()
        self._go.set()
        if self._limit is not None:  # a step that never ends is not waited for
            self._limit.end = min(self._limit.end, time.monotonic() + LAST_SECONDS)
        if self._thread is threading.current_thread():
            return
        while self.running:
            if self._solver is not None:
                self._solver.stop()
            self._thread.join(ASK_AGAIN)

    @property
    def running(self) -> bool:
        """True while a thread of this trainer's is alive, paused or not."""
        return self._thread is not None and self._thread.is_alive()

    def go_on(self) -> None:
        """Give the next step its whole time; be called after each."""
        if self._limit is not None and not self._stop.is_set():
            self._limit.renew()

    def _prepare(self, run):
        self.run, run.status = run, "running"
        self._solver = self._limit = None
        self._stop.clear()
        self._go.set()

    def _work(self):
        run = self.run
        # This module is what calls train(), so no one else's warnings are silenced.
        warnings.filterwarnings(
            "ignore",
            category=solver_module.DivergenceWarning,
            module=__name__.replace(".", r"\."),
        )
        seconds = STEP_SECONDS * patience()
        try:
            # A diverging run says so in one word.
            with time_limit(seconds) as self._limit, np.errstate(all="ignore"):
                self._solver = self.build(run.settings, [_Watcher(self, run)])
                if not self._stop.is_set():
                    self._solver.train()
            run.status = self._solver.stop_reason or "stopped"
        except EndlessError as error:
            # Where it was asked to stop, it has done so, though within a step.
            run.status = "stopped" if self._stop.is_set() else "failed"
            run.error = describe_error(error)
        except Exception as error:
            run.status, run.error = "failed", describe_error(error)
        except KeyboardInterrupt:
            run.status = "stopped"
            raise
        finally:
            self.tell(run)


class _Watcher(Callback):
    """Copies the Solver's histories into the run; pauses or stops it when asked to."""

    def __init__(self, trainer, run):
        self.trainer, self.run = trainer, run

    def on_train_begin(self, solver):
        self.run.iterations = solver.num_iterations
        self._began = self._told = time.perf_counter()
        self.on_epoch_end(solver)

    def on_batch_end(self, solver):
        run, trainer = self.run, self.trainer
        run.iteration = solver.iteration
        run.loss.append(solver.loss_history[-1])
        now = time.perf_counter()
        run.seconds = now - self._began
        if not trainer._go.is_set():
            trainer._go.wait()
            self._began += time.perf_counter() - now  # a pause is no training time
        trainer.go_on()
        if now - self._told > trainer.every and not trainer._stop.is_set():
            trainer.tell(run)
            self._told = time.perf_counter()
        if trainer._stop.is_set():
            solver.stop()

    def on_epoch_end(self, solver):
        self.trainer.go_on()
        self.run.train_acc = list(solver.train_acc_history)
        self.run.val_acc = list(solver.val_acc_history)
