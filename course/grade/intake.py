"""Open what students handed in: folders, or zips as `ece662 submit` makes them.

Nothing is unpacked. The few files that an exercise is written in are read into memory,
each up to a limit; of the rest only the names are looked at, to tell a teacher of what
does not belong there. Whatever is wrong with a submission becomes a note in its report,
and what is wrong with one file costs that file.

What an archive says of itself is not believed. Sizes are counted while a file is read,
and only the two methods are read whose memory does not depend on the archive: stored
and deflate. Python's decoders of the others give back at once all that a few bytes may
stand for.
"""

import io
import os
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from course.grade.text import name_line, printable
from ece662.exercises.findings import Finding
from ece662.exercises.lines import BYTE_ORDER_MARK
from ece662.exercises.reading import Pieces, decode

__all__ = [
    "Submission",
    "left_out_in",
    "open_submission",
    "student_of",
    "submissions_in",
]

MAX_ARCHIVE = 64 << 20  # bytes of a zip
MAX_DIRECTORY = 1 << 20  # bytes of its list of contents: some 10,000 entries
MAX_MEMBERS = 20_000  # entries of that list
MAX_UNPACKED = 256 << 20  # bytes that a zip claims to hold
MAX_RATIO = 200  # of a zip's contents to the zip
MAX_FILE = 16 << 20  # bytes of one file
MAX_READ = 64 << 20  # bytes of all files that are read
MAX_NOTES = 20  # on files that are ignored
MAX_ENTRIES = 5000
MAX_DEPTH = 3  # folders above the course's root
NOBODYS = (".DS_Store", "__MACOSX", "Thumbs.db", "desktop.ini")
MAX_LEFT_OUT = 1000  # names
HEADER = 30  # bytes before a member's name
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")


@dataclass
class Submission:
    """One student's files, as far as they are looked at."""

    name: str
    files: dict[str, str] = field(default_factory=dict)  # text by path from the root
    notes: list[str] = field(default_factory=list)
    size: int = 0  # bytes of all that was read
    pieces: Pieces | None = None  # what is graded, once it was taken out of the files
    digest: str = ""
    lost: str = ""  # why nothing could be taken


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


def left_out_in(folder: Path) -> list[str]:
    """List the names in a folder that are no submission, to tell of them."""
    names = {path.name for path in folder.iterdir()}
    names -= {path.name for path in submissions_in(folder)}
    shown = sorted(name for name in names if name not in NOBODYS)
    return [printable(name, 200) for name in shown[:MAX_LEFT_OUT]]


def student_of(path: Path) -> str:
    """Return the name that a submission's student goes by."""
    name = path.name[:-4] if path.suffix.lower() == ".zip" else path.name
    return name_line(name)


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
    except _Refused as refused:
        submission.notes.append(printable(f"it cannot be opened: {refused}", 500))
    except Exception as error:
        # zipfile raises whatever its bytes lead it to, an IndexError as well.
        submission.notes.append(f"it cannot be read: {_said(error)}")
    return submission


def _said(error: BaseException) -> str:
    """Say what an exception says; its text may come from the submission."""
    return printable(f"{type(error).__name__}: {error}", 300)


def _read_zip(path: Path, wanted: Collection[str], submission: Submission) -> None:
    if path.stat().st_size > MAX_ARCHIVE:
        raise _Refused(f"the zip is larger than {MAX_ARCHIVE >> 20} MB")
    with _ZipBytes(path) as file, zipfile.ZipFile(file) as archive:
        file.most = None
        entries = archive.infolist()
        if len(entries) > MAX_MEMBERS:
            raise _Refused("the zip has too many entries")
        unpacked = sum(entry.file_size for entry in entries)
        if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * path.stat().st_size:
            raise _Refused(f"it would unpack to {unpacked >> 20} MB")
        _refuse_overlaps(entries)
        ignored = _Ignored(submission)
        usable = [entry for entry in entries if _is_usable(entry, ignored)]
        ignored.tell_how_many()
        names = Counter(map(_path_in, usable))
        by_name = {_path_in(entry): entry for entry in usable}
        found = _located(names, wanted)
        for wanted_file, inside in found:
            if names[inside] > 1:
                submission.notes.append(
                    f"{wanted_file} is in the zip {names[inside]} times"
                )
                continue
            read = partial(_read_member, archive, by_name[inside])
            _keep(submission, wanted_file, read)
        if not found:
            _note_archives(names, submission)


class _ZipBytes(io.FileIO):
    """A zip's bytes, of which few are given at a time until its list is read.

    The list of contents is read in one piece, whatever the records at a zip's end and
    the ones for large archives say of its size: so this bounds the entries that zipfile
    makes of it.
    """

    most: int | None = MAX_DIRECTORY

    def __init__(self, path: Path):
        """Open a file to be read."""
        super().__init__(path, "r")
        self.most = MAX_DIRECTORY

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes.

        Raises:
            _Refused: so many make no list of contents.
        """
        if self.most is not None:
            if size is None or size < 0:
                size = os.fstat(self.fileno()).st_size - self.tell()
            if size > self.most:
                raise _Refused("the zip has too many entries")
        return super().read(size)


def _refuse_overlaps(entries: Iterable[zipfile.ZipInfo]) -> None:
    """Refuse a zip whose members share their bytes, as only bombs do."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise _Refused("two of its entries lie in the same place")
        name = len(entry.orig_filename.encode("utf-8", "replace"))
        least = name if entry.flag_bits & 0x800 else len(entry.orig_filename)
        end = entry.header_offset + HEADER + least + entry.compress_size


def _path_in(entry: zipfile.ZipInfo) -> str:
    """Return an entry's path; some programs for Windows write it with backslashes."""
    return entry.filename.replace("\\", "/")


def _is_usable(entry: zipfile.ZipInfo, ignored: "_Ignored") -> bool:
    """Tell whether an entry is a plain file below the root; note it where it is not."""
    path = _path_in(entry)
    parts = PurePosixPath(path).parts
    mode = entry.external_attr >> 16
    if not path:
        why = "has no name"
    elif "\0" in entry.orig_filename:
        why = "has a name with a NUL in it"
    elif path.startswith("/") or ".." in parts:
        why = "leads out of the zip"
    elif ":" in path.partition("/")[0]:
        why = "names a drive"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        why = "is a link or a special file"
    elif entry.flag_bits & 1:
        why = "is encrypted"
    elif entry.compress_type not in METHODS:
        why = "is compressed by another method than deflate"
    else:
        return not path.endswith("/")
    ignored.add(entry.orig_filename, why)
    return False


class _Ignored:
    """Notes on files that are not looked at; of many, how many."""

    def __init__(self, submission: Submission):
        """Begin with none."""
        self._notes, self._more, self._left = submission.notes, 0, MAX_NOTES

    def add(self, name: str, why: str) -> None:
        """Note a file."""
        if self._left:
            self._left -= 1
            self._notes.append(printable(f"{name[:200]} {why}: ignored"))
        else:
            self._more += 1

    def tell_how_many(self) -> None:
        """Note how many files more there are."""
        if self._more:
            self._notes.append(f"{self._more} more files like these: ignored")


def _read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read a member, and not more than the limit, whatever its size is said to be."""
    parts, left = [], MAX_FILE + 1
    with archive.open(entry) as stream:
        while left and (part := stream.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def _note_archives(names: Iterable[str], submission: Submission) -> None:
    """Say where the work may be, if none of it was found."""
    for name in sorted(name for name in names if name.lower().endswith(ARCHIVES))[:3]:
        note = f"{name[:200]} is an archive within: not opened, hand in what it holds"
        submission.notes.append(printable(note))


def _read_folder(path: Path, wanted: Collection[str], submission: Submission) -> None:
    ignored = _Ignored(submission)
    names = list(_files_below(path, ignored))
    ignored.tell_how_many()
    found = _located(names, wanted)
    for file, inside in found:
        _keep(submission, file, partial(_read_regular, path / inside))
    zips = [name for name in names if name.lower().endswith(".zip")]
    if not found and len(zips) == 1:  # as some services hand out what was handed in
        submission.notes.append(printable(f"what {zips[0][:200]} holds was read"))
        _read_zip(path / zips[0], wanted, submission)
    elif not found:
        _note_archives(names, submission)


def _files_below(root: Path, ignored: _Ignored) -> Iterator[str]:
    """Yield the plain files of a folder, from there, without following links."""

    def closed(error: OSError) -> None:
        name = os.path.relpath(error.filename or root, root)
        ignored.add(name, f"cannot be opened ({error.strerror})")

    seen = 0
    for folder, folders, files in os.walk(root, onerror=closed):
        below = Path(folder).relative_to(root)
        folders.sort()
        if len(below.parts) > MAX_DEPTH + 3:
            folders.clear()
        for name in sorted(files) + [n for n in folders if _is_link(Path(folder, n))]:
            seen += 1
            if seen > MAX_ENTRIES:
                raise _Refused(f"it holds more than {MAX_ENTRIES} files")
            inside = (below / name).as_posix()
            if _is_plain(Path(folder, name)):
                yield inside
            else:
                ignored.add(inside, "is a link or a special file")


def _is_link(path: Path) -> bool:
    return path.is_symlink()


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:  # it went while it was looked at
        return False


def _read_regular(path: Path) -> bytes:
    """Read a file that may have become something else since it was listed."""
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # not every system has all
    flags = sum(getattr(os, name, 0) for name in flags)
    handle = os.open(path, os.O_RDONLY | flags)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _Refused("it is no file")
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


def _keep(submission: Submission, file: str, read: Callable[[], bytes]) -> None:
    """Read a file and keep its text; whatever is wrong with it costs this file."""
    try:
        data = read()
    except _Refused as refused:
        submission.notes.append(f"{file}: {refused}: ignored")
        return
    except Exception as error:
        submission.notes.append(f"{file} cannot be read ({_said(error)}): ignored")
        return
    submission.size += len(data)
    if len(data) > MAX_FILE:
        submission.notes.append(f"{file} is larger than {MAX_FILE >> 20} MB: ignored")
        return
    if submission.size > MAX_READ:
        whole = f"the files together are larger than {MAX_READ >> 20} MB"
        submission.notes.append(f"{file}: {whole}: ignored")
        return
    text = decode(data, file)
    if isinstance(text, Finding):
        submission.notes.append(f"{text}: ignored")
        return
    text = text.removeprefix(BYTE_ORDER_MARK)
    submission.files[file] = text.replace("\r\n", "\n").replace("\r", "\n")
