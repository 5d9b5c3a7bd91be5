"""The notebooks' comparison: what it lets through, and what it must not.

The tests of `agree` call it; the others run pytest on a tiny notebook, as
`scripts/notebooks.py test` does on the real ones.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


strict = _load(ROOT / "tests" / "notebooks" / "nbval_strict.py")


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("loss 2.30050", "loss 2.30051"),
        ("[1.00001e+00 3e-10]", "[1.00000e+00 5e-9]"),
        ("dx error 3e-10, expected below 1e-8", "dx error 9e-9, expected below 1e-8"),
        ("61.2%, expected at least 40%", "58.9%, expected at least 40%"),
        ("Python 3.11.2, 32x32", "Python 3.11.2, 32x32"),
        ("[1. 2.]", "[0.99999 2.]"),
    ],
)
def test_agree_where_numbers_are_close_or_as_expected(computed, stored):
    assert strict.agree(computed, stored)


@pytest.mark.parametrize(
    ("computed", "stored"),
    [
        ("loss 2.31", "loss 2.30"),
        ("6000 images", "6001 images"),
        ("60000. images", "60001. images"),
        ("dx error 2e-8, expected below 1e-8", "dx error 3e-10, expected below 1e-8"),
        ("39.9%, expected at least 40%", "58.9%, expected at least 40%"),
        ("4e-10, expected below 1e-8", "4e-10, expected below 1e-7"),
        ("loss 2.3", "loss -2.3"),
        ("loss nan", "loss 2.3"),
        ("a cat", "a dog"),
        ("1.0 2.0", "1.0"),
        ("Python 3.11.2", "Python 3.11.3"),
    ],
)
def test_agree_not_where_something_differs(computed, stored):
    assert not strict.agree(computed, stored)


def test_agree_in_training_allows_what_rounding_grows_into():
    assert strict.agree("val_acc: 0.58", "val_acc: 0.61", strict.TRAINING)
    assert not strict.agree("val_acc: 0.20", "val_acc: 0.61", strict.TRAINING)
    assert not strict.agree("Epoch 3 / 10", "Epoch 3 / 11", strict.TRAINING)


# Each case is a cell: (source, stored stdout or data, tags), and what nbval must say.
WIDGET_AND_SEMICOLON = """
from IPython.display import display
widget = "application/vnd.jupyter.widget-view+json"
display({widget: {}, "text/plain": "bar"}, raw=True)
1 + 1;
"""
DASHBOARD = """
from IPython.display import display
widget = "application/vnd.jupyter.widget-view+json"
data = {widget: {}, "text/plain": "A race. sgd 0.25", "image/png": "iVBORw0KGgo="}
display(data, raw=True)
"""
DATA = "import os; print(os.environ['ECE662_DATA'].split(os.sep)[-2:])"
RIGHT = {
    "number": ("print(0.1 + 0.2, 'in 3.2 s')", "0.30000001 in 7 s\n"),
    "training": ("print('acc 0.58')", "acc 0.61\n", "training"),
    "widget": (WIDGET_AND_SEMICOLON, ""),
    "dashboard": (DASHBOARD, {"text/plain": "A race. sgd 0.2500001"}),
    "synthetic data": (DATA, "['.cache', 'notebooks']\n"),
}
WRONG = {
    "number": ("print(0.1 + 0.2)", "0.31\n"),
    "one line more": ("print(0.3)", "0.3\n0.3\n"),
    "nothing stored": ("print(0.3)", ""),
    "training": ("print('acc 0.20')", "acc 0.61\n", "training"),
    "new warning": ("import warnings; warnings.warn('new')", ""),
    "error": ("1 / 0", ""),
    "never executed": ("print(0.3)", None),
    "dashboard": (DASHBOARD, {"text/plain": "A race. sgd 0.26"}),
    "dashboard without a picture": (
        DASHBOARD.replace("image/png", "image/none"),
        {"text/plain": "A race. sgd 0.25"},
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """What nbval said to each case: the text of its failure, or None."""
    cases = [*RIGHT.values(), *WRONG.values()]
    folder = tmp_path_factory.mktemp("nbval")
    notebook = new_notebook(cells=[_cell(*case) for case in cases])
    nbformat.write(notebook, folder / "tiny.ipynb")
    command = [sys.executable, ROOT / "scripts" / "notebooks.py", "test", "-n0"]
    command += ["-p", "no:cacheprovider", f"--junitxml={folder / 'report.xml'}"]
    environment = {**os.environ, "ECE662_DATA": str(folder)}
    subprocess.run(
        [*map(str, command), str(folder / "tiny.ipynb")],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    found = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        faults = [fault.text for fault in case if fault.tag in ("failure", "error")]
        found[case.get("name")] = "".join(faults) or None
    names = [("right", name) for name in RIGHT] + [("wrong", name) for name in WRONG]
    return {name: found[f"Cell {i}"] for i, name in enumerate(names)}


def _cell(source, stdout, *tags):
    cell = new_code_cell(source, execution_count=None if stdout is None else 1)
    if isinstance(stdout, dict):
        data = {**stdout, "image/png": "iVBORw0KGgo="}
        cell.outputs = [new_output("display_data", data=data)]
    else:
        cell.outputs = [new_output("stream", text=stdout)] if stdout else []
    cell.metadata["tags"] = list(tags)
    return cell


@pytest.mark.parametrize("case", RIGHT)
def test_nbval_passes_what_is_right(verdicts, case):
    assert verdicts["right", case] is None


@pytest.mark.parametrize("case", WRONG)
def test_nbval_fails_on_what_is_wrong(verdicts, case):
    expected = {
        "error": "caused an exception",
        "never executed": "was stored unexecuted",
    }
    assert expected.get(case, "Cell outputs differ") in verdicts["wrong", case]
