"""Questions with feedback at once: self-tests, and predictions before an experiment.

    self_test("q1-loss-of-a-guess", ...)    asks; with an answer in place of the dots,
                                            says whether it is right, and why
    predict("q2-scales-count", ...)         asks what an experiment will show
    outcome("q2-scales-count", "c")         shows what it did, beside the prediction

An answer is a letter ("b"), letters in an order ("bca") or a number; it stands in the
cell, so it is saved with the notebook, and needs no widget. Self-tests carry no points.
Their answers ship sealed (`sealing`); what an experiment shows is measured, not known.
"""

import functools
import html
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from types import EllipsisType
from typing import Any

from ece662.check.boxes import BLUE, GREEN, GREY, RED, box
from ece662.check.sealing import opened

__all__ = [
    "QUESTIONS",
    "Asked",
    "Question",
    "grade",
    "outcome",
    "predict",
    "self_test",
]

LETTERS = "abcdefgh"
RIGHT, WRONG = "right: ", "not yet: "  # what a sealed text begins with

_predicted: dict[str, str] = {}  # by question, in this session


@dataclass(frozen=True)
class Question:
    """A question, as `questions.toml` has it.

    Attributes:
        id: its name, which begins with that of its notebook.
        kind: "number", "choice" or "order".
        asks: the question.
        options: of a choice or an order, one for each letter.
        names: of the options in the notebook's code; else they have none.
        within: how far a number may be off.
        otherwise: what to say to an answer that no sealed text is for.
        is_prediction: True where an experiment answers it.
    """

    id: str
    kind: str
    asks: str
    options: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    within: float = 0.0
    otherwise: str = ""
    is_prediction: bool = False

    @property
    def letters(self) -> str:
        """One letter for each option."""
        return LETTERS[: len(self.options)]

    @property
    def expects(self) -> str:
        """What an answer looks like."""
        if self.kind == "number":
            return "a number, such as 12 or 0.5"
        if self.kind == "choice":
            return f"one letter from {self.letters[0]} to {self.letters[-1]}, in quotes"
        return f"the letters {self.letters} in your order, as one word in quotes"

    def spell(self, answer: Any) -> str:
        """Return an answer in its one spelling.

        Raises:
            ValueError: it is none; says what was expected.
        """
        if self.kind == "number":
            return str(round(self._number(answer) / self.within))
        word = answer if isinstance(answer, str) else ""
        if isinstance(answer, list | tuple):
            word = "".join(map(str, answer))
        word = "".join(letter for letter in word.lower() if letter not in " ,;>-")
        wanted = sorted(self.letters)
        fits = word in wanted if self.kind == "choice" else sorted(word) == wanted
        if not word or not fits:
            raise ValueError(f"expected {self.expects}; got {answer!r}")
        return word

    def _number(self, answer: Any) -> float:
        try:
            is_one = isinstance(answer, Real | str) and not isinstance(answer, bool)
            number = float(answer) if is_one else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"expected {self.expects}; got {answer!r}")
        return number

    def show(self, answer: Any) -> str:
        """Return an answer as it is read: the option behind a letter."""
        if self.kind == "number":
            return f"{self._number(answer):g}"
        word = self.spell(answer)
        said = [self.options[self.letters.index(letter)] for letter in word]
        return f"{word}) {said[0]}" if self.kind == "choice" else ", ".join(said)


class Asked:
    """A question and what there is to say on it; shows itself where it is printed."""

    def __init__(self, colour: str, headline: str, lines: list[str]):
        """Keep the lines, which follow the headline."""
        self.colour, self.headline, self.lines = colour, headline, lines

    def __str__(self) -> str:
        """Return plain text."""
        return "\n  ".join([self.headline, *self.lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        lines = "".join(f"<br>{html.escape(line)}" for line in self.lines)
        return box(self.colour, self.headline, lines)


def self_test(name: str, answer: Any = ...) -> Asked:
    """Ask a question about what was just read; say at once whether an answer is right.

    Args:
        name: of the question, as in the notebook.
        answer: a number, a letter, or letters in an order; `...` shows the question.

    Raises:
        ValueError: there is no such self-test.
    """
    question = _find(name, is_prediction=False)
    if isinstance(answer, EllipsisType):
        return _ask("Self-test", question, f'self_test("{name}", ...)')
    try:
        is_right, sentence = grade(question, answer)
    except ValueError as error:
        return Asked(GREY, "Self-test: no answer yet", [_first_up(f"{error}.")])
    word, colour = ("right", GREEN) if is_right else ("not yet", RED)
    lines = [question.asks, f"You: {question.show(answer)}", sentence]
    return Asked(colour, f"Self-test: {word}", lines)


def predict(name: str, guess: Any = ...) -> Asked:
    """Ask what an experiment will show, and note the answer for `outcome`.

    Args:
        name: of the question, as in the notebook.
        guess: a number, a letter, or letters in an order; `...` shows the question.

    Raises:
        ValueError: there is no such prediction.
    """
    question = _find(name, is_prediction=True)
    _predicted.pop(name, None)
    if isinstance(guess, EllipsisType):
        return _ask("Predict first", question, f'predict("{name}", ...)')
    try:
        shown = question.show(guess)
    except ValueError as error:
        return Asked(GREY, "Predict first: nothing noted", [_first_up(f"{error}.")])
    _predicted[name] = guess
    lines = [question.asks, f"You think: {shown}", "Now run the experiment."]
    return Asked(BLUE, "Predict first: noted", lines)


def outcome(name: str, measured: Any) -> Asked:
    """Show what an experiment has shown, beside what was predicted.

    Args:
        name: of the prediction.
        measured: the answer that the experiment gives: a number, a letter, one of the
            options' names, or all names in their order.

    Raises:
        ValueError: there is no such prediction, or the measured answer is none.
    """
    question = _find(name, is_prediction=True)
    if question.names:
        codes = dict(zip(question.names, question.letters, strict=True))
        known = [measured] if isinstance(measured, str) else measured
        measured = "".join(codes.get(str(code), str(code)) for code in known)
    lines = [question.asks, f"It was: {question.show(measured)}"]
    if name not in _predicted:
        lines.append("You have not predicted it; the next one, perhaps?")
        return Asked(GREY, "What happened", lines)
    guess = _predicted[name]
    lines.append(f"You thought: {question.show(guess)}")
    if _agree(question, guess, measured):
        return Asked(GREEN, "What happened: as you thought", lines)
    lines.append("What in your picture of it was different? One sentence is enough.")
    return Asked(BLUE, "What happened: not as you thought", lines)


def grade(question: Question, answer: Any) -> tuple[bool, str]:
    """Say whether an answer to a self-test is right, and a sentence on it.

    Raises:
        ValueError: it is no answer to such a question.
    """
    spelt = question.spell(answer)
    sentence = opened(question.id, spelt, _load("sealed.toml").get(question.id, {}))
    if sentence is None:
        return False, question.otherwise
    is_right = sentence.startswith(RIGHT)
    return is_right, sentence.removeprefix(RIGHT if is_right else WRONG)


def _ask(what: str, question: Question, call: str) -> Asked:
    options = zip(question.letters, question.options, strict=True)
    lines = [question.asks, *(f"{letter}) {option}" for letter, option in options)]
    how = f"Write {question.expects} in place of the dots, and run the cell again."
    return Asked(BLUE, f"{what}: {call}", [*lines, how])


def _agree(question: Question, guess: Any, measured: Any) -> bool:
    if question.kind == "number":
        return abs(float(guess) - float(measured)) <= question.within
    return question.spell(guess) == question.spell(measured)


def _find(name: str, is_prediction: bool) -> Question:
    question = QUESTIONS.get(name)
    if question is None or question.is_prediction != is_prediction:
        what = "prediction" if is_prediction else "self-test"
        known = [q.id for q in QUESTIONS.values() if q.is_prediction == is_prediction]
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(known)}")
    return question


def _first_up(text: str) -> str:
    return text[0].upper() + text[1:]


@functools.cache
def _load(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text("utf-8"))


def _read_questions() -> Mapping[str, Question]:
    found = {}
    for part, is_prediction in (("self_test", False), ("predict", True)):
        for id, row in _load("questions.toml")[part].items():
            lists = {key: tuple(row.get(key, ())) for key in ("options", "names")}
            found[id] = Question(id=id, is_prediction=is_prediction, **{**row, **lists})
    return found


QUESTIONS = _read_questions()
