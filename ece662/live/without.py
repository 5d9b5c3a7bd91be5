"""Names that a cell would have made, had its framework been installed.

A cell that imports TensorFlow says in one line that it is not there. The cells below it
that use its names would then stop at a NameError, which looks like the student's own
mistake; they say the same line instead.
"""

import ast

__all__ = ["note_missing", "why_not_there"]

_reasons: dict[str, str] = {}  # name: why it was never made


def note_missing(error: BaseException, source: str) -> None:
    """Remember what a cell does not make where a framework is missing.

    Args:
        error: what stopped the cell.
        source: of the cell.
    """
    reason = _reason_of(error)
    if reason is not None:
        _reasons.update(dict.fromkeys(_made_by(source), reason))


def why_not_there(error: BaseException) -> str | None:
    """Return the line that belongs in place of a NameError; None for any other."""
    return _reasons.get(error.name or "") if isinstance(error, NameError) else None


def _reason_of(error: BaseException) -> str | None:
    # An error that a notebook shows in its own words says what to install.
    says_so = isinstance(error, ModuleNotFoundError)
    if says_so and hasattr(error, "_render_traceback_"):
        return str(error)
    return why_not_there(error)


def _made_by(source: str) -> set[str]:
    """Return the names that a cell assigns, imports or defines."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return set()
    made = {n.id for n in ast.walk(tree) if _is_assigned(n)}  # type: ignore[attr-defined]
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
    return made


def _is_assigned(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
