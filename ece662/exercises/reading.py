"""A student's work on each exercise, read out of the files.

Check, status, submit and grading all use this reader, so from the same bytes they get
the same records. It never raises for what is in a file. A fault in one exercise affects
that exercise only, a fault of a whole file those that are written in it. What could be
read in spite of an irregularity has a note.
"""

import codecs
import hashlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.findings import Begun, Fault, Finding, Note, NotebookError
from ece662.exercises.regions import ANSWER, Parsed, is_empty, left_raise, parse_file

__all__ = [
    "MAX_ANSWER",
    "MAX_BODY",
    "MAX_FILE",
    "Piece",
    "Pieces",
    "decode",
    "fault_of",
    "note_of",
    "owners_of",
    "read_files",
]

MAX_ANSWER = 20_000  # characters
MAX_BODY = 100_000
MAX_FILE = 16 << 20
MAX_MODULE = 2 << 20

# How a text in other encodings begins; the longer marks first.
WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

Place = tuple[str, str, int]  # file, owner and number of a region


@dataclass(frozen=True)
class Piece:
    """A student's work on one exercise."""

    exercise: Exercise
    bodies: tuple[str, ...] = ()  # of its regions, or the one text of an answer
    written: bool = False  # True where every region has code
    fault: Finding | None = None  # why it could not be read
    notes: tuple[Finding, ...] = ()
    begun: Finding | None = None  # what is missing, where only a part is written

    @property
    def damage(self) -> str:
        """Why it could not be read, in words; "" where it could."""
        return str(self.fault) if self.fault else ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, in words."""
        return tuple(dict.fromkeys(map(str, self.notes)))

    @property
    def digest(self) -> str:
        """Return a short text that changes with the work."""
        whole = "\0".join(self.bodies)
        return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Pieces:
    """The work found in some files."""

    bodies: dict[Place, str] = field(default_factory=dict)  # of regions with code
    answers: dict[str, str] = field(default_factory=dict)  # by the exercise's id
    faults: dict[tuple[str, str], Finding] = field(default_factory=dict)  # file, owner
    missing: dict[str, Finding] = field(default_factory=dict)  # by file
    findings: list[Finding] = field(default_factory=list)  # notes
    # Syntax errors by file and owner; filled in by whoever compiles the bodies.
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    _all: dict[Place, str] = field(default_factory=dict)  # of empty regions, too
    # Why a region counts as empty; used where other regions of its exercise have code.
    begun: dict[Place, Finding] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """The missing files and the notes, in words."""
        return [str(found) for found in (*self.missing.values(), *self.findings)]

    def fault_of(self, exercise: Exercise) -> Finding | None:
        """Return why an exercise could not be read, None where it could."""
        if exercise.file in self.missing:
            return self.missing[exercise.file]
        found = (self.faults.get((exercise.file, o)) for o in owners_of(exercise))
        return next(filter(None, found), None)

    def damage_of(self, exercise: Exercise) -> str | None:
        """Say what is wrong with the markers of an exercise, if anything is."""
        fault = self.fault_of(exercise)
        return None if fault is None else str(fault)

    def unreadable_of(self, exercise: Exercise) -> str | None:
        """Say why Python cannot read what was written for an exercise, if it cannot."""
        found = (self.unreadable.get((exercise.file, o)) for o in owners_of(exercise))
        return next(filter(None, found), None)

    def has_code_of(self, exercise: Exercise) -> bool:
        """Tell whether there is code in any region of an exercise."""
        owners = owners_of(exercise)
        return any(_belongs(place, exercise, owners) for place in self.bodies)

    def piece_of(self, exercise: Exercise) -> Piece:
        """Return the work on one exercise."""
        owners = owners_of(exercise)
        notes = tuple(
            note
            for note in self.findings
            if note.file == exercise.file
            and any(note.owner in ("", o, o.partition(".")[0]) for o in owners)
        )
        if fault := self.fault_of(exercise):
            return Piece(exercise, fault=fault, notes=notes)
        if exercise.kind == "answer":
            text = self.answers[exercise.id].strip()
            return Piece(exercise, (text,), text not in ("", ANSWER), notes=notes)
        mine = {p: b for p, b in self._all.items() if _belongs(p, exercise, owners)}
        written = all(place in self.bodies for place in mine)
        begun = self._begun_in(mine)
        bodies = tuple(mine.values())
        return Piece(exercise, bodies, written, notes=notes, begun=begun)

    def _begun_in(self, places: Iterable[Place]) -> Finding | None:
        """Return what is missing in an exercise of which a part is written, or None."""
        found = [self.begun[place] for place in places if place in self.begun]
        left = [finding for finding in found if finding.what is Begun.LEFT]
        is_half = any(place in self.bodies for place in places)
        return next(iter(left or (found if is_half else [])), None)


def _belongs(place: Place, exercise: Exercise, owners) -> bool:
    return place[0] == exercise.file and place[1] in owners


def owners_of(exercise: Exercise) -> tuple[str, ...]:
    """Return the owners of the regions that an exercise is written in."""
    if exercise.extends:
        return next(e.regions for e in EXERCISES if e.id == exercise.extends)
    return exercise.regions


def decode(data: bytes, file: str) -> str | Finding:
    """Return the text of a file with its line ends as they are, or why it is none.

    A notebook may be in UTF-16, which `note_of` tells; Python reads no module that is.
    """
    if len(data) > MAX_FILE:
        return Finding(Fault.HUGE, file, other=len(data), limit=MAX_FILE)
    if encoding := _wide(data):
        if file.endswith(".ipynb"):
            with suppress(UnicodeDecodeError):
                return data.decode(encoding)
        return Finding(Fault.UTF_16, file)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Finding(Fault.BYTES, file, line=error.start)


def note_of(data: bytes, file: str) -> Finding | None:
    """Return what is unusual about the encoding of a file that `decode` has read."""
    return Finding(Note.WIDE, file) if _wide(data) else None


def _wide(data: bytes) -> str:
    """Return the encoding of a text with several bytes a character, "" for others."""
    for mark, encoding in WIDE.items():
        if data.startswith(mark):
            return encoding
    if b"\0" in data[:2]:  # without a mark: which half of the first letter is zero?
        return "utf-16-be" if data[:1] == b"\0" else "utf-16-le"
    return ""


def read_files(
    files: Mapping[str, str | bytes | Finding],
    exercises: Iterable[Exercise] = EXERCISES,
) -> Pieces:
    """Read the work on exercises out of files; never raises for what is in them.

    Args:
        files: by path from the course's root; one that is missing here becomes a fault
            of its exercises. A Finding stands for a file that could not be read.
        exercises: those to read.
    """
    pieces, by_file = Pieces(), {}
    for exercise in exercises:
        by_file.setdefault(exercise.file, []).append(exercise)
    for file, listed in by_file.items():
        given = files.get(file, Finding(Fault.NO_FILE, file))
        text = decode(given, file) if isinstance(given, bytes) else given
        parsed = text if isinstance(text, Finding) else _parsed(text, file)
        if isinstance(parsed, Finding):
            pieces.missing[file] = parsed
            continue
        if isinstance(given, bytes) and (note := note_of(given, file)):
            pieces.findings.append(note)
        pieces.findings += parsed.notes
        for exercise in listed:
            if exercise.kind == "answer":
                _take_answer(pieces, parsed, exercise)
            for owner in owners_of(exercise) if exercise.kind != "answer" else ():
                _take_owner(pieces, parsed, owner, exercise)
    return pieces


def _parsed(text: str, file: str) -> Parsed | Finding:
    is_notebook = file.endswith(".ipynb")
    limit = MAX_FILE if is_notebook else MAX_MODULE
    if len(text) > limit:
        return Finding(Fault.HUGE, file, other=len(text), limit=limit)
    if not text.strip():
        return Finding(Fault.EMPTY, file)
    try:
        return parse_file(text, file)
    except NotebookError as error:
        return error.finding


def _take_owner(pieces: Pieces, parsed: Parsed, owner: str, exercise: Exercise) -> None:
    file = parsed.name
    if fault := fault_of(parsed, owner, exercise):
        pieces.faults[file, owner] = fault
        return
    cell = parsed.cells.get(owner)
    if cell is not None and cell.kind != "code":
        note = Finding(Note.TYPE, file, owner, cell.number, text=cell.kind)
        pieces.findings.append(note)
    for (name, number), place in parsed.places.items():
        if name == owner:
            body = place.source.body(place.span)
            pieces._all[file, owner, number] = body
            if not is_empty(body):
                pieces.bodies[file, owner, number] = body
                continue
            start, left = place.span[0], left_raise(body)
            what = Begun.LEFT if left else Begun.HALF
            found = Finding(what, file, owner, start + left)
            pieces.begun[file, owner, number] = found


def fault_of(parsed: Parsed, owner: str, exercise: Exercise) -> Finding | None:
    """Return why an owner's regions cannot be read, None where they can."""
    file = parsed.name
    if faults := parsed.faults.get(owner):
        return faults[0]
    places = [place for key, place in parsed.places.items() if key[0] == owner]
    if not places:
        if owner in parsed.cells or owner in parsed.lines:
            line = parsed.lines.get(owner, 1)
            return Finding(Fault.BARE, file, owner, line)
        return Finding(Fault.GONE, file, owner)
    expected = exercise.count_of(owner)
    if len(places) != expected:
        return Finding(Fault.COUNT, file, owner, other=len(places), limit=expected)
    for place in places:
        body = place.source.body(place.span)
        if len(body) > MAX_BODY:
            return Finding(Fault.LONG, file, owner, other=len(body), limit=MAX_BODY)
        if not _is_text(body):
            return Finding(Fault.LETTERS, file, owner)
    return None


def _take_answer(pieces: Pieces, parsed: Parsed, exercise: Exercise) -> None:
    file, id = parsed.name, exercise.id
    cell = parsed.cells.get(id)
    if cell is None:
        pieces.faults[file, id] = Finding(Fault.GONE, file, id)
        return
    text = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    if not _is_text(text):
        text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) > MAX_ANSWER:
        note = Finding(Note.CUT, file, id, other=len(text), limit=MAX_ANSWER)
        pieces.findings.append(note)
    if cell.pictures:
        note = Finding(Note.PICTURES, file, id, other=cell.pictures)
        pieces.findings.append(note)
    if cell.kind != "markdown":
        note = Finding(Note.TYPE, file, id, cell.number, text=cell.kind)
        pieces.findings.append(note)
    pieces.answers[id] = text[:MAX_ANSWER]


def _is_text(text: str) -> bool:
    """False where it holds half of a surrogate pair, which JSON can express."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
