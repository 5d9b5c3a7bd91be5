"""Which mistakes the check names, and which it takes for another.

    python -m benchmarks.confusion [--frameworks]

runs every known mistake through the student's check, as the staff wrote it and as an
edit in other people's right solutions, and then pairs of mistakes in different outputs
of one exercise. For each exercise it prints how many were named, how many were told in
general terms, and which were taken for which other mistake.
"""

import argparse
import itertools
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from course.mistakes import all_mistakes
from ece662.check.recipe import without_prints
from ece662.exercises import find_exercise
from tests.course import test_confusion, test_naming_in_other_hands
from tests.course.trying import try_code

__all__ = ["Row", "main", "named", "pairs", "rows"]

SPOILT = Path(test_naming_in_other_hands.__file__).with_name("spoilt.toml")


class Row(NamedTuple):
    """One wrong solution: the exercise, the mistake in it, and what the check said."""

    exercise: str
    mistake: str
    said: str  # the id of the diagnosis


def named(exercise_id: str, functions) -> str:
    """Return the id of what the check says of some functions; "passed" if nothing."""
    with without_prints():
        _, diagnosis = try_code(find_exercise(exercise_id), functions)
    return diagnosis.id if diagnosis else "passed"


def rows(frameworks: bool) -> Iterator[Row]:
    """Yield the mistakes that students may see by name, as the staff wrote them."""
    for mistake in all_mistakes():
        in_framework = bool(find_exercise(mistake.exercise).frameworks)
        if not mistake.hidden and (frameworks or not in_framework):
            said = named(mistake.exercise, mistake.names)
            yield Row(mistake.exercise, mistake.id, said)


def in_other_hands() -> Iterator[Row]:
    """Yield edits in other people's right solutions."""
    for row in tomllib.loads(SPOILT.read_text("utf-8"))["spoilt"]:
        functions = test_naming_in_other_hands.spoilt(
            row["group"], row["variant"], row["edits"]
        )
        said = named(row["exercise"], functions)
        yield Row(row["exercise"], row["mistake"], said)


def pairs(exercise_id: str) -> Counter:
    """Count pairs of mistakes in different outputs by what was named of them."""
    found: Counter = Counter()
    known = test_confusion.mistakes_of(exercise_id)
    ids = {mistake.id for mistake in known}
    for first, second in itertools.combinations(known, 2):
        if test_confusion.spoilt_by(first) & test_confusion.spoilt_by(second):
            continue
        said = test_confusion.named_together(first, second)
        if said == {first.id, second.id}:
            found["both named"] += 1
        elif test_confusion.is_the_same(said, first, second):
            found["named as the one that they are together"] += 1
        elif said & ids <= {first.id, second.id}:
            found["one or none named, nothing untrue"] += 1
        else:
            found["another named"] += 1
    return found


def _table(found: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each exercise, and one for each mistake taken for another."""
    known = {mistake.id for mistake in all_mistakes()}
    by_exercise = defaultdict(list)
    for row in found:
        by_exercise[row.exercise].append(row)
    for exercise, its_rows in by_exercise.items():
        right = sum(row.said == row.mistake for row in its_rows)
        others = [r for r in its_rows if r.said in known and r.said != r.mistake]
        general = len(its_rows) - right - len(others)
        yield f"{exercise:34}{len(its_rows):6}{right:7}{general:9}{len(others):9}"
        yield from (f"    {row.mistake} -> {row.said}" for row in others)
        rest = [r for r in its_rows if r.said not in known]
        yield from (f"    {row.mistake} -> ({row.said})" for row in rest)
    right = sum(row.said == row.mistake for row in found)
    others = sum(row.said in known and row.said != row.mistake for row in found)
    general = len(found) - right - others
    yield f"{'all':34}{len(found):6}{right:7}{general:9}{others:9}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confusion")
    parser.add_argument("--frameworks", action="store_true", help="and those of Q5")
    args = parser.parse_args(argv)
    head = f"{'exercise':34}{'tried':>6}{'named':>7}{'general':>9}{'another':>9}"
    for title, found in (
        ("Mistakes as the staff wrote them", rows(args.frameworks)),
        ("The same in other people's solutions", in_other_hands()),
    ):
        print(f"{title}\n{head}", *_table(list(found)), sep="\n", end="\n\n")
    print("Pairs of mistakes in different outputs")
    total: Counter = Counter()
    for exercise_id in test_confusion.BACKWARDS:
        found = pairs(exercise_id)
        total += found
        print(f"{exercise_id:34}", dict(found))
    print(f"{'all':34}", dict(total))
    return 0


if __name__ == "__main__":
    sys.exit(main())
