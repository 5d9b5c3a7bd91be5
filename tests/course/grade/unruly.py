"""A contained child that does what a child may come to, for tests.

python -m tests.course.grade.unruly
"""

import os
import signal
import time

from course.grade.marks.mark import Mark
from course.grade.workers import child
from ece662.check.terms import Status


def _raise(about, say):
    raise IndexError("string index out of range " + "x" * about)


def _hang(about, say):
    say(at="relu_forward", **about)
    time.sleep(10_000)


def _grow(about, say):
    with child.memory_limit(64 << 20):
        return len(bytearray(about))


def _print(about, say):
    print("an answer?", flush=True)
    os.system("echo another one")
    return os.getpid()


def _mark(about, say):
    """Mark as if the judge came to an end over two exercises."""
    for exercise in ("relu_forward", "adam"):
        if exercise not in about["spoilt"]:
            say(at=exercise)
            os.kill(os.getpid(), signal.SIGSEGV)
    submission = child.taking.from_plain(about["submission"])
    marks = [Mark(name, Status.STOPPED, 0, 1) for name in about["spoilt"]]
    return child.record_of(submission, marks)


child.QUESTIONS |= {
    "raise": _raise,
    "die": lambda about, say: os.kill(os.getpid(), about),
    "exit": lambda about, say: os._exit(about),
    "hang": _hang,
    "grow": _grow,
    "print": _print,
    "answer": lambda about, say: "x" * about,
    "mark": _mark,
}

if __name__ == "__main__":
    child.main()
