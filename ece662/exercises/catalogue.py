"""The one list of exercises, read from `exercises.toml`.

Checks, release, submission and grading read it; nothing else repeats it. An exercise is
a function or a class in a module, a cell to be filled in, or a question to be answered.
A test compares the list with the marker lines in the sources.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "EXERCISES",
    "KINDS",
    "NOTEBOOKS",
    "Exercise",
    "exercises_of",
    "find_exercise",
    "is_notebook",
    "notebooks_with",
]

KINDS = ("function", "class", "training", "answer")


@dataclass(frozen=True)
class Exercise:
    """One exercise. A default that depends on other fields is given in its comment.

    An exercise that extends another (batch normalisation in a network that exists
    already) is written into the regions of that one and lists none of its own: each
    region belongs to one exercise.
    """

    id: str
    notebook: str  # where it is set: "Q1-FCNetworks"
    file: str  # where it is written, from the root; else the notebook itself
    regions: tuple[str, ...]  # their owners, see `regions`; the id by default
    points: int
    counts: tuple[int, ...] = ()  # how many regions each owner has; one by default
    kind: str = "function"  # one of KINDS
    needs: tuple[str, ...] = ()  # ids of exercises whose code it runs
    provides: tuple[str, ...] = ()  # names it defines; by default its regions' names
    recipe: str | None = None  # how it is checked; by default the id, None for answers
    extends: str | None = None  # id of the exercise in whose regions it is written
    context: tuple[str, ...] = ()  # for a cell: the cells that have to run before it
    frameworks: tuple[str, ...] = ()  # torch, tensorflow; the one it teaches is first
    was: tuple[str, ...] = ()  # earlier names of its regions, in their order

    def count_of(self, owner: str) -> int:
        """Return how many regions an owner has, in this exercise or what it extends."""
        exercise = self
        if self.extends:
            exercise = next(e for e in EXERCISES if e.id == self.extends)
        if not exercise.counts:
            return 1
        return exercise.counts[exercise.regions.index(owner)]

    @property
    def is_checked(self) -> bool:
        """True where a check exists; answers to questions are read by a person."""
        return self.recipe is not None


def find_exercise(id: str) -> Exercise:
    """Return the exercise with this id; upper or lower case does not matter.

    Raises:
        ValueError: there is none; names the nearest ids.
    """
    known = {exercise.id.lower(): exercise for exercise in EXERCISES}
    wanted = str(id).strip().lower()
    if wanted in known:
        return known[wanted]
    near = [name for name in known if wanted and wanted in name]
    near += difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    names = list(dict.fromkeys(known[name].id for name in near))[:4]
    advice = (
        f"did you mean {' or '.join(names)}?" if names else "`check()` lists them all."
    )
    raise ValueError(f"there is no exercise {id!r}; {advice}")


def is_notebook(name: str) -> bool:
    """True where a name is that of a notebook: "Q2", or its whole name."""
    return bool(_in_notebook(name))


def exercises_of(name: str) -> tuple[Exercise, ...]:
    """Return the exercises of a notebook: "Q2", or its whole name.

    Raises:
        ValueError: there is no such notebook; lists all of them.
    """
    found = _in_notebook(name)
    if not found:
        raise ValueError(f"expected a notebook, {', '.join(NOTEBOOKS)}; got {name!r}")
    return found


def notebooks_with(framework: str) -> tuple[str, ...]:
    """Return the notebooks that have exercises in torch or tensorflow."""
    found = (e.notebook for e in EXERCISES if framework in e.frameworks)
    return tuple(dict.fromkeys(found))


def _in_notebook(name: str) -> tuple[Exercise, ...]:
    wanted = str(name).strip().lower().removesuffix(".ipynb")
    return tuple(
        exercise
        for exercise in EXERCISES
        if wanted in (exercise.notebook.lower(), exercise.notebook.lower()[:2])
    )


def _load() -> tuple[Exercise, ...]:
    text = Path(__file__).with_name("exercises.toml").read_text("utf-8")
    return tuple(_from_entry(entry) for entry in tomllib.loads(text)["exercise"])


def _from_entry(entry: Mapping[str, Any]) -> Exercise:
    """Make an exercise of an entry in the list, with defaults for what it omits."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    kind = values.setdefault("kind", "function")
    if kind not in KINDS:
        raise ValueError(f"{entry['id']}: expected one of {KINDS}, got {kind!r}")
    values.setdefault("file", f"notebooks/{entry['notebook']}.ipynb")
    values.setdefault("regions", () if "extends" in entry else (entry["id"],))
    owners = values["regions"] or (values.get("extends"),)
    if kind in ("function", "class"):
        names = dict.fromkeys(owner.partition(".")[0] for owner in owners)
        values.setdefault("provides", tuple(names))
    if kind != "answer":
        values.setdefault("recipe", entry["id"])
    return Exercise(**values)


EXERCISES = _load()
NOTEBOOKS = tuple(dict.fromkeys(exercise.notebook for exercise in EXERCISES))
