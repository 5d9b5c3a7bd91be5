"""What archives are read through, so that no record in them costs much to read."""

import io
import os
import tarfile
from typing import IO

from course.grade.intake.listing import SIGNATURE, mended

__all__ = [
    "MAX_UNPACKED",
    "Bounded",
    "CountedStream",
    "Refused",
    "Tar",
    "ZipInMemory",
    "ZipOnDisk",
]

MAX_DIRECTORY = 1 << 20  # bytes of a zip's list of contents: some 10,000 entries
MAX_UNPACKED = 256 << 20  # bytes that an archive may hold
MAX_SQUARES = 10**10  # of the bytes of a tar's pax headers: some 10 seconds
# Reads that find nothing: tarfile skips a member by as many as its size says.
MAX_READS_PAST = 1000
PAX = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


class Refused(ValueError):
    """A file or an archive is not read; the message says why."""


class Tar(tarfile.TarFile):
    """A tar whose pax headers are not too long, and that goes on behind a broken one.

    Some Pythons look for what a pax header holds in time that grows with its square.
    """

    squares = 0

    def __init__(self, *args, **options):
        """Open it; `broken` are the names that stand in headers that are broken."""
        self.broken: list[str] = []
        super().__init__(*args, **options)

    class tarinfo(tarfile.TarInfo):
        """A member, or a header of one."""

        @classmethod
        def fromtarfile(cls, archive: "Tar") -> tarfile.TarInfo:
            """Read the next header; behind one that is broken, look for another."""
            is_first = True
            while True:
                try:
                    return super().fromtarfile(archive)
                except tarfile.InvalidHeaderError as error:
                    if not archive.offset:
                        raise  # it is no tar
                    if is_first:  # the others are what it was the header of
                        archive.broken.append(error.name)
                    is_first = False
                    archive.offset += tarfile.BLOCKSIZE

        @classmethod
        def frombuf(cls, block: bytes, *encoding: str) -> tarfile.TarInfo:
            """Read a header from a block; an error says which name stands in it."""
            try:
                return super().frombuf(block, *encoding)
            except tarfile.InvalidHeaderError as error:
                error.name = block[:100].partition(b"\0")[0].decode("utf-8", "replace")
                raise

        def _proc_member(self, archive: "Tar") -> tarfile.TarInfo:
            if self.type in PAX:
                archive.squares += self.size**2
            if archive.squares > MAX_SQUARES:
                raise tarfile.SubsequentHeaderError("its headers are too long")
            return super()._proc_member(archive)


class CountedStream(io.RawIOBase):
    """A stream of which no more is read than an archive may hold."""

    def __init__(self, stream: IO[bytes]):
        """Begin to count."""
        self._stream, self._left, self._tail = stream, MAX_UNPACKED, b""
        self._reads_left = MAX_READS_PAST

    def read(self, size: int = -1) -> bytes:
        """Read bytes.

        Raises:
            Refused: there are more than an archive may hold.
            EOFError: there are no more, and it goes on to ask.
        """
        most = self._left + 1 if size is None or size < 0 else min(size, self._left + 1)
        data = self._stream.read(most)
        self._left -= len(data)
        self._reads_left -= not data
        if self._reads_left < 0:
            raise EOFError("it breaks off")
        self._tail = data[-512:] or self._tail
        if self._left < 0:
            raise Refused(f"it would unpack to more than {MAX_UNPACKED >> 20} MB")
        return data

    def is_at_the_beginning(self) -> bool:
        """Tell whether no more than the first of a tar's records was read."""
        return self._left >= MAX_UNPACKED - tarfile.RECORDSIZE

    def has_ended_well(self) -> bool:
        """Tell whether the last block that was read is empty, as that of a tar is."""
        return not self._tail.strip(b"\0")


class Bounded:
    """A zip's bytes; until its list of contents has been read, no read may be large.

    zipfile reads that list in one piece, whatever the records at the zip's end say of
    its size. So a bound on one read bounds the entries that it makes, and what is wrong
    with one entry is mended on the way.
    """

    is_listed = False  # whether the list of contents has been read

    def size(self) -> int:
        """Return how many bytes there are."""
        here = self.tell()
        end = self.seek(0, os.SEEK_END)
        self.seek(here)
        return end

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes.

        Raises:
            Refused: a list of contents has fewer.
        """
        if not self.is_listed:
            if size is None or size < 0:
                size = self.size() - self.tell()
            if size > MAX_DIRECTORY:
                raise Refused("the zip has too many entries")
        data = super().read(size)
        is_list = not self.is_listed and data.startswith(SIGNATURE)
        return mended(data) if is_list else data


class ZipOnDisk(Bounded, io.FileIO):
    """A zip on the disk."""


class ZipInMemory(Bounded, io.BytesIO):
    """A zip in memory."""
