"""Training in the background: one thread, runs that are kept, a stop that is prompt.

Everything here works without a widget. A `Trainer` trains one network at a time in a
thread of its own, through a Solver's callback; a new run ends the one before.
"""

import ctypes
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module

import numpy as np

from ece662 import solver as solver_module
from ece662.callbacks import Callback
from ece662.widgets._errors import explain

__all__ = [
    "LEARNING_RATES",
    "NETS",
    "NORMS",
    "Run",
    "Settings",
    "Trainer",
    "as_code",
    "build_solver",
    "count_classes",
    "settings_from",
]

SEED = 231
PATIENCE = 0.2  # seconds that a step may take to end by itself after a stop
# Hidden layers of the fully connected networks, filters of the convolutional one.
NETS = {
    "2 layers": (100,),
    "3 layers": (100, 100),
    "5 layers": (100, 100, 100, 100),
    "8 layers": (100, 100, 100, 100, 100, 100, 100),
    "3 layers, convolution first": 16,
}
# What each rule is tried with first: its steps are of another size.
LEARNING_RATES = {"sgd": 1e-2, "sgd_momentum": 3e-3, "rmsprop": 1e-4, "adam": 1e-3}
NORMS = {None: "no norm", "batchnorm": "batch norm", "layernorm": "layer norm"}


@dataclass(frozen=True)
class Settings:
    """All that decides how a run goes; `as_code` writes it as code."""

    net: str = "3 layers"
    rule: str = "sgd"
    learning_rate: float = 1e-2
    weight_scale: float = 2e-2
    reg: float = 0.0
    batch_size: int = 100
    dropout: float = 1.0
    normalization: str | None = None
    pictures: int = 2000
    epochs: int = 5

    def __str__(self) -> str:
        parts = [self.net, f"{self.rule} {self.learning_rate:.2g}"]
        parts.append(f"scale {self.weight_scale:.2g}")
        if self.reg:
            parts.append(f"reg {self.reg:.2g}")
        parts.append(f"batch {self.batch_size}")
        if self.takes_layers:
            parts += [f"keep {self.dropout:.2g}"] * (self.dropout != 1)
            parts += [NORMS[self.normalization]] * bool(self.normalization)
        return ", ".join(parts)

    @property
    def takes_layers(self) -> bool:
        """True where dropout and normalisation can be put into the network."""
        return isinstance(NETS[self.net], tuple)


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


def build_solver(settings: Settings, data: Mapping, callbacks=()):
    """Draw the network's first weights and make the Solver that trains it.

    The student's classes are looked up here, so that each run has the latest.
    """
    np.random.seed(SEED)
    name, arguments = _network(settings)
    module = "fc_net" if settings.takes_layers else "cnn"
    network = getattr(import_module(f"ece662.classifiers.{module}"), name)
    model = network(**arguments, num_classes=count_classes(data))
    return solver_module.Solver(
        model,
        _first(data, settings.pictures),
        update_rule=settings.rule,
        optim_config={"learning_rate": settings.learning_rate},
        batch_size=settings.batch_size,
        num_epochs=settings.epochs,
        verbose=False,
        callbacks=callbacks,
    )


def as_code(settings: Settings, classes: int = 6) -> str:
    """Write a run as the cell that repeats it, number for number."""
    name, arguments = _network(settings)
    words = "".join(f"    {key}={value!r},\n" for key, value in arguments.items())
    return (
        f"np.random.seed({SEED})\n"
        f"model = {name}(\n{words}    num_classes={classes},\n)\n"
        "solver = Solver(\n"
        "    model,\n"
        "    {\n"
        "        **data,\n"
        f'        "X_train": data["X_train"][:{settings.pictures}],\n'
        f'        "y_train": data["y_train"][:{settings.pictures}],\n'
        "    },\n"
        f'    update_rule="{settings.rule}",\n'
        f'    optim_config={{"learning_rate": {settings.learning_rate!r}}},\n'
        f"    batch_size={settings.batch_size},\n"
        f"    num_epochs={settings.epochs},\n"
        ")\n"
        "solver.train()"
    )


def count_classes(data: Mapping) -> int:
    """Count the classes of a data set."""
    return int(np.max(data["y_train"])) + 1


def _network(settings):
    """Return the name of the network's class and its arguments."""
    size = NETS[settings.net]
    both = {"weight_scale": settings.weight_scale, "reg": settings.reg}
    if not settings.takes_layers:
        shape = {"num_filters": size, "filter_size": 5}
        return "ThreeLayerConvNet", shape | both
    layers = {"dropout": settings.dropout, "normalization": settings.normalization}
    return "FullyConnectedNet", {"hidden_dims": list(size)} | layers | both


def _first(data, count):
    part = {key: data[key][:count] for key in ("X_train", "y_train")}
    return {**data, **part}


class Trainer:
    """Trains in a thread: at most one run at a time, whoever asks for it."""

    _one_at_a_time = threading.Lock()
    _active: "Trainer | None" = None

    def __init__(self, data: Mapping, tell: Callable[[Run], None], every=0.5):
        """Get ready to train; nothing runs yet.

        Args:
            data: as the Solver takes it.
            tell: called with the run when something happened, from the thread.
            every: seconds between two calls while it trains.
        """
        self.data, self.tell, self.every = data, tell, every
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
            if self._breakable:  # again and again: it gets lost in a destructor
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
                watcher = _Watcher(self, run)
                solver = build_solver(run.settings, self.data, [watcher])
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


def settings_from(values: Mapping) -> Settings:
    """Make settings of the dials' values; others are left out."""
    names = asdict(Settings())
    known = {key: value for key, value in values.items() if key in names}
    if known.get("normalization") == "none":
        known["normalization"] = None
    return Settings(**known)
