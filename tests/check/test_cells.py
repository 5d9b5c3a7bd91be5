"""Running the cells of a notebook without a notebook."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ece662.check.cells import Cells, sources_of
from ece662.check.front import check_exercise
from ece662.exercises import EXERCISES, Exercise, find_exercise
from ece662.exercises.regions import END, START, MarkerError
from ece662.frameworks.installed import why_missing

ROOT = Path(__file__).parents[2]
CELL = "{before}\n{start}\n{body}\n{end}\nprint(result)\n"


def exercise(id, context=()):
    return Exercise(
        id,
        notebook="N",
        file="n.ipynb",
        regions=(id,),
        points=1,
        kind="training",
        recipe="trained_to_validate",
        context=context,
    )


def notebook(folder, **cells):
    """Write a notebook of code cells, id to source."""
    listed = [
        {"cell_type": "code", "id": id.replace("_", "-"), "source": source}
        for id, source in cells.items()
    ]
    (folder / "n.ipynb").write_text(json.dumps({"cells": listed}), "utf-8")
    return Cells(folder)


def filled(body):
    return CELL.format(before="result = 1", start=START, body=body, end=END)


def test_names_after_runs_what_is_needed_once_and_quietly(tmp_path, capsys):
    cells = notebook(
        tmp_path, q1_first="runs = [1]", q1_own=filled("runs.append(2)"), q1_other="1/0"
    )
    own = exercise("q1-own", ("q1-first",))
    assert cells.names_after(own)["runs"] == [1, 2]
    assert cells.names_after(own)["runs"] == [1, 2]
    assert capsys.readouterr().out == ""


def test_names_after_tells_cells_of_two_notebooks_apart(tmp_path):
    cells = notebook(tmp_path, q5_own=filled("result = 2"))
    (tmp_path / "n.ipynb").rename(tmp_path / "other.ipynb")
    notebook(tmp_path, q5_own=filled("result = 3"))
    own = exercise("q5-own")
    assert cells.names_after(replace(own, file="other.ipynb"))["result"] == 2
    assert cells.names_after(own)["result"] == 3


def test_names_after_draws_nowhere_and_leaves_the_environment_alone(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("MPLBACKEND", raising=False)
    body = "import os\nbackend = os.environ['MPLBACKEND']"
    names = notebook(tmp_path, q1_own=filled(body)).names_after(exercise("q1-own"))
    assert names["backend"] == "agg"
    assert "MPLBACKEND" not in os.environ  # a kernel would draw nothing with it


def test_check_exercise_shows_the_line_of_a_cell(tmp_path):
    cells = notebook(tmp_path, q1_own=filled("1 / 0"))
    message = check_exercise(exercise("q1-own"), cells.names_after).diagnosis.message
    assert message == (
        "Your code stopped in the cell, line 3 (`1 / 0`): ZeroDivisionError: division "
        "by zero."
    )


@pytest.mark.parametrize("body", ["# Your code", "pass", ""])
def test_check_exercise_of_an_empty_cell_is_to_do(tmp_path, body):
    cells = notebook(tmp_path, q1_own=filled(body))
    result = check_exercise(exercise("q1-own"), cells.names_after)
    assert result.diagnosis.id == "not-implemented"
    assert "q1-own: to do" in result.text()


def test_check_exercise_names_the_empty_cell_that_it_needs(tmp_path):
    cells = notebook(
        tmp_path, **{"q1_overfit_three": filled("# nothing"), "q1_own": filled("x = 1")}
    )
    own = exercise("q1-own", ("q1-overfit-three",))
    result = check_exercise(own, cells.names_after)
    assert result.diagnosis.id == "needs"
    assert "q1-overfit-three" in result.diagnosis.message


def test_check_exercise_reports_a_package_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    cells = notebook(tmp_path, q1_own=filled("import torch"))
    diagnosis = check_exercise(exercise("q1-own"), cells.names_after).diagnosis
    assert diagnosis.id == "missing-package"
    assert diagnosis.message == why_missing("torch")


def test_check_exercise_reports_a_damaged_marker(tmp_path):
    cells = notebook(tmp_path, q1_own=filled("x = 1").replace(END, END[:-1]))
    message = check_exercise(exercise("q1-own"), cells.names_after).diagnosis.message
    assert "marker line is damaged: n.ipynb" in message
    assert "line 4" in message


LISTED = [e for e in EXERCISES if e.context and e.notebook.startswith("Q")]


@pytest.mark.parametrize("own", LISTED, ids=lambda exercise: exercise.id)
def test_cells_without_ids_come_after_all_that_the_list_names(own):
    """What the list names is run here too, and not much else."""
    text = (ROOT / own.file).read_text("utf-8")
    content = json.loads(text)
    by_id = sources_of(own, text)
    for cell in content["cells"]:
        cell.pop("id", None)
    found = list(sources_of(own, json.dumps(content)).values())
    assert found[-1] == list(by_id.values())[-1]
    missing = [id for id, source in by_id.items() if source not in found]
    assert not missing
    assert len(found) <= len(by_id) + 6


def test_names_after_with_other_ids_runs_what_the_cell_builds_on(tmp_path):
    cells = notebook(
        tmp_path,
        first="import math\nruns = []",
        helper="def double(x):\n    return 2 * math.floor(x)",
        training="1/0\nmodel = None",
        loop="for i in range(3):\n    runs += [double(i)]",
        q1_own=filled("model = runs\nresult = [double(x) for x in model]"),
        q1_check="check('q1-own')",
    )
    own = exercise("q1-own", ("q1-imports", "q1-other-name"))
    assert cells.names_after(own)["result"] == [0, 4, 8]


def test_names_after_without_its_own_cell_says_so(tmp_path):
    cells = notebook(tmp_path, q1_first="runs = [1]")
    with pytest.raises(MarkerError, match=r"n.ipynb: the cell of q1-own is gone"):
        cells.names_after(exercise("q1-own", ("q1-first",)))


def test_check_of_cells_after_one_that_never_ends_does_not_run_it_again(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("ECE662_PATIENCE", "0.001")
    first = find_exercise("q5-torch-module-convnet-class")
    train = find_exercise("q5-torch-module-convnet-train")
    runs = []

    def names(exercise):
        runs.append(exercise.id)
        code = compile("while True:\n    pass", f"<{first.regions[0]}>", "exec")
        exec(code, {})

    endless = set()
    stopped, later = (check_exercise(e, names, endless).message for e in (first, train))
    assert stopped.startswith("Stopped after 0.9 seconds in the cell, line ")
    assert later == f"This builds on {first.id}, which was stopped: mend that first."
    assert runs == [first.id]
