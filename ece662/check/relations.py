"""Relations between a wrong output, the expected one, and the arrays of its case.

Each holds for the numbers seen in every case in which the output is wrong: the output
is an array of the case, or the square of what is expected, or what it is off by is an
array of the case. `differences` asks last, where nothing else can be said.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from ece662.check.comparing import Comparison
from ece662.check.diagnosis import Diagnosis
from ece662.check.factors import common_size
from ece662.check.terms import Kind, Moment, Output, Role

__all__ = ["relation_of"]

ENOUGH = 4  # numbers that agree; fewer do by chance
EXACT = 1e-13  # of the largest value: less is rounding
NOTHING = 1e-9  # a factor that is nothing but rounding
CLOSE = 1e-5  # of the largest error: a relation that leaves more does not explain it

FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the square of": np.square,
    "1 over": np.reciprocal,
    "the square root of": np.sqrt,
}


def relation_of(
    failed: Sequence[Comparison],
    everything: Sequence[Comparison],
    inputs: Mapping[str, Mapping],
) -> Diagnosis | None:
    """Diagnose one output by a relation that holds in all cases where it is wrong."""
    if not all(_is_comparable(found) for found in failed):
        return None
    if max(found.want.size for found in failed) < ENOUGH:
        return None
    arrays = [dict(_arrays_of(found, everything, inputs)) for found in failed]
    for test in (_is_one_number, _is_a_function, _is_an_array, _is_a_product):
        if found := test(failed, arrays):
            return found
    cases = [inputs.get(found.case, {}) for found in failed]
    return (
        _is_off_by_an_array(failed, arrays, cases)
        or _is_a_scaled_step(failed, arrays, cases)
        or _is_off_by_factor_and_term(failed)
        or _is_off_along_an_array(failed, arrays)
        or _is_off_before_scaling(failed, cases)
    )


def _is_comparable(found: Comparison) -> bool:
    got, want = found.got, found.want
    return (
        got is not None
        and got.shape == want.shape
        and want.dtype.kind == "f"
        and bool(np.all(np.isfinite(got)))
    )


def _explains(found: Comparison, value) -> bool:
    """True where the output is the value, up to rounding."""
    got, want = found.got, found.want
    if value.shape != want.shape or not np.all(np.isfinite(value)):
        return False
    error = float(np.max(np.abs(got - want), initial=0.0))
    scale = float(np.max(np.abs(want), initial=0.0))
    left = float(np.max(np.abs(got - value), initial=0.0))
    return left <= CLOSE * error + EXACT * scale


def _arrays_of(found, everything, inputs) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a case by what a student calls them."""
    case, step = inputs.get(found.case, {}), 0
    if found.output.moment is Moment.STEP:
        step = found.output.number
    if step and len(case.get("gradients", ())) >= step:
        yield "dw", np.asarray(case["gradients"][step - 1], float)
    if step == 1 and "w" in case:
        yield "w before that step", np.asarray(case["w"], float)
    for name, value in case.items():
        is_array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if is_array and not step:
            yield name, value
    for other in everything:
        is_value = other.output.role is Role.VALUE and other.want.dtype.kind == "f"
        if other.case != found.case or other.name == found.name or not is_value:
            continue
        if other.output[2:] == found.output[2:]:
            yield f"what {other.output.of} should be", other.want
        elif step > 1 and _is_of_step(other.output, "w", step - 1):
            yield "w before that step", other.want


def _is_of_step(output: Output, of: str, step: int) -> bool:
    is_step = output.moment is Moment.STEP and output.number == step
    return is_step and output.of == of


def _common(arrays: Sequence[Mapping]) -> list[str]:
    """Return the names that every case has."""
    return [name for name in arrays[0] if all(name in case for case in arrays)]


def _is_one_number(failed, arrays) -> Diagnosis | None:
    first = float(failed[0].got.flat[0]) if failed[0].got.size else 0.0
    for number in (0.0, first):  # what is nearly zero is so by rounding
        if all(_explains(f, np.full(f.want.shape, number)) for f in failed):
            kind = Kind.ONE_NUMBER if number else Kind.ZERO
            return Diagnosis(kind, {"name": failed[0].name, "number": number})
    return None


def _is_a_function(failed, arrays) -> Diagnosis | None:
    for says, function in FUNCTIONS.items():
        with np.errstate(all="ignore"):
            wanted = [function(found.want) for found in failed]
        if all(map(_explains, failed, wanted)):
            facts = {"name": failed[0].name, "function": says}
            return Diagnosis(Kind.FUNCTION_OF, facts)
    return None


def _is_an_array(failed, arrays) -> Diagnosis | None:
    """The output is an array of the case, or its first or last part along axis 0."""
    for name in _common(arrays):
        for part in ("", "[-1]", "[0]") if name.isidentifier() else ("",):
            same = [_part(case[name], part) for case in arrays]
            if all(map(_explains, failed, same)):
                facts = {"name": failed[0].name, "array": name + part}
                return Diagnosis(Kind.IS_ARRAY, facts)
    return None


def _is_a_product(failed, arrays) -> Diagnosis | None:
    """The output is a product of two arrays, or of one and what it should be."""
    own = "what it should be"
    arrays = [{own: f.want, **case} for f, case in zip(failed, arrays, strict=True)]
    for one, other in combinations(_common(arrays), 2):
        parts = [(case[one], case[other]) for case in arrays]
        if not all(a.shape == b.shape for a, b in parts):
            continue
        if all(_explains(f, a * b) for f, (a, b) in zip(failed, parts, strict=True)):
            facts = {"name": failed[0].name, "one": one, "other": other}
            return Diagnosis(Kind.PRODUCT, facts)
    return None


def _part(array, part) -> np.ndarray:
    if not part or not array.ndim or not len(array):
        return array
    return array[int(part.strip("[]"))]


def _is_off_by_an_array(failed, arrays, cases) -> Diagnosis | None:
    """What it is off by is an array of the case, times one factor."""
    for name in _common(arrays):
        offs = [found.got - found.want for found in failed]
        if facts := _multiples(failed, offs, [case[name] for case in arrays], cases):
            return Diagnosis(Kind.OFF_BY_ARRAY, facts | {"array": name})
    return None


def _is_a_scaled_step(failed, arrays, cases) -> Diagnosis | None:
    """What is added to an array of the case is wrong by one factor."""
    for name in _common(arrays):
        bases = [case[name] for case in arrays]
        if any(b.shape != f.want.shape for b, f in zip(bases, failed, strict=True)):
            continue
        added = [f.got - base for f, base in zip(failed, bases, strict=True)]
        right = [f.want - base for f, base in zip(failed, bases, strict=True)]
        if facts := _multiples(failed, added, right, cases):
            return Diagnosis(Kind.SCALED_STEP, facts | {"array": name})
        if facts := _multiples(failed, [f.got for f in failed], right, cases):
            return Diagnosis(Kind.STEP_ALONE, facts | {"array": name})
    return None


def _multiples(failed, parts, arrays, cases) -> dict | None:
    """Return the facts on the factors by which parts are arrays, if they are.

    Args:
        failed: the comparisons.
        parts: what the outputs are made of, or are off by.
        arrays: what the parts may be multiples of.
        cases: the inputs.
    """
    factors = []
    for found, part, array in zip(failed, parts, arrays, strict=True):
        power = float(np.sum(array * array))
        if array.shape != part.shape or not power:
            return None
        factor = float(np.sum(part * array) / power)
        if not _explains(found, found.got - part + factor * array):
            return None
        if abs(factor) < NOTHING:
            return None
        factors.append(factor)
    same = all(np.isclose(factor, factors[0]) for factor in factors)
    sign = np.sign(factors[0])
    size = None if same else common_size([sign * f for f in factors], cases, ())
    facts = {"name": failed[0].name, "factor": factors[0], "size": size}
    return facts | {"case": None if same or size else failed[0].case}


def _is_off_by_factor_and_term(failed) -> Diagnosis | None:
    """Along some axes it is a factor times the expected one, plus a term."""
    for axes in _groups(failed):
        if all(_explains(f, _mix(f.got, f.want, axes)) for f in failed):
            return Diagnosis(Kind.FACTOR_AND_TERM, _along(failed, axes))
    return None


def _is_off_before_scaling(failed, cases) -> Diagnosis | None:
    """The same of what the output is made of: it times gamma, plus beta."""
    before = []
    for found, case in zip(failed, cases, strict=True):
        gamma, beta = case.get("gamma"), case.get("beta")
        if not _fits(gamma, found) or not _fits(beta, found) or not np.all(gamma):
            return None
        got, want = ((a - beta) / gamma for a in (found.got, found.want))
        before.append(replace(found, got=got, want=want))
    wrong = _is_off_by_factor_and_term(before)
    return wrong and wrong._replace(facts={**wrong.facts, "before": True})


def _fits(array, found: Comparison) -> bool:
    """True where an array can be broadcast to the output."""
    sizes = zip(np.shape(array)[::-1], found.want.shape[::-1], strict=False)
    has_axes = 0 < np.ndim(array) <= found.want.ndim
    return has_axes and all(own in (1, size) for own, size in sizes)


def _is_off_along_an_array(failed, arrays) -> Diagnosis | None:
    """Along some axes it is off by a factor times an array, plus a term."""
    for axes in _groups(failed):
        for name in _common(arrays):
            if all(
                case[name].shape == found.want.shape
                and _explains(
                    found,
                    found.want + _mix(found.got - found.want, case[name], axes),
                )
                for found, case in zip(failed, arrays, strict=True)
            ):
                facts = _along(failed, axes) | {"array": name}
                return Diagnosis(Kind.OFF_ALONG_ARRAY, facts)
    return None


def _along(failed, axes) -> dict:
    return {"name": failed[0].name, "axes": axes, "shape": failed[0].want.shape}


def _groups(failed) -> Iterator[tuple[int, ...]]:
    """Yield axes, most of them first, along which there are numbers enough."""
    axes_of = {found.want.ndim for found in failed}
    if len(axes_of) > 1:
        return
    shape = failed[0].want.shape
    for number in range(len(shape), 0, -1):
        for axes in combinations(range(len(shape)), number):
            if np.prod([shape[axis] for axis in axes]) >= ENOUGH:
                yield axes


def _mix(got, array, axes) -> np.ndarray:
    """Return what is nearest to got among factor times array plus term, along axes."""
    mean = got.mean(axes, keepdims=True)
    of = array - array.mean(axes, keepdims=True)
    power = np.sum(of * of, axes, keepdims=True)
    factor = np.sum((got - mean) * of, axes, keepdims=True)
    return mean + factor / np.where(power > 0, power, 1.0) * of
