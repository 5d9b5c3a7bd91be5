"""Which cells of a notebook show something of the student's own work?

An answer read off the source, without running anything: names that the exercises
provide are the student's, and so is whatever is computed with them. Where in doubt, a
cell counts as dependent, which costs little: what it printed stays visible beside it.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["dependent_cells", "names_that_depend_on"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def names_that_depend_on(names: Iterable[str], package: Path) -> set[str]:
    """Add to ``names`` each function and class of the package that uses one of them.

    Args:
        names: what the exercises in modules provide, such as "affine_forward".
        package: its folder.
    """
    uses: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, Definition):
                uses.setdefault(node.name, set()).update(_mentioned(node))
    found = set(names)
    while more := {name for name in uses if uses[name] & found} - found:
        found |= more
    return found


def dependent_cells(
    sources: Iterable[tuple[str, str]], exercises: Iterable[str], names: Iterable[str]
) -> set[str]:
    """Find the cells whose outputs depend on what a student writes.

    Args:
        sources: the code cells in their order, each as (id, source).
        exercises: the ids of those that are filled in.
        names: functions and classes that are the student's, as `names_that_depend_on`
            finds them.

    Returns:
        The ids of the cells that depend.

    Raises:
        ValueError: a cell is no Python.
    """
    exercises, student, variables = set(exercises), set(names), set()
    dependent = set()
    for cell, source in sources:
        for statement in _statements(cell, source):
            if isinstance(statement, (ast.Import, ast.ImportFrom)):
                continue  # an import does not change whose work a name stands for
            stored = set(_stored(statement))
            if cell in exercises or student & _loaded(statement):
                dependent.add(cell)
                # An argument may have been changed in place: config["m"], say.
                changed = variables & set(_arguments(statement, student))
                student |= stored | changed
            else:
                student -= stored
            variables |= stored
    return dependent


def _statements(cell: str, source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        message = f"cell {cell} cannot be read, line {error.lineno}: {error.msg}"
        raise ValueError(message) from error


def _mentioned(node: ast.AST) -> Iterator[str]:
    """Yield the names and attributes that a definition mentions."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def _loaded(statement: ast.stmt) -> set[str]:
    """List the names that a statement reads, less the parameters of its functions."""
    own = {part.arg for part in ast.walk(statement) if isinstance(part, ast.arg)}
    return {
        part.id
        for part in ast.walk(statement)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)
    } - own


def _stored(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, or whose items or attributes it sets."""
    for part in ast.walk(statement):
        if isinstance(part, Definition):
            yield part.name
        elif isinstance(getattr(part, "ctx", None), ast.Store):
            while isinstance(part, (ast.Subscript, ast.Attribute)):
                part = part.value
            if isinstance(part, ast.Name):
                yield part.id


def _arguments(statement: ast.stmt, student: set[str]) -> Iterator[str]:
    """Yield the variables that a statement hands to the student's functions."""
    for call in ast.walk(statement):
        if isinstance(call, ast.Call) and _name_of(call.func) in student:
            for value in (*call.args, *(word.value for word in call.keywords)):
                if isinstance(value, ast.Name):
                    yield value.id


def _name_of(function: ast.expr) -> str:
    return getattr(function, "id", getattr(function, "attr", ""))
