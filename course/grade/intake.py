"""Open what students handed in: folders, or zips as `ece662 submit` makes them.

Nothing is unpacked. The few files that an exercise is written in are read into memory,
each up to a limit; of the rest only the names are looked at, to tell a teacher of what
does not belong there. Whatever is wrong with a submission becomes a note in its report.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course.grade.text import printable
from ece662.exercises.findings import Finding
from ece662.exercises.lines import BYTE_ORDER_MARK
from ece662.exercises.reading import decode

__all__ = ["Submission", "open_submission", "student_of", "submissions_in"]

MAX_ARCHIVE = 64 << 20  # bytes of a zip
MAX_DIRECTORY = 1 << 20  # bytes of its list of contents: some 10,000 entries
MAX_UNPACKED = 256 << 20  # bytes that a zip claims to hold
MAX_RATIO = 200  # of a zip's contents to the zip
MAX_FILE = 16 << 20  # bytes of one file
MAX_ENTRIES = 5000
MAX_DEPTH = 3  # folders above the course's root
END = struct.Struct("<4s4H2IH")  # a zip's last record


@dataclass
class Submission:
    """One student's files, as far as they are looked at."""

    name: str
    files: dict[str, str] = field(default_factory=dict)  # text by path from the root
    notes: list[str] = field(default_factory=list)


class _Refused(ValueError):
    """Something is not read; says why."""


def submissions_in(folder: Path) -> list[Path]:
    """List the submissions in a folder: its folders and its zips, by name.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"expected a folder of submissions: {folder}")
    found = [
        path
        for path in folder.iterdir()
        if not path.name.startswith((".", "__MACOSX"))
        and (path.suffix.lower() == ".zip" or path.is_dir())
    ]
    return sorted(found, key=lambda path: os.fsencode(path.name))


def student_of(path: Path) -> str:
    """Return the name that a submission's student goes by."""
    name = path.name[:-4] if path.suffix.lower() == ".zip" else path.name
    return printable(name, limit=200)


def open_submission(path: Path, wanted: Collection[str]) -> Submission:
    """Read the wanted files of a submission; never raises for what is in it.

    Args:
        path: a folder, or a zip.
        wanted: paths from the course's root. The root may lie a few folders deep.
    """
    submission = Submission(student_of(path))
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            _read_folder(path, wanted, submission)
        elif stat.S_ISREG(mode):
            _read_zip(path, wanted, submission)
        else:
            submission.notes.append("it is a link or a special file: not opened")
    except (_Refused, OSError, zipfile.BadZipFile, zlib.error) as error:
        submission.notes.append(printable(f"it cannot be opened: {error}"))
    except (NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        # An unknown compression, a password, a shortened or a contradictory file.
        submission.notes.append(printable(f"the zip cannot be read: {error}"))
    return submission


def _read_zip(path: Path, wanted: Collection[str], submission: Submission) -> None:
    if path.stat().st_size > MAX_ARCHIVE:
        raise _Refused(f"the zip is larger than {MAX_ARCHIVE >> 20} MB")
    _check_directory(path)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * path.stat().st_size:
            raise _Refused(f"it would unpack to {unpacked >> 20} MB")
        usable = [entry for entry in entries if _is_usable(entry, submission.notes)]
        names = Counter(entry.filename for entry in usable)
        by_name = {entry.filename: entry for entry in usable}
        for file, inside in _located(names, wanted):
            if names[inside] > 1:
                submission.notes.append(f"{file} is in the zip {names[inside]} times")
                continue
            with archive.open(by_name[inside]) as stream:
                data = stream.read(MAX_FILE + 1)
            _keep(submission, file, data)


def _check_directory(path: Path) -> None:
    """Refuse a zip whose list of contents is too long to be read at all."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - END.size - 0xFFFF))
        tail = file.read()
    position = tail.rfind(b"PK\5\6")
    if position < 0 or len(tail) - position < END.size:
        raise _Refused("it is no zip")
    *_, size, _, _ = END.unpack_from(tail, position)
    # The largest value stands for "look in the record for large archives".
    if size > MAX_DIRECTORY:
        raise _Refused("the zip has too many entries")


def _is_usable(entry: zipfile.ZipInfo, notes: list[str]) -> bool:
    """Tell whether an entry is a plain file below the root; note it where it is not."""
    name = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    if name.is_absolute() or ".." in name.parts or "\\" in entry.filename:
        why = "leads out of the zip"
    elif ":" in entry.filename.partition("/")[0]:
        why = "names a drive"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        why = "is a link or a special file"
    elif entry.flag_bits & 1:
        why = "is encrypted"
    else:
        return not entry.is_dir()
    if len(notes) < 20:
        notes.append(printable(f"{entry.filename[:200]} {why}: ignored"))
    return False


def _read_folder(path: Path, wanted: Collection[str], submission: Submission) -> None:
    names = list(_files_below(path, submission.notes))
    for file, inside in _located(names, wanted):
        _keep(submission, file, _read_regular(path / inside))


def _files_below(root: Path, notes: list[str]) -> Iterator[str]:
    """Yield the plain files of a folder, from there, without following links."""
    seen = 0
    for folder, folders, files in os.walk(root):
        below = Path(folder).relative_to(root)
        if len(below.parts) > MAX_DEPTH + 3:
            folders.clear()
        for name in sorted(files) + [n for n in folders if _is_link(Path(folder, n))]:
            seen += 1
            if seen > MAX_ENTRIES:
                raise _Refused(f"it holds more than {MAX_ENTRIES} files")
            inside = (below / name).as_posix()
            if stat.S_ISREG(Path(folder, name).lstat().st_mode):
                yield inside
            elif len(notes) < 20:
                told = f"{inside[:200]} is a link or a special file: ignored"
                notes.append(printable(told))


def _is_link(path: Path) -> bool:
    return path.is_symlink()


def _read_regular(path: Path) -> bytes:
    """Read a file that may have become something else since it was listed."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _Refused(f"{path.name} is no file")
        return file.read(MAX_FILE + 1)


def _located(names: Iterable[str], wanted: Collection[str]) -> list[tuple[str, str]]:
    """Pair the wanted files with their names in the submission.

    The course's root is the folder, at most a few deep, that holds most of them; of
    equals the one nearest to the top.
    """
    names = set(names)
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name in names:
        parts = PurePosixPath(name).parts
        for depth in range(min(len(parts), MAX_DEPTH + 1)):
            if "/".join(parts[depth:]) in wanted:
                pair = ("/".join(parts[depth:]), name)
                found.setdefault(parts[:depth], []).append(pair)
    if not found:
        return []
    root = min(found, key=lambda root: (-len(found[root]), len(root), root))
    return sorted(found[root])


def _keep(submission: Submission, file: str, data: bytes) -> None:
    if len(data) > MAX_FILE:
        submission.notes.append(f"{file} is larger than {MAX_FILE >> 20} MB: ignored")
        return
    text = decode(data, file)
    if isinstance(text, Finding):
        submission.notes.append(f"{text}: ignored")
        return
    text = text.removeprefix(BYTE_ORDER_MARK)
    submission.files[file] = text.replace("\r\n", "\n").replace("\r", "\n")
