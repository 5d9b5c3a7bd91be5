"""What of the grader runs in the sandbox: one exercise on a student's code.

This file is copied into the student's copy of the package as `ece662.check._inside`.
"""

import ast
import contextlib
import json
import linecache
import marshal
import signal
import sys

import numpy as np

from ece662.check.as_python import add_shell, compiled
from ece662.check.code import make_code
from ece662.check.containing import PASSED_ON
from ece662.check.problems import explain
from ece662.check.running import run_cases
from ece662.exercises import find_exercise
from ece662.exercises.lines import split
from ece662.live.limit import LimitError

__all__ = [
    "BY_GRADIENT",
    "DROPOUT",
    "LATE",
    "LOSS",
    "PROBLEMS",
    "find_unreadable",
    "outline",
    "run_cells",
    "run_exercise",
]

PROBLEMS = "problems"  # the output's name; it holds the bytes of a JSON text
LATE = "took too long"
LOSS, BY_GRADIENT = "loss in training", "by its gradient"
DROPOUT = "FullyConnectedNet-dropout"


def run_exercise(arrays, exercise, plain, seed, large=None, seconds=0):
    """Run all cases of an exercise.

    Args:
        arrays: the inputs that are arrays, by "case/name".
        exercise: its id.
        plain: the other inputs of each case, by name.
        seed: of the numbers that the student's code draws.
        large: the case that is run only where the others raised nothing.
        seconds: of CPU time that it may take.

    Returns:
        The outputs by "case/name", and the problems. Where the large case took too
        long, `LATE` is its only output.
    """
    exercise, code = find_exercise(exercise), make_code()
    inputs = _joined(arrays, plain)
    further = {large: inputs.pop(large)} if large else {}
    outputs, problems = run_cases(exercise, code, inputs, seed)
    if further and not problems:
        try:
            with _time_limit(seconds):
                outputs = outputs | run_cases(exercise, code, further, seed).outputs
                if exercise.recipe == DROPOUT:
                    outputs |= _gradients_of_dropout(code, large, further[large])
        except _LateError:
            outputs = {**outputs, f"{large}/{LATE}": np.array(True)}
    return _answer(outputs, problems)


def _gradients_of_dropout(code, case, inputs):
    """Return a network's training loss, and each W times its gradient, summed up.

    Where the biases are zero, the sum is the same for every layer, and follows from
    the loss of a single picture with two classes: whatever the mask, it can be judged.
    """
    weights = [name for name in inputs if name.startswith("W")]
    try:
        net = code.FullyConnectedNet(**inputs["made_with"], dtype=np.float64)
        for name in set(inputs) & set(net.params):
            net.params[name] = np.array(inputs[name])
        loss, grads = net.loss(np.array(inputs["X"]), np.array(inputs["y"]))
        found = {name: np.sum(inputs[name] * grads[name]) for name in weights}
    except Exception:
        return {}
    sums = {f"{case}/{name} {BY_GRADIENT}": found[name] for name in weights}
    return {f"{case}/{LOSS}": np.array(float(loss)), **sums}


class _LateError(LimitError):
    """Out of time; no `except Exception` of a student's is meant to see it."""


@contextlib.contextmanager
def _time_limit(seconds):
    """Raise _LateError in code that computes for longer.

    It is raised once more at the end, where the code has caught it and gone on.
    """
    is_late = False

    def stop(number, frame):
        nonlocal is_late
        is_late = True
        raise _LateError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if is_late:
        raise _LateError


def run_cells(arrays, exercise, plain, cells, seed):
    """Run the cells of an exercise, and then its cases on what they leave behind.

    Args:
        arrays: inputs as for `run_exercise`; under "data/name" the data set, as
            `get_CINIC10_data` gives it, and under "torch/name" or "tensorflow/name" the
            weights that `load_model` gives.
        exercise: its id.
        plain: as for `run_exercise`.
        cells: pairs of a cell's id and its source, the exercise's own as the last.
        seed: of the numbers that are drawn before a cell sets its own.

    Returns:
        As `run_exercise`.
    """
    from ece662.check._watching import Recorder

    from ece662.check import _standing_in as standing_in  # there only

    exercise, namespace = find_exercise(exercise), {"__name__": "__main__"}
    add_shell(namespace)
    try:
        codes = _compiled(cells)
    except (Exception, SystemExit) as error:
        return _answer({}, [explain(error, exercise)])
    standing_in.stand_in()
    data = _taken(arrays, "data")
    standing_in.serve_data(data)
    weights = {mode: _taken(arrays, mode) for mode in ("torch", "tensorflow")}
    if any(weights.values()):
        standing_in.serve_models(weights)
    recorder = Recorder(data)
    try:
        np.random.seed(seed)
        for code in codes:
            exec(code, namespace)
    except BaseException as error:
        if isinstance(error, PASSED_ON):
            raise
        return _answer({}, [explain(error, exercise)])
    seen = recorder.seen(exercise.id, namespace)
    code = make_code(namespace=namespace)
    return _answer(*run_cases(exercise, code, _joined(arrays, plain), seed)) | seen


def _compiled(cells):
    """Compile cells, before anything stands in for the IPython that knows magics."""
    codes = []
    for name, source in cells:
        place = f"<cell {name}>"
        # So that the text of a line can be shown where one fails.
        lines = [line + "\n" for line in split(source)]
        linecache.cache[place] = (len(source), None, lines, place)
        codes.append(compiled(source, place))
    for name in [n for n in sys.modules if n.partition(".")[0] == "IPython"]:
        del sys.modules[name]
    return codes


def _taken(arrays, folder):
    """Take the arrays of a folder out of all of them."""
    names = [name for name in arrays if name.startswith(f"{folder}/")]
    return {name.partition("/")[2]: arrays.pop(name) for name in names}


def _joined(arrays, plain):
    """Put the inputs of each case together."""
    inputs = {case: dict(others) for case, others in plain.items()}
    for key, array in arrays.items():
        case, _, name = key.partition("/")
        inputs[case][name] = array
    return inputs


def _answer(outputs, problems):
    text = json.dumps([problem._asdict() for problem in problems])
    return {**outputs, PROBLEMS: np.frombuffer(text.encode(), np.uint8)}


def find_unreadable(arrays, outlines, files):
    """Say which modules Python cannot read, and which end a function too early.

    Args:
        arrays: the texts of modules, as bytes, by any names.
        outlines: of the modules as handed out, by file. What is written in the regions
            must not change the definitions around them.
        files: the file of each module, by name.

    Returns:
        The reasons by name, as the bytes of a JSON text; and by the names of the others
        their bytecode.
    """
    reasons, bytecode = {}, {}
    for name, file in files.items():
        try:
            tree = ast.parse(arrays[name].tobytes())
            # This refuses more than parsing does, such as `break` outside a loop.
            code = compile(tree, name, "exec", dont_inherit=True)
            if outline(tree) != outlines[file]:
                reasons[name] = "it ends the function that it stands in"
            else:
                bytecode[name] = np.frombuffer(marshal.dumps(code), np.uint8)
        except SyntaxError as error:
            reasons[name] = f"{error.msg}, line {error.lineno}"
        except (ValueError, RecursionError, MemoryError) as error:
            reasons[name] = f"{error or type(error).__name__}"
    return bytecode | {PROBLEMS: np.frombuffer(json.dumps(reasons).encode(), np.uint8)}


def outline(tree):
    """Return the statements of a module and of its classes, as lists that JSON has too.

    Of each of them its kind, name, number of decorators, and what is in it.
    """
    return [
        [
            type(node).__name__,
            getattr(node, "name", ""),
            len(getattr(node, "decorator_list", ())),
            outline(node) if isinstance(node, ast.ClassDef) else [],
        ]
        for node in tree.body
    ]
