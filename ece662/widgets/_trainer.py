"""Training in the background: one thread, runs that are kept, a stop that is prompt.

Everything here works without a widget. A `Trainer` trains one network at a time in a
thread of its own, through a Solver's callback; a new run ends the one before.
"""

import ctypes
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ece662 import solver as solver_module
from ece662.callbacks import Callback
from ece662.widgets._errors import explain
from ece662.widgets._settings import Settings

__all__ = ["Run", "Trainer"]

PATIENCE = 0.2  # seconds that a step may take to end by itself after a stop


@dataclass
class Run:
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

    def __init__(self, build: Callable, tell: Callable[[Run], None], every=0.5):
        """Get ready to train; nothing runs yet.

        Args:
            build: makes a Solver of settings and a list of callbacks.
            tell: called with the run when something happened, from the thread.
            every: seconds between two calls while it trains.
        """
        self.build, self.tell, self.every = build, tell, every
        self.run: Run | None = None
        self._thread: threading.Thread | None = None
        self._go, self._stop = threading.Event(), threading.Event()

    def start(self, run: Run) -> None:
        """Train in the background; whatever else is training, here or there, stops."""
        with Trainer._one_at_a_time:
            if Trainer._active is not None:
                Trainer._active.stop()
            Trainer._active = self
            self._prepare(run)
            self._thread = threading.Thread(
                target=self._work_in_thread, name="ece662 training", daemon=True
            )
            self._thread.start()

    def train(self, run: Run) -> None:
        """Train here and now, and return when it is done."""
        self.stop()
        self._prepare(run)
        self._work()

    def pause(self, wait: bool = True) -> None:
        """Hold after the step in hand, or go on again."""
        (self._go.clear if wait else self._go.set)()
        if self.running:
            self.run.status = "paused" if wait else "running"
            self.tell(self.run)

    def stop(self) -> None:
        """End the run, and wait until it has ended.

        A step that takes long, with large batches or slow layers, is broken off.
        """
        self._stop.set()
        self._go.set()
        if not self.running or self._thread is threading.current_thread():
            return
        self._thread.join(PATIENCE)
        end = time.perf_counter() + 10
        while self.running and time.perf_counter() < end:
            # Again and again: it gets lost in a destructor.
            if self._breakable and not _is_importing(self._thread):
                _raise_in(self._thread, _Stopped)
            self._thread.join(PATIENCE)

    @property
    def running(self) -> bool:
        """True while a thread of this trainer's is alive, paused or not."""
        return self._thread is not None and self._thread.is_alive()

    def _prepare(self, run):
        self.run, run.status = run, "running"
        self._breakable = True  # False while news are told, and at the end
        self._stop.clear()
        self._go.set()

    def _work_in_thread(self):
        try:
            self._work()
        except _Stopped:  # it came when all was done already, and the news was cut off
            self.run.status = "stopped"
            self.tell(self.run)

    def _work(self):
        run = self.run
        # This module is what calls train(), so no one else's warnings are silenced.
        warnings.filterwarnings(
            "ignore",
            category=solver_module.DivergenceWarning,
            module=__name__.replace(".", r"\."),
        )
        try:
            with np.errstate(all="ignore"):  # a diverging run says so in one word
                solver = self.build(run.settings, [_Watcher(self, run)])
                solver.train()
            run.status = solver.stop_reason
        except _Stopped:
            self._breakable = False
            run.status = "stopped"
        except Exception as error:
            run.status, run.error = "failed", explain(error)
        except KeyboardInterrupt:
            run.status = "stopped"
            raise
        finally:
            self._breakable = False
            self.tell(run)


class _Stopped(BaseException):
    """Raised in the midst of a step that takes too long to wait for."""


def _raise_in(thread, error):
    """Raise an exception in another thread, at its next line of Python."""
    number = ctypes.c_ulong(thread.ident)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(number, ctypes.py_object(error))


def _is_importing(thread):
    """True in the midst of an import: a module broken off there stays broken.

    PyTorch, for one, imports a part of itself when the first optimizer is made.
    """
    frame = sys._current_frames().get(thread.ident)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


class _Watcher(Callback):
    """Copies what the Solver knows into the run, and carries the buttons' wishes."""

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
        if now - self._told > trainer.every and not trainer._stop.is_set():
            trainer._breakable = False
            trainer.tell(run)
            trainer._breakable = True
            self._told = time.perf_counter()
        if trainer._stop.is_set():
            solver.stop()

    def on_epoch_end(self, solver):
        self.run.train_acc = list(solver.train_acc_history)
        self.run.val_acc = list(solver.val_acc_history)
