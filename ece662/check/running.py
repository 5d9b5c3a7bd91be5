"""Run a recipe on a student's code, without effects on later runs.

Inputs come from `RandomState`, whose numbers NumPy has promised never to change, so
that stored expected outputs hold on every student's computer.
"""

import contextlib
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from ece662.check.containing import PASSED_ON, contained
from ece662.check.problems import Problem, explain
from ece662.check.recipe import Recipe, array_of
from ece662.check.recipes import RECIPES
from ece662.check.terms import Cause, Stop
from ece662.exercises import Exercise

__all__ = [
    "SEED",
    "Run",
    "derive_facts",
    "facts",
    "inputs_of",
    "recipe_of",
    "run",
    "run_case",
    "run_cases",
]

ENDS_ALL = (Stop.NOT_IMPLEMENTED, Stop.NEEDS, Stop.UNREADABLE)  # of all cases
SEED = 662  # of the inputs in a student's check; grading draws others


class Run(NamedTuple):
    """The outputs, by "case/name", and the problems."""

    outputs: dict[str, np.ndarray]
    problems: tuple[Problem, ...] = ()


def recipe_of(exercise: Exercise) -> Recipe:
    """Return the exercise's recipe.

    Raises:
        ValueError: it has none, as a person reads it.
    """
    if exercise.recipe not in RECIPES:
        raise ValueError(f"there is no check for {exercise.id}")
    return RECIPES[exercise.recipe]


def inputs_of(exercise: Exercise, seed: int | Sequence[int] = SEED) -> dict[str, dict]:
    """Make the inputs of every case; each call returns new arrays."""
    recipe = recipe_of(exercise)
    return {
        case: recipe.make_inputs(_rng(exercise, case, seed), case)
        for case in recipe.cases
    }


def run_case(
    exercise: Exercise, code: Any, inputs: Mapping, seed: int | Sequence[int] = SEED
) -> dict:
    """Run one case and return the raw outputs; exceptions of the code propagate."""
    with _apart(seed):
        outputs = recipe_of(exercise).run(code, dict(inputs))
    return {name: array_of(value, name) for name, value in outputs.items()}


def facts(exercise: Exercise, inputs: Mapping, outputs: Mapping) -> dict:
    """Turn the raw outputs of a case into those that are judged; mostly the same."""
    derive = recipe_of(exercise).derive
    with np.errstate(all="ignore"):
        return dict(derive(inputs, outputs) if derive else outputs)


def run(exercise: Exercise, code: Any, seed: int | Sequence[int] = SEED) -> Run:
    """Run all cases in this process, and derive the outputs that are judged."""
    ran = run_cases(exercise, code, inputs_of(exercise, seed), seed, contained)
    # New inputs, as the code may have written into those that it was given.
    return derive_facts(exercise, inputs_of(exercise, seed), ran)


def run_cases(
    exercise: Exercise,
    code: Any,
    inputs: Mapping[str, Mapping],
    seed: int | Sequence[int] = SEED,
    around: Callable[[], AbstractContextManager] = contextlib.nullcontext,
) -> Run:
    """Run all cases; an error in one of them does not stop the next.

    Only if code is not written yet, this exercise's or another one's, a file cannot be
    read, or the memory is full, the remaining cases are skipped; that is one problem,
    without a case.

    Args:
        exercise: which one.
        code: whose attributes are the functions and classes.
        inputs: by case.
        seed: of NumPy's global random numbers.
        around: makes the context that each case runs in.

    Returns:
        The raw outputs; see `derive_facts`.
    """
    outputs, problems = {}, []
    for case, of_case in inputs.items():
        try:
            with around():
                found = run_case(exercise, code, of_case, seed)
        except BaseException as error:
            if isinstance(error, PASSED_ON):
                raise
            problem = explain(error, exercise, case)
            # What has filled the memory once would do so again, slowly.
            if problem.kind in ENDS_ALL or isinstance(error, MemoryError):
                return Run(outputs, (problem._replace(case=""),))
            problems.append(problem)
            continue
        outputs |= {f"{case}/{name}": value for name, value in found.items()}
    return Run(outputs, tuple(problems))


def derive_facts(
    exercise: Exercise,
    inputs: Mapping[str, Mapping],
    ran: Run,
    derive: Callable[[Exercise, Mapping, Mapping], dict] = facts,
) -> Run:
    """Turn raw outputs into those that are judged, case by case.

    Args:
        exercise: which one.
        inputs: by case, the same that the code was given.
        ran: the raw outputs, and the problems of running.
        derive: turns the raw outputs of a case into facts.

    Returns:
        The facts, and the problems of running and of deriving.
    """
    found, misfits = {}, []
    for case, of_case in inputs.items():
        raw = dict(_of_case(ran.outputs, case))
        try:
            derived = derive(exercise, of_case, raw) if raw else {}
        except Exception as error:
            # Not what the recipe returns: as in a forged answer.
            said = {"error": str(error)}
            misfits.append(Problem(Stop.MISFIT, Cause.OTHER_OUTPUTS, said, case))
            continue
        found |= {f"{case}/{name}": value for name, value in derived.items()}
    return Run(found, (*ran.problems, *misfits))


def _of_case(outputs, case) -> Iterator[tuple[str, np.ndarray]]:
    for key, array in outputs.items():
        owner, _, name = key.partition("/")
        if owner == case:
            yield name, array


def _rng(exercise, case, seed) -> np.random.RandomState:
    word = zlib.crc32(f"{exercise.recipe}/{case}".encode())
    # The seed is one number for checks, and four for a grader's secret.
    return np.random.RandomState([*np.atleast_1d(seed), word])


@contextlib.contextmanager
def _apart(seed: int | Sequence[int]) -> Iterator[None]:
    """Restore NumPy's global random state, error settings and warnings afterwards."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        np.random.set_state(state)
