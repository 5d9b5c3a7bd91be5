"""Read what a student handed in: the files that exercises are written in.

The files are found where `ece662 submit` puts them, below any folder and in archives
within; else by their name, whatever a browser or a learning platform has added to it;
else by the exercises in them. The few that are wanted are read into memory, each up to
a limit. Whatever is wrong with a submission becomes a note in its report, and what is
wrong with one file costs that file.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath

from course.grade.intake import archives
from course.grade.intake.archives import (
    ARCHIVES,
    Entry,
    Ignored,
    NoFileError,
    Opened,
    Refused,
    kind_of,
)
from course.grade.text import name_line, printable
from ece662.exercises import EXERCISES
from ece662.exercises.findings import Fault, Finding
from ece662.exercises.lines import BYTE_ORDER_MARK
from ece662.exercises.reading import Pieces, decode, note_of

__all__ = ["Submission", "open_parts", "open_submission", "student_of"]

MAX_READ = 64 << 20  # bytes of all files that are read
MAX_INNER = 10  # archives within, three deep
MAX_GUESSED = 30  # files of other names that are looked into
# Folders of copies, of what was, and of what a system keeps for itself.
NOT_WORK = {"backups", "__MACOSX", "__pycache__", ".ipynb_checkpoints", ".git",
            "site-packages", "node_modules"}  # fmt: skip
# What is added to the name of a file that is downloaded or copied.
ADDED = re.compile(
    r"(?i)[ _-]*\(\d+\)$|[ _-]+(?:copy|kopie|copi[ae])[ _-]?\d*$|-\d{1,2}$|"
    r"^(?:copy of|kopie van|kopie von|copi[ae] de) | \([^()]*\b(?:copy|kopie)\)$"
)
TYPES = (".ipynb", ".py")
# What a notebook may be exported as, which cannot be graded.
EXPORTS = (".py", ".html", ".htm", ".pdf", ".md", ".txt", ".tex", ".docx", ".odt",
           ".rst", ".qmd", ".webarchive")  # fmt: skip


@dataclass
class Submission:
    """One student's files, as far as they are looked at."""

    name: str
    files: dict[str, str] = field(default_factory=dict)  # text by path from the root
    notes: list[str] = field(default_factory=list)
    size: int = 0  # bytes of all that was read
    # Wanted files that are there and cannot be read, and why.
    unread: dict[str, Finding] = field(default_factory=dict)
    pieces: Pieces | None = None  # what is graded, once it was taken out of the files
    digest: str = ""
    lost: str = ""  # why nothing could be taken
    # What a learning platform says of it: the student's name and id, when, and if late.
    about: dict[str, str | bool] = field(default_factory=dict)


def student_of(path: Path) -> str:
    """Return the name that a submission's student goes by, where only its own says."""
    name = path.name
    while (suffix := PurePosixPath(name).suffix.lower()) in (*ARCHIVES, *TYPES):
        if path.is_dir():
            break
        name = name[: -len(suffix)]
    return name_line(name or path.name)


def open_submission(path: Path, wanted: Collection[str]) -> Submission:
    """Read the wanted files of a folder, an archive or a single file."""
    return open_parts([(path, path.name)], wanted, student_of(path))


def open_parts(
    parts: Sequence[tuple[Path, str]], wanted: Collection[str], name: str
) -> Submission:
    """Read the wanted files of a submission; never raises for what is in it.

    Args:
        parts: what was handed in, with its name as the student had it.
        wanted: paths from the course's root. The root may lie anywhere.
        name: of the student.
    """
    submission = Submission(name)
    ignored = Ignored(submission.notes)
    with Opened(ignored) as opened:
        entries: list[Entry] = []
        for path, called in parts:
            found = _tried(submission, lambda p=path, c=called: opened.entries(p, c))
            is_one = [entry.name for entry in found] == [called]
            folder = f"{called}/" if len(parts) > 1 and not is_one else ""
            entries += [Entry(folder + e.name, e.read) for e in found]
        entries = _with_inner(entries, wanted, submission, opened)
        ignored.note_the_rest()
        _read_wanted(entries, wanted, submission)
        _add_unread(opened.unread, wanted, submission)
    return submission


def _add_unread(
    unread: Mapping[str, str], wanted: Collection[str], submission: Submission
) -> None:
    """Tell a wanted file that is there and was not read from one that is not there."""
    for file, name in _located(unread, wanted):
        if file not in submission.files:
            found = Finding(Fault.CLOSED, file, text=unread[name])
            submission.unread.setdefault(file, found)


def _tried(submission: Submission, attempt: Callable[[], list[Entry]], what="it"):
    """Return the entries that there are, or note why there are none."""
    try:
        return attempt()
    except NoFileError as refused:
        submission.notes.append(printable(str(refused), 500))
    except Refused as refused:
        submission.notes.append(printable(f"{what} cannot be opened: {refused}", 500))
    except Exception as error:
        # zipfile raises whatever its bytes lead it to, an IndexError as well.
        submission.notes.append(f"{what} cannot be read: {_said(error)}")
    return []


def _said(error: BaseException) -> str:
    """Return an exception in one line; its text may come from the submission."""
    return printable(f"{type(error).__name__}: {error}", 300)


def _with_inner(
    entries: list[Entry],
    wanted: Collection[str],
    submission: Submission,
    opened: Opened,
) -> list[Entry]:
    """Add what archives within hold, as long as something is missing."""
    waiting = [(1, entry) for entry in entries if _is_archive(entry.name)]
    left = MAX_INNER
    while waiting and len(_located([e.name for e in entries], wanted)) < len(wanted):
        depth, outer = waiting.pop(0)
        shown = printable(outer.name[:200])
        why = _why_closed(outer, depth, left)
        if why:
            submission.notes.append(f"{shown} {why}")
            continue
        left -= 1
        found = _tried(submission, lambda o=outer: opened.inner(o), shown)
        if found:
            submission.notes.append(f"what {shown} holds was read")
        entries = [*entries, *found]
        waiting += [(depth + 1, e) for e in found if _is_archive(e.name)]
    return entries


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES) and not _is_no_work(name)


def _why_closed(outer: Entry, depth: int, left: int) -> str:
    """Say why an archive within is not opened; "" where it is."""
    if depth > 3 or not left:
        return "is an archive within archives: not opened, hand in what it holds"
    try:
        kind = kind_of(outer.read()[:512])
    except Exception as error:
        return f"cannot be read ({_said(error)}): ignored"
    if kind in ("zip", "tar"):
        return ""
    return f"is {kind or 'no archive'}, which is not opened: ask for a .zip"


def _read_wanted(
    entries: Sequence[Entry], wanted: Collection[str], submission: Submission
) -> None:
    by_name = {entry.name: entry for entry in entries}  # of several the last counts
    counts = Counter(entry.name for entry in entries)
    placed = _located(list(by_name), wanted)
    found = dict(placed)
    _add_by_name(found, by_name, wanted, submission)
    _add_by_content(found, by_name, wanted, submission)
    _name_exports(found, by_name, wanted, submission)
    for file, inside in sorted(found.items()):
        if counts[inside] > 1:
            note = f"{file} is there {counts[inside]} times: the last one was read"
            submission.notes.append(note)
        _keep(submission, file, by_name[inside].read)


def _located(names: Iterable[str], wanted: Collection[str]) -> list[tuple[str, str]]:
    """Pair the wanted files with their names in the submission.

    The course's root is the folder that holds most of them; of equals the one nearest
    to the top.
    """
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name in set(names):
        parts = PurePosixPath(name).parts
        for depth in range(len(parts)):
            if "/".join(parts[depth:]) in wanted and not _is_no_work(name):
                pair = ("/".join(parts[depth:]), name)
                found.setdefault(parts[:depth], []).append(pair)
    if not found:
        return []
    root = min(found, key=lambda root: (-len(found[root]), len(root), root))
    return sorted(found[root])


def _is_no_work(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(NOT_WORK & {*parts}) or (bool(parts) and parts[-1].startswith("._"))


def _add_by_name(
    found: dict[str, str], names: Iterable[str], wanted, submission: Submission
) -> None:
    """Add files that lie elsewhere, or whose name was changed on the way.

    Where several may be the same file, those that are not read are noted.
    """
    called = {PurePosixPath(file).name.lower(): file for file in wanted}
    near: dict[str, list[str]] = {}
    for name in sorted(names, key=lambda name: (len(PurePosixPath(name).parts), name)):
        file = called.get(_plain_name(name))
        if file and not _is_no_work(name):
            near.setdefault(file, []).append(name)
    others = Ignored(submission.notes)
    for file, several in sorted(near.items()):
        if file not in found:
            called_so = PurePosixPath(file).name
            exact = [name for name in several if PurePosixPath(name).name == called_so]
            found[file] = (exact or several)[0]
            if found[file] != called_so:
                note = f"{file} was read from {found[file][:200]}"
                submission.notes.append(printable(note))
        for other in several:
            if other != found[file]:
                others.add(other, f"may be {file} as well")
    others.note_the_rest()


def _plain_name(name: str) -> str:
    """Return a file's name without what was added to it on the way."""
    name = PurePosixPath(name).name.lower()
    for suffix in TYPES:
        if f"{suffix}." in name:  # .ipynb.txt, .ipynb.json, .py.txt
            name = name[: name.index(f"{suffix}.") + len(suffix)]
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    for _ in range(3):
        stem = ADDED.sub("", stem).strip()
    return stem.replace(" ", "-") + suffix if suffix == ".ipynb" else stem + suffix


def _add_by_content(
    found: dict[str, str], by_name: dict[str, Entry], wanted, submission: Submission
) -> None:
    """Add files with a name of their own, by the exercises in them."""
    missing = {file for file in wanted if file not in found}
    left = MAX_GUESSED
    for name in sorted(set(by_name) - set(found.values())):
        is_work = PurePosixPath(name).suffix.lower() in (*TYPES, ".json", ".txt", "")
        if not missing or not left or not is_work or _is_no_work(name):
            continue
        left -= 1
        try:
            data = by_name[name].read()
        except Exception:
            continue
        submission.size += len(data)
        if len(data) > archives.MAX_FILE or submission.size > MAX_READ:
            continue
        file = _exercises_in(data)
        if file in missing:
            missing.remove(file)
            found[file] = name
            note = f"{file} was read from {name[:200]}, by the exercises in it"
            submission.notes.append(printable(note))


def _name_exports(
    found: dict[str, str], names: Iterable[str], wanted, submission: Submission
) -> None:
    """Note what a missing notebook was exported as: it is no notebook any more."""
    missing = {PurePosixPath(f).stem.lower(): f for f in wanted
               if f.endswith(".ipynb") and f not in found}  # fmt: skip
    used = set(found.values())
    for name in sorted(names):
        plain = PurePosixPath(_plain_name(name))
        stem = plain.stem.replace(" ", "-").replace("_", "-")
        file = missing.get(stem.removesuffix(".nbconvert"))
        if file and name not in used and plain.suffix in EXPORTS:
            note = f"{name[:200]} is no notebook: ask for {PurePosixPath(file).name}"
            submission.notes.append(printable(note))


def _exercises_in(data: bytes) -> str:
    """Return the file whose exercises are in some text; "" where that is not sure."""
    is_notebook = data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    shares = {
        file: sum(owner in data for owner in owners) / len(owners)
        for file, owners in _owners().items()
        if file.endswith(".ipynb") == is_notebook
    }
    best = max(shares, key=shares.__getitem__)
    others = max(share for file, share in shares.items() if file != best)
    return best if shares[best] >= 0.5 and others < 0.5 * shares[best] else ""


@cache
def _owners() -> dict[str, list[bytes]]:
    """Return what is looked for, by file: ids of cells, heads of functions."""
    owners: dict[str, set[bytes]] = {}
    for exercise in EXERCISES:
        is_notebook = exercise.file.endswith(".ipynb")
        for owner in (exercise.id,) if is_notebook else exercise.regions:
            head = f'"{owner}"' if is_notebook else f"{owner.partition('.')[0]}("
            owners.setdefault(exercise.file, set()).add(head.encode())
    return {file: sorted(heads) for file, heads in owners.items()}


def _keep(submission: Submission, file: str, read: Callable[[], bytes]) -> None:
    """Read a file and keep its text; whatever is wrong with it costs this file."""
    try:
        data = read()
    except Refused as refused:
        _ignore(submission, file, ": ", f"{refused}")
        return
    except Exception as error:
        _ignore(submission, file, " ", f"cannot be read ({_said(error)})")
        return
    submission.size += len(data)
    if len(data) > (most := archives.MAX_FILE):
        _ignore(submission, file, " ", f"is larger than {most >> 20} MB")
        return
    if submission.size > MAX_READ:
        whole = f"the files together are larger than {MAX_READ >> 20} MB"
        _ignore(submission, file, ": ", whole)
        return
    text = decode(data, file)
    if isinstance(text, Finding):
        submission.notes.append(f"{text}: ignored")
        submission.unread[file] = text
        return
    if note := note_of(data, file):
        submission.notes.append(str(note))
    text = text.removeprefix(BYTE_ORDER_MARK)
    submission.files[file] = text.replace("\r\n", "\n").replace("\r", "\n")


def _ignore(submission: Submission, file: str, between: str, why: str) -> None:
    """Leave out a file that cannot be read, and say why."""
    submission.notes.append(f"{file}{between}{why}: ignored")
    submission.unread[file] = Finding(Fault.CLOSED, file, text=why)
