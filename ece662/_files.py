"""The one way to write a file: whole, or as it was before.

The new content is written beside the file under a name of its own, brought to the disk,
given the rights that the old file has (those of the umask for a new one) and renamed
over it. Whoever reads the file, and whenever the writer is killed, it is one whole
version. A symbolic link stays: the file that it points to is replaced. A device or a
pipe, which has no versions, is written to as it is.
"""

import errno
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

__all__ = [
    "ChangedError",
    "dated_name",
    "is_full",
    "put_in_place",
    "sync_folder",
    "write_file",
    "writing",
]

TRIES = 20  # of a rename
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class ChangedError(Exception):
    """A file is not what it was: somebody else has written to it."""


def write_file(
    path: str | os.PathLike, content: bytes | str, instead_of: bytes | None = None
) -> None:
    """Write a file in one go; text as UTF-8, its line ends as they are.

    Args:
        path: of the file.
        content: that it is to hold.
        instead_of: what it has to hold just before that; None for anything.

    Raises:
        ChangedError: it holds something else, and still does.
        OSError: it cannot be written; then it is as it was, and nothing lies beside it.
            On a full disk the error says so and names the folder.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with writing(path, instead_of) as file:
        file.write(data)


@contextmanager
def writing(
    path: str | os.PathLike, instead_of: bytes | None = None
) -> Iterator[BinaryIO]:
    """Open a file to write it in one go; it is in force when the block is left.

    An exception in the block leaves the file as it was. `instead_of` and errors as
    `write_file`.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not (path.is_file() or path.is_dir()):
        with open(path, "wb") as file:
            yield file
        return
    unfinished = path.with_name(f".{path.name[:100]}.{token_hex(4)}.part")
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(OSError):  # a new file, or rights that cannot be given
            os.chmod(unfinished, path.stat().st_mode & 0o7777)
        if instead_of is None:
            put_in_place(unfinished, path)
        else:
            _put_instead(unfinished, path, instead_of)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError) and is_full(error):
            full = f"the disk of {path.parent} is full"
            raise OSError(error.errno, full, str(path)) from error
        if isinstance(error, OSError) and error.filename == str(unfinished):
            error.filename = str(path)  # the one that the caller knows
        raise


def put_in_place(source: str | os.PathLike, target: str | os.PathLike) -> None:
    """Give a file or a folder its final name, in place of what has it.

    A folder takes the place of none, or of an empty one. Both lie on one file system.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            os.replace(source, target)
            break
        except PermissionError:  # on Windows also while a scanner reads the file
            if os.name != "nt" or not tries_left:
                raise
            time.sleep(0.05)
    sync_folder(Path(target).parent)


def _put_instead(source: Path, target: Path, instead_of: bytes) -> None:
    """Give a file the name of another that holds this; raises as `write_file`.

    An editor that has opened the other one writes to it also when it has no name any
    more. So it keeps one for that moment, and gets its own back if it was written to.
    """
    aside = source.with_suffix(".aside")
    try:
        with suppress(OSError):  # no second names here
            os.link(target, aside)
        if target.read_bytes() != instead_of:
            raise ChangedError(f"{target} was written by somebody else")
        put_in_place(source, target)
        if aside.exists() and aside.read_bytes() != instead_of:
            os.replace(aside, target)
            raise ChangedError(f"{target} was being written by somebody else")
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def dated_name(folder: Path, path: Path) -> Path:
    """Return a name in a folder for a copy of a file: of today, and not taken yet."""
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    names = (f"{path.stem}.{stamp}-{i}{path.suffix}" for i in itertools.count(1))
    return next(folder / name for name in names if not (folder / name).exists())


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk, where the system can do that."""
    if os.name == "nt":
        return
    with suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_full(error: OSError) -> bool:
    """Tell whether an error means that there is no room left."""
    return error.errno in FULL
