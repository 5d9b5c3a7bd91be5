"""Checks in a process of their own: how it ended, and at which line."""

import signal
import sys
import sysconfig
from pathlib import Path

import pytest

from ece662.check import apart
from ece662.check.terms import Cause

ROOT = Path(__file__).parents[2]
OPTIM = ROOT / "ece662/optim.py"


def ended(code=0, noted=""):
    """Return how a process ended, by its exit code and what faulthandler noted."""
    process = apart._Process(ROOT, ["adam"], [], colour=False, is_shown=False)
    process.folder.cleanup()
    process.code, process.noted = code, noted
    return process.end()


@pytest.mark.parametrize(
    ("code", "cause", "name"),
    [
        (0, Cause.EXITED, ""),
        (3, Cause.EXITED, ""),
        (-signal.SIGSEGV, Cause.CRASHED, "SIGSEGV"),
        (-signal.SIGTERM, Cause.SIGNAL, "SIGTERM"),
        (-99, Cause.SIGNAL, "number 99"),
        (0xC0000005, Cause.CRASHED, "SIGSEGV"),  # Windows: an access violation
        (0xC0000409, Cause.CRASHED, "SIGABRT"),  # ... and abort()
    ],
)
def test_end_is_told_by_the_exit_code(code, cause, name):
    end = ended(code)
    assert (end.cause, end.facts["signal"], end.file) == (cause, name, "")
    assert end.facts["where"] == ""


def frame(file, line, function):
    return f'  File "{file}", line {line} in {function}\n'


INSIDE = [
    frame(Path(sysconfig.get_path("stdlib"), "ctypes", "__init__.py"), 9, "string_at"),
    frame("<frozen importlib._bootstrap>", 5, "_call"),
    frame(ROOT / "ece662" / "check" / "running.py", 7, "run"),
]


@pytest.mark.parametrize(
    ("outermost", "where", "file"),
    [
        (frame(OPTIM, 1, "adam"), " in ece662/optim.py, line 1 (`", ""),
        (frame(OPTIM, 1, "<module>"), " in ece662/optim.py, line 1 (`", OPTIM.name),
        (
            frame("<q5-torch-convnet>", 2, "f"),
            " in the cell q5-torch-convnet, line",
            "",
        ),
        (frame("/home/ann/mine.py", 4, "f"), " in mine.py, line 4", ""),
        ("", "", ""),
    ],
    ids=["function", "file being loaded", "cell", "module elsewhere", "none before"],
)
def test_line_is_the_innermost_that_the_student_wrote(outermost, where, file):
    end = ended(-signal.SIGSEGV, "".join(INSIDE) + outermost + frame(OPTIM, 3, "sgd"))
    assert end.facts["where"].startswith(where or " in ece662/optim.py, line 3")
    assert Path(end.file).name == file


def answers(code):
    """Return what is taken from a process that is asked about adam and runs this."""
    process = apart._Process(ROOT, ["adam"], [], colour=False, is_shown=False)
    process.command = [sys.executable, "-c", code]
    with process:
        return list(process.answers())


def test_answers_are_what_is_json_and_about_what_was_asked():
    lines = "words", "[]", '{"id": "sgd"}', '{"id": "adam", "passed": true}'
    assert answers(f"print(*{lines!r}, sep='\\n')") == [{"id": "adam", "passed": True}]
    assert answers("print('nothing')") == []


@pytest.mark.parametrize("colour", [True, False])
def test_check_that_does_not_answer_is_ended_and_told(monkeypatch, colour):
    monkeypatch.setattr(apart, "limit_of", lambda exercise: 0.01)
    monkeypatch.setattr(apart, "GRACE", 0)
    [verdict] = apart.check_apart(ROOT, ["adam"], colour)
    assert not verdict["passed"]
    assert "did not finish within 0.01 seconds" in verdict[apart.TEXT]
    assert ("\x1b[" in verdict[apart.TEXT]) is colour
