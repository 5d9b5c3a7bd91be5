"""Find submissions that look alike, for a teacher to compare; it changes no mark.

Names and spacing are easily changed, the sequence of a program's tokens is not. So code
becomes a sequence of tokens in which all names are equal, and of its runs of RUN tokens
a sample is kept, by winnowing (Schleimer et al., SIGMOD 2003). Two submissions are
alike if they have many of these runs in common. Runs that many students have come from
the exercise itself and are ignored.
"""

import hashlib
import io
import keyword
import textwrap
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

from ece662.exercises import EXERCISES

__all__ = ["Likeness", "code_of", "fingerprints", "likenesses", "runs_of"]

RUN = 12  # tokens in a run; shorter ones are common idioms
WINDOW = 6  # one run is kept of so many consecutive ones
COMMON = 0.1  # runs that a larger share of the students has are ignored
ENOUGH = 4  # rare runs in common, at least
MOST_CODE = 20_000  # characters of an exercise
MOST = 1000  # runs kept of an exercise: five times as many as a long one has
SKIPPED = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


class Likeness(NamedTuple):
    """Two students whose code for an exercise shares rare runs of tokens."""

    exercise: str
    one: str
    other: str
    shared: int  # rare runs that both have
    share: float  # of those that the one with fewer has


def fingerprints(bodies: Mapping[tuple[str, str, int], str]) -> dict[str, list[int]]:
    """Return the runs of a student's code, as hashes, by exercise."""
    owners = {
        (exercise.file, owner): exercise.id
        for exercise in EXERCISES
        for owner in exercise.regions
    }
    kept = defaultdict(set)
    for (file, owner, _), body in sorted(bodies.items()):
        if (file, owner) in owners:
            kept[owners[file, owner]] |= runs_of(body)
    # The lowest hashes are kept, so that equal submissions keep the same ones.
    return {exercise: sorted(numbers)[:MOST] for exercise, numbers in kept.items()}


def code_of(bodies: Mapping[tuple[str, str, int], str]) -> dict[str, str]:
    """Return what a student wrote for each exercise, to be looked at side by side."""
    owners = {(e.file, owner): e.id for e in EXERCISES for owner in e.regions}
    found = defaultdict(list)
    for (file, owner, _), body in sorted(bodies.items()):
        if (file, owner) in owners:
            found[owners[file, owner]].append(textwrap.dedent(body).strip("\n"))
    return {id: "\n\n".join(parts)[:MOST_CODE] for id, parts in found.items()}


def likenesses(exercise: str, kept: Mapping[str, Iterable[int]]) -> list[Likeness]:
    """Return the pairs of students whose code for one exercise is alike, closest first.

    Args:
        exercise: its id.
        kept: hashes from `fingerprints`, by student.
    """
    spread = Counter(number for numbers in kept.values() for number in numbers)
    most = max(2, COMMON * len(kept))
    holders = defaultdict(list)
    rare: Counter[str] = Counter()
    for student, numbers in sorted(kept.items()):
        for number in numbers:
            if spread[number] <= most:
                rare[student] += 1
                holders[number].append(student)
    shared = Counter(
        pair for students in holders.values() for pair in combinations(students, 2)
    )
    found = []
    for (one, other), count in shared.items():
        share = count / min(rare[one], rare[other])
        if count >= ENOUGH and share >= 0.5:
            found.append(Likeness(exercise, one, other, count, round(share, 2)))
    return sorted(found, key=lambda pair: (-pair.share, -pair.shared, pair))


def runs_of(body: str) -> set[int]:
    """Return the runs that are kept of some code, as hashes."""
    return _winnow(_tokens(body))


def _tokens(body: str) -> list[str]:
    """Return the tokens of some code, with names and numbers made alike."""
    # In a block of its own, so that the indentation of a region does not matter.
    lines = io.StringIO("if 1:\n" + "\n".join(f" {line}" for line in body.split("\n")))
    tokens = []
    try:
        for token in tokenize.generate_tokens(lines.readline):
            if token.type in SKIPPED:
                continue
            is_name = token.type == tokenize.NAME and not keyword.iskeyword(
                token.string
            )
            tokens.append("name" if is_name else token.string)
    except (tokenize.TokenError, SyntaxError):
        pass  # the tokens before the error are used
    return tokens[3:]


def _winnow(tokens: list[str]) -> set[int]:
    runs = [
        int.from_bytes(
            hashlib.blake2b(
                "\0".join(tokens[i : i + RUN]).encode("utf-8", "replace"),
                digest_size=4,
            ).digest()
        )
        for i in range(len(tokens) - RUN + 1)
    ]
    windows = range(max(1, len(runs) - WINDOW + 1)) if runs else ()
    return {min(runs[i : i + WINDOW]) for i in windows}
