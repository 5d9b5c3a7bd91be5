"""Say what went wrong: a known mistake by its name, else the kind of difference."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ece662.check.general import Diagnosis, describe
from ece662.check.judging import Verdict
from ece662.check.learning import FIRST_LOSSES, describe_training
from ece662.check.recipe import Rule
from ece662.check.running import recipe_of
from ece662.check.sketching import TOLERANCE, matches, sketch
from ece662.check.terms import Fault, How, Role, Stop, read_output
from ece662.exercises import Exercise

__all__ = ["Diagnosis", "Known", "diagnose", "sketched_names"]

# These stand before all else, in this order.
FIRST = (
    Stop.UNREADABLE,
    Stop.ENDLESS,
    Stop.NEEDS,
    Stop.NOT_IMPLEMENTED,
    Stop.OLD_NUMPY,
    Stop.MISSING_PACKAGE,
)


class Known(NamedTuple):
    """A known mistake, as it is recognised."""

    id: str
    says: str  # one sentence
    asks: str  # one question that leads on
    sketch: np.ndarray  # of the outputs under `sketched_names`


def sketched_names(exercise: Exercise, expected: Mapping) -> list[str]:
    """Name the outputs that tell mistakes apart: those that count, in a fixed order."""
    rules = recipe_of(exercise).rules
    names = []
    for key in sorted(expected):
        name = key.partition("/")[2]
        how, role = rules.get(key, rules.get(name, Rule())).how, read_output(name).role
        if how is How.CLOSE and role not in (Role.OWN, Role.FORWARD):
            names.append(key)
    return names


def diagnose(
    exercise: Exercise,
    outputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    verdict: Verdict,
    known: Iterable[Known] = (),
    broken: Sequence[str] = (),
    inputs: Mapping[str, Mapping] | None = None,
) -> Diagnosis | None:
    """Explain a verdict that is not a pass; None where it is one.

    Args:
        exercise: which one.
        outputs: what came out, by "case/name".
        expected: what the reference gives.
        verdict: what `judge` said.
        known: the exercise's known mistakes.
        broken: which of the exercises that it builds on do not pass.
        inputs: the inputs by case, to name the sizes in a factor.
    """
    if verdict.passed:
        return None
    kinds = {problem.kind: problem for problem in reversed(verdict.problems)}
    for kind in FIRST:
        if kind in kinds:
            return Diagnosis(kind.value, kinds[kind].message)
    if outputs:
        own = sketch(outputs, sketched_names(exercise, expected))
        for mistake in known:
            if matches(own, mistake.sketch, _tolerance(exercise)):
                return Diagnosis(mistake.id, mistake.says, mistake.asks)
    if verdict.fault is Fault.FORWARD:
        return _forward_at_fault(exercise)
    others = [id for id in broken if id != recipe_of(exercise).forward]
    if others:
        message = (
            f"This builds on {' and '.join(others)}, not right yet: mend that first."
        )
        return Diagnosis("needs-mending", message)
    if verdict.problems:
        problem = verdict.problems[0]
        return Diagnosis(problem.kind.value, problem.message)
    if not verdict.failed:
        return Diagnosis(
            "no-signature", f"What {exercise.id} should give is not known."
        )
    first = verdict.failed[0]
    rule = recipe_of(exercise).rules.get(first.name, Rule())
    if rule.says:
        return Diagnosis("not-so", rule.says)
    if any(key.partition("/")[2] == FIRST_LOSSES for key in outputs):
        return describe_training(outputs)
    found = describe(verdict.failed, verdict.comparisons, inputs)
    if verdict.fault is Fault.BOTH:
        forward = recipe_of(exercise).forward
        note = f"{found.message} And {forward} is not right either: begin there."
        return found._replace(message=note)
    return found


def _tolerance(exercise) -> float:
    """Return how near a sketch must come: float32 is granted more than float64."""
    rules = recipe_of(exercise).rules.values()
    return max([TOLERANCE, *(r.tolerance for r in rules if r.how is How.CLOSE)])


def _forward_at_fault(exercise) -> Diagnosis:
    forward = recipe_of(exercise).forward
    message = (
        f"This is the right gradient of your {forward}, but {forward} itself is not "
        "right. Mend that, and this may well pass as it is."
    )
    return Diagnosis(
        "forward-at-fault", message, f"What does the check say of {forward}?"
    )
