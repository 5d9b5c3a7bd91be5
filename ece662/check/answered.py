"""How far the questions of a notebook are answered, read from the notebook's file.

An answer stands in its cell, so the saved notebook is all there is to know: nothing is
kept beside it, and a copy from Colab counts as well.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import EllipsisType
from typing import Any, NamedTuple

from ece662.check.as_python import as_python
from ece662.check.questions import QUESTIONS, Question, grade

__all__ = ["Answered", "answers_in", "questions_of"]


class Answered(NamedTuple):
    """What has become of the questions of a notebook.

    Attributes:
        right: the self-tests that are answered, and right.
        open: the other self-tests.
        predicted: the predictions that were made.
        unpredicted: the others.
    """

    right: list[str]
    open: list[str]
    predicted: list[str]
    unpredicted: list[str]

    def __str__(self) -> str:
        """Return one line, as `ece662 status` shows it."""
        tests, guesses = self.right + self.open, self.predicted + self.unpredicted
        parts = []
        if tests:
            more = f" (open: {', '.join(self.open)})" if self.open else ""
            parts.append(f"self-tests: {len(self.right)} of {len(tests)} right{more}")
        if guesses:
            parts.append(f"predictions: {len(self.predicted)} of {len(guesses)} made")
        return "; ".join(parts)


def questions_of(path: Path) -> Answered:
    """Read how far a notebook's questions are answered.

    Args:
        path: of the notebook; a file that cannot be read has no questions.
    """
    try:
        notebook = json.loads(path.read_bytes())
    except (OSError, ValueError):
        notebook = {}
    states = Answered([], [], [], [])
    for id, answer in answers_in(notebook).items():
        if QUESTIONS[id].is_prediction:
            is_made = _is_answer(QUESTIONS[id], answer)
            (states.predicted if is_made else states.unpredicted).append(id)
        else:
            is_right = _is_right(QUESTIONS[id], answer)
            (states.right if is_right else states.open).append(id)
    return states


def _is_answer(question: Question, answer: Any) -> bool:
    try:
        return not isinstance(answer, EllipsisType) and bool(question.spell(answer))
    except ValueError:
        return False


def _is_right(question: Question, answer: Any) -> bool:
    return _is_answer(question, answer) and grade(question, answer)[0]


def answers_in(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the questions that a notebook asks, and what stands in the cells.

    Args:
        notebook: as read from its file; whatever is damaged in it is passed over.

    Returns:
        The answers by question, in the notebook's order; `...` where there is none.
    """
    cells = notebook.get("cells") if isinstance(notebook, Mapping) else None
    found = {}
    for cell in cells if isinstance(cells, list) else []:
        source = cell.get("source", "") if isinstance(cell, dict) else ""
        text = source if isinstance(source, str) else "".join(map(str, source))
        if "self_test(" in text or "predict(" in text:
            found.update(_calls(text))
    return found


def _calls(source: str) -> Iterator[tuple[str, Any]]:
    try:
        tree = ast.parse(as_python(source))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if not is_call or node.func.id not in ("self_test", "predict"):
            continue
        words = [*node.args, *(word.value for word in node.keywords)]
        try:
            name, *answer = [ast.literal_eval(word) for word in words]
        except (ValueError, TypeError):
            continue
        wanted = node.func.id == "predict"
        if name in QUESTIONS and QUESTIONS[name].is_prediction == wanted:
            yield name, answer[0] if answer else ...
