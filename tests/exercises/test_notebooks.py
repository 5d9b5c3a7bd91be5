"""Notebooks of the formats 2 and 3: what each part of them becomes."""

import json

import nbformat

from ece662.exercises.notebooks import cells_of, in_format_4

HEADINGS = [
    {"cell_type": "heading", "level": 2, "source": "Layers"},
    {"cell_type": "heading", "level": "two", "source": ["Ne", "ts"]},
    "no cell",
    {"cell_type": "raw", "source": "as it is"},
]
CODE = {
    "cell_type": "code",
    "input": ["a = 1\n", "b = 2"],
    "metadata": {"tags": ["kept"], "collapsed": False},
    "outputs": [{"output_type": "pyout", "text": "1"}],
}
SHEETS = [{"cells": HEADINGS}, "no sheet", {"cells": 3}, {"cells": [CODE]}]


def test_old_notebook_becomes_one_of_format_4():
    text = json.dumps({"worksheets": SHEETS, "nbformat": 3})
    new = nbformat.reads(in_format_4(text), 4)
    nbformat.validate(new)
    parts = [(cell.cell_type, cell.source) for cell in new.cells]
    assert parts == [
        ("markdown", "## Layers"),
        ("markdown", "# Nets"),
        ("raw", "as it is"),
        ("code", "a = 1\nb = 2"),
    ]
    assert new.cells[-1].metadata == {"tags": ["kept"]}
    assert [(cell.kind, cell.source) for cell in cells_of(text)] == parts


def test_notebook_of_format_4_that_speaks_of_worksheets_stays_as_it_is():
    cell = {"cell_type": "code", "source": 'old = "worksheets" in notebook'}
    for more in ({}, {"worksheets": SHEETS}):
        text = json.dumps({"cells": [cell], "nbformat": 4, **more})
        assert in_format_4(text) == text
        assert [found.source for found in cells_of(text)] == [cell["source"]]
