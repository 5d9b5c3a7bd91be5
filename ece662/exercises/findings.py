"""What is wrong or unusual in a student's file, as records, and their sentences.

With a *fault*, an exercise (or all of a file) cannot be read until it is mended; a
*note* is only shown. Programs compare the records; the sentences are made from them
last, so rewording one changes nothing else.
"""

import enum
from typing import NamedTuple

__all__ = ["Begun", "Fault", "Finding", "MarkerError", "Note", "NotebookError", "say"]


class Fault(enum.Enum):
    """Why a text cannot be read."""

    # of marker lines
    WITHIN = "opens a region within another"
    UNOPENED = "closes a region that was not opened"
    UNCLOSED = "never closed"
    INDENTED = "not indented as the line that opens"
    ALMOST = "almost a marker line"
    COUNT = "another number of regions"
    BARE = "no marker lines"
    GONE = "gone"
    CONFLICT = "a merge conflict"
    LONG = "too long"
    LETTERS = "no text"
    # of a whole file
    NO_FILE = "not there"
    CLOSED = "cannot be opened"
    EMPTY = "empty"
    UTF_16 = "UTF-16"
    BYTES = "not UTF-8"
    HUGE = "too large"
    JSON = "not JSON"
    FORM = "no notebook"


class Note(enum.Enum):
    """What is unusual about a text that could be read."""

    TWICE = "defined twice"
    QUOTED = "an old copy in quotes"
    BOUND = "bound to something else below"
    COPIED = "cells with one id"
    TYPE = "another type of cell"
    FOUND = "a cell without its id"
    BELOW = "an answer in the next cell"
    CUT = "a long answer"
    PICTURES = "attached pictures"
    OLD = "a notebook of an old format"
    WIDE = "a notebook in UTF-16"


class Begun(enum.Enum):
    """Why work that was begun does not count as written."""

    LEFT = "a raise above the code"
    HALF = "an empty region beside others"


class Finding(NamedTuple):
    """One fact about a file or an exercise in it, with its line."""

    what: Fault | Note | Begun
    file: str = ""
    owner: str = ""  # whose region or cell
    line: int = 0  # counted from 1, in the module, the cell or the file
    other: int = 0  # another line, or how many there are
    limit: int = 0  # how many there should be, or may be
    text: str = ""  # from the file, cut

    def __str__(self) -> str:
        """Return the sentence."""
        return say(self)


class MarkerError(ValueError):
    """A marker line is damaged or out of place; the text says where."""

    def __init__(self, finding: Finding | str):
        """Keep the record that the message is made of."""
        super().__init__(str(finding))
        self.finding = finding


class NotebookError(ValueError):
    """A file is no notebook that can be read; the text says why, and what to do."""

    def __init__(self, finding: Finding):
        """Keep the record that the message is made of."""
        super().__init__(str(finding))
        self.finding = finding


_SENTENCES = {
    Fault.WITHIN: "{place}line {line} opens a region within another",
    Fault.UNOPENED: "{place}line {line} closes a region that was not opened",
    Fault.UNCLOSED: (
        "{place}line {other} is reached, and the region opened in line {line} is never "
        "closed"
    ),
    Fault.INDENTED: (
        "{place}line {line} is not indented as line {other}, which opens the region"
    ),
    Fault.ALMOST: "{place}line {line} is almost a marker line: {text!r}",
    Fault.COUNT: "{owner} in {file} has {other} fill-in regions instead of {limit}",
    Fault.BARE: (
        "{file}: the region of {owner} has lost its marker lines: what runs begins in "
        "line {line}, and no marker line stands in it"
    ),
    Fault.GONE: "{file}: the {thing} of {owner} is gone",
    Fault.CONFLICT: (
        "{place}line {line} is left of a merge that found a conflict: keep one of the "
        "two versions, and take out the lines <<<<<<<, ======= and >>>>>>>"
    ),
    Fault.LONG: "{owner} in {file} has {other} characters, expected up to {limit}",
    Fault.LETTERS: "{owner} in {file} holds half a character, which no file can hold",
    Fault.NO_FILE: "{file} is not there",
    Fault.CLOSED: "{file} cannot be opened: {text}",
    Fault.EMPTY: (
        "{file} is empty: take an earlier version from the folder backups, or the file "
        "as it was handed out"
    ),
    Fault.UTF_16: (
        "{file} is not UTF-8 but UTF-16: open it in an editor and save it with the "
        "encoding UTF-8"
    ),
    Fault.BYTES: (
        "{file} is not UTF-8 (at byte {line}): open it in an editor and save it with "
        "the encoding UTF-8"
    ),
    Fault.HUGE: "{file} has {other} characters, expected up to {limit}",
    Fault.JSON: (
        "{file} is not a notebook: line {line} is not JSON ({text}). Take an earlier "
        "version from the folder backups or from JupyterLab's checkpoints"
    ),
    Fault.FORM: "{file} is not a notebook: {text}",
    Begun.LEFT: (
        "your code in {owner} stands below a raise NotImplementedError and never runs: "
        "take that line out ({file}, line {line})"
    ),
    Begun.HALF: (
        "{owner} is half written: nothing stands yet in its region ({file}, line "
        "{line})"
    ),
    Note.TWICE: (
        "{file}: {owner} is defined {other} times; the last one, line {line}, counts"
    ),
    Note.BOUND: (
        "{file}, line {line}: {owner} is bound to something else here, which is what "
        "runs; what stands in its region is what is graded"
    ),
    Note.QUOTED: (
        "{file}, line {line}: a copy of {owner} stands in quotes; it is text, and does "
        "not count"
    ),
    Note.COPIED: "{file}: {other} cells have the id {owner}; cell {line} counts",
    Note.TYPE: (
        "{file}: the cell of {owner} has become a {text} cell; it was read all the same"
    ),
    Note.FOUND: (
        "{file}: the cell of {owner} has lost its id; cell {line} was taken for it"
    ),
    Note.BELOW: (
        "{file}: the answer {owner} was read from the cell below its own, cell {line}"
    ),
    Note.CUT: (
        "{file}: the answer {owner} has {other} characters, the first {limit} were kept"
    ),
    Note.PICTURES: (
        "{file}: {other} pictures are attached to the answer {owner}; they are in the "
        "notebook only"
    ),
    Note.OLD: (
        "{file} is a notebook of the format {other}, which JupyterLab no longer "
        "writes; it was read all the same"
    ),
    Note.WIDE: (
        "{file} is not UTF-8 but UTF-16, which Jupyter cannot open; it was read all "
        "the same"
    ),
}  # fmt: skip


def say(finding: Finding) -> str:
    """Return a finding as a sentence, without its full stop."""
    values = finding._asdict()
    is_notebook = finding.file.endswith(".ipynb")
    where = f", cell {finding.owner}" if is_notebook else ""
    values["place"] = f"{finding.file}{where}, " if finding.file else ""
    values["thing"] = "cell" if is_notebook else "region"
    return _SENTENCES[finding.what].format(**values)
