"""Grade one submission, in whatever process is told to: a pool's or a cluster's."""

import atexit
import contextlib
import ctypes
import functools
import hashlib
import json
import platform
import signal
import sys
import threading
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from course.grade import frameworks
from course.grade.intake import Submission
from course.grade.marking import Mark, Marker
from course.grade.pristine import FULL, ROOT, Pristine
from course.grade.secret import Secret
from course.grade.similar import fingerprints
from course.sandbox.check import NoWallsError, choose
from course.sandbox.isolation import Isolation, candidates
from course.sandbox.runtime import distributions_of, lay_out
from course.sandbox.scratch import scratch
from ece662.check.terms import Status
from ece662.exercises import EXERCISES
from ece662.exercises.reading import read_files

__all__ = [
    "Setup",
    "die_with_parent",
    "digest_of",
    "digest_of_sources",
    "grade",
    "is_killed",
    "prepare",
    "ungraded",
]

_lock = threading.Lock()


class Setup(NamedTuple):
    """All that decides what comes of a submission, and where things are."""

    secret: str  # what hidden inputs and labels are drawn from; see `Secret`
    trusted: bool = False  # run submissions without walls
    training: bool = True  # also the cells that train
    folder: str | None = None  # what `prepare` has filled, where it can be seen
    sources: str | None = None  # `digest_of_sources` of the one who asks


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


def grade(setup: Setup, submission: Submission) -> dict[str, Any]:
    """Grade a submission; return its record, which JSON can say.

    Raises:
        SandboxError: no walls hold on this machine.
    """
    with _lock:
        marker = _marker(setup)
    pieces = read_files(submission.files)
    marks = marker.mark(pieces)
    return {
        "student": submission.name,
        "digest": digest_of(submission),
        "marks": [asdict(mark) for mark in marks],
        "answers": pieces.answers,
        "notes": [*submission.notes, *pieces.notes],
        "fingerprints": fingerprints(pieces.bodies),
    }


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
    }


def is_killed(error: BaseException) -> bool:
    """Tell whether an error means that the worker itself came to an end."""
    # Of Dask's KilledWorker only the name, for Dask need not be installed.
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"


def digest_of(submission: Submission) -> str:
    """Return a digest of all that is graded: equal digests, equal records."""
    told = json.dumps([submission.files, submission.notes], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()


def digest_of_sources() -> str:
    """Return a digest of the code that decides on marks, to compare machines by."""
    digest = hashlib.sha256()
    for folder in ("course", "ece662", "notebooks"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".ipynb"):
                digest.update(path.relative_to(ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def _marker(setup: Setup) -> Marker:
    """Return this process's marker; where there is no folder, make one first."""
    if setup.folder is None:
        until_the_end = contextlib.ExitStack()
        folder = until_the_end.enter_context(scratch("grade"))
        atexit.register(until_the_end.close)
        prepare(folder, setup.trusted, setup.training)
    else:
        folder = Path(setup.folder)
    if setup.sources not in (None, digest_of_sources()):
        raise RuntimeError(f"{ROOT}, on {platform.node()}, is another version")
    isolation = Isolation((folder / "isolation").read_text())
    pristine = Pristine(folder / "pristine")
    return Marker(
        isolation,
        folder / "runtime",
        pristine,
        Secret(setup.secret),
        setup.training,
        folder / "frameworks",
        json.loads((folder / "frameworks.json").read_text()),
    )


def die_with_parent() -> None:
    """Let this process be killed when the one that started it is (Linux).

    A worker whose grader was killed would otherwise wait for work for ever.
    """
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
