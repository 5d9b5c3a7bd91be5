"""Temporary folders that do not stay behind, not even of a process that was killed.

Each has a file that its process holds locked. The lock goes when the process does, in
whatever way; so the next one to make such a folder can tell which ones are nobody's.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ece662._files import put_in_place

__all__ = ["remove_abandoned", "scratch"]

PREFIX, LOCK = "ece662-", ".lock"
TRIES = 50  # of removing a folder


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """Make a folder for as long as the context lasts; remove those left by others.

    Args:
        purpose: a word that becomes part of its name.
    """
    remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
    handle = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        # Only under its right name it says anything, and there it is locked.
        put_in_place(folder / "lock", folder / LOCK)
        yield folder
    finally:
        os.close(handle)
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder, in which a process that is just ending may still write."""
    for _ in range(TRIES):
        try:
            return shutil.rmtree(folder)
        except OSError:
            time.sleep(0.1)
    shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned() -> None:
    """Remove what processes of this user left in the folder for temporary files."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if _is_ours(path) and not _is_locked(path / LOCK):
                shutil.rmtree(path)


def _is_ours(path: Path) -> bool:
    found = path.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _is_locked(lock: Path) -> bool:
    """Tell whether a process holds a lock.

    Raises:
        OSError: there is no such file: the folder is another kind of folder.
    """
    handle = os.open(lock, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
