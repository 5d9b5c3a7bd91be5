"""A new notebook with a student's answers, cells, outputs and pasted pictures in it."""

import hashlib
import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from ece662.exercises import EXERCISES
from ece662.exercises.lines import BYTE_ORDER_MARK
from ece662.exercises.regions import ANSWER, Parsed, stub

__all__ = ["given_hash", "hash_of", "is_stub", "new_notebook"]

# What stands in a region that was handed out, whatever the exercise is called.
STUB = re.compile(
    "|".join(
        re.escape(stub("EXERCISE", notebook))
        .replace("EXERCISE", r"\S+")
        .replace("NOTEBOOK", r"\S+")
        for notebook in ("NOTEBOOK", None)
    )
    + "|pass|"
)


def new_notebook(
    notes: list[str], name: str, text: str, mine: Parsed | None, answers, before, after
) -> str:
    """Put answers and own cells into a new notebook whose regions are filled.

    Args:
        notes: what the student should know is added to them.
        name: of the notebook.
        text: of the new one.
        mine: the student's, None where there is none.
        answers: by the id of their cell.
        before: the manifest of the student's release.
        after: that of the new one.
    """
    book = json.loads(text.removeprefix(BYTE_ORDER_MARK))
    cells = {cell.get("id", ""): cell for cell in book["cells"]}
    for id, answer in answers.items():
        cells[id]["source"] = answer.splitlines(keepends=True)
    if mine is not None:
        inserted = _own_cells(notes, name, cells, mine, before, after)
        book["cells"] = [
            each
            for cell in [None, *book["cells"]]
            for each in (
                *([cell] if cell else []),
                *inserted.get(cell.get("id", "") if cell else "", ()),
            )
        ]
        _make_ids_unique(book["cells"])
    text = json.dumps(book, indent=1, ensure_ascii=False) + "\n"
    is_half = any("\ud800" <= character <= "\udfff" for character in text)
    return json.dumps(book, indent=1) + "\n" if is_half else text


def _own_cells(
    notes, name, cells, mine: Parsed, before, after
) -> dict[str, list[dict]]:
    """Return the cells to be put in, by the id of the cell that they stand behind."""
    book = json.loads(mine.text.removeprefix(BYTE_ORDER_MARK), strict=False)
    called = {cell.number: own for own, cell in mine.cells.items()}
    known = before["files"].get(name, {}).get("cells", {})
    newer = {old: new for new, old in after["was"].items()}
    inserted: dict[str, list[dict]] = {}
    anchor = ""
    for number, cell in enumerate(book["cells"], start=1):
        if not isinstance(cell, dict):
            continue
        own = called.get(number, "")
        target = own if own in cells else newer.get(own, "")
        if target in cells:
            anchor = target
            _carry_outputs(cell, cells[target])
            if _is_answer(own):
                _carry_pictures(cell, cells[target])
            if _is_as_given(mine, own, cell, known, cells[target]):
                continue
            copy = _raw(cell)
            notes.append(f"{name}: you have changed the cell {own}: kept below it")
        elif own in known and given_hash(mine, own) == known[own]:
            continue
        elif own in mine.cells and _is_untouched(mine, own, known):
            continue  # another one counts: an answer below, or a copy with its id
        else:
            copy = cell
        inserted.setdefault(anchor, []).append(copy)
    return inserted


def _is_as_given(mine: Parsed, own: str, cell, known, new) -> bool:
    """Tell whether all that a student wrote in a given cell is in the new one."""
    source = mine.cells[own].source
    if source == "".join(new["source"]):
        return True
    if own in known:
        return given_hash(mine, own) == known[own] or _is_answer(own)
    return _is_answer(own) or any(key[0] == own for key in mine.places)


def _is_untouched(mine: Parsed, own: str, known: Mapping[str, str]) -> bool:
    """Tell whether a cell holds what was handed out for another name, and no more."""
    cell = mine.cells[own]
    if cell.source.strip() == ANSWER or _is_answer(cell.id):
        return cell.source.strip() in ("", ANSWER) and not cell.pictures
    bodies = [body for key, body in mine.bodies.items() if key[0] == own]
    is_given = known.get(cell.id) == given_hash(mine, own)
    return is_given and all(map(is_stub, bodies))


def _is_answer(own: str) -> bool:
    return any(e.id == own and e.kind == "answer" for e in EXERCISES)


def _raw(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell as text that is not run."""
    metadata = {"tags": ["kept-by-update"]}
    return {
        "cell_type": "raw",
        "id": "",
        "metadata": metadata,
        "source": cell["source"],
    }


def _carry_outputs(old: Mapping[str, Any], new: dict[str, Any]) -> None:
    """Keep the outputs of a cell whose code is the same."""
    is_same = "".join(old.get("source") or ()) == "".join(new["source"])
    is_code = new["cell_type"] == old.get("cell_type") == "code"
    if is_same and is_code and isinstance(old.get("outputs"), list):
        new["outputs"] = old["outputs"]
        new["execution_count"] = old.get("execution_count")


def _carry_pictures(old: Mapping[str, Any], new: dict[str, Any]) -> None:
    """Keep the pictures that were pasted into an answer."""
    if old.get("cell_type") != "code" and isinstance(old.get("attachments"), dict):
        new["attachments"] = old["attachments"]


def _make_ids_unique(cells: Iterable[dict[str, Any]]) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(cells):
        id = cell.get("id")
        while not isinstance(id, str) or not id or id in seen:
            source = "".join(cell.get("source") or ())
            text = f"{number} {id} {source}"
            id = f"own-{hash_of(text.encode('utf-8', 'replace'))[:12]}"
        cell["id"] = id
        seen.add(id)


def is_stub(body: str) -> bool:
    return bool(STUB.fullmatch(textwrap.dedent(body).strip()))


def given_hash(parsed: Parsed, own: str) -> str:
    """Return a digest of what is given in a cell."""
    places = [place for key, place in parsed.places.items() if key[0] == own]
    source = parsed.cells[own].source
    if places:
        source = places[0].source.with_bodies({place.span: "" for place in places})
    return hash_of(source.encode("utf-8", "surrogatepass"))


def hash_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
