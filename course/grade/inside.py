"""What of the grader runs in the sandbox: one exercise on a student's code.

This file is laid into the student's copy of the package as `ece662.check._inside`.
"""

import ast
import json
import sys
import types

import numpy as np

from ece662.check.code import make_code
from ece662.check.problems import explain
from ece662.check.recipes.training import CASE as TRAINED
from ece662.check.running import run_case
from ece662.exercises import find_exercise

__all__ = ["PROBLEMS", "find_unreadable", "run_exercise", "run_training"]

PROBLEMS = "problems"  # under this name they go out, as the bytes of a JSON text


def run_exercise(arrays, exercise, plain, seed):
    """Run all cases of an exercise.

    Args:
        arrays: the inputs that are arrays, by "case/name".
        exercise: its id.
        plain: the other inputs of each case, by name.
        seed: of the numbers that the student's code draws.

    Returns:
        The outputs by "case/name", and the problems.
    """
    exercise, code = find_exercise(exercise), make_code()
    inputs = {case: dict(others) for case, others in plain.items()}
    for key, array in arrays.items():
        case, _, name = key.partition("/")
        inputs[case][name] = array
    outputs, problems = {}, []
    for case, of_case in inputs.items():
        try:
            found = run_case(exercise, code, of_case, seed)
        except (Exception, SystemExit) as error:
            problem = explain(error, exercise, case)
            if problem.kind in ("not implemented", "needs"):
                problems = [problem._replace(case="")]  # as `running.run` has it
                break
            problems.append(problem)
            continue
        outputs |= {f"{case}/{name}": value for name, value in found.items()}
    text = json.dumps([problem._asdict() for problem in problems])
    return {**outputs, PROBLEMS: np.frombuffer(text.encode(), np.uint8)}


def run_training(arrays, exercise, cells, seed):
    """Run the cells of a training exercise, and hand out what they leave behind.

    Args:
        arrays: the data set, as `get_CINIC10_data` gives it.
        exercise: its id.
        cells: pairs of a cell's id and its source, the exercise's own as the last.
        seed: of the numbers that are drawn before a cell sets its own.

    Returns:
        As `run_exercise`.
    """
    exercise, namespace = find_exercise(exercise), {"__name__": "__main__"}
    _take_the_place_of_packages(arrays)
    outputs, problems = {}, []
    try:
        np.random.seed(seed)
        for name, source in cells:
            exec(compile(source, f"<cell {name}>", "exec"), namespace)
        code = make_code(namespace=namespace)
        found = run_case(exercise, code, {}, seed)
        outputs = {f"{TRAINED}/{name}": value for name, value in found.items()}
    except (Exception, SystemExit) as error:
        problems.append(explain(error, exercise, TRAINED)._replace(case=""))
    text = json.dumps([problem._asdict() for problem in problems])
    return {**outputs, PROBLEMS: np.frombuffer(text.encode(), np.uint8)}


class _Nothing(types.ModuleType):
    """Stands for a package that shows things: takes every call and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs):
        # A progress bar is handed what it counts, and must give it on.
        return args[0] if args and hasattr(args[0], "__iter__") else self

    def __iter__(self):
        return iter((self, self))  # figure, axes = plt.subplots()

    def __getitem__(self, key):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


def _take_the_place_of_packages(data):
    """Give the data set, and stand in for what the sandbox has not and nobody sees."""
    for name in ("matplotlib", "matplotlib.pyplot", "ece662.plots", "tqdm", "tqdm.auto",
                 "IPython", "IPython.display"):  # fmt: skip
        sys.modules[name] = _Nothing(name)
    served = types.ModuleType("ece662.data_utils")
    served.get_CINIC10_data = lambda *args, **kwargs: dict(data)
    meta = {"source": {"kind": "synthetic"}}
    served.find_data_set = lambda *args: types.SimpleNamespace(meta=meta)
    sys.modules[served.__name__] = served


def find_unreadable(arrays, pristine):
    """Say which modules Python cannot read, or which broke out of their functions.

    Args:
        arrays: the texts of modules, as bytes, by any names.
        pristine: the name of the module as handed out, for each name: in what a student
            writes in the regions, no definition around them can change.

    Returns:
        The reasons by name, as the bytes of a JSON text.
    """
    reasons = {}
    for name, given in pristine.items():
        try:
            tree = ast.parse(arrays[name].tobytes())
            if _outline(tree) != _outline(ast.parse(arrays[given].tobytes())):
                reasons[name] = "it ends the function that it stands in"
        except SyntaxError as error:
            reasons[name] = f"{error.msg}, line {error.lineno}"
        except (ValueError, RecursionError, MemoryError) as error:
            reasons[name] = f"{error or type(error).__name__}"
    return {PROBLEMS: np.frombuffer(json.dumps(reasons).encode(), np.uint8)}


def _outline(tree):
    """Return the definitions and other statements of a module and of its classes."""
    return [
        (type(node), getattr(node, "name", ""), _outline(node))
        if isinstance(node, ast.ClassDef)
        else (type(node), getattr(node, "name", ""))
        for node in tree.body
    ]
