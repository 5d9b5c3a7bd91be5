"""The examiner: judge what came out of an exercise, and say what went wrong.

`check`, `status`, `submit`, the grader and Gradescope all come here, so the same wrong
code gets the same sentence from all of them. Running and judging are apart, since a
grader runs code that it does not trust in a sandbox, and judges outside:

    ran = running.run_cases(exercise, code, inputs)           calls the student's code
    tried = running.derive_facts(exercise, inputs, ran)       these two call nothing
    examine(exercise, tried, inputs, signature, verdict_on)
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from ece662.check.diagnosing import Diagnosis, diagnose
from ece662.check.judging import Verdict, judge
from ece662.check.running import Run, recipe_of
from ece662.check.signatures import Signature
from ece662.check.terms import Role, read_output
from ece662.exercises import Exercise, find_exercise

__all__ = ["Examined", "examine"]

# An output this much larger than expected is not even compared: it would only cost.
SIZE_FACTOR, SIZE_FREE = 4, 10_000


class Examined(NamedTuple):
    """The verdict on an exercise, and what went wrong where it is not a pass."""

    verdict: Verdict
    diagnosis: Diagnosis | None


def examine(
    exercise: Exercise,
    tried: Run,
    inputs: Mapping[str, Mapping],
    signature: Signature,
    verdict_on: Callable[[Exercise], Verdict | None],
) -> Examined:
    """Judge what came out of an exercise, and say what went wrong.

    Args:
        exercise: which one.
        tried: the facts and the problems, from `derive_facts`.
        inputs: by case.
        signature: what is known of the exercise, for these inputs.
        verdict_on: gives the verdict on an exercise that this one builds on, or None
            where nobody can tell. It is asked only where this one does not pass.
    """
    with np.errstate(all="ignore"):  # a student's numbers may be of any size
        try:
            return _examine(exercise, tried, inputs, signature, verdict_on)
        except Exception as error:
            # Judging is for what recipes return. These arrays came some other way.
            text = f"The outputs cannot be judged ({type(error).__name__})."
            return Examined(Verdict(exercise.id, False), Diagnosis("invalid", text))


def _examine(exercise, tried, inputs, signature, verdict_on) -> Examined:
    outputs = _plausible(exercise, tried.outputs, signature.expected)
    expected = signature.expected
    verdict = judge(exercise, outputs, expected, tried.problems, signature.accepted)
    broken = [] if verdict.passed else _broken(exercise, verdict_on)
    known = signature.known
    wrong = diagnose(exercise, outputs, expected, verdict, known, broken, inputs)
    return Examined(verdict, wrong)


def _broken(exercise, verdict_on) -> list[str]:
    """List the needed exercises that are written, and wrong."""
    broken = []
    for need in map(find_exercise, exercise.needs):
        verdict = verdict_on(need)
        if verdict and not verdict.passed and not verdict.is_undone:
            broken.append(need.id)
    return broken


def _plausible(exercise, outputs, expected) -> dict[str, np.ndarray]:
    """Leave out what is far larger than it should be, or is not asked for."""
    recipe, kept = recipe_of(exercise), {}
    for key, array in outputs.items():
        name = key.partition("/")[2]
        limit = SIZE_FREE
        if key in expected:
            limit += SIZE_FACTOR * np.size(expected[key])
        elif recipe.fixed and not _is_own(name) and name not in recipe.known:
            continue
        if np.size(array) <= limit:
            kept[key] = array
    return kept


def _is_own(name) -> bool:
    return read_output(name).role is Role.OWN
