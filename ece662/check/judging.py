"""Compare what came out with what should have, and say which half is at fault."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ece662.check.problems import Problem
from ece662.check.recipe import Rule, slopes_agree
from ece662.check.running import recipe_of
from ece662.check.terms import Fault, How, Output, Role, Status, Stop, read_output
from ece662.exercises import Exercise

__all__ = ["Comparison", "Verdict", "judge"]

PLAIN = Rule()
# What is zero but for rounding, such as the gradient of a bias that a normalisation
# takes off again, is no scale to measure errors by.
ZERO = 1e-9


@dataclass(frozen=True)
class Comparison:
    """One output beside what was expected."""

    case: str
    name: str
    passed: bool
    error: float  # the largest difference, as a share of the largest expected value
    tolerance: float  # the limit, where at least so much is asked for
    where: tuple[int, ...] = ()  # the index of the largest difference
    got: np.ndarray | None = None
    want: np.ndarray | None = None
    at_least: bool = False
    in_test_mode: bool = False

    @property
    def output(self) -> Output:
        """What the output is."""
        return read_output(self.name)


@dataclass(frozen=True)
class Verdict:
    """How an exercise stands."""

    exercise: str
    passed: bool
    comparisons: tuple[Comparison, ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[str, ...] = ()
    fault: Fault | None = None  # of a backward

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
        if case in stopped or role is Role.OWN:
            continue
        rule = recipe.rules.get(key, recipe.rules.get(name, Rule()))
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
        fault = _fault([outputs[key] for key in own], others)
    kept = tuple(dict.fromkeys(remarks))
    return Verdict(exercise.id, passed, tuple(comparisons), problems, kept, fault)


def _fault(slopes, forwards) -> Fault:
    """Say which half is at fault where a backward's outputs are not those expected."""
    consistent = bool(slopes) and all(slopes_agree(*pair) for pair in slopes)
    forward_is_right = all(found.passed for found in forwards)
    if consistent:
        return Fault.FORWARD
    return Fault.BACKWARD if forward_is_right else Fault.BOTH


def compare(case, name, got, want, rule: Rule = PLAIN) -> Comparison:
    """Compare one output; shapes and kinds of numbers count."""
    want = np.asarray(want)
    if got is None:
        return Comparison(case, name, False, np.inf, rule.tolerance, want=want)
    got = np.asarray(got)
    if rule.how is How.AT_LEAST:
        short = float(np.max(rule.tolerance - got, initial=0.0))
        return Comparison(
            case, name, short == 0, short, rule.tolerance, (), got, want, at_least=True
        )
    if got.shape != want.shape or (want.dtype.kind == "f") != (got.dtype.kind == "f"):
        return Comparison(case, name, False, np.inf, rule.tolerance, (), got, want)
    a, b = got.astype(float), want.astype(float)
    distance = np.where(np.isfinite(a), np.abs(a - b), np.inf)
    scale = float(np.max(np.abs(b), initial=0.0))
    scale = 1.0 if scale < ZERO else scale
    error = float(np.max(distance, initial=0.0)) / scale
    where = np.unravel_index(np.argmax(distance), distance.shape) if a.size else ()
    where = tuple(int(i) for i in where)
    passed = error <= rule.tolerance
    return Comparison(case, name, passed, error, rule.tolerance, where, got, want)
