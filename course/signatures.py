"""Make the file of signatures that ships in place of the answers.

    python -m course.signatures

runs every recipe on the reference, on other right solutions and on every known mistake,
and writes `ece662/check/signatures.npz`. A test makes it again and compares.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from course.accepted import ACCEPTED
from ece662.check.cells import Cells
from ece662.check.code import make_code
from ece662.check.diagnosing import Known, sketched_names
from ece662.check.recipes import RECIPES
from ece662.check.running import SEED, run, run_cases
from ece662.check.signatures import PATH, Signature, pack
from ece662.check.sketching import sketch
from ece662.check.terms import Role, read_output
from ece662.exercises import EXERCISES, Exercise

ROOT = Path(__file__).resolve().parents[1]

_cells = Cells(ROOT)

__all__ = ["has_signature", "make_all", "make_signature", "reference_outputs"]


def make_all() -> dict[str, Signature]:
    """Make the signature of every exercise that has outputs to expect."""
    return {e.id: make_signature(e) for e in EXERCISES if has_signature(e)}


def has_signature(exercise: Exercise) -> bool:
    """False where nothing is expected that a recipe does not say itself."""
    return exercise.recipe in RECIPES and RECIPES[exercise.recipe].fixed


def make_signature(
    exercise: Exercise, seed: int | Sequence[int] = SEED, mistakes: bool = True
) -> Signature:
    """Run the recipe on the reference, the other right solutions and the mistakes.

    Args:
        exercise: which one.
        seed: of the inputs.
        mistakes: without them a verdict is the same, and names none; they take most of
            the time.

    Raises:
        RuntimeError: the reference itself does not come through.
    """
    reference = run(exercise, _solved(exercise), seed)
    if reference.problems:
        raise RuntimeError(f"{exercise.id}: {reference.problems[0].message}")
    expected = _without_own(reference.outputs)
    accepted = tuple(
        _without_own(run(exercise, make_code(overrides), seed).outputs)
        for overrides in ACCEPTED.get(exercise.id, ())
    )
    names = sketched_names(exercise, expected)
    known = []
    for mistake in _mistakes_in(exercise) if mistakes else ():
        code = make_code(mistake.names)
        wrong = run(exercise, code, seed)
        found = sketch(wrong.outputs, names)
        known.append(Known(mistake.id, mistake.says, mistake.asks, found))
    return Signature(expected, accepted, tuple(known))


def reference_outputs(
    exercise: Exercise, inputs: Mapping[str, Mapping]
) -> dict[str, np.ndarray]:
    """Return what the reference gives for some inputs, by "case/name"."""
    return run_cases(exercise, _solved(exercise), inputs).outputs


def _solved(exercise):
    """Return the reference: the package, or a notebook run as far as is needed."""
    if not exercise.file.endswith(".ipynb"):
        return make_code()
    return make_code(namespace=_cells.names_after(exercise))


def _mistakes_in(exercise) -> list:
    """List the mistakes of an exercise that students may be shown by name."""
    try:
        from course.mistakes import all_mistakes
    except ImportError:
        return []
    known = [mistake for mistake in all_mistakes() if mistake.exercise == exercise.id]
    return [mistake for mistake in known if not mistake.hidden]


def _without_own(outputs) -> dict:
    """Leave out what is judged by itself alone."""
    return {
        key: array
        for key, array in outputs.items()
        if read_output(key.partition("/")[2]).role not in (Role.OWN, Role.CALLED)
    }


def main() -> int:
    """Write the file and say how large it is."""
    signatures = make_all()
    pack(Path(PATH), signatures)
    mistakes = sum(len(signature.known) for signature in signatures.values())
    size = PATH.stat().st_size / 1e3
    print(
        f"{len(signatures)} exercises, {mistakes} mistakes, {size:.0f} kB: {PATH.name}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
