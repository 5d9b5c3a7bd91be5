"""Further demands on exercises that pass their check, before they get their points.

Numbers can be right although the exercise was not done: a gradient may have been
measured, a network may come from a closed formula instead of a Solver. Where that is
certain, the exercise gets no points; where it is only likely, the teacher gets a note.
"""

import ast
import functools
import textwrap
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from course.grade.marks.exchange import as_bytes, read_json
from course.grade.marks.large import LARGE, SECONDS, large_inputs
from course.grade.marks.mark import Mark
from course.grade.marks.pristine import ROOT, Pristine
from course.grade.sandboxed.inside import BY_GRADIENT, DROPOUT, LATE, LOSS
from course.grade.sandboxed.noticing import NOTICED, provided_for, sentences_of
from course.grade.sandboxed.watching import digest_of
from course.grade.similar import runs_of
from course.sandbox.client import Sandbox
from course.signatures import reference_outputs
from ece662.check.judging import Verdict, compare
from ece662.check.recipe import Rule
from ece662.check.recipes.training import CASE
from ece662.check.running import SEED, recipe_of
from ece662.check.terms import Role, Status, read_output
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.reading import Pieces

__all__ = [
    "NOTICING",
    "PUBLIC",
    "Demands",
    "in_large",
    "in_training",
    "oddities",
    "read_seen",
]

PUBLIC = (SEED,)  # the seed of the inputs that every student has
NOTICING = "ece662.check._noticing"  # where that module is laid in the sandbox

# Derived gradients in float64 agree to 4e-15, however they are written; central
# differences to 1e-8 or, for a linear forward, to 1e-11.
EXACT = 1e-12
ACCURACY = "validation accuracy"
BY_CHANCE = 0.05  # accuracies on two sets of 1,200 pictures may differ by so much
# Modules that students have, with code that solves an exercise.
HANDED_OUT = ("ece662/fast/im2col.py", "ece662/gradient_check.py")
SHARED_RUNS, SHARE = 6, 0.5  # runs of tokens in common: their number, and share


class Shortfall(NamedTuple):
    """Why an exercise that passed its check gets no points."""

    id: str
    message: str


TOO_MUCH_WORK = Shortfall(
    "too-much-work",
    "It is right for the small inputs of the check. For some ten thousand numbers it "
    f"took more than {SECONDS} seconds, a hundred times what a backward pass takes. A "
    "gradient that is measured by differences needs two forward passes for every "
    "number: derive it.",
)
WRONG_IN_LARGE = Shortfall(
    "large-inputs",
    "It is right for the small inputs of the check, and wrong for some ten thousand "
    "numbers: what in it fits only small ones?",
)
NO_SOLVER = Shortfall(
    "no-solver",
    "These weights are not those that a Solver left: train the network with the "
    "course's Solver, and do not change it afterwards.",
)
ANOTHER_NETWORK = Shortfall(
    "another-network",
    "What was trained is not the network that this exercise builds on: train that one.",
)
NOT_ITS_GRADIENT = Shortfall(
    "not-its-gradient",
    "With dropout, the gradients that come back in training are not those of the loss "
    "that comes back with them, or there are none.",
)
STRAIGHT = Shortfall(
    "straight",
    "This network is one affine layer, whatever it is made of: a picture half way "
    "between two others gets scores half way between theirs. Between its layers it "
    "needs something that is not linear.",
)
KNEW_BEFORE = Shortfall(
    "knew-before",
    "Before the Solver took its first step, the network already classified many "
    "pictures correctly: begin with the weights that it draws.",
)


class Demands:
    """The further demands of a run; caches what is the same for all submissions."""

    def __init__(self, pristine: Pristine, lock: threading.Lock):
        """Find out from the notebooks which names exercises are given.

        Args:
            pristine: the students' copy.
            lock: held while the reference draws from NumPy's own numbers.
        """
        self._lock = lock
        self._provided = {
            e.id: provided_for(e, _notebook(e, pristine)) for e in EXERCISES
        }
        self._large: dict[tuple[str, Sequence[int]], dict[str, Any] | None] = {}
        self._expected: dict[tuple[str, Sequence[int]], dict[str, np.ndarray]] = {}

    def of(self, exercise: Exercise, seed: Sequence[int]) -> tuple[dict, dict]:
        """Return the inputs of further cases, and the arguments for them."""
        if seed == PUBLIC:
            return {}, {}
        key = (exercise.id, seed)
        if key not in self._large:  # safe to share: the sandbox gets copies
            self._large[key] = large_inputs(exercise, seed)
        large = self._large[key]
        if large is None:
            return {}, {}
        return {LARGE: large}, {"large": LARGE, "seconds": SECONDS}

    def noticed(self, pieces: Pieces, sandbox: Sandbox) -> dict[str, list[str]]:
        """Return the findings in a submission's text, by exercise."""
        arrays = {"/".join(map(str, p)): as_bytes(b) for p, b in pieces.bodies.items()}
        asked = {"provided": self._provided}
        outcome = sandbox.call(f"{NOTICING}:notice_all", arrays, asked)
        try:
            return sentences_of(read_json(outcome.outputs.get(NOTICED)))
        except (ValueError, AttributeError):
            why = ["it cannot be looked through: reading it takes too much"]
            return {exercise.id: why for exercise in EXERCISES if exercise.is_checked}

    def with_notices(
        self, marks: Sequence[Mark], pieces: Pieces, sandbox: Sandbox
    ) -> list[Mark]:
        """Return marks with the findings in the text."""
        found = self.noticed(pieces, sandbox)
        return [
            replace(mark, noticed=(*found.get(mark.exercise, ()), *mark.noticed))
            for mark in marks
        ]

    def asked_of(
        self,
        exercise: Exercise,
        mark: Mark,
        verdict: Verdict,
        raw: Mapping[str, np.ndarray],
        seen: Mapping[str, Any],
        pieces: Pieces,
        seed: Sequence[int],
    ) -> Mark:
        """Return the mark of an exercise that has passed its check.

        Args:
            exercise: which one.
            mark: from the check alone.
            verdict: of the check.
            raw: the outputs, including those of further cases.
            seen: the records of `watching`.
            pieces: of the submission.
            seed: of the inputs.
        """
        short = self.shortfall(exercise, raw, seen, seed)
        owners = exercise.regions or (exercise.id,)
        written = [
            body
            for (file, owner, _), body in sorted(pieces.bodies.items())
            if file == exercise.file and owner in owners
        ]
        odd = oddities(exercise, verdict, raw, seen, "\n".join(written))
        mark = replace(mark, noticed=(*mark.noticed, *odd))
        if short is None:
            return mark
        return replace(
            mark,
            status=Status.FAILED,
            points=0,
            diagnosis=short.id,
            message=short.message,
            details=(),
        )

    def shortfall(
        self,
        exercise: Exercise,
        raw: Mapping[str, np.ndarray],
        seen: Mapping[str, Any],
        seed: Sequence[int],
    ) -> Shortfall | None:
        """Return why an exercise gets no points, None where it does; see `asked_of`."""
        if exercise.kind == "training":
            return in_training(exercise, raw, seen)
        return in_large(exercise, raw, self._expected_in_large(exercise, seed))

    def _expected_in_large(self, exercise, seed) -> dict[str, np.ndarray]:
        with self._lock:
            key = (exercise.id, seed)
            if key not in self._expected:
                inputs, _ = self.of(exercise, seed)
                self._expected[key] = reference_outputs(exercise, inputs)
            return self._expected[key]


def _notebook(exercise: Exercise, pristine: Pristine) -> str:
    return pristine.texts[exercise.file] if exercise.file.endswith(".ipynb") else ""


def in_large(
    exercise: Exercise, got: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray]
) -> Shortfall | None:
    """Judge the outputs for the large inputs; None where they are right.

    Args:
        exercise: which one.
        got: the outputs, by "large/name".
        want: the reference's.
    """
    if f"{LARGE}/{LATE}" in got:
        return TOO_MUCH_WORK
    if exercise.recipe == DROPOUT and not _belongs_to_loss(got):
        return NOT_ITS_GRADIENT
    for key, expected in want.items():
        name = key.partition("/")[2]
        if read_output(name).role is not Role.VALUE:
            continue
        rule = recipe_of(exercise).rules.get(name, Rule())
        if not compare(LARGE, name, got.get(key), expected, rule).passed:
            return WRONG_IN_LARGE
    return None


def _belongs_to_loss(got: Mapping[str, np.ndarray]) -> bool:
    """True where a network with dropout returns the gradients of its loss.

    For one picture and two classes, whose scores differ by d, the loss is
    log(1 + exp(-d)) or log(1 + exp(d)), by its class. Without biases the scores grow
    in proportion to the weights of any layer, so each layer's sum(W * dW) is
    d * dloss/dd, a number that follows from the loss.
    """
    sums = [value for key, value in got.items() if key.endswith(BY_GRADIENT)]
    loss = got.get(f"{LARGE}/{LOSS}")
    if loss is None or not sums or loss.shape or any(s.shape for s in sums):
        return False
    if not 0 < loss < np.inf:
        return False  # this loss is never 0
    d = -np.log(np.expm1(float(loss)))
    expected = -d / (1 + np.exp(d))
    return bool(np.allclose(sums, expected, rtol=1e-6, atol=0)) and expected != 0


def in_training(
    exercise: Exercise, outputs: Mapping[str, np.ndarray], seen: Mapping[str, Any]
) -> Shortfall | None:
    """Return what is wrong with how a network was trained, None where nothing is.

    Args:
        exercise: a cell that trains.
        outputs: of its recipe.
        seen: the records of `watching`.
    """
    if exercise.frameworks:
        if seen.get("straight"):
            return STRAIGHT
        return None if seen.get("its own network", True) else ANOTHER_NETWORK
    state = {}
    for key, array in outputs.items():
        output = read_output(key.partition("/")[2])
        if output.role is Role.STATE and "." not in output.of:
            state[output.of] = array
    if not state:
        return None
    left, known, others = digest_of(state), set(), set()
    for run in seen.get("runs", ()):
        is_ours = run["as given"] and {*run["networks"]} & {*exercise.needs}
        if is_ours and (run["guessing at first"] or run["began"] in known):
            known |= {*run["left"]}
        elif left in run["left"]:
            others.add(KNEW_BEFORE if is_ours else ANOTHER_NETWORK)
    if left in known:
        return None
    return min(others, default=NO_SOLVER)


def oddities(
    exercise: Exercise,
    verdict: Verdict,
    raw: Mapping[str, np.ndarray],
    seen: Mapping[str, Any],
    body: str,
) -> Iterator[str]:
    """Yield what a teacher should look at in an exercise that has passed.

    Args:
        exercise: which one.
        verdict: on it.
        raw: the raw outputs.
        seen: the records of `watching`.
        body: the student's text.
    """
    if recipe_of(exercise).forward:
        gradients = [c for c in verdict.comparisons if c.name.startswith("d")]
        if any(c.error > EXACT for c in gradients):
            yield "its gradients are no more exact than measured ones; derived ones are"
    said = raw.get(f"{CASE}/{ACCURACY}")
    found = [c.got for c in verdict.comparisons if c.name == ACCURACY]
    if said is not None and found and np.any(said > np.max(found) + BY_CHANCE):
        yield "it claims a higher accuracy than was measured"
    if not all(run["usual steps"] for run in seen.get("runs", ())):
        yield "its Solver has a rule or watchers of its own"
    mine = runs_of(body)
    for name, runs in _handed_out().items():
        shared = len(mine & runs)
        if shared >= SHARED_RUNS and shared >= SHARE * len(mine):
            yield f"it has the text of {name}, which is handed out"


@functools.lru_cache(maxsize=1)
def _handed_out() -> dict[str, frozenset[int]]:
    found = {}
    for name in HANDED_OUT:
        text = (ROOT / name).read_text("utf-8")
        runs = (runs_of(body) for body in _bodies(text))
        found[name] = frozenset().union(*runs)
    return found


def _bodies(text: str) -> Iterator[str]:
    """Yield the body of every function of a module, without its docstring."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1 if ast.get_docstring(node) else 0]
            own = lines[first.lineno - 1 : node.end_lineno]
            yield textwrap.dedent("\n".join(own))


def read_seen(sent: np.ndarray | None) -> dict[str, Any]:
    """Read the records of trainings.

    Raises:
        ValueError: they have another form than those of `watching`.
    """
    if sent is None:
        return {}
    seen = read_json(sent)
    try:
        for run in seen["runs"]:
            words = [run["began"], *run["left"], *run["networks"]]
            flags = [run["as given"], run["guessing at first"], run["usual steps"]]
            if {*map(type, words)} - {str} or {*map(type, flags)} - {bool}:
                raise ValueError
        return {str(name): value for name, value in seen.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError("what was seen of the training has another form") from None
