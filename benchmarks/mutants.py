"""Wrong code in great number: right solutions with one small thing changed in each.

A mutant is a right solution in which one place of the syntax tree is another: a sign,
an operand that is left out, a number one higher, the other axis, a mean for a sum, `=`
for `+=`, a line that is gone. No check was written for any of them.
"""

import ast
import copy
import functools
import inspect
import linecache
import random
import sys
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ece662.exercises import EXERCISES, Exercise
from tests.course.correct import registry
from tests.course.correct.variants import VARIANTS  # noqa: F401 (enters them)

__all__ = ["Mutant", "changes", "mutants", "source_of"]

OTHER_OPERATOR = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div}
OTHER_COMPARISON = {ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE}
OTHER_NAME = {"mean": "sum", "sum": "mean", "maximum": "minimum", "sqrt": "square"}
FOLDER = "students"  # where a mutant seems to stand; there is no such file


class Mutant(NamedTuple):
    """A solution with one change: the exercises it is about, what it defines."""

    exercises: tuple[Exercise, ...]
    change: str  # "line 7: a + b -> a"
    functions: Mapping[str, Any]


def mutants(seed: int = 0) -> Iterator[Mutant]:
    """Yield all mutants of all right solutions, in an order drawn from a seed."""
    drawn = [
        (maker, number)
        for maker in registry.MAKERS
        for number, _ in enumerate(_changes_of(*maker))
    ]
    random.Random(seed).shuffle(drawn)
    for maker, number in drawn:
        source, change = _changes_of(*maker)[number]
        functions = _made(*maker, source, number)
        if found := _exercises_of(change, functions):
            yield Mutant(found, change, functions)


@functools.cache
def _changes_of(group: str, variant: str) -> tuple[tuple[str, str], ...]:
    return tuple(changes(source_of(group, variant)))


def source_of(group: str, variant: str) -> str:
    """Return the text of a right solution."""
    return textwrap.dedent(inspect.getsource(registry.MAKERS[group, variant]))


def changes(source: str) -> Iterator[tuple[str, str]]:
    """Yield every text that differs from a source in one place, and what differs."""
    tree = ast.parse(source)
    tree.body[0].decorator_list = []
    for owner, name, index, node in list(_places(tree)):
        for other in _others(node):
            _put(owner, name, index, other)
            text = ast.unparse(ast.fix_missing_locations(tree))
            _put(owner, name, index, node)
            new = "nothing" if isinstance(other, ast.Pass) else ast.unparse(other)
            function = _function_at(tree, node.lineno)
            yield text, f"{function}: {ast.unparse(node)} -> {new}"


def _places(tree) -> Iterator[tuple]:
    """Yield where each node stands: its owner, the field, its index or None."""
    for owner in ast.walk(tree):
        for name, value in ast.iter_fields(owner):
            for index, node in enumerate(value if isinstance(value, list) else [value]):
                if isinstance(node, ast.expr | ast.stmt):
                    yield owner, name, index if isinstance(value, list) else None, node


def _put(owner, name, index, node) -> None:
    if index is None:
        setattr(owner, name, node)
    else:
        getattr(owner, name)[index] = node


def _others(node) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    other = copy.deepcopy(node)
    match node:
        case ast.BinOp():
            yield node.left
            if type(node.op) in OTHER_OPERATOR:
                other.op = OTHER_OPERATOR[type(node.op)]()
                yield other
        case ast.Compare(ops=[op]) if type(op) in OTHER_COMPARISON:
            other.ops = [OTHER_COMPARISON[type(op)]()]
            yield other
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float()):
            yield ast.Constant(node.value + 1)
        case ast.Attribute(attr="T"):
            yield node.value
        case ast.Attribute() if node.attr in OTHER_NAME:
            other.attr = OTHER_NAME[node.attr]
            yield other
        case ast.AugAssign():
            target = node.target
            yield ast.Assign([target], node.value)
            yield ast.Pass()
        case ast.Assign() | ast.Expr(value=ast.Call()):
            yield ast.Pass()


def _function_at(tree, line) -> str:
    """Return the name of the innermost function around a line."""
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    around = [n for n in found if n.lineno <= line <= n.end_lineno]
    return max(around, key=lambda n: n.lineno).name


def _made(group, variant, source, number) -> dict[str, Any]:
    """Run a solution's text, in the names of its module; {} where it stops at once."""
    make = registry.MAKERS[group, variant]
    file = f"{FOLDER}/{group}-{variant}-{number}.py"
    lines = source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    names = dict(vars(sys.modules[make.__module__]))
    try:
        exec(compile(source, file, "exec"), names)
        function = names[make.__name__]
        takes_arguments = inspect.signature(function).parameters
        return {group: function} if takes_arguments else function()
    except Exception:
        return {}


def _exercises_of(change, functions) -> tuple[Exercise, ...]:
    """Return the exercises that a change is about: those of the function it is in."""
    function = change.partition(":")[0]
    provided = {
        name
        for name in functions
        if name == function or isinstance(functions[name], type)
    } or set(functions)
    return tuple(
        exercise
        for exercise in EXERCISES
        if exercise.kind in ("function", "class") and provided & set(exercise.provides)
    )
