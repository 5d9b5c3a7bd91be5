"""The examiner: judge the outputs of an exercise, and diagnose what went wrong.

`check`, `status`, `submit`, the grader and Gradescope all call it, so the same wrong
code gets the same sentence from all of them. Running and judging are separate because a
grader runs code that it does not trust in a sandbox, and judges outside of it:

    ran = running.run_cases(exercise, code, inputs)           runs the student's code
    tried = running.derive_facts(exercise, inputs, ran)       these two do not
    examine(exercise, tried, inputs, signature, verdict_on)
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ece662.check.diagnosing import diagnose
from ece662.check.diagnosis import Diagnosis
from ece662.check.judging import Verdict, judge
from ece662.check.running import Run, recipe_of
from ece662.check.signatures import Signature
from ece662.check.terms import AtFault, Kind, Role, read_output
from ece662.exercises import EXERCISES, Exercise, find_exercise

__all__ = ["Examined", "examine"]

# Outputs larger than this are not compared, to save time and memory.
SIZE_FACTOR, SIZE_FREE = 4, 10_000
EXERCISE_IDS = frozenset(exercise.id for exercise in EXERCISES)


class Examined(NamedTuple):
    """The verdict on an exercise, and the diagnosis unless it passed."""

    verdict: Verdict
    diagnosis: Diagnosis | None


def examine(
    exercise: Exercise,
    tried: Run,
    inputs: Mapping[str, Mapping],
    signature: Signature,
    verdict_on: Callable[[Exercise], Verdict | None],
) -> Examined:
    """Judge the outputs of an exercise, and diagnose what went wrong.

    Args:
        exercise: which one.
        tried: the facts and the problems, from `derive_facts`.
        inputs: by case.
        signature: expected outputs and known mistakes, for these inputs.
        verdict_on: returns the verdict on an exercise that this one builds on, or None
            where it is unknown. Called only if this one does not pass.
    """
    with np.errstate(all="ignore"):  # a student's numbers may be of any size
        try:
            return _examine(exercise, tried, inputs, signature, verdict_on)
        except Exception as error:
            # The student's code does not run here. Either the arrays are not what the
            # recipe returns, as in a forged answer, or the check has a bug.
            name = type(error).__name__
            wrong = Diagnosis(Kind.OURS, {"error": f"{name}: {error}"})
            return Examined(Verdict(exercise.id, False), wrong)


def _examine(exercise, tried, inputs, signature, verdict_on) -> Examined:
    outputs = _plausible(exercise, tried.outputs, signature.expected)
    expected = signature.expected
    verdict = judge(exercise, outputs, expected, tried.problems, signature.accepted)
    verdict = replace(verdict, inputs=inputs)
    broken = [] if verdict.passed else _broken(exercise, outputs, verdict_on)
    known = signature.known
    wrong = diagnose(exercise, outputs, expected, verdict, known, broken, inputs)
    # Where it stops inside one of them, what it called before may not be recorded.
    stopped_in = [problem.inside for problem in verdict.problems]
    to_mend = [*broken, *_wrong_of(stopped_in, exercise, verdict_on)]
    return Examined(replace(verdict, blamed=_blamed(exercise, verdict, to_mend)), wrong)


def _blamed(exercise, verdict, broken) -> tuple[str, ...]:
    """List the exercises to be mended before this one can be judged by itself."""
    forward = recipe_of(exercise).forward
    stopped = any(problem.forward for problem in verdict.problems)
    wrong_half = forward in EXERCISE_IDS and (
        stopped or verdict.fault in (AtFault.FORWARD, AtFault.BOTH)
    )
    others = [id for id in dict.fromkeys(broken) if id != forward]
    return tuple([forward, *others] if wrong_half else others)


def _broken(exercise, outputs, verdict_on) -> list[str]:
    """List the exercises that were called by this one and are wrong themselves."""
    read = [read_output(key.partition("/")[2]) for key in outputs]
    called = dict.fromkeys(o.of for o in read if o.role is Role.CALLED)
    # Calls of classes, and calls in a notebook's cells, are not recorded.
    called |= dict.fromkeys(
        need.id
        for need in map(find_exercise, exercise.needs)
        if need.kind != "function" or exercise.kind == "training"
    )
    return _wrong_of(called, exercise, verdict_on)


def _wrong_of(ids, exercise, verdict_on) -> list[str]:
    """List those of other exercises that are written and wrong."""
    found = []
    for id in ids:
        if id == exercise.id or id not in EXERCISE_IDS:
            continue
        verdict = verdict_on(find_exercise(id))
        if verdict and not verdict.passed and not verdict.is_undone:
            found.append(id)
    return found


def _plausible(exercise, outputs, expected) -> dict[str, np.ndarray]:
    """Drop outputs that are far too large, or that the recipe does not have."""
    recipe, kept = recipe_of(exercise), {}
    for key, array in outputs.items():
        name = key.partition("/")[2]
        limit = SIZE_FREE
        if key in expected:
            limit += SIZE_FACTOR * np.size(expected[key])
        elif recipe.fixed and not _is_aside(name) and name not in recipe.known:
            continue
        if np.size(array) <= limit:
            kept[key] = array
    return kept


def _is_aside(name) -> bool:
    return read_output(name).role in (Role.OWN, Role.CALLED)
