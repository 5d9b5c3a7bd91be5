"""Mark one submission: run its pieces in the sandbox, judge outside what comes back."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from course.grade.marks import frameworks, training
from course.grade.marks.benches import Bench, Benches
from course.grade.marks.budget import (
    ABOVE_A_STOP,
    AFTER_A_STOP,
    SPENT,
    UNLIMITED,
    Budget,
)
from course.grade.marks.earned import NOTICING, PUBLIC, Demands, read_seen
from course.grade.marks.exchange import (
    Tried,
    problem_said,
    read_problems,
    split_inputs,
    stopped,
    why_stopped,
)
from course.grade.marks.mark import UNREAD, Mark, mark_of
from course.grade.marks.pristine import BARE, FULL, Pristine, tree_of
from course.grade.marks.right_pieces import RightPieces, stopped_below, to_replace
from course.grade.marks.unreadable import leave_out_unreadable
from course.grade.sandboxed.inside import PROBLEMS
from course.grade.sandboxed.watching import SEEN
from course.grade.secret import Secret
from course.sandbox.client import Ending, Limits, Outcome, Sandbox, SandboxError
from course.sandbox.isolation import Isolation
from course.signatures import has_signature, make_signature
from ece662.check.diagnosis import Diagnosis
from ece662.check.examining import examine
from ece662.check.judging import Verdict
from ece662.check.problems import explain
from ece662.check.recipes.training import CASE
from ece662.check.rendering import Result
from ece662.check.running import SEED, Run, derive_facts, facts, inputs_of
from ece662.check.signatures import Signature, signature_of
from ece662.check.terms import Kind, Status
from ece662.exercises import EXERCISES, Exercise
from ece662.exercises.findings import Fault
from ece662.exercises.reading import Pieces

__all__ = ["Mark", "Marker", "Tried"]

INSIDE = "ece662.check._inside"
# A sandbox's server imports these for all calls: trusted, and no student writes there.
GIVEN = ("_checks", "classifiers.base", "fast_layers", "pruning")
PRELOADED = (INSIDE, NOTICING, *(f"ece662.{name}" for name in GIVEN), "numpy.typing")
LIMITS_REACHED = ("time", "memory", "size", "sandbox-failed")
# What is said of code that only hidden inputs show to be wrong: nothing of those.
HIDDEN_ONLY = (
    "It is right for the inputs of the check that you have, and wrong for others of "
    "the same sizes: what in it fits only those numbers?"
)


Watch = Callable[[str, bool], AbstractContextManager]


def _unwatched(exercise: str, judged: bool) -> AbstractContextManager:
    return nullcontext()


@dataclass
class Marker:
    """Marks submissions with one secret, behind one kind of walls.

    It keeps what the reference and the known mistakes give, which is the same for all.
    """

    isolation: Isolation
    runtime: Path
    pristine: Pristine
    secret: Secret
    training: bool = True  # also the cells that train
    frameworks: Path | None = None  # what `frameworks.prepare` has filled
    # Why a framework cannot be used, "" where it can.
    why_not: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    # Is entered with an exercise's id while that is run (False) and judged (True).
    watch: Watch = _unwatched
    # For temporary files, and what is kept from one submission to the next. Without it
    # nothing is kept, and those files lie beside the runtime.
    work: Path | None = None

    def __post_init__(self):
        """Start with no signatures: they are made when first needed."""
        folder = self.work or (self.runtime.parent if self.runtime else Path())
        self.benches = Benches(
            lambda place: Bench(self.pristine, place, self._sandboxes),
            folder,
            keep=self.work is not None,
        )
        self._signatures: dict[tuple[str, Sequence[int], bool], Signature] = {}
        self._lock = threading.Lock()
        self.demands = Demands(self.pristine, self._lock)

    def mark(
        self,
        pieces: Pieces,
        budget: Budget = UNLIMITED,
        spoilt: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Mark]:
        """Mark every exercise of a submission, in the order of the course.

        Args:
            pieces: what was taken out of it.
            budget: for all of it together.
            spoilt: by exercise, what came of it when this was tried before. Those
                are not tried again.
        """
        with self.benches.lend("submission") as bench:
            full = bench.sandboxes[FULL]
            bytecode = leave_out_unreadable(pieces, self.pristine, full)
            bench.put(pieces.bodies, bytecode)
            lend = partial(self.benches.lend, "right")
            with RightPieces(pieces, lend, bytecode) as right:
                submission = _Submission(self, pieces, bench.sandboxes, right)
                submission.budget, submission.spoilt = budget, spoilt
                marks = [submission.examined(exercise)[0] for exercise in EXERCISES]
            return self.demands.with_notices(marks, pieces, full)

    def _sandboxes(self, folder: Path) -> dict[str, Sandbox]:
        """Make the sandboxes of a bench: by tree, and by framework."""
        sandboxes = {
            tree: Sandbox(
                self.isolation, self.runtime, folder / tree, self.limits, PRELOADED
            )
            for tree in (FULL, BARE)
        }
        for name in (name for name, why in self.why_not.items() if not why):
            sandboxes[name] = frameworks.open_sandbox(
                name, self.isolation, self.frameworks, folder / FULL, INSIDE
            )
        return sandboxes

    def why_not_run(self, exercise: Exercise) -> str:
        """Say why an exercise cannot be run here; "" where it can."""
        names = exercise.frameworks
        reasons = (self.why_not.get(name, frameworks.missing(name)) for name in names)
        return next(filter(None, reasons), "")

    def hidden(self, exercise: Exercise) -> Sequence[int]:
        """Return the seed of an exercise's inputs in this run."""
        return self.secret.of(f"inputs/{exercise.id}").words()

    def signature(
        self, exercise: Exercise, seed: Sequence[int], mistakes: bool = False
    ) -> Signature:
        """Return what the reference gives for the inputs of a seed.

        Args:
            exercise: which one.
            seed: of the inputs.
            mistakes: say what they give as well; of the public inputs that is known.
        """
        if not has_signature(exercise):
            return Signature({})  # judged by what it reaches
        if seed == PUBLIC:
            return signature_of(exercise)
        with self._lock:  # making one draws from NumPy's own numbers, which all share
            key = (exercise.id, seed, mistakes)
            if key not in self._signatures:
                self._signatures[key] = make_signature(exercise, seed, mistakes)
            return self._signatures[key]

    def try_exercise(
        self,
        exercise: Exercise,
        pieces: Pieces,
        sandbox: Sandbox,
        limits: Limits,
        seed: Sequence[int],
        budget: Budget = UNLIMITED,
    ) -> Tried:
        """Run an exercise of a submission in a sandbox, and derive what is judged.

        The seed stays outside: the inputs that are drawn with it are all that goes in.
        """
        inputs = inputs_of(exercise, seed)
        arguments = {"exercise": exercise.id, "seed": SEED}
        call, served = "run_exercise", {}
        if exercise.kind == "training":
            notebook = self.pristine.texts[exercise.file]
            try:
                cells = training.cells_of(exercise, notebook, pieces.bodies)
            except NotImplementedError as error:
                return Tried(Run({}, (explain(error, exercise),)), inputs)
            call, served = "run_cells", training.served(exercise, cells, self.secret)
            inputs[CASE] |= training.asked(exercise, self.secret)
            arguments["cells"] = cells
            limits = training.limits_of(exercise, limits is self.limits)
        limits = budget.within(limits)
        further, more = self.demands.of(exercise, seed)
        arrays, plain = split_inputs({**inputs, **further})
        arguments |= {"plain": plain, **more}
        try:
            outcome = sandbox.call(
                f"{INSIDE}:{call}", arrays | served, arguments, limits
            )
        except SandboxError as error:
            return stopped(inputs, "sandbox-failed", str(error))
        budget.count(outcome.waited)
        return self.read_back(exercise, inputs, outcome)

    def read_back(
        self, exercise: Exercise, inputs: dict[str, dict], outcome: Outcome
    ) -> Tried:
        """Read what came out of the sandbox, and derive what is judged.

        Args:
            exercise: which one.
            inputs: that it had, by case.
            outcome: whatever came; it may be anything that the wire lets through.
        """
        if outcome.ending is not Ending.ANSWERED:
            why = why_stopped(outcome)
            return stopped(inputs, outcome.ending, why, outcome.printed)
        try:
            problems = read_problems(outcome.outputs.pop(PROBLEMS, None))
            seen = read_seen(outcome.outputs.pop(SEEN, None))
        except ValueError as error:
            why = f"What came back is no answer: {error}."
            return stopped(inputs, Ending.INVALID, why, outcome.printed)
        ran = Run(outcome.outputs, problems)
        with self.watch(exercise.id, True):
            tried = derive_facts(exercise, inputs, ran, self._derive)
        return Tried(tried, inputs, "", outcome.printed, ran.outputs, seen)

    def _derive(self, exercise, inputs, outputs) -> dict:
        if exercise.kind == "training":
            return training.facts_of(exercise, inputs, outputs, self.secret)
        return facts(exercise, inputs, outputs)


class _Submission:
    """Marks the exercises of one submission, each of them once."""

    def __init__(
        self,
        marker: Marker,
        pieces: Pieces,
        sandboxes: Mapping[str, Sandbox],
        right: RightPieces | None = None,
    ):
        self.marker, self.pieces, self.sandboxes = marker, pieces, sandboxes
        self.right = right  # None: echoes are not distinguished from mistakes
        self.budget, self.spoilt = UNLIMITED, {}
        self.limits = marker.limits
        self.known: dict[str, tuple[Mark, Verdict | None]] = {}

    def examined(self, exercise: Exercise) -> tuple[Mark, Verdict | None]:
        """Return an exercise's mark and the verdict on its code, if that was tried."""
        if exercise.id not in self.known:
            mark = self._unseen(exercise)
            with self.marker.watch(exercise.id, False):
                found = (mark, None) if mark else self._examine(exercise)
            self.known[exercise.id] = found
            if found[0].diagnosis in (Ending.TIME, Ending.MEMORY):
                self.limits = AFTER_A_STOP
        return self.known[exercise.id]

    def _unseen(self, exercise: Exercise) -> Mark | None:
        """Return the mark of an exercise whose code is not run; None where it is."""
        pieces, of = self.pieces, exercise.points
        if exercise.file in pieces.missing:
            found = pieces.missing[exercise.file]
            why = "missing" if found.what is Fault.NO_FILE else UNREAD
            return Mark(exercise.id, Status.MISSING, 0, of, why, f"{found}.")
        damage = pieces.damage_of(exercise)
        if damage is not None:
            message = f"It cannot be taken out of its file: {damage}."
            return Mark(exercise.id, Status.DAMAGED, 0, of, "damaged", message)
        if not exercise.is_checked:
            return Mark(exercise.id, Status.ANSWER, 0, of)
        if exercise.kind == "training" and not self.marker.training:
            return Mark(exercise.id, Status.NOT_RUN, 0, of, "training-skipped")
        if why := self.marker.why_not_run(exercise):
            return Mark(exercise.id, Status.NOT_RUN, 0, of, "no-sandbox", why)
        if why := self.spoilt.get(exercise.id):
            message = f"What came back could not be judged: {why}."
            return Mark(exercise.id, Status.STOPPED, 0, of, "judge-stopped", message)
        return None

    def _examine(self, exercise: Exercise) -> tuple[Mark, Verdict]:
        """Run an exercise in the sandbox, and judge what comes out."""
        if (why := self.pieces.unreadable_of(exercise)) is not None:
            message = f"Python cannot read what is written there: {why}."
            return self._failed(exercise, Status.FAILED, "syntax", message)
        if self.budget.is_spent:
            return self._failed(exercise, Status.STOPPED, "time", SPENT)
        if has_signature(exercise) and not self.pieces.has_code_of(exercise):
            mark, verdict = self._tried(exercise, PUBLIC)
            if verdict.is_undone:
                return mark, verdict
        hidden = self.marker.hidden(exercise)
        mark, verdict = self._tried(exercise, hidden)
        if mark.status is Status.STOPPED:
            verdict = replace(verdict, blamed=stopped_below(exercise, self.examined))
            if self._is_an_echo(exercise, verdict, hidden):
                wrong = Diagnosis(Kind.NEEDS_MENDING, {"broken": verdict.blamed})
                mark = Mark(exercise.id, Status.ECHO, exercise.points, exercise.points)
                said = {"diagnosis": wrong.id, "message": wrong.message}
                return replace(mark, **said), verdict
        keeps_back = has_signature(exercise)  # else there are no expected values
        if keeps_back and (verdict.passed or mark.diagnosis in LIMITS_REACHED):
            return replace(mark, printed=""), verdict
        is_an_echo = self._is_an_echo(exercise, verdict, hidden)
        if is_an_echo and mark.diagnosis == Kind.NEEDS_MENDING:
            # This names other exercises only, so it gives nothing of the inputs away.
            mark = replace(mark, details=(), printed="")
        elif keeps_back:
            mark = self._in_public(exercise, mark)
        if is_an_echo:
            mark = replace(mark, status=Status.ECHO, points=exercise.points)
        return mark, verdict

    def _tried(
        self, exercise: Exercise, seed: Sequence[int], mistakes: bool = False
    ) -> tuple[Mark, Verdict]:
        """Run an exercise on the inputs of one seed, and judge it; see `signature`."""
        needs = exercise.frameworks
        sandbox = self.sandboxes[needs[0] if needs else tree_of(exercise)]
        stops = self.limits is AFTER_A_STOP and stopped_below(exercise, self.examined)
        limits = ABOVE_A_STOP if stops else self.limits
        tried = self.marker.try_exercise(
            exercise, self.pieces, sandbox, limits, seed, self.budget
        )
        if tried.stopped:
            why = (tried.stopped, tried.run.problems[0].message, tried.printed)
            return self._failed(exercise, Status.STOPPED, *why)
        signature = self.marker.signature(exercise, seed, mistakes)
        with self.marker.watch(exercise.id, True):
            verdict, wrong = examine(
                exercise, tried.run, tried.inputs, signature, self._verdict_on
            )
            mark = mark_of(exercise, Result(verdict, wrong), tried.printed)
            if verdict.passed and seed != PUBLIC:
                given = (tried.raw, tried.seen, self.pieces, seed)
                mark = self.marker.demands.asked_of(exercise, mark, verdict, *given)
        return mark, verdict

    def _is_an_echo(self, exercise, verdict: Verdict, seed: Sequence[int]) -> bool:
        """Say whether only other exercises keep this one from passing.

        It is tried again with right pieces in place of the wrong ones.
        """
        if not verdict.blamed or exercise.frameworks or self.right is None:
            return False
        wrong = to_replace(exercise, verdict, self.examined)
        sandbox = self.right.sandbox_for(exercise, wrong) if wrong else None
        if sandbox is None:
            return False
        tried = self.marker.try_exercise(
            exercise, self.pieces, sandbox, self.limits, seed, self.budget
        )
        signature = self.marker.signature(exercise, seed)
        with self.marker.watch(exercise.id, True):
            found, _ = examine(
                exercise, tried.run, tried.inputs, signature, lambda need: None
            )
            given = (exercise, tried.raw, tried.seen, seed)
            return found.passed and not self.marker.demands.shortfall(*given)

    def _in_public(self, exercise: Exercise, mark: Mark) -> Mark:
        """Say what is wrong by the inputs that every student's own check has.

        Of the hidden ones a report would give away what they are and what is expected:
        to the student on Gradescope, and to whoever hands in again.
        """
        public, verdict = self._tried(exercise, PUBLIC)
        if not verdict.passed:
            return replace(public, status=mark.status, points=mark.points)
        hidden = self.marker.hidden(exercise)
        named, _ = self._tried(exercise, hidden, mistakes=True)
        known = self.marker.signature(exercise, hidden, mistakes=True).known
        if named.diagnosis in {mistake.id for mistake in known}:
            # A sentence of our own, without a number.
            said = replace(named, details=(), printed="")
            return replace(said, status=mark.status, points=mark.points)
        nothing = {"question": "", "details": (), "printed": ""}
        return replace(mark, diagnosis="hidden-inputs", message=HIDDEN_ONLY, **nothing)

    def _failed(self, exercise, status, diagnosis, message, printed=""):
        mark = Mark(
            exercise.id, status, 0, exercise.points, diagnosis, message, printed=printed
        )
        return mark, Verdict(exercise.id, False, problems=(problem_said(message),))

    def _verdict_on(self, need: Exercise) -> Verdict | None:
        return self.examined(need)[1]
