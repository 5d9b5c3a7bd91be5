"""What is taken from a submission: the text between the marker lines, and the answers.

All else in a submission is ignored. A damaged marker costs the exercise it belongs to
and no other: a file is cut at the lines `def` and `class` that the course itself wrote
there, a notebook at its cells, and each part is read on its own.
"""

import json
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import nbformat

from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.regions import MarkerError, find, find_regions, is_empty

__all__ = ["Pieces", "Place", "take"]

Place = tuple[str, str, int]  # file, owner and number of a region

_DEFINITION = re.compile(r"^( *)(?:def|class) +(\w+)")
MAX_ANSWER = 20_000  # characters
MAX_BODY = 100_000


@dataclass
class Pieces:
    """A submission, as far as it is looked at."""

    bodies: dict[Place, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)  # by the exercise's id
    damage: dict[tuple[str, str], str] = field(default_factory=dict)  # by file, owner
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)  # files
    notes: list[str] = field(default_factory=list)  # what else a teacher should know

    def damage_of(self, exercise: Exercise) -> str | None:
        """Say what is wrong with the markers of an exercise, if anything is."""
        return _first(self.damage, exercise)

    def unreadable_of(self, exercise: Exercise) -> str | None:
        """Say why Python cannot read what was written for an exercise, if it cannot."""
        return _first(self.unreadable, exercise)


def _first(told: Mapping[tuple[str, str], str], exercise: Exercise) -> str | None:
    owners = exercise.regions or (exercise.id,)
    found = [told.get((exercise.file, owner)) for owner in owners]
    return next(filter(None, found), None)


def take(files: Mapping[str, str], pristine: Mapping[str, str]) -> Pieces:
    """Take the pieces out of a submission's files.

    Args:
        files: text by path from the course's root, as it was handed in.
        pristine: the same files as they were handed out, with everything that an
            exercise is written in.
    """
    pieces = Pieces()
    for file, given in pristine.items():
        if file not in files:
            pieces.missing.add(file)
            pieces.notes.append(f"{file} is not in the submission")
        elif file.endswith(".ipynb"):
            _take_notebook(pieces, file, files[file], given)
        else:
            _take_module(pieces, file, files[file], given)
    return pieces


def _take_module(pieces: Pieces, file: str, text: str, given: str) -> None:
    expected = Counter(region.owner for region in find(given, file))
    heads = {match.groups() for match in map(_DEFINITION.match, given.splitlines())
             if match}  # fmt: skip
    parts = _parts(text, heads)
    for owner, count in expected.items():
        told = _take_regions(pieces, file, owner, parts[owner], count)
        if told:
            pieces.damage[file, owner] = told


def _parts(text: str, heads: set[tuple[str, str]]) -> dict[str, list[str]]:
    """Cut a module at the definitions that the course wrote.

    Returns:
        By owner the parts that begin with its definition: one, if all is well. Empty
        lines stand before each, so that line numbers stay those of the file.
    """
    parts: dict[str, list[str]] = defaultdict(list)
    lines, scopes, begun = text.splitlines(), [], 0

    def finish(end: int) -> None:
        owner = ".".join(name for _, name in scopes)
        parts[owner].append("\n".join([""] * begun + lines[begun:end]))

    for number, line in enumerate(lines):
        match = _DEFINITION.match(line)
        if match is None or match.groups() not in heads:
            continue
        finish(number)
        depth, name = len(match[1]), match[2]
        scopes = [*(scope for scope in scopes if scope[0] < depth), (depth, name)]
        begun = number
    finish(len(lines))
    return parts


def _take_regions(
    pieces: Pieces, file: str, owner: str, sources: list[str], count: int
) -> str | None:
    """Take an owner's regions out of its source; say why where that cannot be done."""
    if len(sources) != 1:
        times = f"{len(sources)} times" if sources else "not"
        return f"{owner} is {times} in {file}"
    try:
        regions = find_regions(sources[0], file)
    except MarkerError as error:
        return str(error)
    if len(regions) != count:
        return (
            f"{owner} in {file} has {len(regions)} fill-in regions instead of {count}"
        )
    lines = sources[0].splitlines()
    for number, region in enumerate(regions, start=1):
        body = "\n".join(lines[region.start : region.end - 1])
        if len(body) > MAX_BODY:
            return f"{owner} in {file} has {len(body)} characters: nobody wrote those"
        if not is_empty(body):
            pieces.bodies[file, owner, number] = body
    return None


def _take_notebook(pieces: Pieces, file: str, text: str, given: str) -> None:
    try:
        cells = _read_notebook(text)
    except ValueError as error:
        pieces.missing.add(file)
        pieces.notes.append(f"{file} is not a notebook: {error}")
        return
    for owner, count in Counter(r.owner for r in find(given, file)).items():
        sources = [source for kind, source in cells[owner] if kind == "code"]
        told = _take_regions(pieces, file, owner, sources, count)
        if told:
            pieces.damage[file, owner] = told
    for exercise in EXERCISES:
        if exercise.file != file or exercise.kind != "answer":
            continue
        texts = [source for kind, source in cells[exercise.id] if kind == "markdown"]
        if len(texts) == 1:
            pieces.answers[exercise.id] = texts[0][:MAX_ANSWER]
        else:
            times = f"{len(texts)} times" if texts else "not"
            pieces.damage[file, exercise.id] = f"the answer cell is {times} in {file}"


def _read_notebook(text: str) -> dict[str, list[tuple[str, str]]]:
    """Return type and source of the cells by their ids, of which each should have one.

    Raises:
        ValueError: this is no notebook; says why.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without ids, and with the same
            notebook = nbformat.reads(text, as_version=4)
            nbformat.validate(notebook, relax_add_props=True)
    except (nbformat.ValidationError, ValueError, TypeError, KeyError) as error:
        raise ValueError(str(error).partition("\n")[0][:200]) from None
    except (AttributeError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(f"it has another form ({type(error).__name__})") from None
    cells: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for cell in notebook.cells:
        cells[cell.get("id", "")].append((cell.cell_type, cell.source))
    # nbformat gives the second of two cells with one id another one.
    given = [cell.get("id", "") for cell in json.loads(text).get("cells", ())]
    for id, count in Counter(given).items():
        cells[id] = cells[id][:1] * count if count > 1 else cells[id]
    return cells
