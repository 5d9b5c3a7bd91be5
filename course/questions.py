"""Seal the answers to the self-tests, so that they can be shipped.

    python -m course.questions

reads `course/questions.toml` and writes `ece662/check/sealed.toml`. A test makes it
again and compares.
"""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from math import floor
from pathlib import Path
from typing import Any

from ece662._files import write_file
from ece662.check.questions import QUESTIONS, RIGHT, WRONG, Question
from ece662.check.sealing import sealed

__all__ = ["PATH", "SOURCE", "make_sealed", "read_answers", "spelt"]

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).with_suffix(".toml")
PATH = ROOT / "ece662" / "check" / "sealed.toml"
HEAD = "# Made by `python -m course.questions`; see ece662/check/sealing.py.\n"


def read_answers() -> dict[str, dict[str, Any]]:
    """Read the answers to all self-tests, by question.

    Raises:
        ValueError: some self-test has none, or the other way round, or a choice lacks a
            sentence for one of its letters.
    """
    answers = tomllib.loads(SOURCE.read_text("utf-8"))
    asked = {q.id for q in QUESTIONS.values() if not q.is_prediction}
    if asked != answers.keys():
        raise ValueError(
            f"asked but not answered: {sorted(asked - answers.keys())}; answered but "
            f"not asked: {sorted(answers.keys() - asked)}"
        )
    for id, answer in answers.items():
        letters = QUESTIONS[id].letters if QUESTIONS[id].kind == "choice" else ""
        if letters and {answer["right"], *answer["wrong"]} != set(letters):
            raise ValueError(f"{id}: expected a sentence for each of {letters}")
    return answers


def spelt(question: Question, answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is said to which answer, the answer in its one spelling."""
    right = list(_around(question, answer["right"]))
    yield from ((word, RIGHT + answer["because"]) for word in right)
    for other, sentence in answer.get("wrong", {}).items():
        word = question.spell(other)
        if word in right:
            raise ValueError(f"{question.id}: {other} is as good as the right answer")
        yield word, WRONG + sentence


def _around(question: Question, right: Any) -> Iterator[str]:
    """Yield the right answer; of a number, all that are within its tolerance."""
    if question.kind != "number":
        yield question.spell(right)
        return
    first = floor(right / question.within)
    for step in range(first - 1, first + 3):
        if abs(step * question.within - right) < 0.999 * question.within:
            yield str(step)


def make_sealed() -> str:
    """Return the text of the sealed file; the same each time."""
    parts = [HEAD]
    for id, answer in read_answers().items():
        texts = spelt(QUESTIONS[id], answer)
        entries = dict(sealed(id, word, text) for word, text in texts)
        # By their names, which are hashes: no order tells which of them is right.
        lines = [f"{name} = '''{entries[name]}'''" for name in sorted(entries)]
        parts.append("\n".join([f"[{id}]", *lines, ""]))
    return "\n".join(parts)


def main() -> int:
    """Write the sealed file."""
    text = make_sealed()
    write_file(PATH, text)
    print(f"{PATH.relative_to(ROOT)}: {text.count(' = ')} texts for {text.count('[q')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
