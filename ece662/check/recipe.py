"""What a recipe is, and helpers to write one.

A recipe runs an exercise and contains no answer: it makes inputs, passes them to the
student's code, and returns the outputs as a flat dict of arrays. The expected outputs
are elsewhere (`ece662.check.signatures`, or a reference solution when a class is
graded), so recipes may be given to students.

    run(code, inputs) -> outputs       pure; `code.affine_forward` is the student's
    make_inputs(rng, case) -> inputs   arrays, numbers and short lists only
    cases                              the names of the cases
    derive(inputs, outputs)            for random outputs: facts that can be compared

Students see the names of outputs. Some have a meaning: "x unchanged" says whether the
caller's array was left unchanged; "forward's out" is the output of the forward in the
exercise of its backward, and is not judged; "own dx" holds slopes of the student's own
forward, which a backward is compared with first; and "called relu_forward" says that
this exercise was called. `terms.read_output` parses them.
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
    "stored",
    "unchanged",
    "unpack",
    "without_prints",
]

DIRECTIONS = 3  # along which a gradient is compared with the student's own forward
SLOPE_TOLERANCE = 1e-5
MAX_NUMBERS = 10_000  # inputs larger than this have no slopes measured
STEP = 1e-5  # half the step of the centred difference; see ece662.gradient_check


EXACT = 1e-8  # float64 always reaches it, float32 does not; as in the notebooks


class Rule(NamedTuple):
    """How an output is judged."""

    how: How = How.CLOSE
    tolerance: float = 1e-6  # of the largest expected value; How.AT_LEAST: the limit
    says: str = ""  # the sentence for a failure or a remark


WRITES_INTO_DOUT = Rule(
    How.REMARK,
    says="Your backward writes into `dout`. That does no harm here, but a caller may "
    "still need the array: working on a copy is safer.",
)


class Recipe(NamedTuple):
    """How one exercise is run and judged."""

    run: Callable[[Any, dict], dict]
    make_inputs: Callable[[np.random.RandomState, str], dict]
    cases: tuple[str, ...]
    rules: Mapping[str, Rule] = {}  # by "name" or "case/name"; Rule() by default
    derive: Callable[[dict, dict], dict] | None = None
    # For a backward: the forward that it belongs to, an exercise or "loss".
    forward: str | None = None
    known: Mapping[str, Any] = {}  # expected outputs that give nothing away, by name
    about: Mapping[str, str] = {}  # for outputs that describe a gradient: which one
    test_cases: tuple[str, ...] = ()  # cases in mode "test", or that end in it
    # Makes diagnoses of the comparisons that failed, where general ones say too little.
    describe: Callable[[Sequence, Mapping], list] | None = None
    tolerance: float = 1e-6  # of outputs without a rule
    fixed: bool = True  # False where no expected output is stored beside `known`


class Misfit(Exception):
    """The student's code returned something of another form than its docstring says."""


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
    except MemoryError:
        shape = getattr(value, "shape", "")
        raise Misfit(
            f"{name} is larger than the memory: its shape is {shape}"
        ) from None
    except Exception as error:
        if isinstance(value, list | tuple) and isinstance(error, ValueError):
            raise Misfit(f"{name} is no array: its rows differ in length") from None
        what = f"a {type(value).__name__}, and {type(error).__name__}: {error}"
        raise Misfit(f"{name} cannot be made an array: it is {what}") from None
    if array.dtype.kind not in "biuf":
        raise Misfit(f"{name} should hold numbers; it is {_describe(value, array)}")
    return array


def stored(kept: Mapping, name: str, owner: str) -> np.ndarray:
    """Return what code has stored in a dict under a name, as an array.

    Raises:
        Misfit: it has stored nothing there, or nothing that can be compared.
    """
    if kept.get(name) is None:
        raise Misfit(
            f"{owner}[{name!r}] is not there after the call: store it in there"
        )
    return array_of(kept[name], f"{owner}[{name!r}]")


def _describe(value, array) -> str:
    if array.dtype.kind == "O" and not isinstance(value, np.ndarray):
        return f"a {type(value).__name__}"
    return f"an array of {array.dtype}"


def copies(inputs: Mapping, *names: str) -> list:
    """Return copies of some inputs, for the student's code to do with as it likes."""
    return [np.array(inputs[name]) for name in names]


def unchanged(inputs: Mapping, **passed) -> dict:
    """Return for each array that was passed whether it is unchanged."""
    return {
        f"{name} unchanged": np.array(np.array_equal(inputs[name], array))
        for name, array in passed.items()
    }


@contextlib.contextmanager
def without_prints() -> Iterator[None]:
    """Discard what code prints, where it is called many times."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def in_forward(function: str) -> Iterator[None]:
    """Mark exceptions as raised in the forward of a pair; see `stopped_forward`."""
    try:
        yield
    except Exception as error:
        error.stopped_forward = function
        raise


def stopped_forward(error: BaseException) -> str:
    """Return the name of the forward that raised an exception; "" if none did."""
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
    `sum(forward(x) * dout)`. That takes a few forward passes instead of two for each
    entry, and a wrong gradient does not agree by chance.

    Args:
        forward: called with a value for each of `arrays`, in order; returns out.
        arrays: the float64 arrays by name.
        dout: the gradient of the loss with respect to out.
        gradients: returned by the backward, by the same names.

    Returns:
        "own dNAME": (2, DIRECTIONS), the gradient's slopes, then the measured ones.
    """
    slopes: dict = {}
    if sum(np.size(array) for array in arrays.values()) > MAX_NUMBERS:
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
    """True where a gradient agrees with the measured slopes.

    One direction is enough: a wrong gradient agrees in none of them, and a slope that
    is measured across the kink of a ReLU may be wrong.
    """
    scale = max(np.max(np.abs(claimed)), np.max(np.abs(measured)), 1e-3)
    return bool(np.min(np.abs(claimed - measured)) <= SLOPE_TOLERANCE * scale)
