"""What a release changes against an earlier one, in words for the announcement.

A change after which finished work may fail is found by what a student's code has to
agree with: the exercises, their regions and arguments, and the checks. It is announced
on purpose, or the release is refused.
"""

import ast
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ece662.commands.updating import LIST, MANIFEST
from ece662.exercises.regions import parse_file

__all__ = ["Changes", "changes_between"]

CHECKS = ("ece662/check/", "ece662/gradient_check.py")


@dataclass
class Changes:
    """What students are told, and what may make their finished work fail."""

    notes: list[str] = field(default_factory=list)
    breaking: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        """Return both as Markdown."""
        lines = ["# What this release changes", ""]
        if self.breaking:
            lines += ["Finished work may have to be changed:", ""]
            lines += [f"- {line}" for line in self.breaking]
            lines += [""]
        lines += [f"- {line}" for line in self.notes] or ["Nothing that you would see."]
        lines += ["", "`ece662 update RELEASE` keeps all that you wrote."]
        return "\n".join(lines) + "\n"


def changes_between(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Changes:
    """Compare two releases.

    Args:
        old: the files of the earlier one, by path.
        new: those of this one.
    """
    found = Changes()
    _exercises(found, old, new)
    for name in sorted({*old, *new} - {LIST, MANIFEST}):
        if name not in new:
            found.notes.append(f"{name} is gone")
        elif name not in old:
            found.notes.append(f"{name} is new")
        elif old[name] != new[name]:
            _file(found, name, old[name], new[name])
    return found


def _exercises(found: Changes, old, new) -> None:
    before, after = _listed(old), _listed(new)
    was = json.loads(new[MANIFEST])["was"] if MANIFEST in new else {}
    renamed = {old_name: now for now, old_name in was.items()}
    for id, entry in before.items():
        now = after.get(id) or after.get(renamed.get(id, ""))
        if now is None:
            found.breaking.append(f"the exercise {id} is gone: what you wrote is kept")
        elif now["id"] != id:
            found.notes.append(f"the exercise {id} is called {now['id']} now")
        if now and now["points"] != entry["points"]:
            points = f"{entry['points']} to {now['points']}"
            found.notes.append(f"the exercise {id} goes from {points} points")
        if now and _form(now) != _form(entry):
            found.breaking.append(f"the exercise {id} has other places to write in")
    for id, entry in after.items():
        if id not in before and id not in renamed.values():
            where = f"{entry['points']} points, in {entry['notebook']}"
            found.notes.append(f"a new exercise: {id}, {where}")


def _form(entry: Mapping[str, Any]) -> tuple:
    counts = entry.get("counts")
    return len(entry.get("regions", [1])), counts, entry.get("file"), entry["notebook"]


def _listed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    held = tomllib.loads(files[LIST].decode("utf-8"))["exercise"]
    return {entry["id"]: entry for entry in held}


def _file(found: Changes, name: str, old: bytes, new: bytes) -> None:
    if name.startswith(CHECKS):
        found.breaking.append(f"checks are others: {name}")
    elif name.endswith(".ipynb"):
        found.notes += [f"{name}: {line}" for line in _cells(name, old, new)]
    elif name.endswith(".py"):
        _module(found, name, old, new)
    else:
        found.notes.append(f"{name} is corrected")


def _cells(name: str, old: bytes, new: bytes) -> Iterator[str]:
    before, after = (
        parse_file(data.decode("utf-8"), name).cells for data in (old, new)
    )
    changed = [id for id in after if id in before
               and after[id].source != before[id].source]  # fmt: skip
    for words, ids in (
        ("the cells {} are corrected", changed),
        ("the cells {} are new", [id for id in after if id not in before]),
        ("the cells {} are gone", [id for id in before if id not in after]),
    ):
        if ids:
            yield words.format(", ".join(ids))


def _module(found: Changes, name: str, old: bytes, new: bytes) -> None:
    """Compare function by function; arguments of what students write are a promise."""
    before, after = _functions(old), _functions(new)
    written = {
        owner for owner, _ in parse_file(new.decode("utf-8"), f"new/{name}").places
    }
    changed = []
    for path, (arguments, digest) in after.items():
        if path not in before:
            continue
        if path in written and arguments != before[path][0]:
            found.breaking.append(f"{name}: {path} has other arguments")
        elif digest != before[path][1]:
            changed.append(path)
    for words, paths in (
        ("{} corrected", changed),
        ("{} new", [path for path in after if path not in before]),
        ("{} gone", [path for path in before if path not in after]),
    ):
        if paths:
            found.notes.append(f"{name}: {words.format(', '.join(paths))}")
    if before == after:
        found.notes.append(f"{name} is corrected")


def _functions(data: bytes) -> dict[str, tuple[str, str]]:
    """Return arguments and a digest of each function, by its path."""
    found = {}

    def visit(body, outer: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                visit(node.body, f"{outer}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                text = hashlib.sha256(ast.dump(node).encode()).hexdigest()
                found[f"{outer}{node.name}"] = (ast.unparse(node.args), text)

    visit(ast.parse(data).body, "")
    return found
