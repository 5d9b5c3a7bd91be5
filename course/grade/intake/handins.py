"""Who handed in what: the entries of a folder, as learning platforms make them.

A folder that Canvas, Moodle, Blackboard, Brightspace or Gradescope gives out in bulk
has the students in the names of its files and folders. Each entry becomes part of a
hand-in, or is named with the reason why it is none. Of several attempts the last one
is graded, or all of them, so that the best one can count.
"""

import enum
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from course.grade.errors import GradingError
from course.grade.intake.archives import ARCHIVES, CLOSED, kind_of
from course.grade.intake.bulk_names import (
    TYPED,
    Delivery,
    deliveries_of,
    doubt_about,
    is_of_a_platform,
)
from course.grade.intake.submissions import TYPES, student_of
from course.grade.text import printable
from ece662.exercises import EXERCISES

__all__ = ["Attempts", "HandIn", "LeftOut", "hand_ins"]

BY_SYSTEMS = (".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini")
METADATA = "submission_metadata.yml"  # of Gradescope
LISTS = ("index.html", METADATA)  # of Brightspace and Gradescope
MAX_LEFT_OUT = 1000  # names
BROKEN_OFF = (".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp")
# Zip archives by their bytes, but documents and programs.
OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".pages", ".numbers",
          ".key", ".epub", ".jar", ".apk", ".whl")  # fmt: skip


class Attempts(enum.StrEnum):
    """Which of a student's attempts counts. The values are written into run.json."""

    LAST = "last"
    BEST = "best"


class LeftOut(NamedTuple):
    """An entry that is no hand-in."""

    name: str
    why: str


@dataclass(frozen=True)
class HandIn:
    """What one student handed in."""

    student: str  # the name that it goes by in records
    parts: tuple[tuple[Path, str], ...]  # files and folders, as the student called them
    name: str = ""  # of the student, where a platform says it
    id: str = ""  # that a platform has for the student
    when: str = ""  # as ISO 8601 has it, without a zone; "" where it is not said
    is_late: bool = False  # by the platform's word
    notes: tuple[str, ...] = ()
    attempt: str = ""  # which one; "" where no other of this student is graded

    @classmethod
    def of(cls, path: Path) -> "HandIn":
        """Return the hand-in of a path that is named for its student."""
        notes = tuple(filter(None, [doubt_about(path.name)]))
        return cls(student_of(path), ((path, path.name),), notes=notes)

    @property
    def about(self) -> dict[str, str | bool]:
        """What a record keeps of it."""
        file = self.parts[0][0].name if self.parts and self.id else ""
        found = {"name": self.name, "id": self.id, "when": self.when,
                 "late": self.is_late, "file": file,
                 "attempt": self.attempt}  # fmt: skip
        return {key: value for key, value in found.items() if value}


def hand_ins(
    folder: Path, attempts: Attempts = Attempts.LAST
) -> tuple[list[HandIn], list[LeftOut]]:
    """List what was handed in, by student, and what is no hand-in.

    Args:
        folder: with all of it.
        attempts: which are listed of a student who has handed in several times: the
            last one, or for the best one all.

    Raises:
        NotADirectoryError: there is no such folder.
        GradingError: two entries go by one name.
    """
    if not folder.is_dir():
        raise NotADirectoryError(
            f"expected a folder of submissions, got {folder}"
            + (": unpack it first" if folder.exists() else "")
        )
    folder = _bulk_within(folder)
    found: list[HandIn] = []
    left_out: list[LeftOut] = []
    paths = sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
    paths = [path for path in paths if path.name not in (*BY_SYSTEMS, *LISTS)]
    deliveries = deliveries_of(paths, _submitters(folder / METADATA))
    for path in paths:
        if path in deliveries:
            continue
        if why := _why_left_out(path):
            left_out.append(LeftOut(printable(path.name, 200), why))
        else:
            found.append(HandIn.of(path))
    found += _joined(deliveries.values(), attempts)
    _check_names(found)
    found.sort(key=lambda hand_in: (hand_in.student, hand_in.attempt))
    if (more := len(left_out) - MAX_LEFT_OUT) > 0:
        left_out[MAX_LEFT_OUT:] = [LeftOut(f"{more} more", "look into the folder")]
    return found, left_out


def _bulk_within(folder: Path) -> Path:
    """Return the one folder in a folder, where that is a platform's."""
    inner = [path for path in folder.iterdir() if path.name not in BY_SYSTEMS]
    if len(inner) == 1 and inner[0].is_dir() and not inner[0].is_symlink():
        names = [path.name for path in inner[0].iterdir()]
        if METADATA in names or any(map(is_of_a_platform, names)):
            return inner[0]
    return folder


def _submitters(path: Path) -> dict[str, dict[str, str]]:
    """Read who the submissions of a Gradescope export are by; {} where there is none.

    Raises:
        GradingError: the file is there and cannot be read.
    """
    if not path.is_file():
        return {}
    from course.grade.contained import EndedError, borrowed
    from course.sandbox.waiting import slowness

    try:
        with borrowed() as child:
            about = {"path": str(path.absolute())}
            return child.ask("submitters", about, 120.0 * slowness())
    except EndedError as ended:
        raise GradingError(f"{path} cannot be read: {ended}") from None


def _joined(deliveries: Iterable[Delivery], attempts: Attempts) -> Iterator[HandIn]:
    """Make hand-ins of the attempts of each student; those that do not count are noted.

    Platforms of which no time is known give out the one attempt that counts.
    """
    by_student: dict[tuple[str, str], dict[tuple[str, str], list[Delivery]]] = {}
    for delivery in deliveries:
        of_student = by_student.setdefault((delivery.student, delivery.id), {})
        of_student.setdefault((delivery.when, delivery.attempt), []).append(delivery)
    for of_student in by_student.values():
        ordered = [of_student[key] for key in sorted(of_student)]
        full = [mine for mine in ordered if any(delivery.called for delivery in mine)]
        notes = [f"the attempt of {_when(mine)} has no file in it"
                 for mine in ordered if full and mine not in full]  # fmt: skip
        if len(ordered) > 1 and not all(mine[0].when for mine in ordered):
            notes.append("the times of the attempts cannot all be read: look which one "
                         "is the last")  # fmt: skip
        if attempts is Attempts.BEST and len(full) > 1:
            for mine in full:
                yield _hand_in(mine, notes, mine[0].attempt)
            continue
        notes += [f"an earlier attempt, of {_when(mine)}, is not graded"
                  for mine in full[:-1]]  # fmt: skip
        yield _hand_in((full or ordered)[-1], notes)


def _when(mine: list[Delivery]) -> str:
    return mine[0].when or mine[0].attempt


def _hand_in(mine: list[Delivery], notes: Iterable[str], attempt: str = "") -> HandIn:
    """Make a hand-in of what was delivered as one attempt."""
    first, files = mine[0], tuple((p.path, p.called) for p in mine if p.called)
    is_late = any(delivery.is_late for delivery in mine)
    notes = (
        *notes,
        *([] if files else ["a text was typed into the platform: there is no file"]),
        *(["handed in late, by the platform's word"] if is_late else []),
    )
    return HandIn(first.student, files, first.name, first.id, first.when, is_late,
                  notes, attempt)  # fmt: skip


def _why_left_out(path: Path) -> str:
    """Say why an entry is no hand-in; "" where it is one."""
    name = path.name.lower()
    if path.is_dir() or path.is_symlink():
        return "its name begins with a full stop" if name.startswith(".") else ""
    if name.startswith("."):
        return "its name begins with a full stop"
    if not path.is_file():
        return "it is a special file"
    if TYPED.fullmatch(path.name):
        return "a text or a link that was typed into Canvas: ask for the files"
    if name.endswith(BROKEN_OFF):
        return "a download that was broken off: ask for it again"
    try:
        with open(path, "rb") as file:
            beginning = file.read(512)
    except OSError as error:
        return f"it cannot be opened ({error.strerror or error})"
    kind = kind_of(beginning)
    if kind in CLOSED.values():
        return f"{kind}, which is not opened: ask for a .zip"
    if name.endswith((".7z", ".rar", ".zst")):
        return "an archive of a kind that is not opened: ask for a .zip"
    if {path.name} & {Path(exercise.file).name for exercise in EXERCISES}:
        return "it does not say whose it is: put it into a folder of the student's name"
    if name.endswith(OFFICE):
        return "a document, and no archive of files"
    if kind or name.endswith((".zip", ".tar", ".tgz", *TYPES)):
        return ""
    if name.endswith(ARCHIVES):
        return "an archive that is broken: ask for it again"
    if beginning.lstrip().startswith(b"{") and b'"' in beginning:
        return ""  # a notebook whose suffix was lost
    return (
        "none of the kinds of files that are handed in" if beginning else "it is empty"
    )


def _check_names(found: Iterable[HandIn]) -> None:
    """Refuse two submissions of one name: `ann` and `ann.zip`, say."""
    seen: dict[tuple[str, str], HandIn] = {}
    for hand_in in found:
        key = hand_in.student, hand_in.attempt
        if other := seen.get(key):
            one, two = (h.parts[0][0].name if h.parts else h.student
                        for h in (other, hand_in))  # fmt: skip
            raise GradingError(
                f"{one} and {two} are both by {hand_in.student}: keep one"
            )
        seen[key] = hand_in
