"""Mark one submission: run its pieces in the sandbox, judge outside what comes back."""

import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course.grade import frameworks, training
from course.grade.inside import PROBLEMS
from course.grade.pristine import BARE, FULL, Pristine, tree_of
from course.sandbox.client import Limits, Outcome, Sandbox, SandboxError
from course.sandbox.isolation import Isolation
from course.signatures import has_signature, make_signature
from ece662.check.diagnosing import Diagnosis, diagnose
from ece662.check.judging import OWN, Verdict, judge
from ece662.check.problems import Problem, explain
from ece662.check.recipes.training import CASE
from ece662.check.rendering import Result
from ece662.check.running import SEED, facts, inputs_of
from ece662.check.signatures import Signature
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.reading import Pieces, Place

__all__ = ["Mark", "Marker"]

# Where something in a submission took all its time, the rest is not given so much: it
# may well be the same thing again. Right solutions need a tenth of it.
AFTER_A_STOP = Limits(cpu=2, wall=10.0)
INSIDE = "ece662.check._inside"
MAX_PROBLEMS = 50
# Outputs this much larger than expected are not even compared: they would only cost.
SIZE_FACTOR, SIZE_FREE = 4, 10_000


@dataclass(frozen=True)
class Mark:
    """How one exercise of one submission came out.

    status: "passed", "failed", "not written", "needs" (another exercise first),
        "missing" (the file), "damaged" (marker lines), "stopped" (a limit, or no
        answer), "answer" (a person has to read it) or "not run".
    """

    exercise: str
    status: str
    points: float
    of: float
    diagnosis: str | None = None
    message: str = ""
    question: str = ""
    details: tuple[str, ...] = ()
    printed: str = ""


class _Tried(NamedTuple):
    """What came out of an exercise, after a first look at it."""

    outputs: dict[str, np.ndarray]
    problems: tuple[Problem, ...]
    stopped: str = ""  # the outcome's ending where there is no answer
    printed: str = ""


@dataclass
class Marker:
    """Marks submissions with one seed, behind one kind of walls.

    It keeps what the reference and the known mistakes give, which is the same for all.
    """

    isolation: Isolation
    runtime: Path
    pristine: Pristine
    seed: int
    training: bool = True  # also the cells that train
    frameworks: Path | None = None  # what `frameworks.prepare` has filled
    # Why a framework cannot be used, "" where it can.
    why_not: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self):
        """Start with no signatures: they are made when first needed."""
        self._signatures: dict[str, Signature] = {}
        self._lock = threading.Lock()

    def mark(self, pieces: Pieces) -> list[Mark]:
        """Mark every exercise of a submission, in the order of the course."""
        with tempfile.TemporaryDirectory(prefix="ece662-submission-") as name:
            folder = Path(name)
            folder.chmod(0o755)
            with self._spliced(pieces, folder / "all") as sandboxes:
                modules = self.pristine.modules(pieces.bodies)
                whole = {(file, "", 0): text for file, text in modules.items()}
                if not self._unreadable(sandboxes[FULL], whole):
                    return self._mark_all(pieces, sandboxes)
                # Something in there spoils a whole module. Leave out what it is.
                alone = {
                    place: text
                    for place, body in pieces.bodies.items()
                    for text in self.pristine.modules({place: body}).values()
                }
                for place, why in self._unreadable(sandboxes[FULL], alone).items():
                    del pieces.bodies[place]
                    pieces.unreadable[place[:2]] = why
            with self._spliced(pieces, folder / "readable") as sandboxes:
                return self._mark_all(pieces, sandboxes)

    @contextmanager
    def _spliced(self, pieces: Pieces, target: Path) -> Iterator[dict[str, Sandbox]]:
        """Open the sandboxes of a submission: by tree, and by framework."""
        target.mkdir()
        self.pristine.splice(pieces.bodies, target)
        with ExitStack() as stack:
            sandboxes = {tree: self._sandbox(target / tree) for tree in (FULL, BARE)}
            for name in (name for name, why in self.why_not.items() if not why):
                sandboxes[name] = frameworks.open_sandbox(
                    name, self.isolation, self.frameworks, target / FULL, INSIDE
                )
            yield {key: stack.enter_context(s) for key, s in sandboxes.items()}

    def _unreadable(
        self, sandbox: Sandbox, texts: Mapping[Place, str]
    ) -> dict[Place, str]:
        """Return which texts of modules Python cannot read, and why.

        It is asked in the sandbox: to read a text can take all memory or crash.
        """
        by_name = {"/".join(map(str, place)): place for place in texts}
        arrays = {name: _as_bytes(texts[place]) for name, place in by_name.items()}
        files = {place[0] for place in texts}
        arrays |= {file: _as_bytes(self.pristine.texts[file]) for file in files}
        pristine = {name: place[0] for name, place in by_name.items()}
        outcome = sandbox.call(
            f"{INSIDE}:find_unreadable", arrays, {"pristine": pristine}
        )
        try:
            told = json.loads(outcome.outputs[PROBLEMS].tobytes())
            return {by_name[name]: str(why) for name, why in told.items()}
        except (KeyError, ValueError, AttributeError):
            if len(texts) == 1:
                return dict.fromkeys(texts, outcome.message or "it stops Python")
            # One of them does: ask one by one.
            found: dict[Place, str] = {}
            for place, text in texts.items():
                found |= self._unreadable(sandbox, {place: text})
            return found

    def _mark_all(self, pieces: Pieces, sandboxes: Mapping[str, Sandbox]) -> list[Mark]:
        limits, marks = self.limits, []
        for exercise in EXERCISES:
            marks.append(self._mark_exercise(exercise, pieces, sandboxes, limits))
            if marks[-1].diagnosis in ("time", "memory"):
                limits = AFTER_A_STOP
        return marks

    def _sandbox(self, code: Path) -> Sandbox:
        return Sandbox(self.isolation, self.runtime, code, self.limits, (INSIDE,))

    def _mark_exercise(
        self,
        exercise: Exercise,
        pieces: Pieces,
        sandboxes: Mapping[str, Sandbox],
        limits: Limits,
    ) -> Mark:
        if exercise.file in pieces.missing:
            told = f"{pieces.missing[exercise.file]}."
            return Mark(exercise.id, "missing", 0, exercise.points, "missing", told)
        damage = pieces.damage_of(exercise)
        if damage is not None:
            told = f"It cannot be taken out of its file: {damage}."
            return Mark(exercise.id, "damaged", 0, exercise.points, "damaged", told)
        if not exercise.is_checked:
            return Mark(exercise.id, "answer", 0, exercise.points)
        if exercise.kind == "training" and not self.training:
            return Mark(exercise.id, "not run", 0, exercise.points, "training-skipped")
        needs = frameworks.needs_of(exercise)
        reasons = (self.why_not.get(name, frameworks.missing(name)) for name in needs)
        if why := next(filter(None, reasons), ""):
            return Mark(exercise.id, "not run", 0, exercise.points, "no-sandbox", why)
        if (why := pieces.unreadable_of(exercise)) is not None:
            told = f"Python cannot read what is written there: {why}."
            return Mark(exercise.id, "failed", 0, exercise.points, "syntax", told)
        sandbox = sandboxes[needs[0] if needs else tree_of(exercise)]
        tried = self._try(exercise, pieces, sandbox, limits)
        if tried.stopped:
            told = tried.problems[0].message
            return Mark(
                exercise.id, "stopped", 0, exercise.points, tried.stopped, told,
                printed=tried.printed,
            )  # fmt: skip
        return self._judge(exercise, tried)

    def signature(self, exercise: Exercise) -> Signature:
        """Return what reference and mistakes give for the inputs of this run."""
        if not has_signature(exercise):
            return Signature({})  # judged by what it reaches
        with self._lock:  # making one draws from NumPy's own numbers, which all share
            if exercise.id not in self._signatures:
                made = make_signature(exercise, self.seed, with_hidden=True)
                self._signatures[exercise.id] = made
            return self._signatures[exercise.id]

    def _try(
        self, exercise: Exercise, pieces: Pieces, sandbox: Sandbox, limits: Limits
    ) -> _Tried:
        inputs = inputs_of(exercise, self.seed)
        arguments = {"exercise": exercise.id, "seed": self.seed}
        call, served = "run_exercise", {}
        if exercise.kind == "training":
            notebook = self.pristine.texts[exercise.file]
            try:
                cells = training.cells_of(exercise, notebook, pieces.bodies)
            except NotImplementedError as error:
                return _Tried({}, (explain(error, exercise),))
            call, served = "run_cells", training.served(exercise, cells, self.seed)
            inputs[CASE] |= training.asked(exercise, self.seed)
            # Not this run's seed, which tells the labels of those pictures.
            arguments |= {"cells": cells, "seed": SEED}
            limits = training.limits_of(exercise, limits is self.limits)
        arrays, plain = _split(inputs)
        arguments["plain"] = plain
        try:
            outcome = sandbox.call(
                f"{INSIDE}:{call}", arrays | served, arguments, limits
            )
        except SandboxError as error:
            return _Tried({}, (Problem("error", str(error)),), "sandbox-failed")
        if outcome.ending != "answered":
            problem = Problem("error", _stopped(outcome))
            return _Tried({}, (problem,), outcome.ending, outcome.printed)
        try:
            problems = _read_problems(outcome.outputs.pop(PROBLEMS, None))
        except ValueError as error:
            problem = Problem("error", f"What came back is no answer: {error}.")
            return _Tried({}, (problem,), "invalid", outcome.printed)
        outputs, misfits = self._facts(exercise, inputs, outcome.outputs)
        return _Tried(outputs, (*problems, *misfits), "", outcome.printed)

    def _facts(self, exercise, inputs, outputs) -> tuple[dict, list[Problem]]:
        """Derive what is judged from the raw outputs, case by case."""
        expected = self.signature(exercise).expected
        found, misfits = {}, []
        for case, of_case in inputs.items():
            raw = {
                key.partition("/")[2]: array
                for key, array in outputs.items()
                if key.startswith(f"{case}/")
            }
            try:
                derived = self._derive(exercise, of_case, raw) if raw else {}
            except Exception as error:
                # A recipe returns what can be derived from; this came another way.
                text = f"The outputs are not those of the exercise ({error})."
                misfits.append(Problem("misfit", text, case))
                continue
            for name, array in derived.items():
                key = f"{case}/{name}"
                if _is_plausible(exercise, name, array, expected.get(key)):
                    found[key] = array
        return found, misfits

    def _derive(self, exercise, inputs, outputs) -> dict:
        if exercise.kind == "training":
            return training.facts_of(exercise, inputs, outputs, self.seed)
        return facts(exercise, inputs, outputs)

    def _judge(self, exercise: Exercise, tried: _Tried) -> Mark:
        signature = self.signature(exercise)
        try:
            verdict, wrong = _verdict(exercise, tried, signature)
        except Exception as error:
            # Judging is for what recipes return. These arrays came some other way.
            told = f"The outputs cannot be judged ({type(error).__name__})."
            verdict = Verdict(exercise.id, False)
            wrong = Diagnosis("invalid", told)
        _, *details = (text for _, text in Result(verdict, wrong).lines)
        points = exercise.points if verdict.passed else 0
        kind = wrong.id if wrong else None
        status = {None: "passed", "not-implemented": "not written", "needs": "needs"}
        if wrong is None and not verdict.passed:
            kind = "unknown"
        return Mark(
            exercise.id,
            status.get(kind, "failed"),
            points,
            exercise.points,
            kind,
            wrong.message if wrong else "",
            wrong.question if wrong else "",
            tuple(details),
            tried.printed,
        )


def _verdict(exercise, tried, signature) -> tuple[Verdict, Diagnosis | None]:
    outputs, expected = tried.outputs, signature.expected
    with np.errstate(all="ignore"):  # a student's numbers may be of any size
        verdict = judge(exercise, outputs, expected, tried.problems, signature.accepted)
        wrong = diagnose(exercise, outputs, expected, verdict, signature.known)
    return verdict, wrong


def _split(inputs: Mapping[str, Mapping]) -> tuple[dict[str, np.ndarray], dict]:
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


def _as_bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-8", "replace"), np.uint8)


def _is_plausible(
    exercise: Exercise, name: str, array: Any, expected: np.ndarray | None
) -> bool:
    size = np.size(array)
    if expected is None:
        wanted = name.startswith(OWN) or exercise.kind == "training"
        return wanted and size <= SIZE_FREE
    return size <= SIZE_FACTOR * np.size(expected) + SIZE_FREE


def _read_problems(sent: np.ndarray | None) -> tuple[Problem, ...]:
    """Read the problems that the sandbox tells of.

    Raises:
        ValueError: they are not told as `inside` tells them.
    """
    if sent is None or sent.dtype != np.uint8:
        raise ValueError("it does not say how it went")
    try:
        told = json.loads(sent.tobytes())
    except (ValueError, RecursionError):
        raise ValueError("it does not say how it went") from None
    if not isinstance(told, list) or len(told) > MAX_PROBLEMS:
        raise ValueError("its problems are no list")
    problems = []
    for entry in told:
        if not isinstance(entry, dict) or set(entry) != set(Problem._fields):
            raise ValueError("a problem has another form")
        values = {key: str(value)[:2000] for key, value in entry.items()}
        problems.append(Problem(**values | {"needs": _known(values["needs"])}))
    return tuple(problems)


def _known(id: str) -> str:
    try:
        return find_exercise(id).id if id and id != "None" else ""
    except ValueError:
        return ""


def _stopped(outcome: Outcome) -> str:
    """Say in words what stopped an exercise that gave no answer."""
    where = ""
    if outcome.lines:
        file, line, _, text = outcome.lines[-1]
        where = f", in {file}, line {line} (`{text}`)"
    told = {
        "time": "It took too long, and was stopped.",
        "memory": "It took too much memory, and was stopped.",
        "size": "What it returned is too large.",
    }
    return told.get(outcome.ending, f"It gave no answer{where}: {outcome.message}.")
