"""What is sent into the sandbox for an exercise, and how its answer is read."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from course.sandbox.client import Ending, Outcome
from ece662.check.problems import Problem
from ece662.check.running import Run
from ece662.check.terms import Cause, Stop
from ece662.exercises import find_exercise

__all__ = [
    "Tried",
    "as_bytes",
    "problem_said",
    "read_json",
    "read_problems",
    "split_inputs",
    "stopped",
    "why_stopped",
]

MAX_PROBLEMS = 50
MAX_FACTS = 10  # of one problem
NAMED = ("needs", "forward", "inside")  # fields of a problem that name an exercise
MAX_TEXT = 1 << 20  # bytes of a JSON text; parsed, it takes many times as much memory
MAX_WORDS = 200  # characters of a file's name or a line


def split_inputs(inputs: Mapping[str, Mapping]) -> tuple[dict[str, np.ndarray], dict]:
    """Split the inputs into arrays, which are sent as bytes, and values for JSON."""
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
    """Read the problems that the sandbox reports.

    Raises:
        ValueError: they have another form than those of `inside`.
    """
    entries = read_json(sent)
    if not isinstance(entries, list) or len(entries) > MAX_PROBLEMS:
        raise ValueError("its problems are no list")
    problems = []
    for entry in entries:
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


def _words(entry: Any) -> dict[str, str]:
    """Return a dict of texts, each cut to a limit; refuse anything else."""
    if not isinstance(entry, dict) or len(entry) > MAX_FACTS:
        raise ValueError("a problem has other facts")
    if not all(isinstance(value, str) for value in entry.values()):
        raise ValueError("a problem is not made of words")
    return {key: value[:2000] for key, value in entry.items()}


def read_json(sent: np.ndarray | None) -> Any:
    """Read a JSON text that was sent as an array.

    Raises:
        ValueError: it is not JSON, or too long.
    """
    if sent is None or sent.dtype != np.uint8:
        raise ValueError("its JSON text is missing")
    if sent.size > MAX_TEXT:
        raise ValueError(f"it sent {sent.size} bytes, expected up to {MAX_TEXT}")
    try:
        return json.loads(sent.tobytes())
    except (ValueError, RecursionError):
        raise ValueError("its JSON text cannot be read") from None


def _known(id: str) -> str:
    try:
        return find_exercise(id).id if id and id != "None" else ""
    except ValueError:
        return ""


def why_stopped(outcome: Outcome) -> str:
    """Return a sentence on what stopped an exercise that gave no answer."""
    where = ""
    if outcome.lines:
        file, line, _, text = outcome.lines[-1]
        where = f", in {file[:MAX_WORDS]}, line {line} (`{text[:MAX_WORDS]}`)"
    sentences = {
        Ending.TIME: "It took too long, and was stopped.",
        Ending.MEMORY: "It took too much memory, and was stopped.",
        Ending.SIZE: "What it returned is too large.",
    }
    no_answer = f"It gave no answer{where}: {outcome.message}."
    return sentences.get(outcome.ending, no_answer)


class Tried(NamedTuple):
    """What came out of an exercise in the sandbox."""

    run: Run
    inputs: dict[str, dict]  # by case
    stopped: str = ""  # the outcome's ending where there is no answer
    printed: str = ""
    raw: Mapping[str, np.ndarray] = MappingProxyType({})  # as it came out
    seen: Mapping[str, Any] = MappingProxyType({})  # of the trainings of its cells


def stopped(inputs: dict, ending: str, why: str, printed: str = "") -> Tried:
    """Return what comes out of an exercise that was stopped."""
    return Tried(Run({}, (problem_said(why),)), inputs, ending, printed)


def problem_said(says: str) -> Problem:
    """Return a problem of which this is the whole sentence."""
    return Problem(Stop.ERROR, Cause.SAID, {"says": says})
