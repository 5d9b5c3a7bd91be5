"""What a solved notebook becomes for a student.

Exercise cells are emptied, model answers give way to an answer cell, and what depends
on the student's work loses its output. That output is not thrown away: it moves into a
cell of its own below, under the words "What you are aiming at", where it stays when the
student's own result appears above it. Between a prediction and its outcome it is
folded: who opens it has decided to.
"""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

from course.dependence import dependent_cells
from ece662.exercises import Exercise
from ece662.exercises.regions import fill, read, stub
from ece662.exercises.work import ANSWER

__all__ = ["AIM", "FOLDED", "student_notebook"]

AIM = "**What you are aiming at**"
ASKING = re.compile(r"(check|hint)\([^()]*\)")
SELF_TEST = re.compile(r"^self_test\(", re.MULTILINE)
GUESS = re.compile(r'^predict\("([\w-]+)"', re.MULTILINE)
OUTCOME = re.compile(r'^outcome\("([\w-]+)"', re.MULTILINE)
FOLDED = "What came out with us (open it when yours is there)"
TRAINED = "(on the synthetic pictures; yours need not agree to the last digit)"


def student_notebook(
    text: str, name: str, exercises: Collection[Exercise], names: Collection[str]
) -> str:
    """Make a student's notebook of a solved one.

    Args:
        text: the solved notebook.
        name: its file name, for messages.
        exercises: those that are written in this notebook, answers among them.
        names: functions and classes that are the student's.

    Raises:
        MarkerError: a damaged marker line.
        ValueError: regions and answers are not those that the exercises list.
    """
    cells = {owner for e in exercises if e.kind != "answer" for owner in e.regions}
    answers = {e.id for e in exercises if e.kind == "answer"}
    bodies = read(text, name)
    _compare(f"{name}: fill-in regions", cells, {owner for owner, _ in bodies})
    empty = {(owner, number): stub(owner, None) for owner, number in bodies}
    notebook = json.loads(fill(text, name, empty))
    tagged = {c["id"] for c in notebook["cells"] if "answer" in _tags(c)}
    _compare(f"{name}: answers", answers, tagged)

    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    sources = [(c["id"], "".join(c["source"])) for c in code if "setup" not in _tags(c)]
    guessed = _guessed_cells(sources, name)
    dependent = dependent_cells(sources, cells, names) | guessed
    notebook["cells"] = [
        new
        for cell in notebook["cells"]
        for new in _for_student(cell, cell["id"] in dependent, cell["id"] in guessed)
    ]
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _guessed_cells(sources: Iterable[tuple[str, str]], name: str) -> set[str]:
    """Find the cells between a prediction and its outcome, the latter included.

    Raises:
        ValueError: one of the two without the other.
    """
    waiting: set[str] = set()
    found = set()
    for cell, source in sources:
        ended = set(OUTCOME.findall(source))
        if ended - waiting:
            raise ValueError(f"{name}: {cell}: no prediction for {sorted(ended)}")
        if waiting and not (SELF_TEST.search(source) or GUESS.search(source)):
            found.add(cell)
        waiting = (waiting - ended) | set(GUESS.findall(source))
    if waiting:
        raise ValueError(f"{name}: no outcome for {sorted(waiting)}")
    return found


def _for_student(
    cell: dict[str, Any], is_dependent: bool, is_folded: bool
) -> list[dict[str, Any]]:
    """Return the cells that stand in a student's notebook for this one."""
    if "answer" in _tags(cell):
        kept = {key: cell[key] for key in ("cell_type", "id", "metadata")}
        return [kept | {"source": [ANSWER]}]
    if not is_dependent:
        return [cell]
    aim = _aim(cell, is_folded)
    cleared = cell | {"outputs": [], "execution_count": None}
    return [cleared, aim] if aim else [cleared]


def _is_for_asking(cell: dict[str, Any]) -> bool:
    """True for a call of check or hint alone, or an outcome: they say no aim."""
    source = "".join(cell["source"])
    return bool(ASKING.fullmatch(source.strip()) or OUTCOME.search(source))


def _aim(cell: dict[str, Any], is_folded: bool) -> dict[str, Any] | None:
    """Show a cell's outputs as Markdown; None where there is nothing to see."""
    if _is_for_asking(cell):
        return None
    parts, pictures = [], {}
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            picture = f"aim-{len(pictures) + 1}.png"
            pictures[picture] = {"image/png": "".join(data["image/png"]).strip()}
            parts.append(f"![{_text_of(output)}](attachment:{picture})")
        elif said := "".join(output.get("text") or data.get("text/plain") or ""):
            parts.append(f"```text\n{said.rstrip()}\n```")
    if not parts:
        return None
    heading = f"{AIM} {TRAINED}" if "training" in _tags(cell) else AIM
    if is_folded:
        summary = f"<details>\n<summary>{FOLDED}</summary>"
        heading, parts = summary, [heading, *parts, "</details>"]
    aim = {
        "cell_type": "markdown",
        "id": f"{cell['id']}-aim",
        "metadata": {},
        "source": "\n\n".join([heading, *parts]).splitlines(keepends=True),
    }
    return aim | {"attachments": pictures} if pictures else aim


def _text_of(output: dict[str, Any]) -> str:
    """Return the text of a picture as it can stand in a link."""
    alt = output.get("metadata", {}).get("image/png", {}).get("alt", "")
    return re.sub(r"[\[\]]", "", alt) or "What you are aiming at"


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


def _compare(what: str, listed: set[str], there: set[str]) -> None:
    if listed != there:
        raise ValueError(
            f"{what}: listed in ece662/exercises/exercises.toml, but not there: "
            f"{sorted(listed - there)}; there, but not listed: {sorted(there - listed)}"
        )
