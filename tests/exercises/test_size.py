"""Files that are made to take a reader's time or memory: the work grows as they do."""

import json
import tracemalloc

import pytest

from ece662.exercises import EXERCISES
from ece662.exercises.findings import Fault
from ece662.exercises.reading import MAX_MODULE, read_files
from ece662.exercises.regions import END, MAX_CELLS, START

LAYERS, Q1 = "ece662/layers.py", "notebooks/Q1-FCNetworks.ipynb"
OF_LAYERS = [exercise for exercise in EXERCISES if exercise.file == LAYERS]
OF_Q1 = [exercise for exercise in EXERCISES if exercise.file == Q1]
MAX_PER_CHARACTER = 300  # bytes, of a module that is nothing but line ends


def _nested(depth):
    """Return classes one within the other, as deep as asked for."""
    return "".join(" " * k + f"class {'c' * 500}{k}:\n" for k in range(depth))


MODULES = {
    "many functions in a class with a long name": (
        f"class {'c' * 300_000}:\n" + "".join(f" def f{k}(): 0\n" for k in range(9000))
    ),
    "many functions in deep classes": (
        _nested(150) + "".join(f"{' ' * 150}def f{k}(): 0\n" for k in range(1500))
    ),
    "many faults in deep classes": _nested(300) + "# of your code\n" * 20_000,
    "marker lines above a far indentation": (
        f"{START}\n{END}\n" * 90 + " " * 300_000 + "x = 1\n"
    ),
    "nothing but line ends": "\n" * 300_000,
    "strings that never end": "'''\ndef f(): pass\n" * 15_000,
    "regions without end": f"{START}\n" * 4000,
    "many empty regions": f"{START}\n{END}\n" * 2000,
}


@pytest.mark.parametrize("name", MODULES)
def test_memory_for_a_module_grows_as_the_module(name):
    text = MODULES[name]
    assert len(text) <= MAX_MODULE
    tracemalloc.start()
    pieces = read_files({LAYERS: text}, OF_LAYERS)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not pieces.bodies
    assert most < MAX_PER_CHARACTER * len(text)


def test_cells_beyond_what_a_notebook_may_hold_are_refused_by_name():
    written = [exercise for exercise in OF_Q1 if exercise.kind != "answer"]
    owners = [owner for exercise in written for owner in exercise.regions][:3]
    region = f"{START}\nx = 1\n{END}\n"
    sources = [region, region + "\n" * MAX_CELLS, region]
    cells = [
        {"cell_type": "code", "id": owner, "source": source}
        for owner, source in zip(owners, sources, strict=True)
    ]
    pieces = read_files({Q1: json.dumps({"cells": cells})}, OF_Q1)
    assert pieces.faults[Q1, owners[1]].what is Fault.LONG
    assert {place[1] for place in pieces.bodies} <= {owners[0], owners[2]}
    assert (Q1, owners[0]) not in pieces.faults


@pytest.mark.parametrize(
    "odd",
    [
        {"nbformat_minor": "4"},
        {"nbformat": "four", "metadata": 3},
        {"nbformat": None, "nbformat_minor": [], "metadata": None},
        {"cells": [{"cell_type": [[[]]] * 9, "source": 5, "id": {}, "metadata": [1]}]},
        {"cells": [None, 1, "x", [], {}]},
    ],
)
def test_notebook_of_an_odd_form_is_read(odd):
    owner = next(o for e in OF_Q1 for o in e.regions if e.kind != "answer")
    cell = {"cell_type": "code", "id": owner, "source": [f"{START}\nx = 1\n{END}\n"]}
    notebook = {"cells": [cell], **odd}
    if "cells" in odd:
        notebook["cells"] = [*odd["cells"], cell]
    pieces = read_files({Q1: json.dumps(notebook)}, OF_Q1)
    assert pieces.bodies[Q1, owner, 1] == "x = 1"


def test_kind_of_a_cell_that_is_deeply_nested_is_no_kind():
    deep = "[" * 900 + "]" * 900
    text = f'{{"cells": [{{"cell_type": {deep}, "source": "x"}}]}}'
    pieces = read_files({Q1: text}, OF_Q1)
    assert Q1 not in pieces.missing or pieces.missing[Q1].what is Fault.FORM
