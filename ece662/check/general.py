"""The general diagnoses: what kind of difference, where no known mistake matches.

Each test looks at one output beside what was expected and gives a diagnosis, or None.
They are asked in this order, on the first output that is wrong, so that the most
telling one speaks: how the thing is built, then in which situation it fails, then how
the numbers differ.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from ece662.check.judging import Comparison
from ece662.check.terms import Moment, Role

__all__ = ["Diagnosis", "describe"]

CLOSE = 1e-7  # of the largest value


class Diagnosis(NamedTuple):
    """What to tell a student: the idea that was missed, never the line."""

    id: str
    message: str
    question: str = ""


def describe(
    failed: Sequence[Comparison],
    everything: Sequence[Comparison],
    inputs: Mapping[str, Mapping] | None = None,
) -> Diagnosis:
    """Name the kind of difference.

    Args:
        failed: the comparisons that failed, at least one.
        everything: all comparisons.
        inputs: the inputs by case, to name the sizes that a factor may come from.
    """
    first = failed[0]
    for test in STRUCTURE:
        if found := test(first):
            return found
    for situation in SITUATIONS:
        if found := situation(failed, everything):
            return found
    same = [found for found in failed if found.name == first.name]
    if found := constant_factor(same, inputs or {}):
        return found
    for test in VALUES:
        if found := test(first):
            return found
    message = f"{first.name} differs from what it should be, in no way that has a name."
    question = (
        "Can you compute one entry of the smallest case by hand, and follow it through "
        "your code?"
    )
    return Diagnosis("different", message, question)


def is_missing(found: Comparison) -> Diagnosis | None:
    """Nothing came."""
    if found.got is None:
        return Diagnosis("missing", f"There is no {found.name}.")
    return None


def is_changed_input(found: Comparison) -> Diagnosis | None:
    """An array of the caller was written into."""
    if found.output.role is not Role.UNCHANGED:
        return None
    name = found.output.of
    return Diagnosis(
        "input-changed",
        f"The results are right, but {name} is not what it was before the call: your "
        "code writes into an array that belongs to the caller.",
        "Which of your lines works in place: an index on the left of =, +=, out=?",
    )


def is_not_so(found: Comparison) -> Diagnosis | None:
    """A fact that should hold does not."""
    if found.want.dtype != bool or found.got.dtype != bool:
        return None
    return Diagnosis("not-so", f"This should hold, and does not: {found.name}.")


def has_other_type(found: Comparison) -> Diagnosis | None:
    """Whole numbers, say, where decimals are due."""
    got, want = found.got.dtype, found.want.dtype
    if (want.kind == "f") == (got.kind == "f"):
        return None
    return Diagnosis(
        "dtype",
        f"{found.name} holds numbers of type {got}, where {want} is expected.",
        "Which array did you create without its dtype, or compare instead of compute?",
    )


def has_other_shape(found: Comparison) -> Diagnosis | None:
    """The shape is another one."""
    got, want = found.got, found.want
    if got.shape == want.shape:
        return None
    told = f"{found.name} has the shape {got.shape}, where {want.shape} is expected."
    if got.size == want.size and _close(got.ravel(), want.ravel()):
        question = "Who will multiply it later, and will its shape fit without luck?"
        return Diagnosis("kept-axes", f"The numbers are right. {told}", question)
    if sorted(got.shape) == sorted(want.shape) and _as_permuted(got, want):
        question = "Which axis is which, before and after you rearrange?"
        return Diagnosis("transposed", f"{told} Its axes are exchanged.", question)
    if _broadcasts_to(got, want):
        return Diagnosis(
            "broadcast",
            f"{told} Broadcasting would make them agree and hide that.",
            "Over which axes did you sum, and which should have stayed?",
        )
    question = "Over which axes do you sum, and which axes has each array there?"
    return Diagnosis("shape", told, question)


def is_not_finite(found: Comparison) -> Diagnosis | None:
    """There are nan or infinite numbers."""
    if found.want.dtype.kind != "f" or np.all(np.isfinite(found.got)):
        return None
    word = "nan" if np.any(np.isnan(found.got)) else "infinite"
    return Diagnosis(
        "nan",
        f"{found.name} holds {word} numbers.",
        "Where could you divide by zero, take the root of something negative, or "
        "never fill what np.empty made?",
    )


def only_in_test_mode(failed, everything) -> Diagnosis | None:
    """Training is right, the rest is not."""
    if not all(map(_in_test_mode, failed)):
        return None
    if all(_in_test_mode(c) for c in everything if c.passed):
        return None
    return Diagnosis(
        "train-only",
        "In training everything is right, in test mode it is not.",
        "What does the layer know of the data when a single picture comes in to be "
        "classified?",
    )


def _in_test_mode(found: Comparison) -> bool:
    return found.in_test_mode or found.output.moment is Moment.TEST


def only_after_the_first(failed, everything) -> Diagnosis | None:
    """The first step or batch is right, later ones are not."""
    repeated = (Moment.STEP, Moment.BATCH)
    numbers = {f.output.number for f in failed if f.output.moment in repeated}
    if not numbers or 1 in numbers:
        return None
    if not any(c.output.number == 1 for c in everything if c.passed):
        return None
    return Diagnosis(
        "first-step-only",
        "The first step is right, the later ones are not: something is not carried on "
        "from one call to the next, or not in the right order.",
        "What must this remember between two calls, and where do you store it?",
    )


def constant_factor(failed: Sequence[Comparison], inputs: Mapping) -> Diagnosis | None:
    """All is a constant times what it should be; say which if its name can be told."""
    factors = [_factor(found) for found in failed]
    if any(factor is None for factor in factors):
        return None
    name = failed[0].name
    if all(abs(factor + 1) < CLOSE for factor in factors):
        question = "In which direction should it point?"
        return Diagnosis("sign", f"{name} has the wrong sign everywhere.", question)
    if all(abs(factor) < CLOSE for factor in factors):
        question = "Is it ever filled, and is what you fill it with what you return?"
        return Diagnosis("zero", f"{name} is zero everywhere.", question)
    names = [
        _names_of(factor, inputs.get(found.case, {}), found)
        for factor, found in zip(factors, failed, strict=True)
    ]
    common = [word for word in names[0] if all(word in others for others in names)]
    if not common and all(found.want.size == 1 for found in failed):
        return None  # between two single numbers there is always a factor
    told = f"{name} is right but for a constant factor"
    if common:
        told += f": it is {common[0]} times what it should be."
    else:
        told += (
            f": in the case '{failed[0].case}' it is {factors[0]:.6g} times too large."
        )
    return Diagnosis(
        "factor", told, "Sum or mean? By what do you divide, and how often?"
    )


def has_axes_exchanged(found: Comparison) -> Diagnosis | None:
    """The right numbers in other places."""
    got, want = found.got, found.want
    if _as_permuted(got, want):
        message = f"{found.name} has two of its axes exchanged."
        question = "Which axis is which, before and after you rearrange?"
        return Diagnosis("transposed", message, question)
    if want.size > 2 and _close(np.sort(got, axis=None), np.sort(want, axis=None)):
        message = f"{found.name} holds the right numbers in the wrong places."
        question = (
            "In which order does reshape read, and what did you mean to keep together?"
        )
        return Diagnosis("scrambled", message, question)
    return None


def is_off_by_a_term(found: Comparison) -> Diagnosis | None:
    """What is missing is the same along an axis."""
    off = found.got.astype(float) - found.want
    if off.ndim and off.size > 1 and _close(off, np.full_like(off, off.flat[0])):
        message = (
            f"{found.name} is off by the same number everywhere, {off.flat[0]:.6g}."
        )
        question = "Which term does not depend on where you are?"
        return Diagnosis("constant-term", message, question)
    for axis in range(off.ndim):
        if off.shape[axis] > 1 and _close(off, off.mean(axis, keepdims=True)):
            return Diagnosis(
                "constant-term",
                f"{found.name} is off by a term that is the same along axis {axis} "
                f"(of shape {off.shape}).",
                "Which term of the formula has one value for that whole axis: a bias, "
                "a mean? Is it there, and taken over the right axis?",
            )
    return None


def is_off_by_a_factor_along_an_axis(found: Comparison) -> Diagnosis | None:
    """Each row, say, has a factor of its own."""
    got, want = found.got.astype(float), found.want.astype(float)
    if want.ndim < 2 or np.any(np.abs(want) < 1e-9):
        return None
    ratio = got / want
    for axis in range(ratio.ndim):
        if ratio.shape[axis] > 1 and _close(ratio, ratio.mean(axis, keepdims=True)):
            return Diagnosis(
                "factor-along-axis",
                f"{found.name} is off by a factor that is the same along axis {axis} "
                f"(of shape {ratio.shape}) and differs along the others.",
                "Which scale belongs to each row or column, and does it enter once?",
            )
    return None


def is_partly_right(found: Comparison) -> Diagnosis | None:
    """Some entries are right."""
    scale = np.max(np.abs(found.want), initial=0.0) or 1.0
    wrong = np.abs(found.got.astype(float) - found.want) > CLOSE * scale
    share = wrong.mean()
    if not wrong.ndim or share > 0.9:
        return None
    inside = wrong[(..., *(slice(1, -1) for _ in range(min(2, wrong.ndim))))]
    where = ", all of them at the border" if inside.size and not inside.any() else ""
    return Diagnosis(
        "partly",
        f"{int(wrong.sum())} of the {wrong.size} entries of {found.name} are wrong"
        f"{where}; the others are right.",
        "What is special about the wrong ones: the border, an overlap, a sign?",
    )


STRUCTURE: tuple[Callable[[Comparison], Diagnosis | None], ...] = (
    is_missing,
    is_changed_input,
    is_not_so,
    has_other_type,
    has_other_shape,
    is_not_finite,
)
SITUATIONS = (only_in_test_mode, only_after_the_first)
VALUES: tuple[Callable[[Comparison], Diagnosis | None], ...] = (
    has_axes_exchanged,
    is_off_by_a_term,
    is_off_by_a_factor_along_an_axis,
    is_partly_right,
)


def _close(a, b) -> bool:
    scale = max(np.max(np.abs(b), initial=0.0), 1e-9)
    return a.shape == np.shape(np.broadcast_to(b, a.shape)) and bool(
        np.all(np.abs(a - b) <= CLOSE * scale)
    )


def _as_permuted(got, want) -> bool:
    """True where got is want with its axes in another order."""
    if want.ndim < 2:
        return False
    for axes in list(permutations(range(want.ndim)))[1:]:
        turned = want.transpose(axes)
        if turned.size == got.size and _close(got.ravel(), turned.ravel()):
            return True
    return False


def _broadcasts_to(got, want) -> bool:
    try:
        return _close(np.broadcast_to(got, want.shape), want)
    except ValueError:
        pass
    try:
        return _close(got, np.broadcast_to(want, got.shape))
    except ValueError:
        return False


def _factor(found: Comparison) -> float | None:
    """Return the factor between got and want, None where there is no single one."""
    if found.got is None or found.got.shape != found.want.shape or not found.want.size:
        return None
    got, want = found.got.astype(float), found.want.astype(float)
    power = np.sum(want * want)
    if power == 0 or not np.all(np.isfinite(got)):
        return None
    factor = float(np.sum(got * want) / power)
    return factor if _close(got, factor * want) else None


def _names_of(factor: float, inputs: Mapping, found: Comparison) -> list[str]:
    """Name what a factor could be, out of the sizes and settings of a case."""
    sizes = {"2": 2.0}
    for name in ("x", "X", "batches"):
        if name in inputs:
            shape = np.shape(inputs[name])[1 if name == "batches" else 0 :]
            sizes["N, the number of inputs,"] = float(shape[0])
            if len(shape) > 1:
                sizes["D, the length of a row,"] = float(np.prod(shape[1:]))
                sizes[f"the number of entries of {name}"] = float(np.prod(shape))
    for name, value in inputs.items():
        if isinstance(value, float):
            sizes[name] = value
            sizes[f"(1 - {name})"] = 1 - value
    names = [name for name, size in sizes.items() if np.isclose(factor, size)]
    return names + [
        f"1 over {name}" for name, size in sizes.items() if np.isclose(factor * size, 1)
    ]
