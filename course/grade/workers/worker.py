"""Grade one submission in a child process, whatever it does to that process.

A thread of the grader, or of a cluster's worker, asks a child (see `contained`) and
gets a record, or a reason why there is none.
"""

import atexit
import contextlib
import functools
import hashlib
import json
import platform
import shutil
import threading
import time
from collections import Counter
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from course.grade.contained import EndedError, borrowed
from course.grade.intake.handins import HandIn
from course.grade.intake.submissions import Submission
from course.grade.intake.taking import as_plain, digest_of, from_plain
from course.grade.marks import frameworks
from course.grade.marks.mark import Mark
from course.grade.marks.pristine import FULL, ROOT, Pristine
from course.sandbox.check import NoWallsError, choose
from course.sandbox.isolation import Isolation, candidates
from course.sandbox.runtime import distributions_of, lay_out
from course.sandbox.scratch import scratch
from course.sandbox.waiting import slowness
from ece662.check.terms import Status
from ece662.exercises import EXERCISES

__all__ = [
    "Setup",
    "digest_of",
    "digest_of_sources",
    "grade",
    "is_killed",
    "prepare",
    "take",
    "ungraded",
    "work_of",
]

# Seconds of wall time for all of one submission; a right one takes 3, and 100 with the
# cells that train. And how long reading it may take.
BUDGET, TRAINING_BUDGET, TAKING = 120.0, 1800.0, 60.0
GRACE = 30.0  # seconds beyond those, until a child that does not answer is ended
ATTEMPTS = 5  # children that one submission may end

_lock = threading.Lock()


class Setup(NamedTuple):
    """All that decides what comes of a submission, and where things are."""

    secret: str  # what hidden inputs and labels are drawn from; see `Secret`
    trusted: bool = False  # run submissions without walls
    training: bool = True  # also the cells that train
    folder: str | None = None  # what `prepare` has filled, where it can be seen
    sources: str | None = None  # `digest_of_sources` of the grader that asks


def prepare(folder: Path, trusted: bool, training: bool = True) -> Isolation:
    """Fill a folder with all that workers need; return the walls that hold here.

    Args:
        folder: an empty one, which everybody gets to read.
        trusted: go on without walls where none hold.
        training: get ready for cells, too.

    Raises:
        SandboxError: no walls hold, and the submissions are not trusted.
    """
    folder.chmod(0o755)
    for name in ("runtime", "pristine", "frameworks"):
        (folder / name).mkdir()
    try:
        if candidates():
            packages = {"numpy", *distributions_of(["IPython"])}  # for magics in cells
            lay_out(folder / "runtime", sorted(packages))
        isolation = choose(folder / "runtime")
    except NoWallsError:
        if not trusted:
            raise
        isolation = Isolation.NONE
    pristine = Pristine.make(folder / "pristine")
    why = {}
    if training:
        tree = pristine.folder / FULL
        why = frameworks.prepare(folder / "frameworks", isolation, tree)
    (folder / "frameworks.json").write_text(json.dumps(why))
    (folder / "isolation").write_text(isolation.value)
    return isolation


def take(hand_in: HandIn | Path) -> Submission:
    """Open a submission in a child, and take out what is graded.

    Nothing in a submission makes this raise. One that ends two children is returned
    with the reason why it is lost.
    """
    if not isinstance(hand_in, HandIn):
        hand_in = HandIn.of(hand_in)
    parts = [[str(path.absolute()), called] for path, called in hand_in.parts]
    about = {"parts": parts, "student": hand_in.student, "about": hand_in.about,
             "notes": hand_in.notes}  # fmt: skip
    seconds, why = TAKING * slowness(), ""
    for _ in range(2):
        try:
            with borrowed() as child:
                plain = child.ask("take", about, seconds)
        except EndedError as ended:
            why = str(ended)
            if ended.slow:
                break
        else:
            return from_plain(plain)
    file = hand_in.parts[0][0].name if hand_in.parts else hand_in.student
    lost = f"{file}: {why}"
    return Submission(hand_in.student, lost=lost, about=hand_in.about)


def grade(setup: Setup, submission: Submission) -> dict[str, Any]:
    """Grade a submission in a child; return its record, which JSON can say.

    Where judging an exercise ends the child twice, a new one goes on without that
    exercise.

    Args:
        setup: of this run.
        submission: one that `take` has taken.

    Raises:
        SandboxError: no walls hold on this machine.
    """
    if submission.lost:
        return ungraded(submission, submission.lost)
    setup = _prepared(setup)
    seconds = slowness() * (TRAINING_BUDGET if setup.training else BUDGET)
    end = time.monotonic() + seconds
    spoilt: dict[str, str] = {}
    deaths: Counter[str] = Counter()
    why = ""
    for _ in range(ATTEMPTS):
        about = {
            "setup": setup._asdict(),
            "submission": as_plain(submission),
            "spoilt": spoilt,
            "seconds": max(0.0, end - time.monotonic()),
        }
        try:
            with borrowed() as child:
                return child.ask("mark", about, about["seconds"] + GRACE)
        except EndedError as ended:
            shutil.rmtree(work_of(setup, ended.process), ignore_errors=True)
            why = str(ended)
            deaths[ended.at] += 1
            # Somebody else may have killed the child, once.
            if ended.at and (ended.slow or deaths[ended.at] > 1):
                spoilt[ended.at] = why
    return ungraded(submission, why)


def work_of(setup: Setup, process: int) -> Path:
    """Return the folder of a child's temporary files."""
    return Path(setup.folder) / f"work-{process}"


def ungraded(submission: Submission, why: str) -> dict[str, Any]:
    """Return the record of a submission that could not be graded, to be tried again."""
    marks = [
        Mark(exercise.id, Status.NOT_RUN, 0, exercise.points, "not-graded", why)
        for exercise in EXERCISES
    ]
    return {
        "student": submission.name,
        "digest": "",  # fits nothing: the next run grades it
        "marks": [asdict(mark) for mark in marks],
        "answers": {},
        "notes": [*submission.notes, f"not graded: {why}"],
        "fingerprints": {},
        "code": {},
        "handed_in": submission.about,
    }


def is_killed(error: BaseException) -> bool:
    """Tell whether an error means that the worker itself came to an end."""
    # Of Dask's KilledWorker only the name, for Dask need not be installed.
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def digest_of_sources() -> str:
    """Return a digest of the code that decides on marks, to compare machines by."""
    digest = hashlib.sha256()
    for folder in ("course", "ece662", "notebooks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".ipynb"):
                digest.update(path.relative_to(ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _prepared(setup: Setup) -> Setup:
    """Return a set-up with a folder; a process that has none makes one, once."""
    if setup.folder is not None:
        return setup
    with _lock:
        return setup._replace(folder=_own_folder(setup))


@functools.lru_cache(maxsize=1)
def _own_folder(setup: Setup) -> str:
    if setup.sources not in (None, digest_of_sources()):
        raise RuntimeError(f"{ROOT}, on {platform.node()}, is another version")
    until_the_end = contextlib.ExitStack()
    folder = until_the_end.enter_context(scratch("grade"))
    atexit.register(until_the_end.close)
    prepare(folder, setup.trusted, setup.training)
    return str(folder)
