"""What a recipe is, and the small tools that recipes are written with.

A recipe tries an exercise and holds no answer: it makes inputs, hands them to the
student's code, and returns what came out, as a flat dict of arrays. What should have
come out is known elsewhere (`ece662.check.signatures`, or a live reference when a class
is graded), so recipes may travel with the exercises.

    run(code, inputs) -> outputs       pure; `code.affine_forward` is the student's
    make_inputs(rng, case) -> inputs   arrays, numbers and short lists only
    cases                              names of the situations to try
    derive(inputs, outputs)            for random outputs: facts that can be compared

Names of outputs speak to the student. Some forms mean something: "x unchanged" says
whether the caller's array was left alone; "forward's out" is what the other half of a
pair gave, which decides nothing by itself; "own dx" holds slopes of the student's own
forward, by which a backward is judged before anything else; and "called relu_forward"
says which exercise was called on the way. `terms.read_output` reads them, once for all.
"""

import contextlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ece662.check.terms import How
from ece662.exercises import EXERCISES

__all__ = [
    "EXACT",
    "WRITES_INTO_DOUT",
    "Misfit",
    "Recipe",
    "Rule",
    "array_of",
    "copies",
    "in_forward",
    "noting_calls",
    "own_slopes",
    "slopes_agree",
    "stopped_forward",
    "unchanged",
    "unpack",
    "without_prints",
]

DIRECTIONS = 3  # along which a gradient is compared with the student's own forward
SLOPE_TOLERANCE = 1e-5
MOST_NUMBERS = 10_000  # of a case with more, only the time and the values count
STEP = 1e-5  # half the step of the centred difference; see ece662.gradient_check


EXACT = 1e-8  # what float64 always reaches, and float32 does not: as in the notebooks


class Rule(NamedTuple):
    """How an output is judged."""

    how: How = How.CLOSE
    tolerance: float = 1e-6  # of the largest expected value; the limit for How.AT_LEAST
    says: str = ""  # what a failure means, or the sentence of a remark


WRITES_INTO_DOUT = Rule(
    How.REMARK,
    says="Your backward writes into `dout`. Here nobody minds; where the caller still "
    "needs its array, a copy is safer.",
)


class Recipe(NamedTuple):
    """How one exercise is tried."""

    run: Callable[[Any, dict], dict]
    make_inputs: Callable[[np.random.RandomState, str], dict]
    cases: tuple[str, ...]
    rules: Mapping[str, Rule] = {}  # by "name" or "case/name"; else Rule()
    derive: Callable[[dict, dict], dict] | None = None
    # Set where the outputs are those of a backward: what gives them is the other half.
    forward: str | None = None
    known: Mapping[str, Any] = {}  # expected outputs that are no secret, by name
    about: Mapping[str, str] = {}  # the gradient that an output says something of
    test_cases: tuple[str, ...] = ()  # cases that end in, or are all, mode "test"
    # Names what is wrong fact by fact, where that says more than the numbers do.
    describe: Callable[[Sequence, Mapping], list] | None = None
    tolerance: float = 1e-6  # of what has no rule
    fixed: bool = True  # False where nothing else has an expected value to store


class Misfit(Exception):
    """The student's code returned something of another form than asked for."""


def unpack(value, function: str, *names: str) -> list:
    """Return the parts of a returned tuple.

    Raises:
        Misfit: there are not as many as there are names.
    """
    wanted = f"({', '.join(names)})"
    if not isinstance(value, tuple | list):
        kind = "None" if value is None else f"one {type(value).__name__}"
        raise Misfit(f"{function} should return {wanted}; it returned {kind}")
    if len(value) != len(names):
        raise Misfit(
            f"{function} should return {wanted}; it returned {len(value)} things"
        )
    return list(value)


def array_of(value, name: str) -> np.ndarray:
    """Return a copy of a result as an array.

    Raises:
        Misfit: it is nothing that can be compared: None, a ragged list, text.
    """
    if value is None:
        raise Misfit(f"{name} is None: nothing was returned for it")
    try:
        array = np.array(value)
    except ValueError:
        raise Misfit(f"{name} is no array: its rows differ in length") from None
    if array.dtype.kind not in "biuf":
        raise Misfit(f"{name} should hold numbers; it is {_describe(value, array)}")
    return array


def _describe(value, array) -> str:
    if array.dtype.kind == "O":
        return f"a {type(value).__name__}"
    return f"an array of {array.dtype}"


def copies(inputs: Mapping, *names: str) -> list:
    """Return copies of some inputs, for the student's code to do with as it likes."""
    return [np.array(inputs[name]) for name in names]


def unchanged(inputs: Mapping, **passed) -> dict:
    """Tell of arrays that were passed whether they are as they were."""
    return {
        f"{name} unchanged": np.array(np.array_equal(inputs[name], array))
        for name, array in passed.items()
    }


@contextlib.contextmanager
def without_prints() -> Iterator[None]:
    """Swallow what code prints when it is called again and again."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def in_forward(function: str) -> Iterator[None]:
    """Mark exceptions as those of the other half of a pair; see `stopped_forward`."""
    try:
        yield
    except Exception as error:
        error.stopped_forward = function
        raise


def stopped_forward(error: BaseException) -> str:
    """Return the forward that an exception stopped, "" where it was none."""
    return getattr(error, "stopped_forward", "")


FUNCTIONS = frozenset(e.id for e in EXERCISES if e.kind == "function")


@contextlib.contextmanager
def noting_calls(outputs: dict) -> Iterator[None]:
    """Add an output "called NAME" for each exercise whose function is called."""

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_name in FUNCTIONS:
            outputs[f"called {frame.f_code.co_name}"] = np.array(True)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def own_slopes(forward: Callable, arrays: Mapping, dout, gradients: Mapping) -> dict:
    """Compare gradients with the forward pass that they should belong to.

    Along a few fixed directions v, `sum(dx * v)` must be the slope of
    `sum(forward(x) * dout)`. That takes a handful of forward passes instead of two
    for each entry, and a wrong gradient does not fit by accident.

    Args:
        forward: called with a value for each of `arrays`, in order; returns out.
        arrays: the float64 arrays by name.
        dout: the gradient of the loss with respect to out.
        gradients: under the same names what the backward returned.

    Returns:
        "own dNAME": (2, DIRECTIONS), the gradient's slopes over the measured ones.
    """
    slopes: dict = {}
    if sum(np.size(array) for array in arrays.values()) > MOST_NUMBERS:
        return slopes
    for name, array in arrays.items():
        rng = np.random.RandomState(zlib.crc32(name.encode()))
        gradient = np.asarray(gradients[name])
        claimed, measured = [], []
        for _ in range(DIRECTIONS):
            v = rng.standard_normal(array.shape)
            fits = gradient.shape == array.shape
            claimed.append(np.sum(gradient * v) if fits else np.nan)
            outs = []
            for h in (STEP, -STEP):
                moved = {**arrays, name: array + h * v}
                with without_prints():
                    out = forward(*(a.copy() for a in moved.values()))
                outs.append(np.asarray(out, float))
            measured.append(np.sum((outs[0] - outs[1]) * dout) / (2 * STEP))
        slopes[f"own d{name}"] = np.array([claimed, measured])
    return slopes


def slopes_agree(claimed, measured) -> bool:
    """True where a gradient fits the measured slopes.

    In one direction is enough: a gradient that is wrong anywhere fits in none, while
    the slope across the corner of a ReLU may be measured wrongly.
    """
    scale = max(np.max(np.abs(claimed)), np.max(np.abs(measured)), 1e-3)
    return bool(np.min(np.abs(claimed - measured)) <= SLOPE_TOLERANCE * scale)
