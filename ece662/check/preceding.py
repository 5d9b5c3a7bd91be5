"""Which cells an exercise's cell builds on, in a notebook without the course's ids.

The list of exercises names them by id. An old notebook format has no ids, and a copied
or imported notebook may have others. Then variables are followed: a cell depends on the
nearest cell above it that assigns a name which it uses.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence

from ece662.check.as_python import as_python
from ece662.exercises.notebooks import Cell

__all__ = ["cells_before"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


def cells_before(own: Cell, cells: Sequence[Cell]) -> list[Cell]:
    """Return the code cells above a cell that it needs, from top to bottom.

    Args:
        own: the cell.
        cells: those of its notebook.
    """
    wanted, found = _needs(own.source), []
    above = [c for c in cells if c.number < own.number and c.kind == "code"]
    for cell in reversed(above):
        given = {n for node in _tree(cell.source).body for n in _given(node)}
        if "*" in given or given & wanted:
            found.append(cell)
            wanted = (wanted - given) | _needs(cell.source)
    return found[::-1]


def _needs(source: str) -> set[str]:
    """Return the names that a cell reads before it assigns them."""
    needed: set[str] = set()
    given = set(dir(builtins))
    for node in _tree(source).body:
        needed |= _read(node) - given
        given |= _given(node)
    return needed


def _read(statement: ast.stmt) -> set[str]:
    """Return the names of the notebook that a statement reads, in functions too."""
    read, own = set(), set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.add(node.id)
        elif isinstance(node, ast.AugAssign):
            read |= _stored(node.target)
        elif isinstance(node, ast.comprehension | ast.For | ast.AsyncFor):
            own |= _stored(node.target)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, _FUNCTIONS):
            own |= {name for part in node.body for name in _given(part)}
    return read - own


def _given(statement: ast.stmt) -> set[str]:
    """Return the names that a statement assigns; "*" for `import *`."""
    found: set[str] = set()
    for node in (statement, *_statements(statement)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).partition(".")[0] for a in node.names}
        elif isinstance(node, _DEFINITIONS):
            found.add(node.name)
        else:
            found |= _stored(node)
    return found


def _stored(node: ast.AST) -> set[str]:
    names = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _statements(tree: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements below `if`, `with` and the like."""
    if isinstance(tree, _DEFINITIONS):
        return
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt):
            yield node
        yield from _statements(node)


def _tree(source: str) -> ast.Module:
    try:
        return ast.parse(as_python(source))
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])
