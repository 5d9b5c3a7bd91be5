"""A corrected release in the place of an earlier one, with the student's work in it.

What a student wrote is carried over: the text in regions, answers, cells and files of
their own. Given text comes from the new release; where the student had changed it,
their version is kept beside and named. What has no place any more is kept in the folder
`kept`. Everything here works on the files' bytes; `ece662.commands.update` reads and
writes them.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ece662.commands.carrying import given_hash, hash_of, is_stub, new_notebook
from ece662.exercises import EXERCISES
from ece662.exercises.findings import Finding, MarkerError, NotebookError
from ece662.exercises.reading import decode
from ece662.exercises.regions import ANSWER, Parsed, parse_file

__all__ = ["LIST", "MANIFEST", "Plan", "describe", "plan"]

MANIFEST = "release.json"
LIST = "ece662/exercises/exercises.toml"
KEPT = "kept"

Key = tuple[str, int]  # owner and number
Place = tuple[str, str, int]  # file, owner and number; number 0 is an answer


@dataclass
class Plan:
    """What an update does."""

    files: dict[str, bytes] = field(default_factory=dict)  # to be written
    removed: list[str] = field(default_factory=list)  # given files that are dropped
    notes: list[str] = field(default_factory=list)  # what the student should know
    carried: int = 0  # regions and answers


class _Work(NamedTuple):
    """What a student wrote, by place, and the files that it was read from."""

    texts: dict[Place, str]
    parsed: dict[str, Parsed]


def describe(files: Mapping[str, bytes], was: Mapping[str, str]) -> bytes:
    """Return the manifest of a release: what was given, to tell it from what was not.

    Args:
        files: of the release, by path.
        was: earlier names of exercises and cells, by the new ones.
    """
    listed = {}
    for name in sorted(files):
        entry: dict[str, Any] = {"sha256": hash_of(files[name])}
        if parsed := _parsed(name, files[name]):
            entry["given"] = hash_of(_without_bodies(parsed).encode())
            if name.endswith(".ipynb"):
                entry["cells"] = _given_cells(parsed)
        listed[name] = entry
    held = {"format": 1, "files": listed, "was": dict(was)}
    return (json.dumps(held, indent=1, sort_keys=True) + "\n").encode()


def plan(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Plan:
    """Find out what an update does; nothing is read or written.

    Args:
        old: the student's files by path, those that are given and those in which they
            write; others need not be there, and stay.
        new: the files of the release.

    Raises:
        ValueError: a file cannot be read, so what is in it could be lost; says which,
            and what to do.
    """
    before, after = _manifest(old), _manifest(new)
    made = Plan()
    work = _read_work(old, new)
    left = dict(work.texts)
    answers = _answers_of(new)
    for name, data in new.items():
        if name == MANIFEST:
            made.files[name] = data
            continue
        parsed = _parsed(name, data, is_new=True)
        if parsed is None:
            _replace(made, name, old.get(name), data, before)
            continue
        bodies = _taken(left, name, parsed.places, after["was"])
        made.carried += len(bodies)
        text = parsed.fill(bodies)
        given = work.parsed.get(name)
        if name.endswith(".ipynb"):
            places = [(id, 0) for id in answers.get(name, ())]
            found = _taken(left, name, places, after["was"])
            made.carried += len(found)
            mine = {id: answer for (id, _), answer in found.items()}
            text = new_notebook(made.notes, name, text, given, mine, before, after)
        elif given is not None:
            _tell_given(made, name, given, parsed, old[name], before)
        made.files[name] = text.encode()
    if not before["files"] and any(old.get(n) not in (None, d) for n, d in new.items()):
        made.notes.append(
            "the earlier release does not say what it gave you: what you may have "
            "changed in given files is in the backup"
        )
    _keep(made, left)
    _drop(made, old, new, before)
    made.files = {n: data for n, data in made.files.items() if old.get(n) != data}
    return made


def _read_work(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> _Work:
    texts: dict[Place, str] = {}
    parsed: dict[str, Parsed] = {}
    answers = _answers_of(old)
    for name in sorted({exercise.file for exercise in EXERCISES} & {*old}):
        try:
            found = parse_file(_text(name, old[name]), name)
            found.require_whole()
        except (MarkerError, NotebookError) as error:
            raise ValueError(str(error)) from None
        parsed[name] = found
        for (owner, number), body in found.bodies.items():
            if not is_stub(body):
                texts[name, owner, number] = body
        for id in answers.get(name, ()):
            cell = found.cells.get(id)
            if cell and cell.source.strip() not in ("", ANSWER):
                texts[name, id, 0] = cell.source
    return _Work(texts, parsed)


def _taken(
    left: dict[Place, str], file: str, places: Iterable[Key], was: Mapping[str, str]
) -> dict[Key, str]:
    """Take the texts that there are for some places of a file."""
    found = {(o, n): _take(left, file, o, n, was) for o, n in places}
    return {key: text for key, text in found.items() if text is not None}


def _take(
    left: dict[Place, str], file: str, owner: str, number: int, was
) -> str | None:
    """Take a text for a place: what was there, under this name or an earlier one."""
    for name in _names(owner, was):
        for place in [
            (file, name, number),
            *(p for p in left if p[1:] == (name, number)),
        ]:
            if place in left:
                return left.pop(place)
    return None


def _names(owner: str, was: Mapping[str, str]) -> Iterable[str]:
    """Yield the names that an owner has had, the newest first."""
    seen = []
    while owner and owner not in seen:
        seen.append(owner)
        yield owner
        owner = was.get(owner, "")


def _tell_given(
    made: Plan, name: str, mine: Parsed, new: Parsed, data: bytes, before
) -> None:
    """Keep a module whose given code was changed, and say so."""
    given = hash_of(_without_bodies(mine).encode())
    known = before["files"].get(name, {}).get("given")
    if given not in (known, hash_of(_without_bodies(new).encode())):
        sure = "" if known else " (or the release has)"
        kept = _beside(made, name, data)
        made.notes.append(
            f"{name}: you have changed{sure} what is given in it: kept as {kept}"
        )


def _replace(made: Plan, name: str, mine: bytes | None, data: bytes, before) -> None:
    """Replace a given file; one that the student has changed is kept beside."""
    made.files[name] = data
    if mine is None or mine == data:
        return
    known = before["files"].get(name, {}).get("sha256")
    if before["files"] and hash_of(mine) != known:
        kept = _beside(made, name, mine)
        made.notes.append(f"{name}: you have changed it: kept as {kept}")


def _beside(made: Plan, name: str, data: bytes) -> str:
    kept = f"{KEPT}/{name}.{hash_of(data)[:8]}.txt"
    made.files[kept] = data
    return kept


def _keep(made: Plan, left: Mapping[Place, str]) -> None:
    """Keep what has no place in the new release."""
    for (file, owner, number), text in left.items():
        data = text.encode("utf-8", "surrogatepass")
        stem = owner.replace("/", "-").replace("\\", "-") or "cell"
        kept = f"{KEPT}/{stem}-{number}.{hash_of(data)[:8]}.txt"
        made.files[kept] = data
        made.notes.append(
            f"{owner} is not in this release: kept as {kept} (was in {file})"
        )


def _drop(made: Plan, old, new, before) -> None:
    """Remove given files that the release no longer has, where nobody changed them."""
    for name, entry in before["files"].items():
        if name in new or name not in old:
            continue
        if hash_of(old[name]) == entry.get("sha256"):
            made.removed.append(name)
        else:
            made.notes.append(f"{name} is not in this release: yours stays")


def _parsed(name: str, data: bytes, is_new: bool = False) -> Parsed | None:
    """Parse a file with exercises; None for one without.

    Args:
        name: of the file.
        data: its bytes.
        is_new: it may have exercises that this version does not know.
    """
    is_module = name.endswith(".py") and b"OF YOUR CODE" in data
    if not name.endswith(".ipynb") and not is_module:
        return None
    try:
        is_module = is_new and name.endswith(".py")
        parsed = parse_file(_text(name, data), f"new/{name}" if is_module else name)
        parsed.require_whole()
    except (MarkerError, NotebookError):
        return None  # a module that speaks of marker lines
    return parsed if name.endswith(".ipynb") or parsed.places else None


def _text(name: str, data: bytes) -> str:
    text = decode(data, name)
    if isinstance(text, Finding):
        raise ValueError(str(text))
    return text


def _without_bodies(parsed: Parsed) -> str:
    return parsed.fill(dict.fromkeys(parsed.places, ""))


def _given_cells(parsed: Parsed) -> dict[str, str]:
    return {own: given_hash(parsed, own) for own in parsed.cells}


def _answers_of(files: Mapping[str, bytes]) -> dict[str, list[str]]:
    """Return the ids of answers by notebook, as the list of these files has them."""
    found: dict[str, list[str]] = {}
    held = tomllib.loads(_text(LIST, files[LIST]))["exercise"]
    for entry in held:
        if entry.get("kind") == "answer":
            file = entry.get("file", f"notebooks/{entry['notebook']}.ipynb")
            found.setdefault(file, []).append(entry["id"])
    return found


def _manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    try:
        held = json.loads(files[MANIFEST])
        if isinstance(held["files"], dict) and isinstance(held["was"], dict):
            return held
    except (KeyError, TypeError, ValueError):
        pass
    return {"files": {}, "was": {}}
