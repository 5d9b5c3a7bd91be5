"""Editors that format on saving: marker lines stay, and what is between them."""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ece662.exercises.regions import fill, parse_file

ROOT = Path(__file__).parents[2]
OPTIM = "ece662/optim.py"
# Texts that a formatter has something to do with, above all beside the marker lines.
BODIES = {
    "a loop at the end": "next_w = w\nfor i in (1,2) :\n  for j in (3, ) :\n    pass\n",
    "a function at the end": "next_w = w\ndef f(a): return a\n\n\n\n",
    "a function at the beginning": "def f( a ):\n  return a\nnext_w=f(w)\n",
    "comments": "# one\nnext_w = w\n  # two\n      # three\n",
    "a comment alone": "#todo\n",
    "empty lines": "\n\n\nnext_w = w\n\n\n\n",
    "a long line": f"next_w = w{' + w' * 40} # all of it\n",
    "a text of several lines": "next_w = w\n'''\n kept  \n  as it is\n'''\n",
    "brackets": "next_w = (w\n+ 1\n# within\n)\n",
    "a backslash": "next_w = w + \\\n      1\n",
    "two on a line": "next_w = w; v = 2;\n",
}
FORMAT, FIX = ("format",), ("check", "--fix", "--exit-zero")


@pytest.mark.skipif(find_spec("ruff") is None, reason="formats by ruff")
@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["Unix", "Windows"])
@pytest.mark.parametrize("orders", [[FORMAT], [FIX], [FIX, FORMAT]], ids=str)
def test_regions_are_found_after_formatting(tmp_path, orders, ends):
    texts = {}
    for number, body in enumerate(BODIES.values()):
        text = (ROOT / OPTIM).read_text("utf-8")
        text = fill(text, OPTIM, {("sgd_momentum", 1): body}).replace("\n", ends)
        path = tmp_path / f"optim{number}.py"
        path.write_bytes(text.encode())
        texts[path] = text
    for order in orders:
        command = [sys.executable, "-m", "ruff", *order, "--isolated", "-q", tmp_path]
        subprocess.run(command, check=True)
    for path, text in texts.items():
        before = parse_file(text, OPTIM)
        after = parse_file(path.read_bytes().decode(), OPTIM)
        assert (after.faults, after.notes) == ({}, before.notes)
        assert [*after.bodies] == [*before.bodies]
        if FIX not in orders:
            assert _read(path.read_bytes()) == _read(text)


def _read(text):
    """Return what Python reads in a text, whatever it looks like."""
    return ast.dump(ast.parse(text))
