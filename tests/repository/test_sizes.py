"""Modules and functions stay as long as one can take in."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("ece662", "course", "scripts", "benchmarks")
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
LARGER = {"ece662/layers.py": 700}  # one file, as students of such courses expect
MOST_LINES, MOST_IN_A_FUNCTION = 400, 40


def too_long(text, most):
    """Return the functions whose bodies have more lines, docstrings left out."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            has_docstring = ast.get_docstring(node, clean=False) is not None
            begin = (
                node.body[0].end_lineno + 1 if has_docstring else node.body[0].lineno
            )
            if node.end_lineno - begin + 1 > most:
                found.append(node.name)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_and_its_functions_are_short(path):
    text = path.read_text("utf-8")
    most = LARGER.get(path.relative_to(ROOT).as_posix(), MOST_LINES)
    assert text.count("\n") <= most
    assert too_long(text, MOST_IN_A_FUNCTION) == []


def test_long_functions_are_found():
    text = 'def f():\n    """Say."""\n' + "    a = 1\n" * 3
    assert too_long(text, 3) == []
    assert too_long(text + "    a = 2\n", 3) == ["f"]
