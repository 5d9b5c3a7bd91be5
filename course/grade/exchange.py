"""What goes into the sandbox for an exercise, and how what comes back is read."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from course.sandbox.client import Ending, Outcome
from ece662.check.problems import Problem
from ece662.check.terms import Cause, Stop
from ece662.exercises import find_exercise

__all__ = ["as_bytes", "read_json", "read_problems", "split_inputs", "why_stopped"]

MAX_PROBLEMS = 50
MAX_FACTS = 10  # of one problem
NAMED = ("needs", "forward", "inside")  # fields of a problem that name an exercise
MAX_TOLD = 1 << 20  # bytes of a JSON text, whose objects take many times its size
MAX_WORDS = 200  # characters of a file's name or a line


def split_inputs(inputs: Mapping[str, Mapping]) -> tuple[dict[str, np.ndarray], dict]:
    """Part the inputs into arrays, which travel as bytes, and what JSON can say."""
    arrays, plain = {}, {}
    for case, of_case in inputs.items():
        plain[case] = {}
        for name, value in of_case.items():
            if isinstance(value, np.ndarray | np.generic):
                arrays[f"{case}/{name}"] = value
            else:
                plain[case][name] = value
    return arrays, plain


def as_bytes(text: str) -> np.ndarray:
    """Return a text as an array."""
    return np.frombuffer(text.encode("utf-8", "replace"), np.uint8)


def read_problems(sent: np.ndarray | None) -> tuple[Problem, ...]:
    """Read the problems that the sandbox tells of.

    Raises:
        ValueError: they are not told as `inside` tells them.
    """
    told = read_json(sent)
    if not isinstance(told, list) or len(told) > MAX_PROBLEMS:
        raise ValueError("its problems are no list")
    problems = []
    for entry in told:
        if not isinstance(entry, dict) or set(entry) != set(Problem._fields):
            raise ValueError("a problem has another form")
        facts = _words(entry.pop("facts"))
        words = _words(entry)
        if words["kind"] not in list(Stop) or words["cause"] not in list(Cause):
            raise ValueError("a problem is of no known kind")
        words |= {field: _known(words[field]) for field in NAMED}
        words |= {"kind": Stop(words["kind"]), "cause": Cause(words["cause"])}
        problems.append(Problem(**words, facts=facts))
    return tuple(problems)


def _words(told: Any) -> dict[str, str]:
    """Return names and texts, cut; a text that is none is refused."""
    if not isinstance(told, dict) or len(told) > MAX_FACTS:
        raise ValueError("a problem has other facts")
    if not all(isinstance(value, str) for value in told.values()):
        raise ValueError("a problem is not made of words")
    return {key: value[:2000] for key, value in told.items()}


def read_json(sent: np.ndarray | None) -> Any:
    """Read a JSON text that was sent as an array.

    Raises:
        ValueError: it is none.
    """
    if sent is None or sent.dtype != np.uint8:
        raise ValueError("it does not say how it went")
    if sent.size > MAX_TOLD:
        raise ValueError(f"it tells {sent.size} bytes, expected up to {MAX_TOLD}")
    try:
        return json.loads(sent.tobytes())
    except (ValueError, RecursionError):
        raise ValueError("it does not say how it went") from None


def _known(id: str) -> str:
    try:
        return find_exercise(id).id if id and id != "None" else ""
    except ValueError:
        return ""


def why_stopped(outcome: Outcome) -> str:
    """Say in words what stopped an exercise that gave no answer."""
    where = ""
    if outcome.lines:
        file, line, _, text = outcome.lines[-1]
        where = f", in {file[:MAX_WORDS]}, line {line} (`{text[:MAX_WORDS]}`)"
    told = {
        Ending.TIME: "It took too long, and was stopped.",
        Ending.MEMORY: "It took too much memory, and was stopped.",
        Ending.SIZE: "What it returned is too large.",
    }
    return told.get(outcome.ending, f"It gave no answer{where}: {outcome.message}.")
