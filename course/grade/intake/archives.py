"""What is in a hand-in: the files of a folder, a zip, a tar, or a single file.

Nothing is unpacked to the disk. What an archive says of itself is not believed: sizes
are counted while a file is read, and of a zip only the two methods are read whose
memory does not depend on the archive, stored and deflate. Python's decoders of the
others give back at once all that a few bytes may stand for. All of it happens in a
child with limits.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from course.grade.intake.streams import (
    MAX_UNPACKED,
    Bounded,
    CountedStream,
    Refused,
    Tar,
    ZipInMemory,
    ZipOnDisk,
)
from course.grade.text import printable

__all__ = [
    "ARCHIVES",
    "CLOSED",
    "Entry",
    "Ignored",
    "NoFileError",
    "Opened",
    "Refused",
    "kind_of",
]

MAX_ARCHIVE = 64 << 20  # bytes of an archive
MAX_MEMBERS = 20_000  # entries of an archive
MAX_RATIO = 200  # of a zip's contents to the zip
MAX_FILE = 16 << 20  # bytes of one file
MAX_HELD = 64 << 20  # bytes of a tar that are kept
MAX_NOTES = 20  # on files that are ignored
MAX_ENTRIES = 5000  # files of a folder
MAX_FOLDERS = 20  # one within the other
HEADER = 30  # bytes before a zip member's name
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz",
            ".zst")  # fmt: skip
TARS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
BROKEN = (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error)
# Archives that are not opened, by what they begin with.
CLOSED = {b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!\x1a\x07": "a RAR archive",
          b"\x28\xb5\x2f\xfd": "a zstd archive"}  # fmt: skip
KEPT = (".ipynb", ".py", ".json", ".txt", *ARCHIVES)  # members of a tar


class NoFileError(Refused):
    """It is a link, or a special file such as a pipe."""


class Entry(NamedTuple):
    """A file in a hand-in."""

    name: str  # its path from the top, with slashes
    read: Callable[[], bytes]  # up to MAX_FILE and a byte, which shows that it is more


class Ignored:
    """Notes on files that are not looked at; of many, how many."""

    def __init__(self, notes: list[str]):
        """Begin with none."""
        self._notes, self._more, self._left = notes, 0, MAX_NOTES

    def add(self, name: str, why: str) -> None:
        """Note a file."""
        if self._left:
            self._left -= 1
            self._notes.append(printable(f"{name[:200]} {why}: ignored"))
        else:
            self._more += 1

    def note_the_rest(self) -> None:
        """Note how many files more there are than are named."""
        if self._more:
            self._notes.append(f"{self._more} more files like these: ignored")


def kind_of(beginning: bytes) -> str:
    """Return what a file is by its first bytes: zip, tar, what is closed, or ""."""
    if beginning.startswith((b"PK\3\4", b"PK\5\6", b"PK\1\2")):
        return "zip"
    if beginning[257:262] == b"ustar" or beginning.startswith(tuple(TARS)):
        return "tar"
    return next((what for sign, what in CLOSED.items() if beginning.startswith(sign)),
                "")  # fmt: skip


class Opened(contextlib.ExitStack):
    """Opens what is handed in; what was opened is closed with it."""

    def __init__(self, ignored: Ignored):
        """Begin with nothing open."""
        super().__init__()
        self._ignored = ignored
        self.unread: dict[str, str] = {}  # why, by the path of a member

    def _ignore(self, name: str, why: str) -> None:
        """Note a member that is not read."""
        self._ignored.add(name, why)
        self.unread[name.replace("\\", "/")] = why

    def entries(self, path: Path, name: str) -> list[Entry]:
        """List the files of a folder or an archive; a single file is one entry.

        Args:
            path: of what was handed in.
            name: of a single file, as the student had it.

        Raises:
            Refused: it is not read; says why.
        """
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            below = files_below(path, self._ignored)
            return [Entry(n, partial(read_regular, path / n)) for n in below]
        if not stat.S_ISREG(mode):
            raise NoFileError("it is a link or a special file: not opened")
        with open(path, "rb") as file:
            kind = kind_of(file.read(512))
        if kind == "" and path.suffix.lower() == ".zip":
            kind = "zip"  # and broken: it says how
        if kind not in ("zip", "tar"):
            return [Entry(name, partial(read_regular, path))]
        if path.stat().st_size > MAX_ARCHIVE:
            raise Refused(f"the {kind} is larger than {MAX_ARCHIVE >> 20} MB")
        if kind == "zip":
            return self._zip(self.enter_context(ZipOnDisk(path)))
        return self._tar(self.enter_context(open(path, "rb")), name)

    def inner(self, outer: Entry) -> list[Entry]:
        """List the files of an archive in another; [] where it is none.

        Raises:
            Refused: it is not read; says why.
        """
        data = outer.read()
        if len(data) > MAX_FILE:
            raise Refused(f"it is larger than {MAX_FILE >> 20} MB")
        kind = kind_of(data[:512])
        if kind == "zip":
            found = self._zip(self.enter_context(ZipInMemory(data)))
        elif kind == "tar":
            found = self._tar(io.BytesIO(data), PurePosixPath(outer.name).name)
        else:
            return []
        return [Entry(f"{outer.name}/{e.name}", e.read) for e in found]

    def _zip(self, file: Bounded) -> list[Entry]:
        size = file.size()
        archive = self.enter_context(zipfile.ZipFile(file))
        file.is_listed = True
        entries = archive.infolist()
        if len(entries) > MAX_MEMBERS:
            raise Refused("the zip has too many entries")
        entries = [entry for entry in entries if self._is_usable(entry)]
        unpacked = sum(e.file_size for e in entries if _may_be_work(_path_in(e)))
        if unpacked > MAX_UNPACKED or unpacked > MAX_RATIO * size:
            raise Refused(f"it would unpack to {unpacked >> 20} MB")
        shared = _sharing(entries, archive.start_dir)
        for entry in shared:
            self._ignore(entry.orig_filename, "lies outside or in another entry")
        return [
            Entry(_path_in(entry), partial(_read_member, archive, entry))
            for entry in entries
            if entry not in shared
        ]

    def _is_usable(self, entry: zipfile.ZipInfo) -> bool:
        """Tell whether an entry is a plain file below the root; note where not."""
        path = _path_in(entry)
        mode = entry.external_attr >> 16
        why = _why_outside(path)
        if "\0" in entry.orig_filename:
            why = "has a name with a NUL in it"
        elif not why and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            why = "is a link or a special file"
        elif not why and entry.flag_bits & 1:
            why = "is encrypted"
        elif not why and entry.compress_type not in METHODS:
            why = "is compressed by another method than deflate"
        if why:
            self._ignore(entry.orig_filename, why)
        return not why and not path.endswith("/")

    def _tar(self, file: IO[bytes], name: str) -> list[Entry]:
        """Read a tar from its beginning to its end, and keep what may be work.

        Something compressed that holds no tar is one file, without the name's suffix.
        """
        beginning = file.read(8)
        file.seek(0)
        unpack = next(
            (u for sign, u in TARS.items() if beginning.startswith(sign)), None
        )
        stream = CountedStream(unpack(file) if unpack else file)
        found, held = [], 0
        try:
            with Tar.open(fileobj=stream, mode="r|") as archive:
                for number, member in enumerate(archive):
                    if number > MAX_MEMBERS:
                        raise Refused("the tar has too many entries")
                    why = _why_outside(member.name)
                    if not why and not (member.isreg() or member.isdir()):
                        why = "is a link or a special file"
                    if why:
                        self._ignore(member.name, why)
                    elif member.isreg() and member.name.lower().endswith(KEPT):
                        data = archive.extractfile(member).read(MAX_FILE + 1)
                        held += len(data)
                        if held > MAX_HELD:
                            raise Refused(f"it holds more than {MAX_HELD >> 20} MB")
                        found.append(Entry(member.name, partial(bytes, data)))
            for broken in archive.broken:
                self._ignore(broken or "a file", "has a broken header")
            if not stream.has_ended_well():
                raise EOFError("it breaks off")
        except BROKEN as error:
            if not found and stream.is_at_the_beginning() and unpack:
                return [_uncompressed(file, unpack, name)]
            if not found:
                raise Refused(f"the tar is broken ({error})") from None
            self._ignored.add("its end", f"is broken ({error})")
        return found


def _uncompressed(file: IO[bytes], unpack: Callable, name: str) -> Entry:
    """Return the one file that a compressed one is, such as an `.ipynb.gz`."""
    file.seek(0)
    try:
        data = unpack(file).read(MAX_FILE + 1)
    except BROKEN as error:
        raise Refused(f"it is broken ({error})") from None
    path = PurePosixPath(name)
    bare = path.stem if path.suffix.lower() in (".gz", ".bz2", ".xz") else path.name
    return Entry(bare, partial(bytes, data))


def _may_be_work(path: str) -> bool:
    """Tell whether an entry may be read: by its suffix, or as it has none."""
    return path.lower().endswith(KEPT) or not PurePosixPath(path).suffix


def _sharing(entries: Iterable[zipfile.ZipInfo], end: int) -> list[zipfile.ZipInfo]:
    """Return the members that share bytes with others, as those of bombs do.

    Args:
        entries: of a zip.
        end: where its list of contents begins.
    """
    shared, free = [], 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        name = len(entry.orig_filename.encode("utf-8", "replace"))
        least = name if entry.flag_bits & 0x800 else len(entry.orig_filename)
        behind = entry.header_offset + HEADER + least + entry.compress_size
        if entry.header_offset < free or behind > end:
            shared.append(entry)
        else:
            free = behind
    return shared


def _path_in(entry: zipfile.ZipInfo) -> str:
    """Return an entry's path; some programs for Windows write it with backslashes."""
    return entry.filename.replace("\\", "/")


def _why_outside(path: str) -> str:
    """Say why a path does not lie below the root; "" where it does."""
    if not path:
        return "has no name"
    if path.startswith("/") or ".." in PurePosixPath(path).parts:
        return "leads out of the archive"
    if ":" in path.partition("/")[0]:
        return "names a drive"
    return ""


def _read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read a member, and not more than the limit, whatever its size is said to be."""
    parts, left = [], MAX_FILE + 1
    with archive.open(entry) as stream:
        while left and (part := stream.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    return b"".join(parts)


def files_below(root: Path, ignored: Ignored) -> Iterator[str]:
    """Yield the plain files of a folder, from there, without following links.

    Raises:
        Refused: they are too many.
    """

    def note_closed(error: OSError) -> None:
        name = os.path.relpath(error.filename or root, root)
        ignored.add(name, f"cannot be opened ({error.strerror})")

    seen = 0
    for folder, folders, files in os.walk(root, onerror=note_closed):
        below = Path(folder).relative_to(root)
        folders.sort()
        if len(below.parts) > MAX_FOLDERS:
            folders.clear()
            ignored.add(below.as_posix(), "lies too deep")
        for name in sorted(files) + [n for n in folders if _is_link(Path(folder, n))]:
            seen += 1
            if seen > MAX_ENTRIES:
                raise Refused(f"it holds more than {MAX_ENTRIES} files")
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


def read_regular(path: Path) -> bytes:
    """Read a file that may have become something else since it was listed."""
    flags = ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY")  # not every system has all
    flags = sum(getattr(os, name, 0) for name in flags)
    handle = os.open(path, os.O_RDONLY | flags)
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused("it is not a plain file")
        return file.read(MAX_FILE + 1)
