"""Who handed in what: the entries of a folder, as learning platforms make them.

A folder that Canvas, Moodle, Blackboard, Brightspace or Gradescope gives out in bulk
has the students in the names of its files and folders. Each entry becomes part of a
hand-in, or is named with the reason why it is none. Of several attempts the last one
counts.
"""

import datetime
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from course.grade.errors import GradingError
from course.grade.intake.archives import ARCHIVES, CLOSED, kind_of
from course.grade.intake.submissions import TYPES, student_of
from course.grade.text import name_line, printable
from ece662.exercises import EXERCISES

__all__ = ["HandIn", "LeftOut", "hand_ins"]

NOBODYS = (".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini")
LISTS = ("index.html", "submission_metadata.yml")  # of Brightspace and Gradescope
MAX_LEFT_OUT = 1000  # names
METADATA = "submission_metadata.yml"  # of Gradescope
BROKEN_OFF = (".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp")
# Zips by their bytes, and by nothing else.
OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".pages", ".numbers",
          ".key", ".epub", ".jar", ".apk", ".whl")  # fmt: skip
CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<attempt>\d+)_(?P<file>.+)"
)
MOODLE = re.compile(
    r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)"
)
BLACKBOARD = re.compile(
    r"(?P<course>.+)_(?P<id>[^_]+)_attempt_"
    r"(?P<when>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(?P<file>.+)|(?P<receipt>\.txt))"
)
BRIGHTSPACE = re.compile(
    r"(?P<id>\d+)-\d+ - (?P<name>.+?) - "
    r"(?P<when>[^\W\d_]{3,9} \d{1,2}, \d{4} \d{3,4} ?[AP]M)(?: - (?P<file>.+))?"
)
GRADESCOPE = re.compile(r"submission_(?P<id>\d+)")
FORMS = (MOODLE, BLACKBOARD, BRIGHTSPACE, CANVAS)


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

    @classmethod
    def of(cls, path: Path) -> "HandIn":
        """Return that of a folder, an archive or a file of a student's own name."""
        return cls(student_of(path), ((path, path.name),))

    @property
    def about(self) -> dict[str, str | bool]:
        """What a record keeps of it."""
        file = self.parts[0][0].name if self.parts and self.id else ""
        found = {"name": self.name, "id": self.id, "when": self.when,
                 "late": self.is_late, "file": file}  # fmt: skip
        return {key: value for key, value in found.items() if value}


class _Piece(NamedTuple):
    """One entry of a bulk download."""

    path: Path
    called: str  # as the student called it; "" for a platform's own receipt
    student: str
    name: str
    id: str
    attempt: str  # compares as attempts follow each other
    when: str = ""
    is_late: bool = False


def hand_ins(folder: Path) -> tuple[list[HandIn], list[LeftOut]]:
    """List what was handed in, by student, and what is not that.

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
    pieces: list[_Piece] = []
    submitters = _submitters(folder / METADATA)
    for path in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
        if path.name in (*NOBODYS, *LISTS):
            continue
        if piece := _piece(path, submitters):
            pieces.append(piece)
        elif why := _why_left_out(path):
            left_out.append(LeftOut(printable(path.name, 200), why))
        else:
            found.append(HandIn.of(path))
    found += _joined(pieces)
    _check_names(found)
    return sorted(found, key=lambda hand_in: hand_in.student), left_out[:MAX_LEFT_OUT]


def _bulk_within(folder: Path) -> Path:
    """Return the one folder in a folder, where that is a platform's."""
    inner = [path for path in folder.iterdir() if path.name not in NOBODYS]
    if len(inner) == 1 and inner[0].is_dir() and not inner[0].is_symlink():
        names = [path.name for path in inner[0].iterdir()]
        if METADATA in names or any(_matched(name) for name in names):
            return inner[0]
    return folder


def _matched(name: str) -> re.Match | None:
    return next(filter(None, (form.fullmatch(name) for form in FORMS)), None)


def _piece(path: Path, submitters: dict[str, dict[str, str]]) -> _Piece | None:
    """Read the name of an entry as a platform writes it."""
    match = _matched(path.name)
    if match is None:
        match = GRADESCOPE.fullmatch(path.name)
        return _of_gradescope(path, match, submitters) if match and submitters else None
    if match.re is CANVAS and (path.is_dir() or not match["file"]):
        return None
    group = match.groupdict()
    called = group.get("file") or ("" if group.get("receipt") else path.name)
    id, name = group["id"], (group.get("name") or "").strip()
    when = _time(group.get("when") or "")
    attempt = when or (group.get("attempt") or "").rjust(20, "0")
    student = name_line(f"{name}_{id}" if name else id)
    late = bool(group.get("late"))
    return _Piece(path, called, student, name, id, attempt, when, late)


def _of_gradescope(path: Path, match: re.Match, submitters) -> _Piece | None:
    known = submitters.get(path.name)
    if known is None:
        return None
    name, id = known.get("name", ""), known.get("sid", "")
    student = name_line("_".join(filter(None, (name, id))) or path.name)
    when = known.get("when", "")
    attempt = when or match["id"].rjust(20, "0")
    return _Piece(path, path.name, student, name, id, attempt, when)


def _time(text: str) -> str:
    """Return a time as ISO 8601 has it; "" where it is none."""
    for form in ("%Y-%m-%d-%H-%M-%S", "%b %d, %Y %I%M %p", "%B %d, %Y %I%M %p"):
        for written in (text, re.sub(r" (\d{3}) ?([AP]M)$", r" 0\1 \2", text)):
            try:
                return datetime.datetime.strptime(written, form).isoformat()
            except ValueError:
                continue
    return ""


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


def _joined(pieces: Iterable[_Piece]) -> Iterator[HandIn]:
    """Make a hand-in of the last attempt of each student, and note the others."""
    by_student: dict[tuple[str, str], list[_Piece]] = {}
    for piece in pieces:
        by_student.setdefault((piece.student, piece.id), []).append(piece)
    for (student, id), all_of in by_student.items():
        # Canvas numbers each file of the one attempt that it gives out.
        numbered = {piece.attempt for piece in all_of if piece.when}
        last = max(numbered, default="")
        mine = [piece for piece in all_of if not numbered or piece.attempt == last]
        earlier = sorted({p.attempt for p in all_of} - {last}) if numbered else []
        notes = [f"an earlier attempt, of {when}, is not graded" for when in earlier]
        if any(piece.is_late for piece in mine):
            notes.append("handed in late, by the platform's word")
        files = tuple((piece.path, piece.called) for piece in mine if piece.called)
        yield HandIn(
            student,
            files,
            mine[0].name,
            id,
            mine[0].when,
            any(piece.is_late for piece in mine),
            tuple(notes),
        )


def _why_left_out(path: Path) -> str:
    """Say why an entry is no hand-in; "" where it is one."""
    name = path.name.lower()
    if path.is_dir() or path.is_symlink():
        return "its name begins with a full stop" if name.startswith(".") else ""
    if name.startswith("."):
        return "its name begins with a full stop"
    if not path.is_file():
        return "it is a special file"
    if name.endswith(BROKEN_OFF):
        return "a download that was broken off: ask for it again"
    with open(path, "rb") as file:
        beginning = file.read(512)
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
    seen: dict[str, HandIn] = {}
    for hand_in in found:
        if other := seen.get(hand_in.student):
            one, two = other.parts[0][0].name, hand_in.parts[0][0].name
            raise GradingError(
                f"{one} and {two} are both by {hand_in.student}: keep one"
            )
        seen[hand_in.student] = hand_in
