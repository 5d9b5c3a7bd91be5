"""Try to break out, from inside; `course.sandbox.check` reads the result outside.

Each attempt returns whether it succeeded, and every one must fail. Runs in the sandbox
as a student's code would, with the standard library and numpy.
"""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["ATTEMPTS", "break_out"]


# asm-generic/fcntl.h, ioctls.h, mman-common.h
F_SETFL, F_SETOWN, F_SETSIG, F_SETLEASE, F_NOTIFY = 4, 8, 10, 1024, 1026
FIOASYNC, FIOSETOWN, SIOCSPGRP, O_ASYNC = 0x5452, 0x8901, 0x8902, 0o20000
MADV_MERGEABLE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ = 12, 20, 21, 22
# System calls that reach other processes, make files without names, or run past the
# filter; those of x86-64 first, then those whose number is the same everywhere.
EVERYWHERE = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426,
    "open_tree": 428, "move_mount": 429, "pidfd_open": 434, "clone3": 435,
    "openat2": 437, "pidfd_getfd": 438, "process_madvise": 440,
    "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448,
    "cachestat": 451,
}  # fmt: skip
CALLS = {
    "x86_64": EVERYWHERE | {
        "pipe": 22, "shmget": 29, "socket": 41, "fork": 57, "vfork": 58, "kill": 62,
        "msgget": 68, "flock": 73, "truncate": 76, "ptrace": 101, "setpgid": 109,
        "setsid": 112, "rt_sigqueueinfo": 129, "prctl": 157, "tkill": 200,
        "mincore": 27, "timer_create": 222, "tgkill": 234, "mq_open": 240,
        "add_key": 248, "keyctl": 250, "inotify_init": 253, "splice": 275, "tee": 276,
        "vmsplice": 278, "eventfd2": 290, "preadv2": 327, "perf_event_open": 298,
        "rt_tgsigqueueinfo": 297, "prlimit64": 302, "process_vm_readv": 310,
        "process_vm_writev": 311, "kcmp": 312, "seccomp": 317, "memfd_create": 319,
        "bpf": 321, "userfaultfd": 323, "copy_file_range": 326,
    },
    "aarch64": EVERYWHERE | {
        "inotify_init1": 26, "flock": 32, "truncate": 45, "pipe2": 59, "vmsplice": 75,
        "splice": 76, "tee": 77, "timer_create": 107, "ptrace": 117, "kill": 129,
        "tkill": 130, "tgkill": 131, "rt_sigqueueinfo": 138, "setpgid": 154,
        "setsid": 157, "prctl": 167, "mq_open": 180, "msgget": 186, "shmget": 194,
        "socket": 198, "add_key": 217, "keyctl": 219, "mincore": 232,
        "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "prlimit64": 261,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272,
        "seccomp": 277, "memfd_create": 279, "bpf": 280, "userfaultfd": 282,
        "copy_file_range": 285, "preadv2": 286,
    },
}  # fmt: skip


def break_out(
    inputs: Mapping[str, np.ndarray], **targets: Any
) -> dict[str, np.ndarray]:
    """Try every attempt; return by name whether it got out, and a sum that is right.

    Args:
        inputs: `numbers`, whose `sum` is returned: computing must work.
        **targets: `files` not to be read, `folders` not to be written into, `port` of
            a TCP and a UDP listener on the loopback, `grader`'s process id,
            `secret`, an environment variable of the grader, and the `users` that the
            machine knows, by number.
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


def _is_signalled_by_a_file(targets: Mapping[str, Any]) -> bool:
    """Order a signal to another process for when a file is ready: a `kill` by fcntl."""
    reader, _ = _pipe(targets)
    owner = struct.pack("i", targets["grader"])
    orders = [
        lambda: fcntl.fcntl(reader, F_SETOWN, os.getppid()),
        lambda: fcntl.fcntl(reader, F_SETSIG, signal.SIGKILL),
        lambda: fcntl.fcntl(reader, F_SETFL, O_ASYNC | os.O_NONBLOCK),
        lambda: fcntl.ioctl(reader, FIOASYNC, struct.pack("i", 1)),
        lambda: fcntl.ioctl(reader, FIOSETOWN, owner),
        lambda: fcntl.ioctl(reader, SIOCSPGRP, owner),
        lambda: fcntl.fcntl(os.open("/", os.O_RDONLY), F_NOTIFY, 0x80000001),
        lambda: fcntl.fcntl(os.open(__file__, os.O_RDONLY), F_SETLEASE, fcntl.F_RDLCK),
    ]
    return any(map(_gets_through, orders))


def _pipe(targets: Mapping[str, Any]) -> tuple[int, int]:
    """Return a pipe, or the files that the process has, where none can be made."""
    try:
        return os.pipe()
    except OSError:
        return 0, 1


def _opens_otherwise(targets: Mapping[str, Any]) -> bool:
    """Open a file that may be read in other ways than to read it."""
    flags = (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC, os.O_APPEND, O_ASYNC,
             os.O_DIRECT, os.O_NOATIME, os.O_PATH, os.O_TMPFILE, os.O_SYNC)  # fmt: skip
    names = (os.devnull, __file__)
    return any(
        _gets_through(lambda flag=flag, name=name: os.open(name, flag))
        for flag in flags
        for name in names
    )


def _empties_a_file(targets: Mapping[str, Any]) -> bool:
    return any(
        _gets_through(lambda name=name: os.truncate(name, 0))
        for name in targets["files"]
    )


def _calls_what_is_not_computing(targets: Mapping[str, Any]) -> bool:
    calls = CALLS.get(platform.machine(), {})
    libc = ctypes.CDLL(None, use_errno=True)
    through = []
    for name, number in calls.items():
        # Arguments that the kernel itself finds wrong: what is refused before it looks
        # at them is refused by the walls.
        ctypes.set_errno(0)
        result = libc.syscall(number, *[ctypes.c_long(-1)] * 6)
        if result >= 0 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            through.append(name)
    return bool(through)


def _meddles_with_memory(targets: Mapping[str, Any]) -> bool:
    """Drop a file's pages from everybody's cache, or share equal ones with others."""
    with mmap.mmap(-1, mmap.PAGESIZE) as pages:
        advice = (MADV_MERGEABLE, MADV_COLD, MADV_PAGEOUT, MADV_POPULATE_READ)
        return any(_gets_through(lambda a=a: pages.madvise(a)) for a in advice)


def _is_somebody(targets: Mapping[str, Any]) -> bool:
    return os.getuid() in targets["users"]


def _reading_leaves_a_trace(targets: Mapping[str, Any]) -> bool:
    """See in a file's time of access that somebody has read it."""
    before = os.stat(__file__).st_atime_ns
    with open(__file__, "rb") as file:
        file.read()
    # One that does not lie ahead moves on when it is a day old.
    return os.stat(__file__).st_atime_ns != before or before < time.time_ns()


def _outlives(targets: Mapping[str, Any]) -> bool:
    """Leave the group of processes that is killed together."""
    return _gets_through(os.setsid) or _gets_through(lambda: os.setpgid(0, 0))


def _gets_through(action: Callable[[], Any]) -> bool:
    """Tell whether an action is not refused; another error is no wall."""
    try:
        action()
    except OSError as error:
        return error.errno not in (errno.EPERM, errno.EACCES, errno.ENOENT, errno.EROFS)
    return True


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
    "have a file signal another process": _is_signalled_by_a_file,
    "open a file in other ways than to read it": _opens_otherwise,
    "empty a file": _empties_a_file,
    "make calls that computing does not need": _calls_what_is_not_computing,
    "meddle with memory that others share": _meddles_with_memory,
    "be a user of this machine": _is_somebody,
    "leave a trace by reading": _reading_leaves_a_trace,
    "outlive the run": _outlives,
}
