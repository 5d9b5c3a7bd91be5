"""What stops a recipe: a stub, another exercise's stub, an exception, a misfit.

A student sees the line of their own file, in words, and never a traceback of ours.
"""

import re
from pathlib import Path
from typing import NamedTuple

from ece662.check.code import UnreadableError
from ece662.check.recipe import Misfit
from ece662.check.terms import Stop
from ece662.exercises import Exercise
from ece662.exercises.regions import MarkerError
from ece662.frameworks.installed import FRAMEWORKS, why_missing
from ece662.live.limit import EndlessError
from ece662.live.place import Place, exercise_of, place_of
from ece662.live.unfinished import unfinished_of

__all__ = ["Problem", "explain"]

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
    needs: str = ""  # the id of the exercise that comes first, where there is one


def explain(error: BaseException, exercise: Exercise, case: str = "") -> Problem:
    """Say what an exception out of a student's code means."""
    place = _where(place_of(error))
    if isinstance(error, EndlessError):
        return _of_limit(error, exercise, case)
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
    found = unfinished_of(error)
    if found is None:
        return Problem(Stop.NOT_IMPLEMENTED, f"{exercise.id} is not written yet.", case)
    owner = found.exercise
    if owner == exercise:
        kind = Stop.ERROR if found.begun else Stop.NOT_IMPLEMENTED
        return Problem(kind, found.message, case)
    text = (
        f"This builds on {owner.id} ({owner.notebook}), which is not written yet: do "
        "that one first."
    )
    return Problem(Stop.NEEDS, text, case, owner.id)


def _of_limit(error: EndlessError, exercise: Exercise, case: str) -> Problem:
    place, owner = place_of(error), exercise_of(error)
    text = f"Stopped after {error.seconds:g} seconds{_where(place)}"
    if owner is None or owner == exercise:
        message = f"{text}: does a loop there never end?"
        return Problem(Stop.ENDLESS, message, case)
    message = f"{text}: does a loop in {owner.id} never end? Mend that one first."
    return Problem(Stop.ENDLESS, message, case, owner.id)


def _where(place: Place | None) -> str:
    """Return " in FILE, line N (`text`)"."""
    if place is None:
        return ""
    return f" in {place}" + (f" (`{place.text}`)" if place.text else "")


def _old_name(error) -> str | None:
    text = str(error)
    if isinstance(error, AttributeError) and "numpy" in text:
        found = re.search(r"has no attribute '(\w+)'", text)
        return found[1] if found and found[1] in RENAMED else None
    if isinstance(error, TypeError) and "newshape" in text:
        return "newshape"
    return None
