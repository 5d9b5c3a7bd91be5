"""A cell as Python: what IPython makes of `%time`, `!pip`, `x?` and the like.

In a notebook such lines are as good as any other, so they are outside of one too. The
rules are IPython's own, its TransformerManager; it is asked only where Python cannot
read the cell as it stands. What the magics do has no place here, but that `%time` and
its like run the code behind them: nothing is installed, no shell is started.
"""

import ast
from types import CodeType
from typing import Any

__all__ = ["add_shell", "as_python", "compiled"]

RUNNING = ("time", "timeit", "prun", "memit", "mprun", "lprun")  # what stands behind
RUNNING_CELLS = (*RUNNING, "capture")


def compiled(source: str, place: str) -> CodeType:
    """Compile a cell, magics included.

    Args:
        source: the text of the cell.
        place: the file name for tracebacks.

    Raises:
        SyntaxError: neither Python nor IPython can read it.
    """
    try:
        return compile(source, place, "exec", dont_inherit=True)
    except SyntaxError:
        changed = as_python(source)
        if changed == source:
            raise
        return compile(changed, place, "exec", dont_inherit=True)


def as_python(source: str) -> str:
    """Return a cell as IPython would run it; as it is where IPython is not there."""
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
    """Stands for the shell that a magic is called on."""

    def __init__(self, names: dict[str, Any]):
        self.user_ns = names

    def run_line_magic(self, name: str, line: str, *_: Any, **__: Any) -> Any:
        """Run what stands behind `%time` and its like."""
        return self._run(_without_options(line)) if name in RUNNING else None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Run the cell behind `%%time` and its like."""
        return self._run(cell) if name in RUNNING_CELLS else None

    def getoutput(self, command: str, *_: Any, **__: Any) -> list[str]:
        """Return the lines that a shell's command writes: none."""
        return []

    def __getattr__(self, name: str) -> Any:
        """Let every other call do nothing."""
        return lambda *args, **options: None

    def _run(self, source: str) -> Any:
        """Run statements; return the value of the last if it is an expression."""
        try:
            tree = ast.parse(source)
        except SyntaxError:
            exec(compiled(source, "<magic>"), self.user_ns)
            return None
        value = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            value = compile(ast.Expression(tree.body.pop().value), "<magic>", "eval")
        exec(compile(tree, "<magic>", "exec"), self.user_ns)
        return eval(value, self.user_ns) if value else None


def _without_options(line: str) -> str:
    """Take off options such as `-n 10 -r3`."""
    words = line.split()
    while words and words[0].startswith("-") and len(words) > 1:
        takes_a_word = len(words[0]) == 2 and words[1].isdecimal()
        words = words[1 + takes_a_word :]
        line = " ".join(words)
    return line
