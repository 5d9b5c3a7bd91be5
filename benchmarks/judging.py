"""How well the check judges: who is blamed, what passes, what is said.

    python -m benchmarks.judging [--mutants 2000] [--frameworks]

runs the student's check on right solutions in many hands (`tests/course/correct`), on
wrong ones (known mistakes, edits in other people's solutions, `tests/course/wrong`),
and on mutants: right solutions with one place changed. No check was written for a
mutant, so these figures say what happens to code that nobody has foreseen.

A mutant whose outputs are right for the check's inputs and for the grader's is right,
or differs where neither looks: it is counted apart. One that is right for the check's
inputs alone has passed wrongly. The name of a known mistake is untrue of it unless it
has the same name on other inputs.
"""

import argparse
import itertools
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.confusion import SPOILT
from benchmarks.harness import cpu_model, markdown_table, print_report
from benchmarks.mutants import mutants
from course.mistakes import all_mistakes
from course.signatures import make_signature
from ece662.check.code import make_code
from ece662.check.diagnosis import Diagnosis
from ece662.check.examining import Examined, examine
from ece662.check.phrases import describe_case
from ece662.check.problems import explain
from ece662.check.recipe import without_prints
from ece662.check.rendering import Result
from ece662.check.running import SEED, Run, inputs_of, run
from ece662.check.signatures import signature_of
from ece662.check.terms import Kind, Stop
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.live.limit import EndlessError, time_limit
from tests.course import test_frameworks_in_many_hands as frameworks
from tests.course import test_naming_in_other_hands as other_hands
from tests.course import test_wrong
from tests.course.correct.variants import VARIANTS

__all__ = ["Judged", "Solution", "judge_mutant", "judge_solution", "main", "report"]

HIDDEN = 7  # a seed of other inputs, as a grader draws them
LIMIT = 10  # seconds, for mutants whose loops never end
EXCEPTIONS = (Stop.ERROR, Stop.OLD_NUMPY)
NOT_THEIRS = (Kind.NO_SIGNATURE, Kind.OURS)


class Solution(NamedTuple):
    """Code to be judged, and the known mistake in it, if it is one."""

    exercise: Exercise
    functions: Mapping
    mistake: str = ""  # several are joined by "+"


class Judged(NamedTuple):
    """What the check said of one solution."""

    passed: bool
    seconds: float  # of CPU
    names: frozenset[str] = frozenset()  # ids of known mistakes that it names
    is_located: bool = False  # named, or the difference has a name
    is_untrue: bool = False  # another mistake is named
    is_ours: bool = False  # the judge stopped
    is_exception: bool = False
    is_told: bool = False  # the exception, with case, sizes and line
    is_same: bool = False  # a mutant that nothing tells from right code


@cache
def known_ids() -> frozenset[str]:
    """Return the ids of all known mistakes."""
    return frozenset(mistake.id for mistake in all_mistakes())


def check(exercise: Exercise, functions: Mapping, seed: int) -> Examined:
    """Try code as the student's check does, on its inputs or on others."""
    inputs = inputs_of(exercise, seed)
    signature = signature_of(exercise) if seed == SEED else _signature(exercise, seed)
    with without_prints():
        try:
            with time_limit(LIMIT):
                tried = run(exercise, make_code(functions), seed)
        except EndlessError as error:
            tried = Run({}, (explain(error, exercise),))
        return examine(exercise, tried, inputs, signature, lambda need: None)


@cache
def _signature(exercise: Exercise, seed: int):
    return make_signature(exercise, seed)


def judge_solution(solution: Solution) -> Judged:
    """Return what the check says of a solution that somebody wrote."""
    signature_of(solution.exercise)  # is read once, and not in the time of a check
    start = time.process_time()
    verdict, diagnosis = check(solution.exercise, solution.functions, SEED)
    seconds = time.process_time() - start
    if diagnosis is None:
        return Judged(verdict.passed, seconds)
    names, expected = _ids(diagnosis) & known_ids(), solution.mistake.split("+")
    stopped = [p for p in verdict.problems if p.kind in EXCEPTIONS]
    return Judged(
        verdict.passed,
        seconds,
        names,
        is_located=_is_located(diagnosis),
        is_untrue=bool(solution.mistake and names) and names.isdisjoint(expected),
        is_ours=diagnosis.id == Kind.OURS,
        is_exception=bool(stopped),
        is_told=bool(stopped) and _tells(verdict, diagnosis, stopped[0]),
    )


def judge_mutant(solution: Solution) -> Judged:
    """Return the same for code that nobody has looked at; tries other inputs, too."""
    judged = judge_solution(solution)
    if not judged.passed and not judged.names:
        return judged
    verdict, diagnosis = check(solution.exercise, solution.functions, HIDDEN)
    if judged.passed:
        return judged._replace(is_same=verdict.passed)
    again = _ids(diagnosis) & known_ids() if diagnosis else frozenset()
    return judged._replace(is_untrue=judged.names != again)


def _ids(diagnosis: Diagnosis) -> frozenset[str]:
    return frozenset([diagnosis.id, *(other.id for other in diagnosis.also)])


def _is_located(diagnosis: Diagnosis) -> bool:
    """True where the difference has a name, or what is right is told apart."""
    if diagnosis.id == Kind.DIFFERENT:
        right = ("right", "only", "right_cases")
        return bool(diagnosis.also or any(diagnosis.facts[name] for name in right))
    return diagnosis.id not in NOT_THEIRS


def _tells(verdict, diagnosis, problem) -> bool:
    """True where an exception is shown with its case, the sizes, and a line."""
    said = Result(verdict, diagnosis).text()
    sizes = describe_case(verdict.inputs.get(problem.case, {}))
    return problem.case in said and sizes in said and ".py, line " in said


def right_solutions(with_frameworks: bool) -> Iterator[Solution]:
    """Yield right solutions in many hands, with each exercise that they solve."""
    for variants in VARIANTS.values():
        for functions in variants.values():
            for exercise in EXERCISES:
                if exercise.kind in ("function", "class") and functions.keys() & set(
                    exercise.provides
                ):
                    yield Solution(exercise, functions)
    if with_frameworks:
        for exercise, solution in _in_frameworks("RIGHT"):
            names = frameworks.namespace_of(exercise, solution)
            yield Solution(exercise, names)


def wrong_solutions(with_frameworks: bool) -> Iterator[Solution]:
    """Yield wrong solutions that somebody wrote."""
    for mistake in all_mistakes():
        exercise = find_exercise(mistake.exercise)
        if not mistake.hidden and (with_frameworks or not exercise.frameworks):
            yield Solution(exercise, mistake.names, mistake.id)
    for row in tomllib.loads(SPOILT.read_text("utf-8"))["spoilt"]:
        functions = other_hands.spoilt(row["group"], row["variant"], row["edits"])
        yield Solution(find_exercise(row["exercise"]), functions, row["mistake"])
    for wrong in test_wrong.WRONG:
        yield Solution(find_exercise(wrong.exercise), wrong.functions, wrong.id)
    if with_frameworks:
        for exercise, (solution, id, _) in _in_frameworks("WRONG"):
            names = frameworks.namespace_of(exercise, solution)
            yield Solution(exercise, names, id or "")


def _in_frameworks(which: str) -> Iterator[tuple]:
    for id in frameworks.HANDS:
        exercise = find_exercise(id)
        for solution in getattr(frameworks.hands_of(exercise), which).values():
            yield exercise, solution


def table(
    right: Sequence[Judged], wrong: Sequence[Judged], changed: Sequence[Judged]
) -> str:
    """Return the table of goals; the last column is that of the mutants."""
    blamed = sum(not judged.passed for judged in right)
    different = [judged for judged in changed if not judged.is_same]
    rows = [
        ["right solutions blamed", _of(blamed, len(right)), ""],
        *_compared("wrong solutions passed", wrong, different, lambda j: j.passed),
    ]
    failed = [[j for j in part if not j.passed] for part in (wrong, different)]
    named = [[j for j in part if j.names] for part in failed]
    stopped = [[j for j in part if j.is_exception] for part in failed]
    rows += [
        *_compared("of these the judge itself stopped", *failed, lambda j: j.is_ours),
        *_compared("told as a known mistake", *failed, lambda j: bool(j.names)),
        *_compared("... which is untrue of the code", *named, lambda j: j.is_untrue),
        *_compared("named, or located", *failed, lambda j: j.is_located),
        *_compared("exceptions with case, sizes, line", *stopped, lambda j: j.is_told),
        ["CPU seconds a check, median", *_seconds(0.5, [*right, *wrong], changed)],
        ["CPU seconds a check, 99 %", *_seconds(0.99, [*right, *wrong], changed)],
    ]
    return markdown_table(["", "by hand", "mutants"], rows)


def _compared(what, wrong, changed, holds) -> Iterator[list[str]]:
    counts = [_of(sum(map(holds, part)), len(part)) for part in (wrong, changed)]
    yield [what, *counts]


def _of(number: int, all_of_them: int) -> str:
    share = f" ({number / all_of_them:.1%})" if number and all_of_them else ""
    return f"{number:,} of {all_of_them:,}{share}"


def _seconds(share: float, *parts: Sequence[Judged]) -> list[str]:
    """Return a quantile of the CPU seconds, for each part."""
    found = []
    for part in parts:
        times = sorted(judged.seconds for judged in part)
        found.append(f"{times[int(share * (len(times) - 1))]:.2f}" if times else "")
    return found


def report(count: int, with_frameworks: bool, seed: int = 0) -> str:
    """Judge everything, and return what was judged, where, and the table."""
    right = [
        judge_solution(s) for s in _shown("right", right_solutions(with_frameworks))
    ]
    wrong = [
        judge_solution(s) for s in _shown("wrong", wrong_solutions(with_frameworks))
    ]
    drawn = (
        Solution(exercise, mutant.functions)
        for mutant in mutants(seed)
        for exercise in mutant.exercises
    )
    changed = [
        judge_mutant(s) for s in _shown("mutants", itertools.islice(drawn, count))
    ]
    same = sum(judged.is_same for judged in changed)
    said = [
        f"- {cpu_model()}",
        f"- {len(right):,} right solutions and {len(wrong):,} wrong ones, by hand"
        + (", those in PyTorch and TensorFlow among them" if with_frameworks else ""),
        f"- {len(changed):,} mutants, of which nothing tells {same:,} from right code",
    ]
    return "\n".join([*said, "", table(right, wrong, changed)])


def _shown(what: str, solutions: Iterable[Solution]) -> Iterator[Solution]:
    """Pass solutions on, and say on stderr how many there were by exercise."""
    counts: Counter = Counter()
    for solution in solutions:
        counts[solution.exercise.id] += 1
        yield solution
    print(f"{what}: {dict(counts)}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or write it into a page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judging")
    parser.add_argument("--mutants", type=int, default=2000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="that mutants are drawn by")
    parser.add_argument("--frameworks", action="store_true", help="and those of Q5, Q6")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a Markdown file")
    args = parser.parse_args(argv)
    make = partial(report, args.mutants, args.frameworks, args.seed)
    print_report(make, args.write, "judging")
    return 0


if __name__ == "__main__":
    sys.exit(main())
