"""Cells with IPython's own lines, without IPython's shell."""

import pytest

from ece662.check.as_python import add_shell, compiled


def run(source):
    names = {}
    add_shell(names)
    exec(compiled(source, "<cell>"), names)
    return names


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("result = 2", 2),
        ("%time result = 2", 2),
        ("%time result = [i for i in range(3)]\n", [0, 1, 2]),
        ("%%time\nx = 1\nresult = x + 1", 2),
        ("%%time\n%matplotlib inline\nresult = 3", 3),
        ("%%capture said\nprint('x')\nresult = 4", 4),
        ("%%capture --no-stderr said\nresult = 4", 4),
        ("for i in range(3):\n    %time result = i", 2),
        ("def f(x):\n    %time y = x\n    return x + 1\nresult = f(2)", 3),
        ("def f(x):\n    y = %time x + 1\n    return y\nresult = f(2)", 3),
        ("f = lambda: 3\n%time def g(): return f()\nresult = g()", 3),
        ("result = %time 6 * 7", 42),
        ("%timeit -n 1 -r1 result = 5", 5),
        ("!pip install nothing\nresult = 1", 1),
        ("result = !ls", []),
        ("result = 1\nresult?\n?result\nresult??", 1),
        ("display(3)\nresult = 1", 1),
        ("%load_ext autoreload\n%autoreload 2\nresult = 1", 1),
        (">>> result = 1", 1),
    ],
)
def test_compiled_runs_what_a_notebook_runs(source, result):
    assert run(source)["result"] == result


def test_what_a_cell_has_captured_can_be_shown_in_the_next():
    names = run("%%capture --no-stderr said\nprint('x')")
    exec(compiled("said.show()\nresult = said.stdout", "<next>"), names)
    assert names["result"] == ""


def test_magics_that_are_for_a_shell_do_nothing():
    assert "result" not in run("%%bash\nresult=1")


def test_compiled_reports_what_nobody_can_read():
    with pytest.raises(SyntaxError) as caught:
        compiled("x = 1\ny ==== 2", "<cell>")
    assert caught.value.lineno == 2


def test_errors_behind_a_magic_come_through():
    with pytest.raises(ZeroDivisionError):
        run("%time 1 / 0")
