"""The fill-in regions: found, read, filled, and refused where they are damaged."""

import json
from pathlib import Path

import pytest

from ece662.exercises.regions import (
    END,
    START,
    MarkerError,
    Region,
    fill,
    find,
    find_regions,
    is_empty,
    read,
    stub,
)

ROOT = Path(__file__).parents[2]
MODULES = [f"ece662/{name}.py" for name in ("layers", "optim", "classifiers/fc_net")]
NOTEBOOKS = [f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")]
FILES = sorted([*MODULES, "ece662/classifiers/cnn.py", *NOTEBOOKS])

MODULE = f"""\
def first(x):
    '''Say what class (or def) it is.'''
    if x:
        {START}
        y = x
        def helper(z):
            return z
        {END}
    else:
        {START}
        y = 0
        {END}
    return y


class Net:
    def loss(self,
             x):
        {START}
        return x
        {END}
"""


def notebook(*sources):
    cells = [
        {"cell_type": "code", "id": f"q1-{number}", "source": source, "outputs": []}
        for number, source in enumerate(sources)
    ]
    text = {"cell_type": "markdown", "id": "q1-text", "source": ["# Title ü"]}
    return json.dumps({"cells": [text, *cells], "nbformat": 4}, ensure_ascii=False)


def test_find_regions_gives_lines_and_indentation():
    source = f"a\n    {START}\n    b\n    {END}\n{START}\n{END}\n"
    assert find_regions(source) == [
        Region(2, 4, "    ", "", 1),
        Region(5, 6, "", "", 2),
    ]


def test_find_regions_none():
    assert find_regions("x = 1\n") == []


def test_find_names_functions_and_methods_and_counts():
    assert [region[3:] for region in find(MODULE, "m.py")] == [
        ("first", 1),
        ("first", 2),
        ("Net.loss", 1),
    ]


def test_find_in_a_notebook_names_cells():
    cell = f"def f():\n    {START}\n    {END}\n{START}\n{END}"
    assert find(notebook("1", cell.splitlines(keepends=True)), "n.ipynb") == [
        Region(2, 3, "    ", "q1-1", 1),
        Region(4, 5, "", "q1-1", 2),
    ]


DAMAGED = [
    (f"a\n{START}\n", "opened in line 2 is never closed"),
    (f"{END}\n", "line 1 closes a region that was not opened"),
    (f"{START}\n{START}\n{END}\n", "line 2 opens a region within another"),
    (f"{START}\n{END}\n{END}\n", "line 3 closes a region that was not opened"),
    (f"{START}\n  {END}\n", "line 2 is not indented as line 1"),
    (f"{START[:-1]}\n", "line 1 is almost a marker"),
    (f"{START[2:]}\n", "line 1 is almost a marker"),
    (f"x = 1  {START}\n", "line 1 is almost a marker"),
    ("# ***END OF YOUR CODE***\n", "line 1 is almost a marker"),
]


@pytest.mark.parametrize(("source", "complaint"), DAMAGED)
def test_find_regions_damaged_is_refused(source, complaint):
    with pytest.raises(MarkerError, match=complaint):
        find_regions(source)


@pytest.mark.parametrize("act", [find, read, lambda *args: fill(*args, {})])
@pytest.mark.parametrize(("source", "complaint"), DAMAGED)
def test_damage_is_reported_with_the_file_and_the_cell(act, source, complaint):
    with pytest.raises(MarkerError, match=f"^m.py, .*{complaint}"):
        act(source, "m.py")
    with pytest.raises(MarkerError, match=rf"^n.ipynb, cell q1-0, .*{complaint}"):
        act(notebook(source), "n.ipynb")


@pytest.mark.parametrize("name", FILES)
def test_what_was_read_can_be_filled_in_again(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    bodies = read(text, name)
    emptied = fill(text, name, {key: stub("this", "that.ipynb") for key in bodies})
    assert emptied != text or not bodies
    assert all(map(is_empty, read(emptied, name).values()))
    assert fill(emptied, name, bodies) == text
    assert fill(text, name, bodies) == text


def test_fill_moves_a_body_to_its_place():
    body = "# says why\nif x:\n    y = 1\n\nz = 2"
    filled = fill(MODULE, "m.py", {("Net.loss", 1): body})
    assert read(filled, "m.py")["Net.loss", 1].splitlines() == [
        "        # says why",
        "        if x:",
        "            y = 1",
        "",
        "        z = 2",
    ]
    deep = "\n".join("            " + line for line in body.splitlines())
    assert fill(MODULE, "m.py", {("Net.loss", 1): deep}) == filled


def test_read_and_fill_keep_odd_indentation():
    odd = f"def f():\n    {START}\n# left\n    x = '''\nleft'''\n    {END}\n"
    assert fill(odd, "m.py", read(odd, "m.py")) == odd


def test_fill_keeps_the_line_ends_of_windows():
    windows = MODULE.replace("\n", "\r\n")
    filled = fill(windows, "m.py", {("first", 2): "y = 3"})
    assert filled == MODULE.replace("y = 0", "y = 3").replace("\n", "\r\n")


def test_fill_in_a_notebook_leaves_the_other_cells():
    text = notebook("keep = 1", f"a\n{START}\nb\n{END}\nc")
    cells = json.loads(fill(text, "n.ipynb", {("q1-1", 1): "x\ny"}))["cells"]
    assert cells[:2] == json.loads(text)["cells"][:2]
    assert "".join(cells[2]["source"]) == f"a\n{START}\nx\ny\n{END}\nc"


def test_fill_refuses_what_is_not_there_and_markers():
    with pytest.raises(KeyError, match=r"m.py has no region 3 in first"):
        fill(MODULE, "m.py", {("first", 3): "y = 1"})
    with pytest.raises(MarkerError, match="the text for first holds a marker line"):
        fill(MODULE, "m.py", {("first", 1): f"y = 1\n{END}"})


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        ("", True),
        ("    # still to do\n\n", True),
        ("pass", True),
        (stub("adam", "Q1.ipynb"), True),
        (stub("adam", None), True),
        ("# raise NotImplementedError\nout = x", False),
        ("pass\nout = x", False),
    ],
)
def test_is_empty(body, empty):
    assert is_empty(body) is empty


def test_stub_names_exercise_and_notebook():
    with pytest.raises(NotImplementedError, match=r"adam .* notebooks/Q1.ipynb"):
        exec(stub("adam", "notebooks/Q1.ipynb"))
    assert stub("q1-train", None).startswith("#")
    assert "q1-train" in stub("q1-train", None)
