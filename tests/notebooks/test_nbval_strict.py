"""The notebooks' comparison: what it lets through, and what it must not.

The tests run pytest on a tiny notebook, as `scripts/notebooks.py test` does on the real
ones. What rules say of numbers is tested in test_number_rules.py.
"""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]


# Each case is a cell: (source, stored stdout or data, rules), and what nbval must say.
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
RUNS = "print('sgd 0.35'); print('adam', 0.55)"
DATA = "import os; print(os.environ['ECE662_DATA'].split(os.sep)[-2:])"
RIGHT = {
    "number": ("print(0.1 + 0.2, 'in 3.2 s')", "0.30000001 in 7 s\n"),
    "band": ("print('acc 0.58')", "acc 0.61\n", "acc within 0.05"),
    "fact": (RUNS, "sgd 0.3\nadam 0.35\n", "adam above sgd by 0.1", "sgd within 0.1"),
    "widget": (WIDGET_AND_SEMICOLON, ""),
    "dashboard": (DASHBOARD, {"text/plain": "A race. sgd 0.2500001"}),
    "synthetic data": (DATA, "['.cache', 'notebooks']\n"),
}
WRONG = {
    "number": ("print(0.1 + 0.2)", "0.31\n"),
    "one line more": ("print(0.3)", "0.3\n0.3\n"),
    "nothing stored": ("print(0.3)", ""),
    "digit": ("print('acc 0.610')", "acc 0.611\n"),
    "band": ("print('acc 0.20')", "acc 0.61\n", "acc within 0.05"),
    "fact": (RUNS, "sgd 0.3\nadam 0.7\n", "adam above sgd by 0.3", "sgd within 0.1"),
    "no rule": ("print('acc 0.61')", "acc 0.61\n", "acc near 0.61"),
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
    for i, cell in enumerate(notebook.cells):
        cell.id = f"q0-case-{i}"
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


def _cell(source, stdout, *rules):
    cell = new_code_cell(source, execution_count=None if stdout is None else 1)
    if isinstance(stdout, dict):
        data = {**stdout, "image/png": "iVBORw0KGgo="}
        cell.outputs = [new_output("display_data", data=data)]
    else:
        cell.outputs = [new_output("stream", text=stdout)] if stdout else []
    cell.metadata["compare"] = list(rules)
    return cell


@pytest.mark.parametrize("case", RIGHT)
def test_nbval_passes_what_is_right(verdicts, case):
    assert verdicts["right", case] is None


@pytest.mark.parametrize("case", WRONG)
def test_nbval_fails_on_what_is_wrong(verdicts, case):
    expected = {
        "error": "caused an exception",
        "never executed": "was stored unexecuted",
        "no rule": "'acc near 0.61' is no rule",
    }
    assert expected.get(case, "Cell outputs differ") in verdicts["wrong", case]


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("digit", "0.610 where 0.611 is stored; broken: the same to the digits shown"),
        ("band", '0.20 where 0.61 is stored; broken: "acc within 0.05"'),
        ("fact", 'broken: "adam above sgd by 0.3": 0.55 against 0.35'),
    ],
)
def test_nbval_says_which_rule_a_number_broke(verdicts, case, said):
    assert "the cell q0-case-" in verdicts["wrong", case]
    assert said in verdicts["wrong", case]
