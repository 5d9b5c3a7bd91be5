"""Names that are missing because a cell's framework is not installed.

A cell that imports TensorFlow says in one line that it is not installed. Cells below
that use its names would raise a NameError, which looks like a mistake of the student's;
they show the same line instead.
"""

import ast

__all__ = ["note_missing", "why_not_there"]

_reasons: dict[str, str] = {}  # by name: why it was never defined


def note_missing(error: BaseException, source: str) -> None:
    """Remember the names that a cell did not define, if a framework was missing.

    Args:
        error: what stopped the cell.
        source: of the cell.
    """
    reason = _reason_of(error)
    if reason is not None:
        _reasons.update(dict.fromkeys(_defined_by(source), reason))


def why_not_there(error: BaseException) -> str | None:
    """Return the line to show instead of a NameError; None for any other error."""
    return _reasons.get(error.name or "") if isinstance(error, NameError) else None


def _reason_of(error: BaseException) -> str | None:
    # An error that a notebook shows in its own words says what to install.
    says_so = getattr(error, "_render_traceback_", None)
    if says_so is not None and isinstance(error, ModuleNotFoundError):
        return "\n".join(says_so())
    return why_not_there(error)


def _defined_by(source: str) -> set[str]:
    """Return the names that a cell assigns, imports or defines."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return set()
    names = {n.id for n in ast.walk(tree) if _is_assigned(n)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def _is_assigned(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
