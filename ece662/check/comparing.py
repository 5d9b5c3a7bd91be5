"""Compare one output with the expected one."""

from dataclasses import dataclass

import numpy as np

from ece662.check.recipe import Rule
from ece662.check.terms import How, Output, read_output

__all__ = ["Comparison", "compare"]

PLAIN = Rule()
# An expected output below this is zero up to rounding (such as the gradient of a bias
# in front of a normalisation); errors are then absolute instead of relative.
ZERO = 1e-9


@dataclass(frozen=True)
class Comparison:
    """One output, the expected one, and their difference."""

    case: str
    name: str
    passed: bool
    error: float  # the largest difference, as a share of the largest expected value
    tolerance: float  # where `at_least` is True, the value to be reached
    where: tuple[int, ...] = ()  # the index of the largest difference
    got: np.ndarray | None = None
    want: np.ndarray | None = None
    at_least: bool = False
    in_test_mode: bool = False

    @property
    def output(self) -> Output:
        """What the output is."""
        return read_output(self.name)


def compare(case, name, got, want, rule: Rule = PLAIN) -> Comparison:
    """Compare one output with the expected one: shape, kind of dtype and values."""
    want = np.asarray(want)
    if got is None:
        return Comparison(case, name, False, np.inf, rule.tolerance, want=want)
    got = np.asarray(got)
    if rule.how is How.AT_LEAST:
        short = float(np.max(rule.tolerance - got, initial=0.0))
        return Comparison(
            case, name, short == 0, short, rule.tolerance, (), got, want, at_least=True
        )
    if got.shape != want.shape or (want.dtype.kind == "f") != (got.dtype.kind == "f"):
        return Comparison(case, name, False, np.inf, rule.tolerance, (), got, want)
    a, b = got.astype(float), want.astype(float)
    distance = np.where(np.isfinite(a), np.abs(a - b), np.inf)
    scale = float(np.max(np.abs(b), initial=0.0))
    scale = 1.0 if scale < ZERO else scale
    error = float(np.max(distance, initial=0.0)) / scale
    where = np.unravel_index(np.argmax(distance), distance.shape) if a.size else ()
    where = tuple(int(i) for i in where)
    passed = error <= rule.tolerance
    return Comparison(case, name, passed, error, rule.tolerance, where, got, want)
