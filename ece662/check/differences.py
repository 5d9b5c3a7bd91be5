"""The general diagnoses: the kind of difference, where no known mistake matches.

Each test compares one output with the expected one and returns a diagnosis, or None.
The first that applies is used, and the most specific come first: the form of the
output, then the situation in which it fails, then how the numbers differ. Outputs that
are wrong in different ways get one diagnosis each. `wording` makes the sentences.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import permutations

import numpy as np

from ece662.check.comparing import Comparison
from ece662.check.diagnosis import Diagnosis
from ece662.check.factors import (
    CLOSE,
    close,
    common_size,
    constant_axes,
    factor_of,
)
from ece662.check.patterns import pattern_of, wrong_entries
from ece662.check.relations import relation_of
from ece662.check.terms import Kind, Moment, Role, Trait
from ece662.check.traits import common_trait

__all__ = ["Diagnosis", "describe"]

SINGLE = 2e-6  # the error of float32 after some operations
MAX_DIAGNOSES = 3  # diagnoses of one exercise; more do not help
MAX_RIGHT = 6  # names of right outputs in one sentence


def describe(
    failed: Sequence[Comparison],
    everything: Sequence[Comparison],
    inputs: Mapping[str, Mapping] | None = None,
) -> Diagnosis:
    """Diagnose the kinds of difference.

    Args:
        failed: the comparisons that failed, at least one.
        everything: all comparisons.
        inputs: the inputs by case; their sizes may explain a factor.
    """
    inputs = inputs or {}
    by_name: dict[str, list[Comparison]] = {}
    for comparison in _without_effects(failed):
        by_name.setdefault(comparison.name, []).append(comparison)
    where = _only_where(next(iter(by_name.values())), everything, inputs)
    # Where only the defaults are wrong, nothing else is to be looked at.
    if not any(found.facts["trait"] is Trait.DEFAULTS for found in where):
        for situation in SITUATIONS:
            if found := situation(failed, everything):
                return found
    found = [_kind_of(same, everything, inputs) for same in by_name.values()]
    first, *others = _specific_first(found)
    also = _other_kinds(first, others)
    return first._replace(also=(*also, *where))


def _without_effects(failed: Sequence[Comparison]) -> list[Comparison]:
    """Leave out test mode where the running statistics that it uses are wrong."""
    is_cause = any(c.name.startswith("running_") for c in failed)
    return [c for c in failed if not (is_cause and c.output.moment is Moment.TEST)]


def _only_where(same, everything, inputs) -> tuple[Diagnosis, ...]:
    """Return what the cases with a wrong output have in common, if anything."""
    name = same[0].name
    right = [c.case for c in everything if c.name == name and c.passed]
    trait = common_trait([c.case for c in same], right, inputs)
    if trait is None:
        return ()
    return (Diagnosis(Kind.ONLY_WHERE, {"name": name, "trait": trait}),)


def _kind_of(same, everything, inputs) -> Diagnosis:
    """Diagnose one output, which is wrong in some cases."""
    first = same[0]
    failed = [comparison for comparison in everything if not comparison.passed]
    if first.output.role is Role.UNCHANGED:
        return is_changed_input(first, failed)
    for test in STRUCTURE:
        if found := test(first):
            return found
    right = [c.case for c in everything if c.name == first.name and c.passed]
    if found := constant_factor(same, inputs, right):
        return found
    for test in VALUES:
        if found := test(first):
            everywhere = all(test(other) for other in same)
            case = None if everywhere else first.case
            return found._replace(facts={**found.facts, "case": case})
    if found := relation_of(same, everything, inputs):
        return found
    return Diagnosis(Kind.DIFFERENT, _facts_of(same, everything, right))


def _facts_of(same, everything, right_cases) -> dict:
    """Return what is known where the difference has no name: what else is right."""
    first = same[0]
    wrong = {c.name: c.output.role for c in everything if not c.passed}
    right = _right_values(everything, wrong)
    is_few = len(wrong) <= MAX_DIAGNOSES and set(wrong.values()) == {Role.VALUE}
    is_loss = first.name == "loss" and first.got.size == 1
    return {
        "name": first.name,
        "wrong": len(same),
        "cases": sum(c.name == first.name for c in everything),
        "right": right if len(right) <= MAX_RIGHT else [],
        "only": list(wrong) if is_few and len(right) > MAX_RIGHT else [],
        "right_cases": right_cases if len(right_cases) <= MAX_DIAGNOSES else [],
        "single": first.want.size == 1,
        "numbers": (first.got.item(), first.want.item()) if is_loss else (),
        "case": first.case,
    }


def _right_values(everything, wrong) -> list[str]:
    """Return the names of values that are right in every case."""
    arrays = (c for c in everything if c.want.dtype != bool)  # others are facts
    values = dict.fromkeys(c.name for c in arrays if c.output.role is Role.VALUE)
    return [name for name in values if name not in wrong]


def _specific_first(found: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Move diagnoses that say little behind the others."""
    vague = (Kind.DIFFERENT, Kind.PARTLY)
    return sorted(found, key=lambda diagnosis: diagnosis.id in vague)


def _other_kinds(first, others: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    kept, kinds = [], {first.id, Kind.DIFFERENT}
    for other in others:
        if other.id not in kinds and len(kept) + 1 < MAX_DIAGNOSES:
            kinds.add(other.id)
            kept.append(other)
    return tuple(kept)


def is_missing(found: Comparison) -> Diagnosis | None:
    """The output is missing."""
    if found.got is None:
        return Diagnosis(Kind.MISSING, {"name": found.name})
    return None


def is_changed_input(found: Comparison, failed: Sequence[Comparison]) -> Diagnosis:
    """The code wrote into an array of the caller."""
    alone = all(other.output.role is Role.UNCHANGED for other in failed)
    return Diagnosis(Kind.INPUT_CHANGED, {"name": found.output.of, "alone": alone})


def is_not_so(found: Comparison) -> Diagnosis | None:
    """A fact that should hold does not."""
    if found.want.dtype != bool or found.got.dtype != bool:
        return None
    return Diagnosis(Kind.NOT_SO, {"name": found.name})


def is_another_count(found: Comparison) -> Diagnosis | None:
    """A number of things, or a shape, is another one."""
    kinds = {found.want.dtype.kind, found.got.dtype.kind}
    if not kinds <= {"i", "u"} or found.want.ndim > 1 or found.got.ndim > 1:
        return None
    facts = {"got": _counted(found.got), "want": _counted(found.want)}
    return Diagnosis(Kind.COUNT, {"name": found.name} | facts)


def _counted(array) -> int | tuple[int, ...]:
    return tuple(map(int, array)) if array.ndim else int(array)


def has_other_type(found: Comparison) -> Diagnosis | None:
    """Integers instead of floats, or the reverse."""
    got, want = found.got.dtype, found.want.dtype
    if (want.kind == "f") == (got.kind == "f"):
        return None
    return Diagnosis(Kind.TYPE, {"name": found.name, "got": got, "want": want})


def has_other_shape(found: Comparison) -> Diagnosis | None:
    """The shape is wrong."""
    got, want = found.got, found.want
    if got.shape == want.shape:
        return None
    facts = {"name": found.name, "got": got.shape, "want": want.shape}
    if got.size == want.size and close(got.ravel(), want.ravel()):
        return Diagnosis(Kind.KEPT_AXES, facts)
    if sorted(got.shape) == sorted(want.shape) and _as_permuted(got, want):
        return Diagnosis(Kind.AXES_EXCHANGED, facts)
    if _broadcasts_to(got, want):
        return Diagnosis(Kind.BROADCAST, facts)
    return Diagnosis(Kind.SHAPE, facts)


def is_not_finite(found: Comparison) -> Diagnosis | None:
    """There are nan or infinite numbers."""
    if found.want.dtype.kind != "f" or np.all(np.isfinite(found.got)):
        return None
    has_nan = bool(np.any(np.isnan(found.got)))
    return Diagnosis(Kind.NOT_FINITE, {"name": found.name, "nan": has_nan})


def is_in_single_precision(found: Comparison) -> Diagnosis | None:
    """Correct to seven digits only: computed in float32."""
    got, want = found.got, found.want
    if want.dtype.kind != "f" or not close(got, want, SINGLE):
        return None
    return Diagnosis(Kind.SINGLE_PRECISION, {"name": found.name, "got": got.dtype})


def only_in_test_mode(failed, everything) -> Diagnosis | None:
    """Mode "train" is right, mode "test" is not."""
    if not all(map(_in_test_mode, failed)):
        return None
    if all(_in_test_mode(c) for c in everything if c.passed):
        return None
    return Diagnosis(Kind.TEST_MODE)


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
    return Diagnosis(Kind.LATER_STEPS)


def constant_factor(
    failed: Sequence[Comparison], inputs: Mapping, right: Sequence[str] = ()
) -> Diagnosis | None:
    """All values are wrong by one factor; name it if it is a size or a setting."""
    factors = [factor_of(found) for found in failed]
    first, name = failed[0], failed[0].name
    facts = {"name": name, "case": first.case, "size": None, "everywhere": True}
    if factors[0] is None:
        return None
    if None in factors:
        if first.want.size == 1:
            return None  # any two numbers differ by some factor
        return Diagnosis(
            Kind.FACTOR, facts | {"factor": factors[0], "everywhere": False}
        )
    if all(abs(factor + 1) < CLOSE for factor in factors):
        return Diagnosis(Kind.SIGN, {"name": name})
    if all(abs(factor) < CLOSE for factor in factors):
        return Diagnosis(Kind.ZERO, {"name": name})
    size = common_size(
        factors,
        [inputs.get(found.case, {}) for found in failed],
        [inputs.get(case, {}) for case in right],
    )
    if size is None and all(found.want.size == 1 for found in failed):
        return None
    return Diagnosis(Kind.FACTOR, facts | {"factor": factors[0], "size": size})


def has_axes_exchanged(found: Comparison) -> Diagnosis | None:
    """The right numbers in the wrong places."""
    got, want = found.got, found.want
    for axes in _other_orders(want):
        turned = want.transpose(axes)
        if turned.size == got.size and close(got.ravel(), turned.ravel()):
            facts = {"name": found.name, "reshaped": turned.shape != got.shape}
            return Diagnosis(Kind.AXES_EXCHANGED, facts)
    if want.size > 2 and close(np.sort(got, axis=None), np.sort(want, axis=None)):
        return Diagnosis(Kind.SCRAMBLED, {"name": found.name})
    return None


def is_off_by_a_term(found: Comparison) -> Diagnosis | None:
    """The difference is constant, or constant along an axis."""
    off = found.got.astype(float) - found.want
    facts = {"name": found.name, "shape": off.shape}
    if off.ndim and off.size > 1 and close(off, np.full_like(off, off.flat[0])):
        return Diagnosis(Kind.CONSTANT_TERM, facts | {"term": off.flat[0]})
    axes = constant_axes(off)
    if not axes:
        return None
    return Diagnosis(Kind.TERM_ALONG_AXIS, facts | {"axes": axes})


def is_wrong_in_a_pattern(found: Comparison) -> Diagnosis | None:
    """Some entries are right, and where the wrong ones are can be said."""
    partly = is_partly_right(found)
    if partly is None or partly.facts["wrong"].sum() < 2:
        return None
    return partly if pattern_of(partly.facts["wrong"]) else None


def is_off_by_a_factor_along_an_axis(found: Comparison) -> Diagnosis | None:
    """Each row, for example, is wrong by a factor of its own."""
    got, want = found.got.astype(float), found.want.astype(float)
    if want.ndim < 2 or np.any(np.abs(want) < 1e-9):
        return None
    axes = constant_axes(got / want)
    longer = sum(size > 1 for size in want.shape)
    if not 0 < len(axes) < longer:
        return None
    facts = {"name": found.name, "axes": axes, "shape": want.shape}
    return Diagnosis(Kind.FACTOR_ALONG_AXIS, facts)


def is_partly_right(found: Comparison) -> Diagnosis | None:
    """Some entries are right."""
    wrong = wrong_entries(found)
    if wrong is None or not wrong.ndim or wrong.mean() > 0.9:
        return None
    return Diagnosis(Kind.PARTLY, {"name": found.name, "wrong": wrong})


STRUCTURE: tuple[Callable[[Comparison], Diagnosis | None], ...] = (
    is_missing,
    is_not_so,
    is_another_count,
    has_other_type,
    has_other_shape,
    is_not_finite,
    is_in_single_precision,
)
SITUATIONS = (only_in_test_mode, only_after_the_first)
VALUES: tuple[Callable[[Comparison], Diagnosis | None], ...] = (
    has_axes_exchanged,
    is_wrong_in_a_pattern,
    is_off_by_a_term,
    is_off_by_a_factor_along_an_axis,
    is_partly_right,
)


def _other_orders(want) -> list[tuple[int, ...]]:
    """Return every other order of an array's axes."""
    return list(permutations(range(want.ndim)))[1:]


def _as_permuted(got, want) -> bool:
    """True where got is want with its axes in another order."""
    return any(
        turned.shape == got.shape and close(got, turned)
        for turned in map(want.transpose, _other_orders(want))
    )


def _broadcasts_to(got, want) -> bool:
    try:
        return close(np.broadcast_to(got, want.shape), want)
    except ValueError:
        pass
    try:
        return close(got, np.broadcast_to(want, got.shape))
    except ValueError:
        return False
