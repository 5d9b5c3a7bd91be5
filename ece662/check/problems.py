"""What stops a recipe: a stub, another exercise's stub, an exception, a misfit.

A student sees the line of their own file, in words, and never a traceback of ours.
"""

import linecache
import re
import sysconfig
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import ece662
from ece662.check.code import UnreadableError
from ece662.check.recipe import Misfit
from ece662.check.terms import Stop
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.regions import MarkerError
from ece662.frameworks.installed import FRAMEWORKS, why_missing

__all__ = ["Problem", "explain"]

PACKAGE = Path(ece662.__file__).resolve().parent
OURS = (PACKAGE / "check", PACKAGE / "commands")
LIBRARIES = tuple({sysconfig.get_path("purelib"), sysconfig.get_path("stdlib")})

# What NumPy 2 took away or renamed, as far as old solutions use it.
RENAMED = {
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "float": "float, or np.float64",
    "int": "int",
    "bool": "bool",
    "object": "object",
    "float_": "np.float64",
    "Inf": "np.inf",
    "NaN": "np.nan",
    "in1d": "np.isin",
    "row_stack": "np.vstack",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "trapz": "np.trapezoid",
    "newshape": "shape, in np.reshape",
}


class Problem(NamedTuple):
    """Why there are no outputs, or not all."""

    kind: Stop
    message: str
    case: str = ""
    needs: str = ""  # for Stop.NEEDS: the id of the exercise that comes first


def explain(error: BaseException, exercise: Exercise, case: str = "") -> Problem:
    """Say what an exception out of a student's code means."""
    place = _students_line(error)
    if isinstance(error, NotImplementedError):
        return _of_stub(error, exercise, case)
    if isinstance(error, Misfit):
        return Problem(Stop.MISFIT, f"{error}.", case)
    if name := _old_name(error):
        text = f"NumPy 2 no longer has `{name}`{place}: write {RENAMED[name]} instead."
        return Problem(Stop.OLD_NUMPY, text, case)
    if isinstance(error, ModuleNotFoundError) and error.name in FRAMEWORKS:
        return Problem(Stop.MISSING_PACKAGE, why_missing(error.name), case)
    if isinstance(error, UnreadableError):
        return Problem(Stop.UNREADABLE, f"{error}", case)
    if isinstance(error, MarkerError):
        return Problem(Stop.ERROR, f"A marker line is damaged: {error}.", case)
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '?').name}, line {error.lineno}"
        return Problem(Stop.ERROR, f"Python cannot read {where}: {error.msg}.", case)
    if isinstance(error, AttributeError) and error.name in exercise.provides:
        return Problem(Stop.NOT_IMPLEMENTED, f"There is no {error.name} yet.", case)
    text = str(error).strip().partition("\n")[0]
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Problem(Stop.ERROR, f"Your code stopped{place}: {told}", case)


def _of_stub(error, exercise, case) -> Problem:
    """Tell an exercise that is not done from one that it builds on."""
    owner = _stubs_owner(error)
    if owner in (None, exercise.id):
        return Problem(Stop.NOT_IMPLEMENTED, f"{exercise.id} is not written yet.", case)
    text = (
        f"This builds on {owner} ({find_exercise(owner).notebook}), which is not "
        "written yet: do that one first."
    )
    return Problem(Stop.NEEDS, text, case, owner)


def _stubs_owner(error) -> str | None:
    """Return the id of the exercise whose stub raised this."""
    *_, (code, _) = [(None, 0), *_frames(error)]
    if code is not None:
        file = Path(code.co_filename).as_posix()
        for exercise in EXERCISES:
            if code.co_qualname in exercise.regions and file.endswith(exercise.file):
                return exercise.id
    words = str(error).replace(":", " ").split()
    return next((e.id for e in EXERCISES if e.id in words), None)


def _frames(error) -> list[tuple[CodeType, int]]:
    found, traceback = [], error.__traceback__
    while traceback is not None:
        found.append((traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


def _students_line(error) -> str:
    """Return " in FILE, line N (`text`)" of the innermost line that is theirs."""
    for code, line in reversed(_frames(error)):
        path = Path(code.co_filename)
        if path.name.startswith("_") or not _is_students(path):
            continue
        linecache.checkcache(code.co_filename)
        text = linecache.getline(code.co_filename, line).strip()
        name = path.name if path.is_file() else "the cell"
        return f" in {name}, line {line}" + (f" (`{text}`)" if text else "")
    return ""


def _is_students(path: Path) -> bool:
    full = str(path.resolve())
    return not full.startswith((*map(str, OURS), *LIBRARIES))


def _old_name(error) -> str | None:
    text = str(error)
    if isinstance(error, AttributeError) and "numpy" in text:
        found = re.search(r"has no attribute '(\w+)'", text)
        return found[1] if found and found[1] in RENAMED else None
    if isinstance(error, TypeError) and "newshape" in text:
        return "newshape"
    return None
