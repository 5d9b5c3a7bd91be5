"""The program of a contained child: takes submissions in, and marks them.

    python -m course.grade.workers.child

`contained` says which messages it gets and sends. It works behind a limit of memory,
reports which exercise it has come to, and ends with the process that has started it.
"""

import functools
import json
import os
import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from course.grade.intake import taking
from course.grade.intake.submissions import Submission
from course.grade.marks.budget import Budget
from course.grade.marks.mark import Mark
from course.grade.marks.marking import Marker
from course.grade.marks.pristine import Pristine
from course.grade.secret import Secret
from course.grade.similar import code_of, fingerprints
from course.grade.workers.worker import Setup, work_of
from course.sandbox import wire
from course.sandbox.isolation import Isolation
from course.sandbox.waiting import slowness

__all__ = ["Reporter", "main", "memory_limit", "record_of"]

MEMORY = 2 << 30  # bytes for one question, beyond what the process has already
GROWN = 3 << 30  # bytes at which a process ends after its answer
MAX_QUESTION = 256 << 20
JUDGING = 90.0  # seconds in which an exercise that has run must be judged

Say = Callable[..., None]


def take(about: dict[str, Any], say: Say) -> dict[str, Any]:
    """Open a submission and take out what is graded."""
    with memory_limit(MEMORY):
        if "path" in about:
            return taking.as_plain(taking.take_here(about["path"]))
        parts = [(Path(path), called) for path, called in about["parts"]]
        notes, said = about["notes"], about["about"]
        taken = taking.take_parts(parts, about["student"], said, notes)
        return taking.as_plain(taken)


def submitters(about: dict[str, Any], say: Say) -> dict[str, dict[str, str]]:
    """Read who the submissions of a Gradescope export are by."""
    from course.grade.intake.platforms import submitters_in

    with memory_limit(MEMORY):
        return submitters_in(Path(about["path"]))


def workbook(about: dict[str, Any], say: Say) -> list:
    """Read the sheets of a workbook."""
    from course.grade.tables.workbook import sheets_of

    with memory_limit(MEMORY):
        return sheets_of(Path(about["path"]))


def mark(about: dict[str, Any], say: Say) -> dict[str, Any]:
    """Mark a submission that was taken, and return its record."""
    submission = taking.from_plain(about["submission"])
    marker = _marker(Setup(**about["setup"]))
    marker.watch = Reporter(say)
    marks = marker.mark(submission.pieces, Budget(about["seconds"]), about["spoilt"])
    return record_of(submission, marks)


def record_of(submission: Submission, marks: Sequence[Mark]) -> dict[str, Any]:
    """Return the record of a submission that was marked."""
    pieces = submission.pieces
    return {
        "student": submission.name,
        "digest": submission.digest,
        "marks": [asdict(mark) for mark in marks],
        "answers": pieces.answers,
        "notes": [*submission.notes, *pieces.notes],
        "fingerprints": fingerprints(pieces.bodies),
        "code": code_of(pieces.bodies),
        "handed_in": submission.about,
    }


@functools.lru_cache(maxsize=1)
def _marker(setup: Setup) -> Marker:
    """Return this process's marker, which keeps what is the same for all."""
    folder = Path(setup.folder)
    work = work_of(setup, os.getpid())
    work.mkdir(mode=0o755, exist_ok=True)
    return Marker(
        Isolation((folder / "isolation").read_text()),
        folder / "runtime",
        Pristine(folder / "pristine"),
        Secret(setup.secret),
        setup.training,
        folder / "frameworks",
        json.loads((folder / "frameworks.json").read_text()),
        work=work,
    )


class Reporter:
    """Reports which exercise is run or judged, and limits judging.

    Marking an exercise may begin with those that it builds on, so they form a stack.
    """

    def __init__(self, say: Say):
        """Begin with none."""
        self._say, self._stack = say, []

    @contextmanager
    def __call__(self, exercise: str, judged: bool) -> Iterator[None]:
        """Report what begins, and when it has ended what is continued."""
        self._stack.append((exercise, judged))
        self._tell()
        try:
            with memory_limit(MEMORY if judged else None):
                yield
        finally:
            self._stack.pop()
            self._tell()

    def _tell(self) -> None:
        if self._stack:
            exercise, judged = self._stack[-1]
            self._say(
                at=exercise, **({"within": JUDGING * slowness()} if judged else {})
            )


QUESTIONS = {
    "mark": mark,
    "submitters": submitters,
    "take": take,
    "workbook": workbook,
}


def main() -> None:
    """Answer questions until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what is printed by mistake is no answer
    questions = _read_questions(os.fdopen(os.dup(0), "rb"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def say(body: bytes = b"", **header: Any) -> None:
        answers.write(wire.pack_frame(header, body))
        answers.flush()

    while True:
        header, body = questions.get()
        try:
            answer = QUESTIONS[header["question"]](json.loads(body), say)
            # Memory that Python keeps for itself is given back by ending.
            say(json.dumps(answer).encode(), answer=True, last=_has_grown())
        except BaseException as error:
            traceback.print_exc(limit=20)
            said = f"{type(error).__name__}: {error}"
            say(raised=said[:500], kind=type(error).__name__)


def _read_questions(stream) -> queue.Queue:
    """Read frames in a thread; when they end, so does this process, busy or not."""
    questions: queue.Queue = queue.Queue()

    def read() -> None:
        try:
            while True:
                questions.put(wire.read_frame(stream, MAX_QUESTION))
        except BaseException:
            os._exit(0)  # the grader has gone

    threading.Thread(target=read, daemon=True).start()
    return questions


@contextmanager
def memory_limit(more: int | None) -> Iterator[None]:
    """Let this process have so many bytes more than it has now; only Linux counts.

    Args:
        more: None for any number. What is started meanwhile, such as a sandbox with
            limits of its own, has the same limit.
    """
    try:
        import resource

        used = _data_in_use()
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = hard if more is None else used + more
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _has_grown() -> bool:
    try:
        return _data_in_use() > GROWN
    except OSError:
        return False


def _data_in_use() -> int:
    with open("/proc/self/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith("VmData:"):
                return int(line.split()[1]) << 10
    raise OSError("there is no VmData")


if __name__ == "__main__":
    main()
