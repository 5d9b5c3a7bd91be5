"""A cell as Python: what IPython makes of `%time`, `!pip`, `x?` and the like.

Such lines are allowed in a notebook, so a cell that is run outside of one may have
them, too. IPython's own TransformerManager translates them, where Python cannot compile
the cell as it is. Of the magics, only `%time` and its like have an effect: they run
their code. Nothing is installed, and no shell is started.
"""

import ast
import sys
from types import CodeType, SimpleNamespace
from typing import Any

__all__ = ["RUNNING", "add_shell", "as_python", "compiled", "without_options"]

RUNNING = ("time", "timeit", "prun", "memit", "mprun", "lprun")  # they run their line
RUNNING_CELLS = (*RUNNING, "capture")
# What `%%capture name` leaves under that name.
NOTHING_CAPTURED = SimpleNamespace(stdout="", stderr="", outputs=(), show=lambda: None)


def compiled(source: str, filename: str) -> CodeType:
    """Compile a cell, magics included.

    Args:
        source: the text of the cell.
        filename: for tracebacks.

    Raises:
        SyntaxError: neither Python nor IPython can read it.
    """
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError:
        changed = as_python(source)
        if changed == source:
            raise
        return compile(changed, filename, "exec", dont_inherit=True)


def as_python(source: str) -> str:
    """Return a cell as IPython would run it; unchanged if IPython is not installed."""
    try:
        from IPython.core.inputtransformer2 import TransformerManager
    except ImportError:
        return source
    return TransformerManager().transform_cell(source)


def add_shell(names: dict[str, Any]) -> None:
    """Put the names that IPython gives to a notebook into a namespace."""
    shell = _Shell(names)
    names.setdefault("get_ipython", lambda: shell)
    names.setdefault("display", lambda *objects, **options: None)


class _Shell:
    """Takes the place of IPython's shell, whose methods magics are turned into."""

    def __init__(self, names: dict[str, Any]):
        self.user_ns = names

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> Any:
        """Run the rest of the line for `%time` and its like, where it stands."""
        if name not in RUNNING:
            return None
        caller = sys._getframe(1)  # IPython, too, takes a function's own names
        names = self.user_ns if caller.f_locals is caller.f_globals else caller.f_locals
        return self._run(without_options(line), names)

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Run the cell for `%%time` and its like."""
        words = [word for word in line.split() if not word.startswith("-")]
        if name == "capture" and words:
            self.user_ns[words[0]] = NOTHING_CAPTURED
        return self._run(cell, self.user_ns) if name in RUNNING_CELLS else None

    def getoutput(self, command: str, *_: Any, **__: Any) -> list[str]:
        """Return no output: commands of the shell are not run."""
        return []

    def __getattr__(self, name: str) -> Any:
        """Return a function that does nothing, for every other method."""
        return lambda *args, **options: None

    def _run(self, source: str, names: dict[str, Any]) -> Any:
        """Run statements; return the value of the last if it is an expression.

        Args:
            source: the statements.
            names: that they see and set, beside those of the notebook.
        """
        try:
            tree = ast.parse(source)
        except SyntaxError:
            exec(compiled(source, "<magic>"), self.user_ns, names)
            return None
        value = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            value = compile(ast.Expression(tree.body.pop().value), "<magic>", "eval")
        exec(compile(tree, "<magic>", "exec"), self.user_ns, names)
        return eval(value, self.user_ns, names) if value else None


def without_options(line: str) -> str:
    """Remove options such as `-n 10 -r3`."""
    words = line.split()
    while words and words[0].startswith("-") and len(words) > 1:
        takes_a_word = len(words[0]) == 2 and words[1].isdecimal()
        words = words[1 + takes_a_word :]
        line = " ".join(words)
    return line
