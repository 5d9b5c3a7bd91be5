"""Try to break out, from inside; `course.sandbox.check` reads the result outside.

Each attempt returns whether it succeeded, and every one must fail. Runs in the sandbox
as a student's code would, with the standard library and numpy.
"""

import ctypes
import mmap
import os
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["ATTEMPTS", "break_out"]


def break_out(
    inputs: Mapping[str, np.ndarray], **targets: Any
) -> dict[str, np.ndarray]:
    """Try every attempt; return by name whether it got out, and a sum that is right.

    Args:
        inputs: `numbers`, whose `sum` is returned: computing must work.
        **targets: `files` not to be read, `folders` not to be written into, `port` of
            a TCP and a UDP listener on the loopback, `grader`'s process id and
            `secret`, an environment variable of the grader.
    """
    results = {"sum": np.array(inputs["numbers"].sum())}
    for name, attempt in ATTEMPTS.items():
        try:
            escaped = attempt(targets)
        except (OSError, RuntimeError, MemoryError, ValueError):
            escaped = False
        results[name] = np.array(bool(escaped))
    return results


def _reads_a_file(targets: Mapping[str, Any]) -> bool:
    return any(_opens(name, "rb") for name in targets["files"])


def _writes_a_file(targets: Mapping[str, Any]) -> bool:
    names = [os.path.join(folder, "trace") for folder in targets["folders"]]
    return any(_opens(name, "wb") for name in names)


def _opens(name: str, mode: str) -> bool:
    try:
        with open(name, mode):
            return True
    except OSError:
        return False


def _connects(targets: Mapping[str, Any]) -> bool:
    with socket.socket() as connection:
        connection.settimeout(2)
        connection.connect(("127.0.0.1", targets["port"]))
        return True


def _sends(targets: Mapping[str, Any]) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as outlet:
        return outlet.sendto(b"out", ("127.0.0.1", targets["port"])) > 0


def _forks(targets: Mapping[str, Any]) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return True


def _starts_a_thread(targets: Mapping[str, Any]) -> bool:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return True


def _executes(targets: Mapping[str, Any]) -> bool:
    os.execv("/usr/bin/env", ["env"])
    return True


def _signals(targets: Mapping[str, Any]) -> bool:
    return any(_may_signal(process) for process in (targets["grader"], os.getppid()))


def _may_signal(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _traces(targets: Mapping[str, Any]) -> bool:
    attach, libc = 16, ctypes.CDLL(None)
    return libc.ptrace(attach, os.getppid(), None, None) == 0


def _sees_the_environment(targets: Mapping[str, Any]) -> bool:
    return targets["secret"] in os.environ


def _takes_memory(targets: Mapping[str, Any]) -> bool:
    with mmap.mmap(-1, 64 << 30):
        return True


def _keeps_memory(targets: Mapping[str, Any]) -> bool:
    # An anonymous file is not counted as the process's memory.
    return os.write(os.memfd_create("flood"), b"x") > 0


def _is_privileged(targets: Mapping[str, Any]) -> bool:
    return os.geteuid() == 0


def _opens_a_namespace(targets: Mapping[str, Any]) -> bool:
    new_user = 0x10000000
    return ctypes.CDLL(None).unshare(new_user) == 0


ATTEMPTS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "read a file": _reads_a_file,
    "write a file": _writes_a_file,
    "connect by TCP": _connects,
    "send by UDP": _sends,
    "start a process": _forks,
    "start a thread": _starts_a_thread,
    "execute a program": _executes,
    "signal another process": _signals,
    "trace another process": _traces,
    "see the environment": _sees_the_environment,
    "take any amount of memory": _takes_memory,
    "keep memory in a file": _keeps_memory,
    "be root": _is_privileged,
    "open a namespace": _opens_a_namespace,
}
