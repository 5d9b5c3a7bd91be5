"""Hyperparameter search: guesses, workers, and trials that outlive an interruption.

A `Search` asks a sampler for settings, has workers try them, and writes every result
down at once. Stopped, or killed, it goes on where it was: a finished trial is never
done again.

Samplers: `RandomGuesses`, and with Optuna installed `OptunaGuesses`, which learns from
the results. Workers: `LocalCores`, processes on this computer, and `DaskCluster`, for a
`dask.distributed.Client` that you bring.
"""

import json
import math
import multiprocessing
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ece662.live.limit import STEP_SECONDS, EndlessError, Limit, patience, time_limit
from ece662.training.callbacks import Callback
from ece662.widgets._errors import describe_error
from ece662.widgets._settings import Settings, nets_of

__all__ = [
    "DaskCluster",
    "LocalCores",
    "OptunaGuesses",
    "RandomGuesses",
    "Ranges",
    "Search",
    "Trial",
    "has_optuna",
    "read_trials",
    "try_settings",
]


@dataclass(frozen=True)
class Ranges:
    """Where to look: from-to, on a logarithmic scale but for the keep probability."""

    learning_rate: tuple[float, float] = (1e-5, 1e-1)
    weight_scale: tuple[float, float] = (1e-3, 1e-1)
    reg: tuple[float, float] = (1e-6, 1e-2)
    dropout: tuple[float, float] = (0.5, 1.0)
    rule: tuple[str, ...] = ("sgd_momentum", "adam")
    normalization: tuple[str | None, ...] = (None, "batchnorm")


LINEAR = ("dropout",)


@dataclass(frozen=True)
class Trial:
    """One try: its settings, the best validation accuracy, or what went wrong."""

    number: int
    settings: Settings
    accuracy: float | None
    seconds: float
    error: str = ""


def try_settings(
    settings: Settings, data: Mapping, framework: str = "numpy"
) -> tuple[float | None, float, str]:
    """Train once; this is what the workers do.

    Returns:
        accuracy (None where it failed), seconds, error.
    """
    start = time.perf_counter()
    accuracy, error = None, ""
    try:
        with np.errstate(all="ignore"), _one_thread():
            import warnings

            warnings.simplefilter("ignore")  # in a worker: divergence is a result too
            with time_limit(STEP_SECONDS * patience()) as limit:
                watch = [_Renewing(limit)]
                solver = nets_of(framework).build_solver(settings, data, watch)
                solver.train()
        accuracy = float(solver.best_val_acc)
    except (Exception, EndlessError) as problem:  # the student's code may fail
        error = describe_error(problem)
    return accuracy, time.perf_counter() - start, error


class _Renewing(Callback):
    """Gives each step its whole time."""

    def __init__(self, limit: Limit):
        self.limit = limit

    def on_batch_end(self, solver):
        self.limit.renew()

    on_epoch_end = on_batch_end


def _one_thread():
    """Let BLAS use one thread: the other cores have trials of their own."""
    from contextlib import nullcontext

    if find_spec("threadpoolctl") is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


class RandomGuesses:
    """Draws each setting by itself, evenly over its range."""

    def __init__(self, ranges: Ranges, known: Sequence[Trial], seed: int):
        self._ranges = ranges
        # Another stretch of random numbers for what is drawn after a resume.
        self._rng = np.random.default_rng([seed, len(known)])

    def ask(self) -> dict:
        """Return values for the settings that are searched for."""
        return {
            name: self._draw(name, among)
            for name, among in asdict(self._ranges).items()
        }

    def tell(self, values: Mapping, accuracy: float | None) -> None:
        """Learn nothing."""

    def _draw(self, name, among):
        if not isinstance(among[0], float):
            return among[self._rng.integers(len(among))]
        if name in LINEAR:
            return float(self._rng.uniform(*among))
        return float(10 ** self._rng.uniform(*np.log10(among)))


class OptunaGuesses:
    """Asks Optuna, whose guesses get better with every result."""

    def __init__(self, ranges: Ranges, known: Sequence[Trial], seed: int):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._ranges, self._pending = optuna, ranges, []
        self._distributions = _distributions(optuna, ranges)
        sampler = optuna.samplers.TPESampler(seed=seed + len(known), n_startup_trials=8)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        for trial in known:
            self._add(asdict(trial.settings), trial.accuracy)

    def ask(self) -> dict:
        """Return values for the settings that are searched for."""
        trial = self._study.ask(self._distributions)
        self._pending.append(trial)
        return dict(trial.params)

    def tell(self, values: Mapping, accuracy: float | None) -> None:
        """Report what came of earlier values."""
        trial = next(t for t in self._pending if t.params == values)
        self._pending.remove(trial)
        if accuracy is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, accuracy)

    def _add(self, settings, accuracy):
        """Take over a trial of an earlier search, if it lies in the ranges."""
        values = {name: settings[name] for name in self._distributions}
        fits = all(
            _lies_in(value, getattr(self._ranges, n)) for n, value in values.items()
        )
        if accuracy is not None and fits:
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    params=values, distributions=self._distributions, value=accuracy
                )
            )


def _lies_in(value, among):
    if isinstance(among[0], float):
        return among[0] <= value <= among[1]
    return value in among


def has_optuna() -> bool:
    """True where Optuna is installed."""
    return find_spec("optuna") is not None


def _distributions(optuna, ranges):
    kinds = {}
    for name, among in asdict(ranges).items():
        if isinstance(among[0], float):
            log = name not in LINEAR
            kinds[name] = optuna.distributions.FloatDistribution(*among, log=log)
        else:
            kinds[name] = optuna.distributions.CategoricalDistribution(among)
    return kinds


_kept: tuple[Mapping, str] | None = None  # data and framework, in a worker process


def _keep(*kept):
    global _kept
    _kept = kept


def _try_kept(settings):
    return try_settings(settings, *_kept)


class LocalCores:
    """Processes on this computer; each has its own copy of the data."""

    def __init__(self, data: Mapping, count: int, framework: str = "numpy"):
        self.count = count
        # Not forked: a fork of a process that runs threads may hang.
        context = multiprocessing.get_context("spawn")
        self._pool = context.Pool(count, _keep, (data, framework))

    def submit(self, settings: Settings, done: Callable) -> None:
        """Have settings tried; `done` gets the result, or the exception."""
        self._pool.apply_async(
            _try_kept, (settings,), callback=done, error_callback=done
        )

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        self._pool.terminate()
        self._pool.join()


class DaskCluster:
    """The workers of a `dask.distributed.Client`, here or on other machines."""

    def __init__(self, data: Mapping, client, framework: str = "numpy"):
        self._client, self._futures, self._framework = client, [], framework
        self.count = max(1, sum(client.nthreads().values()))
        self._data = client.scatter(dict(data), broadcast=True)

    def submit(self, settings: Settings, done: Callable) -> None:
        """Have settings tried; `done` gets the result, or the exception."""
        future = self._client.submit(
            try_settings, settings, self._data, self._framework, pure=False
        )
        self._futures.append(future)

        def finished(future):
            if not future.cancelled():
                done(future.exception() or future.result())

        future.add_done_callback(finished)

    def close(self) -> None:
        """Give up what has not been finished."""
        self._client.cancel(self._futures)


class Search:
    """Tries settings until there are enough trials, or until it is stopped.

    Attributes:
        trials: what has been tried, in the order in which it was finished.
        status: "waiting", "running", "finished", "stopped" or "failed".
    """

    def __init__(
        self,
        base: Settings,
        ranges: Ranges,
        count: int,
        sampler: str = "random",
        path: str | Path | None = None,
        seed: int = 231,
    ):
        """Read what an earlier search has found out.

        Args:
            base: settings that are not searched for.
            ranges: where to look for the others.
            count: trials in all, those of earlier searches included.
            sampler: "random" or "optuna".
            path: file to keep the trials in, a line each; None for memory only.
            seed: of the guesses.
        """
        self.base, self.ranges, self.count = base, ranges, count
        self.sampler, self.seed = sampler, seed
        self.path = None if path is None else Path(path)
        self.trials = read_trials(self.path) if self.path else []
        self.status, self.error = "waiting", ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def best(self) -> Trial | None:
        """The trial with the highest accuracy."""
        good = [trial for trial in self.trials if trial.accuracy is not None]
        return max(good, key=lambda trial: trial.accuracy, default=None)

    @property
    def running(self) -> bool:
        """True while trials are being made."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, make_workers: Callable, tell: Callable) -> None:
        """Search in the background.

        Args:
            make_workers: returns workers, such as LocalCores.
            tell: called without arguments whenever something has happened.
        """
        self._stop.clear()
        self._thread = threading.Thread(
            target=self.run,
            args=(make_workers, tell),
            name="ece662 search",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """End the search; unfinished trials are given up, finished ones kept."""
        self._stop.set()
        if self.running and self._thread is not threading.current_thread():
            self._thread.join(10)

    def run(self, make_workers: Callable, tell: Callable) -> None:
        """Search here and now; see `start`."""
        self.status, self.error = "running", ""
        tell()
        try:
            workers = make_workers()
            try:
                self._run(workers, tell)
            finally:
                workers.close()
            self.status = "stopped" if self._stop.is_set() else "finished"
        except Exception as error:
            self.status, self.error = "failed", describe_error(error)
        finally:
            tell()

    def _run(self, workers, tell):
        make = OptunaGuesses if self.sampler == "optuna" else RandomGuesses
        sampler, results = make(self.ranges, self.trials, self.seed), queue.Queue()
        in_hand = 0
        while len(self.trials) < self.count and not self._stop.is_set():
            # No more at a time than there are workers: the next guess may know more.
            while in_hand < min(workers.count, self.count - len(self.trials)):
                values = sampler.ask()
                settings = replace(self.base, **values)
                workers.submit(settings, _into(results, values, settings))
                in_hand += 1
            try:
                values, settings, result = results.get(timeout=0.1)
            except queue.Empty:
                continue
            in_hand -= 1
            if isinstance(result, BaseException):
                raise result
            sampler.tell(values, result[0])
            self._keep(Trial(len(self.trials) + 1, settings, *result))
            tell()

    def _keep(self, trial):
        self.trials.append(trial)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(trial)) + "\n")


def _into(results, values, settings):
    """Return a function that puts a result into the queue, with what it belongs to."""
    return lambda result: results.put((values, settings, result))


def read_trials(path: Path) -> list[Trial]:
    """Read the trials of earlier searches; a line cut off by a crash is left out."""
    trials = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            entry = json.loads(line)
            entry["settings"] = Settings(**entry["settings"])
            accuracy = entry["accuracy"]
            if accuracy is None or math.isfinite(accuracy):
                trials.append(Trial(**entry))
        except (ValueError, TypeError, KeyError):
            continue
    return trials
