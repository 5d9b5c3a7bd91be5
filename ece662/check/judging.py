"""Compare outputs with the expected ones; say if forward or backward is at fault."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ece662.check.comparing import Comparison, compare
from ece662.check.problems import Problem
from ece662.check.recipe import Rule, slopes_agree
from ece662.check.running import recipe_of
from ece662.check.terms import AtFault, How, Role, Status, Stop, read_output
from ece662.exercises import EXERCISES, Exercise

__all__ = ["Comparison", "Verdict", "compare", "judge"]

NO_GRADIENTS = ("loss", "scores")
EXERCISE_IDS = frozenset(exercise.id for exercise in EXERCISES)


@dataclass(frozen=True)
class Verdict:
    """The result of judging an exercise."""

    exercise: str
    passed: bool
    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
    fault: AtFault | None = None  # where gradients are wrong: forward, backward or both
    forwards: tuple[Comparison, ...] = ()  # outputs of the forward; they do not count
    blamed: tuple[str, ...] = ()  # exercises that it builds on, and that are wrong
    # What the code was called with, by case; shown with the verdict.
    inputs: Mapping[str, Mapping] = field(default_factory=dict, compare=False)

    @property
    def status(self) -> Status:
        """The state that the exercise is in."""
        kinds = {problem.kind for problem in self.problems}
        if self.passed:
            return Status.PASSED
        if Stop.ENDLESS in kinds:
            return Status.STOPPED
        if Stop.NEEDS in kinds:
            return Status.NEEDS
        return Status.NOT_WRITTEN if Stop.NOT_IMPLEMENTED in kinds else Status.FAILED

    @property
    def is_undone(self) -> bool:
        """True where this exercise, or one that it builds on, is not written yet."""
        return self.status in (Status.NEEDS, Status.NOT_WRITTEN)

    @property
    def failed(self) -> tuple[Comparison, ...]:
        """The comparisons that did not pass."""
        return tuple(c for c in self.comparisons if not c.passed)


def judge(
    exercise: Exercise,
    outputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    problems: Iterable[Problem] = (),
    accepted: Iterable[Mapping[str, np.ndarray]] = (),
) -> Verdict:
    """Judge the outputs of all cases.

    Args:
        exercise: which one.
        outputs: the student's, by "case/name".
        expected: the reference's, by the same names.
        problems: what stopped cases.
        accepted: the outputs of other right solutions, where they differ.
    """
    problems = tuple(problems)
    verdict = _judge(exercise, outputs, expected, problems)
    for other in accepted:
        if not verdict.passed and (again := _judge(exercise, outputs, other, problems)):
            verdict = again if again.passed else verdict
    return verdict


def _judge(exercise, outputs, expected, problems) -> Verdict:
    if any(not problem.case for problem in problems):  # nothing to compare
        return Verdict(exercise.id, False, problems=problems)
    recipe = recipe_of(exercise)
    comparisons, forwards, remarks = [], [], []
    for rule, role, found in _compared(recipe, outputs, expected, problems):
        if rule.how is not How.REMARK:
            (forwards if role is Role.FORWARD else comparisons).append(found)
        elif not found.passed and found.got is not None:
            remarks.append(rule.says)
    passed = bool(comparisons) and not problems and all(c.passed for c in comparisons)
    return Verdict(
        exercise.id,
        passed,
        tuple(comparisons),
        problems,
        tuple(dict.fromkeys(remarks)) if passed else (),
        _fault_of(recipe, outputs, comparisons, forwards),
        tuple(found for found in forwards if not found.passed),
    )


def _compared(recipe, outputs, expected, problems):
    """Yield rule, role and comparison of each output of the cases that finished."""
    stopped = {problem.case for problem in problems}
    limits = {n: r.tolerance for n, r in recipe.rules.items() if r.how is How.AT_LEAST}
    known = {
        f"{case}/{name}": np.array(value)
        for case in recipe.cases
        for name, value in {**limits, **recipe.known}.items()
    }
    plain = Rule(tolerance=recipe.tolerance)
    for key, want in {**expected, **known}.items():
        case, _, name = key.partition("/")
        role = read_output(name).role
        if case in stopped or role in (Role.OWN, Role.CALLED):
            continue
        rule = recipe.rules.get(key, recipe.rules.get(name, plain))
        found = compare(case, name, outputs.get(key), want, rule)
        yield rule, role, replace(found, in_test_mode=case in recipe.test_cases)


def _fault_of(recipe, outputs, comparisons, forwards) -> AtFault | None:
    """Say whether forward or backward is at fault; None where no gradient is wrong.

    A network whose initialisation is wrong, for example, has no such fault.
    """
    read = {key: read_output(key.partition("/")[2]) for key in outputs}
    own = {key: output.of for key, output in read.items() if output.role is Role.OWN}
    wrong = {
        recipe.about.get(found.name, found.output.of)
        for found in comparisons
        if not found.passed
    }
    if not recipe.forward or not wrong & set(own.values()):
        return None
    apart = recipe.forward in EXERCISE_IDS
    slopes = [outputs[key] for key in own]
    if not apart and not wrong <= {*own.values(), *NO_GRADIENTS}:
        slopes = []  # a gradient is missing: the rest says nothing
    return _fault(slopes, forwards, apart)


def _fault(slopes, forwards, apart) -> AtFault:
    """Say which half is at fault where the outputs of a backward are wrong."""
    consistent = bool(slopes) and all(slopes_agree(*pair) for pair in slopes)
    if apart and all(found.passed for found in forwards):
        return AtFault.BACKWARD
    return AtFault.FORWARD if consistent else AtFault.BOTH
