"""The walls around the sandbox's server, and the command that puts it behind them.

BUBBLEWRAP  Namespaces: an empty network, no other process, and of the file system a
            Python and the submission's code, read-only.
LANDLOCK    Where namespaces are not allowed, as in many containers: the same through
            landlock (files, signals) and seccomp (all that is not computing). Names
            and sizes of files can be asked for, their contents cannot be read.
NONE        Only a process of its own. Not a wall at all; a teacher must ask for it.

In each of them the student's code runs behind `confine.confine_calls` and the resource
limits, but for NONE away from Linux.
"""

import contextlib
import enum
import functools
import grp
import os
import platform
import pwd
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from course.sandbox import confine

__all__ = [
    "Isolation",
    "ServerPaths",
    "candidates",
    "command",
    "environment",
    "own_user",
    "why_not",
]

# Numbers that systems give to nobody: https://systemd.io/UIDS-GIDS
FREE_UIDS = range(60_662, 61_184)
UID = str(FREE_UIDS[0])  # as code behind bubblewrap sees itself
SYSTEM_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64")


class Isolation(enum.Enum):
    """How a student's code is kept from the rest of the machine."""

    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"


class ServerPaths(NamedTuple):
    """Where the server finds its Python and the code, as it sees them itself."""

    python: str
    inside: str
    code: str


def candidates() -> list[Isolation]:
    """Return what may work here, strongest first; only a probe shows what does."""
    found = []
    if sys.platform == "linux" and platform.machine() in confine.ALLOWED:
        if shutil.which("bwrap"):
            found.append(Isolation.BUBBLEWRAP)
        if confine.landlock_version() >= confine.LANDLOCK_NEEDED:
            found.append(Isolation.LANDLOCK)
    return found


def why_not() -> list[str]:
    """Say of each kind of walls that is no candidate here why it is none."""
    if sys.platform != "linux":
        return []
    reasons = []
    if not shutil.which("bwrap"):
        reasons.append("bubblewrap: there is no bwrap here (apt install bubblewrap)")
    found, needed = confine.landlock_version(), confine.LANDLOCK_NEEDED
    if found < needed:
        reasons.append(
            f"landlock: version {found} leaves gaps, it takes {needed} (Linux 6.12)"
        )
    return reasons


def server_paths(isolation: Isolation, runtime: Path, code: Path) -> ServerPaths:
    """Return the server's view of a runtime folder and a code folder."""
    if isolation is Isolation.BUBBLEWRAP:
        runtime, code = Path("/runtime"), Path("/code")
    if isolation is Isolation.NONE:
        return ServerPaths(
            sys.executable, str(Path(__file__).with_name("inside.py")), str(code)
        )
    return ServerPaths(
        str(runtime / "python" / "bin" / "python3"),
        str(runtime / "inside" / "inside.py"),
        str(code),
    )


def command(
    isolation: Isolation, runtime: Path, code: Path, preload: Sequence[str] = ()
) -> list[str]:
    """Return the command line that starts the server on one submission's code."""
    python, inside, seen = server_paths(isolation, runtime, code)
    server = [python, "-s", "-P", "-B", inside, "--code", seen]
    if preload:
        server += ["--preload", *preload]
    if isolation is Isolation.LANDLOCK:
        return [*server, "--landlock"]
    if isolation is Isolation.NONE:
        return server
    return [*_bubblewrap(runtime, code), *server]


def _bubblewrap(runtime: Path, code: Path) -> list[str]:
    words = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns"]
    words += ["--cap-drop", "ALL", "--uid", UID, "--gid", UID]
    words += ["--hostname", "sandbox", "--new-session", "--die-with-parent"]
    for library in SYSTEM_LIBRARIES:
        if os.path.islink(library):
            words += ["--symlink", os.readlink(library), library]
        elif os.path.isdir(library):
            words += ["--ro-bind", library, library]
    for python in _system_pythons():
        words += ["--tmpfs", python]
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for device in ("/dev/null", "/dev/urandom"):
        words += ["--dev-bind", device, device]
    # All there is of /proc. TensorFlow asks what program it runs in, and would read the
    # command line of one called python.
    words += ["--symlink", "/runtime", "/proc/self/exe"]
    words += ["--ro-bind", str(runtime), "/runtime", "--ro-bind", str(code), "/code"]
    # Nothing is writable, not even the empty folders that the others are mounted on.
    for tmpfs in (*_system_pythons(), "/"):
        words += ["--remount-ro", tmpfs]
    return [*words, "--chdir", "/", "--"]


def _system_pythons() -> list[str]:
    """Return folders of system packages, which may hold a torch of their own."""
    folders = [Path(name) for name in SYSTEM_LIBRARIES if not os.path.islink(name)]
    found = [path for folder in folders for path in folder.glob("python3*")]
    return sorted(str(path) for path in found if path.is_dir())


def environment(isolation: Isolation, runtime: Path) -> dict[str, str]:
    """Return the server's whole environment: nothing of the grader's own."""
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
             "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # fmt: skip
    variables = dict.fromkeys(names, "1")  # the same on every machine
    variables |= {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
    if isolation is not Isolation.NONE:
        seen = "/runtime" if isolation is Isolation.BUBBLEWRAP else str(runtime)
        variables["LD_LIBRARY_PATH"] = f"{seen}/python/lib"
    return variables


def own_user(isolation: Isolation) -> dict[str, int | Sequence[int]]:
    """Return Popen's arguments for a user without any rights, where we may be one.

    Root's processes are exempt from the limit on their number, and own most files.
    """
    if isolation is Isolation.NONE or os.geteuid() != 0:
        return {}
    free = next((uid for uid in FREE_UIDS if not _is_known(uid)), None)
    if free is None:
        raise OSError(
            f"every uid from {FREE_UIDS[0]} to {FREE_UIDS[-1]} is somebody's: the "
            "sandbox needs one that is nobody's"
        )
    return {"user": free, "group": free, "extra_groups": ()}


@functools.lru_cache(maxsize=len(FREE_UIDS))
def _is_known(uid: int) -> bool:
    """Tell whether a number is that of a user or of a group."""
    for find in (pwd.getpwuid, grp.getgrgid):
        with contextlib.suppress(KeyError):
            find(uid)
            return True
    return False
