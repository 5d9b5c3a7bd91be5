"""Find walls that hold on this machine, by trying to break through them."""

import os
import pwd
import socket
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from course.sandbox.client import Ending, Limits, Sandbox, SandboxError
from course.sandbox.isolation import Isolation, candidates, why_not
from course.sandbox.scratch import scratch

__all__ = ["NoWallsError", "WeakerWallsWarning", "choose", "leaks"]

SECRET = "ECE662_SANDBOX_SECRET"
LIMITS = Limits(cpu=5)
WEAKER = {
    Isolation.BUBBLEWRAP: "Bubblewrap is used.",
    Isolation.LANDLOCK: "Landlock is used instead: code that is graded can ask for "
    "names and sizes of files, and TensorFlow's exercises are not run.",
}


class NoWallsError(SandboxError):
    """Nothing keeps students' code from the rest of this machine."""


class WeakerWallsWarning(UserWarning):
    """The strongest walls do not hold here, and others were taken."""


def choose(runtime: Path, tried: Sequence[Isolation] | None = None) -> Isolation:
    """Return the strongest isolation that holds here.

    Args:
        runtime: a folder that `runtime.lay_out` has filled.
        tried: kinds to try, strongest first; None for all that may be there.

    Raises:
        NoWallsError: none holds; says of each what failed.

    Warns:
        WeakerWallsWarning: it is not the strongest kind; says why not that.
    """
    failures = [] if tried else why_not()
    for isolation in candidates() if tried is None else tried:
        try:
            found = leaks(isolation, runtime)
        except SandboxError as error:
            failures.append(f"{isolation.value}: {error}")
            continue
        if not found:
            if failures:
                message = f"{'; '.join(failures)}. {WEAKER[isolation]}"
                warnings.warn(message, WeakerWallsWarning, stacklevel=2)
            return isolation
        failures.append(f"{isolation.value}: inside one can {', '.join(found)}")
    raise NoWallsError(
        "students' code cannot be kept apart from this machine. "
        + ("; ".join(failures) or "It takes Linux with bubblewrap or landlock.")
    )


def leaks(isolation: Isolation, runtime: Path, limits: Limits = LIMITS) -> list[str]:
    """Return what can be done inside that must not be possible; [] where walls hold.

    Args:
        isolation: the kind of walls.
        runtime: a folder that `runtime.lay_out` has filled.
        limits: of the attempt; threads that they grant are no leak.

    Raises:
        SandboxError: nothing can be computed inside.
    """
    with (
        scratch("probe") as folder,
        socket.socket() as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        os.chmod(folder, 0o755)
        code, secret = folder / "code", folder / "secret"
        code.mkdir()
        secret.write_text("not for students", encoding="utf-8")
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        targets = {
            "files": [str(secret), "/etc/passwd", "/proc/self/environ", __file__],
            "folders": [str(folder), *FOLDERS, _home()],
            "port": port,
            "grader": os.getpid(),
            "secret": SECRET,
            "users": [entry.pw_uid for entry in pwd.getpwall()],
        }
        os.environ[SECRET] = "1"
        try:
            with Sandbox(isolation, runtime, code, limits) as sandbox:
                outcome = sandbox.call("probe:break_out", {"numbers": NUMBERS}, targets)
        finally:
            del os.environ[SECRET]
    answered = outcome.ending is Ending.ANSWERED
    if not answered or outcome.outputs.pop("sum") != NUMBERS.sum():
        raise SandboxError(f"nothing can be computed inside: {outcome.message}")
    granted = {"start a thread"} if limits.threads else set()
    found = {name for name, escaped in outcome.outputs.items() if escaped}
    return [name for name in outcome.outputs if name in found - granted]


FOLDERS = ("/", "/tmp", "/dev/shm", "/code", "/runtime")
NUMBERS = np.arange(10.0)


def _home() -> str:
    return os.path.expanduser("~")  # where the user is in no list, it stays "~"
