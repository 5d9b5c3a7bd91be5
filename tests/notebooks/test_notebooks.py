"""The notebooks' files, and the script that runs, stores and checks them."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


def _load(path):
    spec = importlib.util.spec_from_file_location(f"scripts_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    path_before = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path_before
    return module


script = _load(ROOT / "scripts" / "notebooks.py")
NOTEBOOKS = script.find_notebooks()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_problems_none_in_the_course(path):
    assert list(script.problems(path)) == []


def test_set_up_cell_is_the_same_everywhere():
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, 4).cells]
    setups = {c.source for c in cells if "setup" in c.metadata.get("tags", [])}
    assert len(setups) == 1


@pytest.fixture
def q1(tmp_path):
    """Notebook Q1, a function that finds a cell, and one that lists its problems."""
    notebook = nbformat.read(ROOT / "notebooks" / "Q1-FCNetworks.ipynb", 4)

    def cell(name):
        return next(c for c in notebook.cells if c.id == f"q1-{name}")

    def problems():
        path = tmp_path / "Q1-FCNetworks.ipynb"
        nbformat.write(notebook, path)
        return "\n".join(script.problems(path))

    return notebook, cell, problems


def test_problems_none_in_a_copy(q1):
    assert q1[2]() == ""


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("data-load", {"id": "a1b2c3d4"}, "a1b2c3d4: expected an id"),
        ("data-load", {"execution_count": None}, "was never executed"),
        ("data-load", {"metadata": {"tags": ["fun"]}}, "unknown tags ['fun']"),
        ("data-load", {"metadata": {"scrolled": True}}, "metadata of a machine"),
        ("data-load", {"metadata": {"compare": ["loss near 2"]}}, "is no rule"),
        ("data-load", {"metadata": {"compare": "x exact"}}, "expected a list of rules"),
        ("data-load", {"metadata": {"compare": ["loss exact"]}}, "picks no number"),
        ("data-load", {"metadata": {"compare": ["6,000 falls"]}}, "picks no number"),
        ("data-load", {"source": "open('/home/ann/x')"}, "names a place on one"),
        ("solver-train", {"metadata": {"tags": []}}, "exercise and the fill-in"),
        ("solver-train", {"source": "x = 1"}, "exercise and the"),
        ("setup", {"metadata": {"tags": []}}, "expected one set-up cell"),
        ("depth-answer", {"metadata": {}}, "a question that no answer follows"),
        ("title", {"source": "# Q1"}, "no link that opens it in Colab"),
    ],
)
def test_problems_finds_a_planted_one(q1, name, change, complaint):
    _, cell, problems = q1
    for key, value in change.items():
        cell(name)[key] = value
    assert complaint in problems()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "a picture without a text, got ''"),
        ("A figure.", "a picture without a text, got 'A figure.'"),
        ("<Figure size 1100x400 with 2 Axes>", "a picture without a text"),
        ("the other's", "its picture's text is that of q1-solver-picture"),
    ],
)
def test_problems_of_a_picture_s_text(q1, text, complaint):
    _, cell, problems = q1
    other = cell("solver-picture").outputs[0].metadata["image/png"]["alt"]
    shown = cell("best-picture").outputs[0]
    shown.metadata = {"image/png": {"alt": other if text == "the other's" else text}}
    if text is None:
        shown.metadata = {}
    assert f"q1-best-picture: {complaint}" in problems()


def test_problems_unbalanced_markers(q1):
    _, cell, problems = q1
    lines = cell("solver-train").source.splitlines()
    cell("solver-train").source = "\n".join(x for x in lines if "END OF" not in x)
    assert "is never closed" in problems()


@pytest.mark.parametrize(
    "text",
    ["saved in /tmp/x", r"C:\Users\ann", "<function f at 0x7f3a>", "ann@laptop:"],
)
def test_problems_output_that_names_a_machine(q1, text):
    _, cell, problems = q1
    cell("data-load").outputs[0].text = text
    assert "the output names a machine" in problems()


def test_problems_metadata_of_an_editor(q1):
    notebook, _, problems = q1
    notebook.metadata["language_info"]["version"] = "3.11.7"
    assert "metadata of a machine" in problems()


def test_problems_stderr(q1):
    _, cell, problems = q1
    cell("data-load").outputs[0].name = "stderr"
    assert "writes to stderr" in problems()


def test_problems_other_nbformat(q1):
    notebook, _, problems = q1
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
    assert "expected nbformat 4.5" in problems()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["check"], 0, "are in order"),
        (["--help"], 0, "store the outputs"),
        (["chekc"], 2, "expected notebooks, or one of store, check, test"),
        (["check", str(Path(__file__).parent / "none.ipynb")], 2, "none.ipynb"),
    ],
)
def test_main_says_what_it_did(capsys, arguments, status, said):
    assert script.main(arguments) == status
    assert said in capsys.readouterr().out


def test_notebooks_without_their_framework_are_left_out_aloud(monkeypatch, capsys):
    monkeypatch.setattr(script, "find_spec", lambda name: "there")
    assert script.ignored() == []
    monkeypatch.setattr(script, "find_spec", lambda name: None)
    options = script.ignored()
    assert f"--ignore={ROOT / 'notebooks' / 'Q5-Tensorflow.ipynb'}" in options
    assert not any("Q4" in option for option in options)
    assert "Q5-Tensorflow.ipynb is left out: there is no tensorflow" in (
        capsys.readouterr().out
    )


STORED = """
import matplotlib.pyplot as plt
from IPython.display import display
widget = "application/vnd.jupyter.widget-view+json"
display({widget: {"model_id": "1"}, "text/plain": "a slider"}, raw=True)
picture = {"text/plain": "a dashboard", "image/png": "iVBORw0KGgo="}
alt = {"image/png": {"alt": "four squares", "width": 3}, "needs_background": "light"}
display({widget: {"model_id": "2"}, **picture}, metadata=alt, raw=True)
print("said")
print("more")
plt.plot([1, 2]);
"""


def _store(path):
    """Run the script on one file, in a process of its own."""
    command = [sys.executable, ROOT / "scripts" / "notebooks.py", "store", path]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True)


def test_store_twice_changes_nothing_and_leaves_no_trace(tmp_path):
    path = tmp_path / "tiny.ipynb"
    metadata = {"scrolled": True, "compare": ["loss within 0.1"]}
    cell = nbformat.v4.new_code_cell(STORED, id="q0-tiny", metadata=metadata)
    text = nbformat.v4.new_markdown_cell("Why?", id="q0-why")
    text.metadata["tags"] = ["question"]
    notebook = nbformat.v4.new_notebook(cells=[text, cell], metadata={"toc": "mine"})
    nbformat.write(notebook, path)

    _store(path)
    once = path.read_bytes()
    _store(path)
    assert path.read_bytes() == once

    stored = nbformat.read(path, 4)
    assert stored.metadata == script.METADATA
    assert stored.cells[0].metadata == {"tags": ["question"]}
    assert stored.cells[1].metadata == {"compare": ["loss within 0.1"]}
    assert stored.cells[1].execution_count == 1
    dashboard, said, figure = stored.cells[1].outputs
    assert dashboard.data.keys() == {"image/png", "text/plain"}
    assert dashboard.metadata == {"image/png": {"alt": "four squares"}}
    assert said.text == "said\nmore\n"
    assert figure.data.keys() == {"image/png", "text/plain"}


def test_store_stops_at_an_error_and_leaves_the_file(tmp_path):
    path = tmp_path / "tiny.ipynb"
    cell = nbformat.v4.new_code_cell("1 / 0", id="q0-tiny")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    before = path.read_bytes()
    done = _store(path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert path.read_bytes() == before
