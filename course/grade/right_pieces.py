"""Right pieces in place of the wrong ones that an exercise builds on.

One mistake should cost one exercise. Where an exercise fails and something that it
called is wrong, it is tried once more, with our solution of just that in the student's
modules. Nothing of it gets out: what the code prints then is not kept, and the
student's own text of every exercise is marked by itself all the same.

A backward that reads a cache of the student's own making cannot be tried so. It is told
that its forward is at fault and gets no points: that it fits its own forward is said
by numbers from the student's process, which may say what it likes.
"""

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from course.grade.pristine import ROOT, tree_of
from course.sandbox.client import Sandbox
from ece662.check.judging import Verdict
from ece662.check.recipes import RECIPES
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.reading import Pieces, owners_of
from ece662.exercises.regions import read

__all__ = ["RightPieces", "wrong_among"]

# A backward of these reads a cache that is written outside the regions, so our forward
# may stand before it. All others know what their own forward has packed.
GIVEN_CACHES = ("affine_", "relu_", "dropout_", "conv_", "max_pool_")


class RightPieces:
    """Opens sandboxes in which some of a submission's exercises are our solutions."""

    def __init__(
        self,
        marker: Any,
        pieces: Pieces,
        opener: Callable[[Path], Sandbox],
    ):
        """Keep what a tree is made of; used as a context manager.

        Args:
            marker: has the pristine copy, and a runtime beside which folders are made.
            pieces: the submission.
            opener: opens a sandbox on a tree.
        """
        self._marker, self._pieces, self._open = marker, pieces, opener
        self._opened: dict[tuple, Sandbox] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "RightPieces":
        """Begin with no sandbox: most submissions need none."""
        return self

    def __exit__(self, *exception) -> None:
        """Close all that were opened."""
        self._stack.close()

    def sandbox_for(self, exercise: Exercise, wrong: set[str]) -> Sandbox | None:
        """Return a sandbox in which the wrong pieces are right; None if none can be."""
        ids = with_other_halves(wrong, exercise)
        if ids is None:
            return None
        tree = tree_of(exercise)
        key = (tree, *sorted(ids))
        if key not in self._opened:
            place = tempfile.TemporaryDirectory(
                prefix="right-",
                dir=self._marker.work or self._marker.runtime.parent,
            )
            folder = Path(self._stack.enter_context(place))
            folder.chmod(0o755)
            bodies = {**self._pieces.bodies, **solutions(ids)}
            self._marker.pristine.splice(bodies, folder)
            sandbox = self._open(folder / tree)
            self._opened[key] = self._stack.enter_context(sandbox)
        return self._opened[key]


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

    Returns:
        The ids; None where the exercise itself would be among those, or would meet the
        cache of a forward that is not its own.
    """
    ids = set(wrong)
    for id in wrong:
        if not id.startswith(GIVEN_CACHES):
            ids |= _halves_of(id)
    own_forward = _forward_of(exercise.id)
    foreign = own_forward in ids and not exercise.id.startswith(GIVEN_CACHES)
    return None if exercise.id in ids or foreign else ids


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
        text = (ROOT / exercise.file).read_text("utf-8")
        owners = owners_of(exercise)
        found |= {
            (exercise.file, owner, number): body
            for (owner, number), body in read(text, exercise.file).items()
            if owner in owners
        }
    return found
