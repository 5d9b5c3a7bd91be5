"""Grade a folder of submissions, on all cores or on a cluster, and go on after a stop.

Each submission's record is one file, written whole or not at all, as soon as it is
there. So whatever ends a run, a reboot or a full disk, the records say what is done:
`resume` keeps those that still fit their submission, and grades the others.
"""

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from pathlib import Path
from typing import Any

from tqdm import tqdm

from course.grade.contained import end_all
from course.grade.errors import GradingError
from course.grade.intake.handins import Attempts, HandIn, hand_ins
from course.grade.intake.submissions import Submission
from course.grade.secret import Secret
from course.grade.text import file_name
from course.grade.workers.worker import (
    Setup,
    digest_of_sources,
    grade,
    is_killed,
    prepare,
    take,
    ungraded,
)
from course.sandbox.check import NoWallsError
from course.sandbox.scratch import scratch
from ece662._computer import cores
from ece662._files import is_full, write_file

__all__ = ["ATTEMPTS", "GradingError", "grade_class", "record_path", "write_whole"]

TRIES = 3  # of a submission whose worker died
WINDOW = 64  # submissions under way on a cluster: enough to do, and never all
RULES = "course.toml"  # may be there before a run
RECORDS, RUN, PACE, LEFT_OUT = "records", "run.json", "pace.csv", "left-out.json"
ATTEMPTS = "attempts"  # records of all of them, where the best one is to count


def grade_class(
    submissions: Path,
    out: Path,
    *,
    secret: str | None = None,
    resume: bool = False,
    trusted: bool = False,
    training: bool = True,
    attempts: Attempts | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    quiet: bool = False,
) -> int:
    """Grade every submission in a folder; the records are left in `out/records`.

    Args:
        submissions: the folder.
        out: where to; new, empty, or with `resume` of an earlier run.
        secret: of the hidden inputs, as `Secret` has it; drawn where it is None. With
            `resume` the earlier.
        resume: go on with an earlier run.
        trusted: run submissions without walls around them.
        training: also the cells that train, which take most of the time.
        attempts: which of a student's attempts are graded: the last one, or all, of
            which the reports take the best. None for the last, and with `resume` for
            those of the earlier run.
        workers: processes; None for one a core.
        scheduler: address of a Dask cluster to use instead.
        quiet: no progress bar.

    Returns:
        How many submissions there are: attempts, where all of them are graded.

    Raises:
        GradingError: it cannot begin or go on; says why and what to do.
        SandboxError: no walls hold here, and the submissions are not trusted.
    """
    settings = {"secret": secret, "training": training, "trusted": trusted,
                "attempts": attempts}  # fmt: skip
    settings = _settled(out, settings, resume)
    paths, left_out = hand_ins(submissions, settings["attempts"])
    _keep(out, settings)
    (out / RECORDS).mkdir(exist_ok=True)
    write_whole(out / LEFT_OUT, json.dumps(left_out, indent=1) + "\n")
    started = time.monotonic()
    with scratch("grade") as folder:
        make, setup = _executor_maker(settings, workers, scheduler, folder)
        window = WINDOW if scheduler else 2 * (workers or cores())
        records = _graded(_Queue(_unfinished(paths, out)), make, setup, window)
        with tqdm(total=len(paths), unit="submission", disable=quiet) as bar:
            for record in records:
                bar.update()
                if record is None:
                    continue
                attempt = record["handed_in"].get("attempt", "")
                path = record_path(out, record["student"], attempt)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(path, json.dumps(record, indent=1, sort_keys=True) + "\n")
                _note_pace(out / PACE, started)
    return len(paths)


def record_path(out: Path, student: str, attempt: str = "") -> Path:
    """Return where a student's record is kept, or that of one of several attempts."""
    if attempt:
        return out / ATTEMPTS / file_name(student) / f"{file_name(attempt)}.json"
    return out / RECORDS / f"{file_name(student)}.json"


def write_whole(path: Path, text: str | bytes) -> None:
    """Write a file so that it is there in whole or as it was before.

    Raises:
        GradingError: the disk is full.
    """
    try:
        write_file(path, text)
    except OSError as error:
        if is_full(error):
            raise GradingError(
                f"the disk of {path.parent} is full. What is graded is kept: make "
                "room, then grade again with --resume."
            ) from None
        raise


def _settled(out: Path, settings: dict[str, Any], resume: bool) -> dict[str, Any]:
    """Return the settings of this run; with `resume` the earlier ones.

    Raises:
        GradingError: there is something in `out`, or nothing to go on with.
    """
    if resume:
        return {**settings, **_earlier(out, settings)}
    held = {p.name for p in out.iterdir()} - {RULES} if out.is_dir() else set()
    if held or (out.exists() and not out.is_dir()):
        raise GradingError(f"{out} is not empty: grade with --resume, or elsewhere")
    secret, attempts = settings["secret"], settings["attempts"]
    return {
        **settings,
        "secret": Secret.draw().text if secret is None else secret,
        "attempts": Attempts.LAST if attempts is None else attempts,
    }


def _earlier(out: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier run has settled, which another would contradict."""
    try:
        earlier = json.loads((out / RUN).read_text("utf-8"))
    except (OSError, ValueError):
        raise GradingError(f"there is no run to go on with in {out}") from None
    if "secret" not in earlier:
        raise GradingError(f"the run in {out} is of an earlier version: grade anew")
    asked = settings["secret"]
    if asked is not None and asked != earlier["secret"]:
        raise GradingError(f"the run in {out} has another secret: see its {RUN}")
    attempts, asked = Attempts(earlier.get("attempts", "last")), settings["attempts"]
    if asked is not None and asked != attempts:
        raise GradingError(f"the run in {out} takes the {attempts} attempt: grade anew")
    kept = {name: earlier[name] for name in ("secret", "training")}
    return {**kept, "attempts": attempts}


def _keep(out: Path, settings: dict[str, Any]) -> None:
    """Write down what is settled, unless an earlier run did."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / RUN).exists():
        text = json.dumps(settings, indent=1, sort_keys=True)
        write_whole(out / RUN, text + "\n")


def _unfinished(paths: Sequence[HandIn], out: Path) -> Iterator[Submission | None]:
    """Open one submission after the other; None stands for one that is graded."""
    for path in paths:
        submission = take(path)
        try:
            record = record_path(out, *_key(submission)).read_text("utf-8")
            done = json.loads(record)["digest"] == (submission.digest or None)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            done = False  # no record, or half of one
        yield None if done else submission


def _key(submission: Submission) -> tuple[str, str]:
    """Return whose a submission is, and which of several attempts."""
    return submission.name, str(submission.about.get("attempt", ""))


def _executor_maker(
    settings, workers, scheduler, folder
) -> tuple[Callable[[], Executor], Setup]:
    setup = Setup(settings["secret"], settings["trusted"], settings["training"])
    if scheduler is not None:
        from course.grade.workers.cluster import connect

        return lambda: connect(scheduler), setup._replace(sources=digest_of_sources())
    prepare(folder, settings["trusted"], settings["training"])

    def make() -> Executor:
        return _LocalExecutor(workers or cores())

    return make, setup._replace(folder=str(folder))


class _LocalExecutor(ThreadPoolExecutor):
    """Threads that wait for one child each; `shutdown` ends the children."""

    def shutdown(self, wait=True, *, cancel_futures=False):
        """End the children, so that no thread has anything to wait for."""
        end_all()
        super().shutdown(wait, cancel_futures=cancel_futures)


def _note_pace(path: Path, started: float) -> None:
    """Add a line for one more graded submission: the plot of time is made of them."""
    # An error is ignored here: a full disk is reported where a record is written.
    with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as file:
        file.write(f"{time.monotonic() - started:.2f}\n")


class _Queue:
    """Submissions to hand out, first those whose worker was killed."""

    def __init__(self, waiting: Iterator[Submission | None]):
        """Begin with none to be tried again."""
        self._waiting, self.again = waiting, []
        self.tried: Counter[str] = Counter()

    def take(self) -> Submission | None:
        """Return the next one.

        Raises:
            StopIteration: there is none left.
        """
        submission = self.again.pop() if self.again else next(self._waiting)
        if submission is not None:
            self.tried[_key(submission)] += 1
        return submission


def _graded(
    queue: _Queue, make: Callable[[], Executor], setup: Setup, window: int
) -> Iterator[dict[str, Any] | None]:
    """Yield records as they come, None for one that is there already.

    Where a worker is killed, a pool of processes is lost as a whole. A new one tries
    again what was under way, one by one, which shows whose fault it was.
    """
    under_way: dict[Future, Submission] = {}
    executor = make()
    try:
        while True:
            try:
                while len(under_way) < (1 if queue.again else window):
                    submission = queue.take()
                    if submission is None:
                        yield None
                    elif submission.lost:
                        yield ungraded(submission, submission.lost)
                    elif queue.tried[_key(submission)] > TRIES:
                        yield ungraded(submission, "the process that grades was killed")
                    else:
                        under_way[_submit(executor, setup, submission)] = submission
            except StopIteration:
                if not under_way:
                    return
            ready, _ = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ready:
                error = future.exception()
                if isinstance(error, NoWallsError):
                    raise error
                if error is None:
                    yield future.result()
                elif is_killed(error):
                    queue.again.append(under_way[future])
                else:
                    why = f"{type(error).__name__}: {error}"
                    yield ungraded(under_way[future], why)
                del under_way[future]
            if isinstance(error, BrokenExecutor) and not under_way:
                executor.shutdown()
                executor = make()
    finally:
        executor.shutdown(cancel_futures=True)


def _submit(executor: Executor, setup: Setup, submission: Submission) -> Future:
    """Hand out a submission; where the pool is broken, the future raises that."""
    try:
        return executor.submit(grade, setup, submission)
    except BrokenExecutor as error:
        future: Future = Future()
        future.set_exception(error)
        return future
