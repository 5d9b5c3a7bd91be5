"""What a process gives up before it runs code that nobody has read (Linux).

Three irrevocable steps, in the order of their strength:

- `limit_resources`: CPU time, memory, processes, open files, file sizes.
- `confine_files` (landlock): reads below a few folders, and nothing else of the file
  system, no TCP, no signals or sockets to processes outside.
- `confine_calls` (seccomp): a list of the system calls that computing needs. No
  process is started, no thread unless some are granted, no program executed, no
  socket, shared memory or anonymous file made, no other process signalled, traced or
  limited.

There is no binding in the standard library, so these are the raw system calls. Runs
inside the sandbox, where only the standard library is sure to be there.
"""

import ctypes
import functools
import os
import platform
import resource
import signal
import struct
from collections.abc import Iterable

__all__ = [
    "LANDLOCK_NEEDED",
    "confine_calls",
    "confine_files",
    "die_with",
    "filter_of",
    "hide_memory",
    "landlock_version",
    "limit_resources",
]

# Numbers of the system calls that are left to the student's code. Those of x86-64 stand
# in its own table; aarch64 uses the kernel's common one and lacks the older calls.
ALLOWED = {
    "x86_64": {
        "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5,
        "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
        "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
        "ioctl": 16, "pread64": 17, "readv": 19, "writev": 20, "access": 21,
        "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32,
        "nanosleep": 35, "alarm": 37, "setitimer": 38, "getpid": 39, "exit": 60,
        "uname": 63, "fcntl": 72, "getcwd": 79, "readlink": 89, "gettimeofday": 96,
        "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104,
        "geteuid": 107, "getegid": 108, "getppid": 110, "sigaltstack": 131,
        "gettid": 186, "futex": 202, "sched_getaffinity": 204, "getdents64": 217,
        "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229,
        "clock_nanosleep": 230, "exit_group": 231, "openat": 257, "newfstatat": 262,
        "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271,
        "set_robust_list": 273, "getcpu": 309, "getrandom": 318, "membarrier": 324,
        "statx": 332, "rseq": 334, "faccessat2": 439,
    },
    "aarch64": {
        "getcwd": 17, "dup": 23, "fcntl": 25, "ioctl": 29, "faccessat": 48,
        "openat": 56, "close": 57, "getdents64": 61, "lseek": 62, "read": 63,
        "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pselect6": 72,
        "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93,
        "exit_group": 94, "futex": 98, "set_robust_list": 99, "nanosleep": 101,
        "setitimer": 103, "clock_gettime": 113, "clock_getres": 114,
        "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124,
        "restart_syscall": 128, "sigaltstack": 132, "rt_sigaction": 134,
        "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160,
        "getrusage": 165, "getcpu": 168, "gettimeofday": 169, "getpid": 172,
        "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176,
        "getegid": 177, "gettid": 178, "sysinfo": 179, "brk": 214, "munmap": 215,
        "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
        "getrandom": 278, "membarrier": 283, "statx": 291, "rseq": 293,
        "faccessat2": 439,
    },
}  # fmt: skip
# How threads are started. `clone` makes processes as well, so its flags are compared
# with those of glibc's pthread_create, all of them; those of `clone3` lie in memory,
# where a filter cannot look, so it is said not to exist, and glibc takes the other.
CLONE, CLONE3 = {"x86_64": 56, "aarch64": 220}, 435
THREAD_FLAGS = 0x3D0F00
# Calls of which one argument is looked at: its place, and the values that pass. Orders
# to signal somebody when a file is ready (F_SETOWN, F_SETSIG, O_ASYNC, FIOASYNC,
# SIOCSPGRP), leases, locks, and pages taken out of everybody's cache are none of them.
ARGUMENTS = {
    "fcntl": (1, (0, 1, 2, 3, 1030)),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, ..._CLOEXEC
    # TCGETS, TIOCGWINSZ, FIONBIO, FIONCLEX, FIOCLEX
    "ioctl": (1, (0x5401, 0x5413, 0x5421, 0x5450, 0x5451)),
    # MADV_NORMAL to MADV_DONTNEED, FREE, HUGEPAGE to WIPEONFORK
    "madvise": (2, (0, 1, 2, 3, 4, 8, 14, 15, 16, 17, 18)),
    "open": (1, None),
    "openat": (2, None),
}
# Flags to open by: O_NOCTTY, O_NONBLOCK, O_LARGEFILE, O_DIRECTORY, O_NOFOLLOW,
# O_CLOEXEC. Without the others everything is opened to be read.
OPEN_FLAGS = {
    "x86_64": 0o400 | 0o4000 | 0o100000 | 0o200000 | 0o400000 | 0o2000000,
    "aarch64": 0o400 | 0o4000 | 0o400000 | 0o40000 | 0o100000 | 0o2000000,
}
# What a thread asks of itself: sched_getparam, sched_getscheduler.
OF_THREADS = {"x86_64": (143, 145), "aarch64": (121, 120)}
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h, asm-generic/errno.h
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_MODE_FILTER = 2
RETURN_ALLOW, RETURN_ERRNO, RETURN_KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD_WORD, JUMP, JUMP_IF_EQUAL, JUMP_IF_ANY_BIT, RETURN = 0x20, 0x05, 0x15, 0x45, 0x06
OFFSET_OF_NUMBER, OFFSET_OF_ARCH, OFFSET_OF_ARGUMENTS = 0, 4, 16
EPERM, ENOSYS = 1, 38

# linux/landlock.h; the same numbers on every architecture
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
# The first version whose walls are whole: those before cannot forbid signals and
# sockets to processes outside, before 4 no TCP, before 3 not even to empty a file.
LANDLOCK_NEEDED = 6
FILE_RIGHTS = 16  # bits that it knows
TCP_RIGHTS = 0b11  # bind, connect
SCOPES = 0b11  # abstract sockets, signals

# That count beside threads: bubblewrap's, the server, its handler and this one.
OWN_PROCESSES = 4

_libc = ctypes.CDLL(None, use_errno=True)


def limit_resources(cpu_seconds: int, memory: int, threads: int | None = 0) -> None:
    """Set the hard limits of this process.

    Args:
        cpu_seconds: of all its threads together.
        memory: bytes of address space.
        threads: how many may run beside the first; None for any number.
    """
    limits = {
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_NPROC: OWN_PROCESSES + threads if threads else 1,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: 64 << 20,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if threads is None:
        del limits[resource.RLIMIT_NPROC]
    for which, most in limits.items():
        # The soft limit sends a signal, which can be ignored; the hard one kills.
        hard = most + 1 if which == resource.RLIMIT_CPU else most
        resource.setrlimit(which, (most, hard))


def hide_memory() -> None:
    """Let no process of the same user trace this one or read its memory."""
    _check(_libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE)")


def die_with(parent: int) -> None:
    """Let this process be killed when its parent is, or now if that has gone.

    Args:
        parent: the process id of the parent.
    """
    kill = int(signal.SIGKILL)
    _check(_libc.prctl(PR_SET_PDEATHSIG, kill, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it went before that was said
        os._exit(1)


def confine_calls(threads: bool = False) -> None:
    """Leave this process only the system calls that computing needs.

    Args:
        threads: also the one that starts a thread.

    Raises:
        OSError: the kernel has no seccomp, or the machine's calls are not listed here.
    """
    machine = platform.machine()
    if machine not in ALLOWED:
        raise OSError(f"expected one of {', '.join(ALLOWED)}, got a {machine}")
    code = filter_of(machine, threads)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: number of instructions, padding, pointer.
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    _forbid_new_privileges()
    _check(
        _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0),
        "prctl(PR_SET_SECCOMP)",
    )


@functools.cache
def filter_of(machine: str, threads: bool) -> bytes:
    """Return the BPF program that lets the calls of the list pass, and no others."""
    numbers = dict(ALLOWED[machine])
    looked_at = {name: numbers.pop(name) for name in ARGUMENTS if name in numbers}
    plain = sorted(numbers.values())
    if threads:
        plain += OF_THREADS[machine]
    # Instruction, where to go on if it holds and if not (None: the next), its number;
    # a text alone is the name of a place.
    steps: list = [
        (LOAD_WORD, None, None, OFFSET_OF_ARCH),
        # Calls of another architecture have other numbers: killed unseen.
        (JUMP_IF_EQUAL, None, "kill", AUDIT_ARCH[machine]),
        (LOAD_WORD, None, None, OFFSET_OF_NUMBER),
        *((JUMP_IF_EQUAL, "allow", None, number) for number in plain),
    ]
    for name, number in looked_at.items():
        steps += _by_argument(machine, name, number)
    if threads:
        steps += [
            (JUMP_IF_EQUAL, "unknown", None, CLONE3),
            (JUMP_IF_EQUAL, None, "deny", CLONE[machine]),
            (LOAD_WORD, None, None, OFFSET_OF_ARGUMENTS),
            (JUMP_IF_EQUAL, "allow", "deny", THREAD_FLAGS),
        ]
    ends = {
        "deny": RETURN_ERRNO | EPERM,
        "unknown": RETURN_ERRNO | ENOSYS,
        "allow": RETURN_ALLOW,
        "kill": RETURN_KILL,
    }
    for name, value in ends.items():
        steps += [name, (RETURN, None, None, value)]
    return _assembled(steps)


def _by_argument(machine: str, name: str, number: int) -> list:
    """Return the steps for a call that passes with some values of an argument only."""
    which, values = ARGUMENTS[name]
    argument = (LOAD_WORD, None, None, OFFSET_OF_ARGUMENTS + 8 * which)
    steps: list = [(JUMP_IF_EQUAL, None, f"not {name}", number), argument]
    if values is None:  # flags, of which only these may be set
        others = ~OPEN_FLAGS[machine] & 0xFFFFFFFF
        steps += [(JUMP_IF_ANY_BIT, "deny", "allow", others)]
    else:
        steps += [(JUMP_IF_EQUAL, "allow", None, value) for value in values]
        steps += [(JUMP, None, None, "deny")]
    return [*steps, f"not {name}"]


def _assembled(steps: list) -> bytes:
    """Turn steps, with names of places among them, into the bytes of a program."""
    places, code = {}, []
    for step in steps:
        if isinstance(step, str):
            places[step] = len(code)
        else:
            code.append(step)
    program = b""
    for i, (kind, true, false, number) in enumerate(code):
        ways = (places[name] - i - 1 if name else 0 for name in (true, false))
        if kind == JUMP:  # whose way stands in the number
            number = places[number] - i - 1
        program += struct.pack("HBBI", kind, *ways, number)
    return program


def landlock_version() -> int:
    """Return the version of landlock in this kernel, 0 where there is none."""
    return max(0, _libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG))


def confine_files(readable: Iterable[str | os.PathLike]) -> None:
    """Leave this process nothing of the file system but reading below some folders.

    Args:
        readable: files and folders that stay readable, with all that is in them.

    Raises:
        OSError: the kernel's landlock is too old, or a path is not there.
    """
    version = landlock_version()
    if version < LANDLOCK_NEEDED:
        raise OSError(f"expected landlock {LANDLOCK_NEEDED} or later, got {version}")
    attributes = [(1 << FILE_RIGHTS) - 1, TCP_RIGHTS, SCOPES]
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    ruleset = _libc.syscall(CREATE_RULESET, packed, len(packed), 0)
    _check(ruleset, "landlock_create_ruleset")
    try:
        for path in readable:
            _allow_reading(ruleset, path)
        _forbid_new_privileges()
        _check(_libc.syscall(RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: str | os.PathLike) -> None:
    folder = os.path.isdir(path)
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = EXECUTE | READ_FILE | (READ_DIR if folder else 0)
        rule = struct.pack("=Qi", rights, handle)
        _check(
            _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, rule, 0), "landlock_add_rule"
        )
    finally:
        os.close(handle)


def _forbid_new_privileges() -> None:
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")


def _check(result: int, name: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
