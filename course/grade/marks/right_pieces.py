"""Our solutions in place of wrong exercises that another exercise builds on.

One mistake should cost the points of one exercise. Where an exercise fails and another
one that it called is wrong, it is run again, with our solution of that one in the
student's modules. Our solution stays secret: what the code prints then is not kept. And
each exercise is still marked by the student's own code of it.

A backward under its own wrong forward is run with our forward in its place: if it is
right there, it is right. One that reads a cache of the student's own form stops or
fails there. Its message says that the forward is at fault, and it gets no points: that
it agrees with its own forward is known only from the student's process, which cannot be
trusted. And a forward that returns x fits a backward that returns dout.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from types import MappingProxyType

from course.grade.marks.benches import Bench
from course.grade.marks.mark import Mark
from course.grade.marks.pristine import ROOT, tree_of
from course.sandbox.client import Sandbox
from ece662.check.judging import Verdict
from ece662.check.recipes import RECIPES
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.reading import Pieces, owners_of
from ece662.exercises.regions import read

__all__ = ["RightPieces", "stopped_below", "to_replace", "wrong_among"]

Examined = Callable[[Exercise], tuple[Mark, Verdict | None]]

# A backward of these reads a cache that is written outside the regions, so our forward
# may stand before it. All others know what their own forward has packed.
GIVEN_CACHES = ("affine_", "relu_", "dropout_", "conv_", "max_pool_")


class RightPieces:
    """Opens sandboxes in which some of a submission's exercises are our solutions."""

    def __init__(
        self,
        pieces: Pieces,
        lend: Callable[[], AbstractContextManager[Bench]],
        bytecode: Mapping[str, bytes] = MappingProxyType({}),
    ):
        """Keep what a tree is made of; used as a context manager.

        Args:
            pieces: the submission.
            lend: lends a bench.
            bytecode: of the submission's modules, where that is known.
        """
        self._pieces, self._lend, self._bytecode = pieces, lend, bytecode
        self._bench: Bench | None = None
        self._stack = ExitStack()

    def __enter__(self) -> "RightPieces":
        """Begin with no bench: most submissions need none."""
        return self

    def __exit__(self, *exception) -> None:
        """Give the bench back."""
        self._stack.close()

    def sandbox_for(self, exercise: Exercise, wrong: set[str]) -> Sandbox | None:
        """Return a sandbox in which the wrong pieces are right; None if none can be.

        It is good until another one is asked for.
        """
        ids = with_other_halves(wrong, exercise)
        if ids is None:
            return None
        if self._bench is None:
            self._bench = self._stack.enter_context(self._lend())
        right = solutions(ids)
        changed = {file for file, _, _ in right}
        bytecode = {f: b for f, b in self._bytecode.items() if f not in changed}
        self._bench.put({**self._pieces.bodies, **right}, bytecode)
        return self._bench.sandboxes[tree_of(exercise)]


def to_replace(exercise: Exercise, verdict: Verdict, examined: Examined) -> set[str]:
    """Return the exercises without whose mistakes an exercise is to be tried again.

    A network with batch normalisation is written in the regions of the one without: our
    solution of the one is a solution of the other. It stands in only where the student
    has normalised, by all that can be seen: what comes out is mostly right, and wrong
    only in what is wrong without normalisation, too. So junk in these regions gets
    nothing, and a forgotten regularisation costs one exercise.

    Args:
        exercise: which one does not pass.
        verdict: on it; says what it blames.
        examined: returns the mark of another exercise, and the verdict on it.

    Returns:
        Their ids; none where points would be for our code.
    """
    wrong = wrong_among(verdict.blamed, lambda need: examined(need)[1])
    if exercise.extends in wrong:
        mark, base = examined(find_exercise(exercise.extends))
        if mark.status is Status.ECHO:  # its own code is right
            return wrong - {exercise.extends}
        if base is None or not _shares_its_mistakes(verdict, base):
            return set()
    return wrong


def _shares_its_mistakes(verdict: Verdict, base: Verdict) -> bool:
    few = 2 * len(verdict.failed) <= len(verdict.comparisons)
    names = {c.name for c in verdict.failed} - {c.name for c in base.failed}
    return few and not names and not verdict.problems


def stopped_below(exercise: Exercise, examined: Examined) -> tuple[str, ...]:
    """Return the exercises that one builds on, near or far, and that were stopped."""
    found: dict[str, bool] = {}
    new = [*exercise.needs]
    while new:
        below = find_exercise(new.pop())
        if below.id not in found:
            found[below.id] = examined(below)[0].status is Status.STOPPED
            new += below.needs
    return tuple(id for id in sorted(found) if found[id])


def wrong_among(
    blamed: Iterable[str], verdict_on: Callable[[Exercise], Verdict | None]
) -> set[str]:
    """Return wrong exercises, and those that are wrong among what they need."""
    found: set[str] = set()
    new = set(blamed)
    while new:
        found |= new
        needs = {need for id in new for need in find_exercise(id).needs} - found
        verdicts = {id: verdict_on(find_exercise(id)) for id in needs}
        new = {id for id, v in verdicts.items() if v is not None and not v.passed}
    return found


def with_other_halves(wrong: set[str], exercise: Exercise) -> set[str] | None:
    """Add the other halves of pairs, whose caches only they can read.

    The other halves of the exercise's own forward are not among them: one of those
    could be called for the answer.

    Returns:
        The ids; None where the exercise itself would be among those, or another
        backward of its forward.
    """
    own_forward, siblings = _forward_of(exercise.id), _halves_of(exercise.id)
    ids = set(wrong)
    for id in wrong - siblings:
        if not id.startswith(GIVEN_CACHES):
            ids |= _halves_of(id)
    return None if ids & (siblings - {own_forward}) else ids


def _halves_of(id: str) -> set[str]:
    functions = [e.id for e in EXERCISES if e.kind == "function" and e.is_checked]
    forward = _forward_of(id)
    if forward not in functions:  # none, or a method: the loss of a network
        forward = id
    return {forward} | {other for other in functions if _forward_of(other) == forward}


def _forward_of(id: str) -> str | None:
    recipe = RECIPES.get(find_exercise(id).recipe)
    return recipe.forward if recipe else None


def solutions(ids: set[str]) -> dict:
    """Return our solutions of some exercises, by the places of their regions."""
    found = {}
    for exercise in map(find_exercise, sorted(ids)):
        if not exercise.file.endswith(".py"):
            continue
        owners = owners_of(exercise)
        found |= {
            (exercise.file, owner, number): body
            for (owner, number), body in _solved(exercise.file).items()
            if owner in owners
        }
    return found


@functools.cache
def _solved(file: str) -> dict[tuple[str, int], str]:
    """Return the bodies of a module of ours, by owner and number."""
    return read((ROOT / file).read_text("utf-8"), file)
