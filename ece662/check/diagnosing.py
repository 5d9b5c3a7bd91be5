"""Say what went wrong: what is at fault, a known mistake, or the kind of difference.

The first of these that applies, so that every sentence is true of the outputs:

1. code that is not written yet, or names that NumPy no longer has;
2. the forward of a pair, where that has stopped or is wrong;
3. an exception in the exercise itself;
4. another exercise that it calls and that is wrong itself;
5. known mistakes: one with the same outputs, or several that explain them together;
6. how the outputs differ.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ece662.check.diagnosis import Diagnosis
from ece662.check.differences import describe
from ece662.check.judging import Verdict
from ece662.check.phrases import describe_case
from ece662.check.recipe import Rule, slopes_agree
from ece662.check.running import recipe_of
from ece662.check.sketching import TOLERANCE, matches, matching_rows, sketch
from ece662.check.terms import AtFault, How, Kind, Role, Stop, read_output
from ece662.check.training_runs import FIRST_LOSSES, describe_training
from ece662.exercises import EXERCISES, Exercise

__all__ = ["Diagnosis", "Known", "diagnose", "sketched_names"]

# These come first, in this order.
FIRST = (
    Stop.UNREADABLE,
    Stop.ENDLESS,
    Stop.NEEDS,
    Stop.NOT_IMPLEMENTED,
    Stop.OLD_NUMPY,
    Stop.MISSING_PACKAGE,
)
EXERCISE_IDS = frozenset(exercise.id for exercise in EXERCISES)
MAX_MISTAKES = 3  # known mistakes in one diagnosis


class Known(NamedTuple):
    """A known mistake, and the sketch by which it is recognised."""

    id: str
    says: str  # one sentence
    asks: str  # one question that leads to the answer
    sketch: np.ndarray  # of the outputs in `sketched_names`


def sketched_names(exercise: Exercise, expected: Mapping) -> list[str]:
    """Return the names of the outputs that are sketched, in a fixed order."""
    rules = recipe_of(exercise).rules
    names = []
    for key in sorted(expected):
        name = key.partition("/")[2]
        how, role = rules.get(key, rules.get(name, Rule())).how, read_output(name).role
        apart = (Role.OWN, Role.FORWARD, Role.CALLED)
        if how is How.CLOSE and role not in apart:
            names.append(key)
    return names


def diagnose(
    exercise: Exercise,
    outputs: Mapping[str, np.ndarray],
    expected: Mapping[str, np.ndarray],
    verdict: Verdict,
    known: Iterable[Known] = (),
    broken: Sequence[str] = (),
    inputs: Mapping[str, Mapping] | None = None,
) -> Diagnosis | None:
    """Explain a verdict; None where the exercise passed.

    Args:
        exercise: which one.
        outputs: the student's, by "case/name".
        expected: the reference's.
        verdict: from `judge`.
        known: the exercise's known mistakes.
        broken: ids of exercises that it called and that do not pass.
        inputs: the inputs by case, to name the sizes in a factor.
    """
    if verdict.passed:
        return None
    kinds = {problem.kind: problem for problem in reversed(verdict.problems)}
    for kind in FIRST:
        if kind in kinds and not kinds[kind].case:
            return Diagnosis(kind.value, says=kinds[kind].message)
    inputs = inputs or {}
    broken = [id for id in broken if id != recipe_of(exercise).forward]
    if found := _other_half(exercise, verdict, inputs, outputs):
        return found
    mistakes = _known_mistakes(exercise, outputs, expected, known)
    whole = mistakes[:1] if mistakes and not mistakes[0].also else ()
    if verdict.problems:
        return _own_stop(exercise, verdict, inputs, broken, whole)
    if broken:
        return Diagnosis(Kind.NEEDS_MENDING, {"broken": broken})
    if whole:
        return whole[0]
    if verdict.fault is AtFault.FORWARD:
        return _loss_at_fault(verdict, inputs)
    if verdict.fault is AtFault.BOTH and recipe_of(exercise).forward in EXERCISE_IDS:
        return _both_halves(exercise, verdict, outputs)
    if mistakes and not recipe_of(exercise).describe:
        return mistakes[0]
    if not verdict.failed:
        return Diagnosis(Kind.NO_SIGNATURE, {"exercise": exercise.id})
    return _difference(exercise, verdict, inputs, outputs)


def _difference(exercise, verdict, inputs, outputs) -> Diagnosis:
    recipe = recipe_of(exercise)
    said = {name for name, rule in recipe.rules.items() if rule.says}
    is_training = any(key.partition("/")[2] == FIRST_LOSSES for key in outputs)
    if is_training and any(c.at_least and c.name not in said for c in verdict.failed):
        return describe_training(outputs)
    if recipe.describe and (found := recipe.describe(verdict.failed, inputs)):
        return found[0]._replace(also=tuple(found[1:]))
    rule = recipe.rules.get(verdict.failed[0].name, Rule())
    if rule.says:
        return Diagnosis(Kind.NOT_SO, says=rule.says)
    found = describe(verdict.failed, verdict.comparisons, inputs)
    if not all(_kept_dout(outputs)):
        written = Diagnosis(Kind.INPUT_CHANGED, {"name": "dout", "alone": False})
        found = found._replace(also=(*found.also, written))
    return found


def _kept_dout(outputs) -> list[bool]:
    """Say for each case whether the caller's dout is as it was."""
    read = {key: read_output(key.partition("/")[2]) for key in outputs}
    return [
        bool(outputs[key])
        for key, output in read.items()
        if output.role is Role.UNCHANGED and output.of == "dout"
    ]


def _loss_at_fault(verdict, inputs) -> Diagnosis:
    """Say in which way the loss is wrong, or the scores, where that can be told."""
    wrong = [c for c in verdict.failed if c.output.of in ("scores", "loss")]
    found = Diagnosis(Kind.LOSS_AT_FAULT)
    if not wrong:
        return found
    kind = describe(wrong, verdict.comparisons, inputs)
    return found if kind.id == Kind.DIFFERENT else found._replace(also=(kind,))


def _other_half(exercise, verdict, inputs, outputs) -> Diagnosis | None:
    """Diagnose the forward, where it stopped or makes the gradients wrong."""
    forward = recipe_of(exercise).forward
    if forward not in EXERCISE_IDS:
        return None
    stopped = [problem for problem in verdict.problems if problem.forward]
    if stopped:
        facts = _facts_of(stopped, exercise, inputs, len(inputs)) | {"forward": forward}
        return Diagnosis(Kind.FORWARD_STOPS, facts)
    if verdict.fault is not AtFault.FORWARD:
        return None
    facts = {"forward": forward}
    for found in verdict.forwards:
        if found.got is not None and found.got.shape != found.want.shape:
            shapes = {"got": found.got.shape, "want": found.want.shape}
            return Diagnosis(
                Kind.FORWARD_AT_FAULT, facts | shapes | {"case": found.case}
            )
    return Diagnosis(Kind.FORWARD_AT_FAULT, facts)


def _own_stop(exercise, verdict, inputs, broken, named) -> Diagnosis:
    """Diagnose an exception: which one, in which case, with which sizes."""
    problems = sorted(verdict.problems, key=lambda p: p.kind not in FIRST)
    facts = _facts_of(problems, exercise, inputs, len(inputs)) | {"broken": broken}
    stop = Diagnosis(Kind.STOPPED, facts)
    first = problems[0]
    if first.kind is Stop.OURS:
        return Diagnosis(Kind.OURS, {"error": first.message})
    if named and not broken:
        return named[0]._replace(also=(stop,))
    kinds = {Stop.ERROR: Kind.STOPPED}
    return stop._replace(id=kinds.get(first.kind, first.kind.value))


def _facts_of(problems, exercise, inputs, cases) -> dict:
    first = problems[0]
    return {
        "message": first.message,
        "case": first.case,
        "sizes": describe_case(inputs.get(first.case, {})),
        "stopped": len(problems),
        "cases": cases,
        "inside": first.inside,
        "calling": first.facts.get("calling", ""),
        "exercise": exercise.id,
        "broken": (),
    }


def _both_halves(exercise, verdict, outputs) -> Diagnosis:
    """Say which gradients do not fit the student's own forward, itself wrong, too."""
    fits: dict[str, bool] = {}
    for key, pair in outputs.items():
        output = read_output(key.partition("/")[2])
        if output.role is Role.OWN:
            fits[output.of] = fits.get(output.of, True) and slopes_agree(*pair)
    facts = {
        "forward": recipe_of(exercise).forward,
        "wrong": [name for name, fit in fits.items() if not fit],
        "right": [name for name, fit in fits.items() if fit],
    }
    return Diagnosis(Kind.BOTH_AT_FAULT, facts)


def _known_mistakes(exercise, outputs, expected, known) -> list[Diagnosis]:
    """Return the known mistake with these outputs, or several mistakes together.

    Several are accepted if each wrong output equals that of one of the mistakes, and
    each mistake explains all outputs that it would make wrong.
    """
    known = list(known)
    names = sketched_names(exercise, expected)
    if not known or not any(name in outputs for name in names):
        return []
    tolerance = _tolerance(exercise)
    own = sketch(outputs, names)
    for mistake in known:
        if matches(own, mistake.sketch, tolerance):
            return [Diagnosis(mistake.id, says=mistake.says, asks=mistake.asks)]
    right = sketch(expected, names)
    wrong = ~matching_rows(own, right, tolerance)
    found, left = [], wrong.copy()
    parts = [(m, ~matching_rows(m.sketch, right, tolerance)) for m in known]
    for mistake, rows in sorted(parts, key=lambda part: -int(part[1].sum())):
        same = matching_rows(mistake.sketch, own, tolerance)
        if rows.any() and not (rows & ~same).any() and not (rows & ~left).any():
            found.append(Diagnosis(mistake.id, says=mistake.says, asks=mistake.asks))
            left &= ~rows
    if left.any() or not 1 < len(found) <= MAX_MISTAKES:
        return []
    return [found[0]._replace(also=tuple(found[1:]))]


def _tolerance(exercise) -> float:
    """Return the tolerance for sketches; it is larger for float32 than for float64."""
    rules = recipe_of(exercise).rules.values()
    return max([TOLERANCE, *(r.tolerance for r in rules if r.how is How.CLOSE)])
