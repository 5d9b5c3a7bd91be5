"""The files of an archive or a folder, one after the other, none of them trusted.

Archives come from the internet and from classmates. So nothing is ever unpacked to
the disk: a file is read into memory, up to a size, or refused. Refused are links,
devices, absolute paths and paths that climb with ``..``; the entry says why, and the
caller goes on with the rest. What spoils the archive as a whole (it ends early, its
check sums do not fit, it would unpack to more than any CINIC-10) raises ArchiveError.
"""

import bz2
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["MAX_FILE", "MAX_UNPACKED", "ArchiveError", "Entry", "entries"]

MAX_FILE = 1 << 20  # bytes; a 32x32 PNG has about 2,500
MAX_UNPACKED = 8 << 30  # bytes; all of CINIC-10 has about 1 GiB
MAX_DEPTH = 4  # top folder / split / class / file

# First bytes of a file -> what unpacks it into a tar stream.
OPENERS: dict[bytes, Callable] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}


class ArchiveError(ValueError):
    """The archive or folder is not one that images can be taken from."""


class Entry(NamedTuple):
    """A file inside an archive or folder.

    Attributes:
        path: where it lies inside, as stored.
        refused: why it must not be read; empty where it may be.
        read: returns its bytes; raises ValueError above MAX_FILE.
    """

    path: str
    refused: str
    read: Callable[[], bytes]


def entries(path: Path) -> Iterator[Entry]:
    """Yield every file of a .tar, .tar.gz, .tar.bz2, .tar.xz, .zip or folder.

    An entry must be read before the next one is taken.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        ArchiveError: it is no archive, is damaged or unpacks to absurd sizes.
    """
    if path.is_dir():
        return _folder_entries(path)
    if not path.exists():
        raise FileNotFoundError(
            f"expected an archive or a folder at {path}; nothing is there"
        )
    return _zip_entries(path) if _is_zip(path) else _tar_entries(path)


def _is_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"PK\x03\x04"


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn the many ways in which an archive can break into one."""
    broken = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error)
    try:
        yield
    except (*broken, lzma.LZMAError, OSError) as error:
        if getattr(error, "errno", None) is not None:
            raise  # a fault of the disk, not of the archive
        size = path.stat().st_size
        raise ArchiveError(
            f"{path} ({size:,} bytes) is cut short, damaged or no archive: {error}. "
            "An interrupted download looks like this: download it again"
        ) from error


def _tar_entries(path: Path) -> Iterator[Entry]:
    with open(path, "rb") as raw, _explained(path):
        start = raw.read(6)
        raw.seek(0)
        opener = next((OPENERS[k] for k in OPENERS if start.startswith(k)), None)
        stream = _TarStream(opener(raw) if opener else raw)
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            while (member := tar.next()) is not None:
                if not member.isdir():
                    refused = _refusal(member.name, member.issym() or member.islnk())
                    if not refused and not member.isreg():
                        refused = "not a regular file"
                    read = partial(_read_member, path, tar, member)
                    yield Entry(member.name, refused, read)
                tar.members.clear()  # tarfile keeps them all: 1 KB for each image
                stream.begin_member()
        stream.finish()


def _read_member(path: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    _check_size(member.size)
    with _explained(path), tar.extractfile(member) as file:
        return file.read()


class _TarStream:
    """What tarfile reads from: forward only, and never much at a time.

    tarfile trusts the sizes that headers state, and takes a damaged header in the
    middle for the end of the archive. This stream sets bounds to the first and lets
    ``finish`` notice the second.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self._last_block = b""
        self._wanted = 0  # bytes of this member, header included

    def begin_member(self) -> None:
        """Count from zero what the next member wants to have read."""
        self._wanted = 0

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int) -> int:
        if position > MAX_UNPACKED:
            raise ArchiveError(
                f"the archive unpacks to more than {MAX_UNPACKED >> 30} GiB; "
                "all of CINIC-10 has about 1 GiB. Refused"
            )
        return self._file.seek(position)

    def read(self, size: int) -> bytes:
        # Newer Pythons read a header bit by bit, and keep all of it.
        self._wanted += size
        if self._wanted > 2 * MAX_FILE:
            raise ArchiveError(
                "the archive holds a header of more than what was expected, "
                f"{2 * MAX_FILE:,} bytes. Refused"
            )
        self._last_block = self._file.read(size)
        return self._last_block

    def finish(self) -> None:
        """Check that the tar closed as it should, and the compression's check sum."""
        if self._last_block != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("the closing block of zeros is missing")
        while self._file.read(MAX_FILE):
            self.seek(self.tell())


def _zip_entries(path: Path) -> Iterator[Entry]:
    with _explained(path), zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                is_link = stat.S_ISLNK(info.external_attr >> 16)
                refused = _refusal(info.filename, is_link)
                yield Entry(info.filename, refused, partial(_read_zip, archive, info))


def _read_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    _check_size(info.file_size)  # where it is a lie, zipfile stops there all the same
    try:
        return archive.read(info)
    except (RuntimeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        # Damaged, encrypted, or compressed in a way that zipfile does not know; the
        # list of members at the end vouches for the others.
        raise ValueError(str(error)) from error


def _folder_entries(folder: Path) -> Iterator[Entry]:
    for here, subfolders, files in os.walk(folder, onerror=_raise):
        inside = Path(here).relative_to(folder)
        links = [name for name in subfolders if Path(here, name).is_symlink()]
        depth = len(inside.parts) + 1
        subfolders[:] = sorted(set(subfolders) - set(links)) * (depth < MAX_DEPTH)
        for name in sorted(files + links):
            path = Path(here, name)
            mode = path.lstat().st_mode
            refused = _refusal(name, stat.S_ISLNK(mode))
            if not refused and not stat.S_ISREG(mode):
                refused = "not a regular file"
            yield Entry((inside / name).as_posix(), refused, partial(_read_file, path))


def _read_file(path: Path) -> bytes:
    _check_size(path.stat().st_size)
    return path.read_bytes()


def _raise(error: OSError) -> None:
    raise error


def _refusal(path: str, is_link: bool) -> str:
    path = path.replace("\\", "/")
    if is_link:
        return "a link"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "an absolute path"
    if ".." in path.split("/"):
        return "a path that leaves the folder"
    return ""


def _check_size(size: int) -> None:
    if size > MAX_FILE:
        raise ValueError(f"{size:,} bytes, expected at most {MAX_FILE:,}")
