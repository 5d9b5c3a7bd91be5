"""Compare what came out with what should have, and say which half is at fault."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ece662.check.comparing import Comparison, compare
from ece662.check.problems import Problem
from ece662.check.recipe import Rule, slopes_agree
from ece662.check.running import recipe_of
from ece662.check.terms import Fault, How, Role, Status, Stop, read_output
from ece662.exercises import EXERCISES, Exercise

__all__ = ["Comparison", "Verdict", "compare", "judge"]

NO_GRADIENTS = ("loss", "scores")
EXERCISE_IDS = frozenset(exercise.id for exercise in EXERCISES)


@dataclass(frozen=True)
class Verdict:
    """How an exercise stands."""

    exercise: str
    passed: bool
    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
    fault: Fault | None = None  # of a backward
    forwards: tuple[Comparison, ...] = ()  # what the other half gave; decides nothing
    blamed: tuple[str, ...] = ()  # exercises that it builds on, and that are wrong
    # By case, for who shows the verdict: what the code was called with.
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
        """The comparisons that count and did not come out."""
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
        outputs: what came out, by "case/name".
        expected: what the reference gives, by the same names.
        problems: what stopped cases.
        accepted: what other right solutions give, where they differ.
    """
    problems = tuple(problems)
    verdict = _judge(exercise, outputs, expected, problems)
    for other in accepted:
        if not verdict.passed and (again := _judge(exercise, outputs, other, problems)):
            verdict = again if again.passed else verdict
    return verdict


def _judge(exercise, outputs, expected, problems) -> Verdict:
    recipe = recipe_of(exercise)
    stopped = {problem.case for problem in problems}
    limits = {n: r.tolerance for n, r in recipe.rules.items() if r.how is How.AT_LEAST}
    told = {
        f"{case}/{name}": np.array(value)
        for case in recipe.cases
        for name, value in {**limits, **recipe.known}.items()
    }
    comparisons, others, remarks = [], [], []
    if "" in stopped:  # not written yet: there is nothing to compare
        return Verdict(exercise.id, False, problems=problems)
    for key, want in {**expected, **told}.items():
        case, _, name = key.partition("/")
        role = read_output(name).role
        if case in stopped or role in (Role.OWN, Role.CALLED):
            continue
        plain = Rule(tolerance=recipe.tolerance)
        rule = recipe.rules.get(key, recipe.rules.get(name, plain))
        found = compare(case, name, outputs.get(key), want, rule)
        if case in recipe.test_cases:
            found = replace(found, in_test_mode=True)
        if rule.how is How.REMARK:
            quiet = found.passed or found.got is None
            remarks += [] if quiet else [rule.says]
        else:
            (others if role is Role.FORWARD else comparisons).append(found)
    passed = bool(comparisons) and not problems and all(c.passed for c in comparisons)
    read = {key: read_output(key.partition("/")[2]) for key in outputs}
    own = {key: output.of for key, output in read.items() if output.role is Role.OWN}
    # Where no gradient is wrong (a network begins wrongly, say), neither is to blame.
    wrong = {
        recipe.about.get(found.name, found.output.of)
        for found in comparisons
        if not found.passed
    }
    fault = None
    if recipe.forward and wrong & set(own.values()):
        apart = recipe.forward in EXERCISE_IDS
        slopes = [outputs[key] for key in own]
        if not apart and not wrong <= {*own.values(), *NO_GRADIENTS}:
            slopes = []  # a gradient that is not there fits nothing
        fault = _fault(slopes, others, apart)
    kept = tuple(dict.fromkeys(remarks)) if passed else ()
    return Verdict(
        exercise.id,
        passed,
        tuple(comparisons),
        problems,
        kept,
        fault,
        tuple(found for found in others if not found.passed),
    )


def _fault(slopes, forwards, apart) -> Fault:
    """Say which half is at fault where a backward's outputs are not those expected."""
    consistent = bool(slopes) and all(slopes_agree(*pair) for pair in slopes)
    if apart and all(found.passed for found in forwards):
        return Fault.BACKWARD
    return Fault.FORWARD if consistent else Fault.BOTH
