"""What editors and students do to files: the reader copes, for everybody alike."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course.grade.classroom import Pupil, files_of
from ece662.exercises import EXERCISES
from ece662.exercises.findings import Fault, MarkerError, Note, NotebookError
from ece662.exercises.notebooks import cells_of, with_sources
from ece662.exercises.reading import read_files
from ece662.exercises.regions import ANSWER, END, START, fill, parse_file, read
from ece662.exercises.work import read_work, rewrite

LAYERS, FC_NET = "ece662/layers.py", "ece662/classifiers/fc_net.py"
Q1, Q5 = "notebooks/Q1-FCNetworks.ipynb", "notebooks/Q5-Pytorch.ipynb"
SOLVED = files_of(Pupil("ann"))
RELU = re.compile(r"def relu_forward\(.*?(?=\ndef )", re.DOTALL)


def in_cells(change):
    """Make a change of a notebook's text out of one of its cells."""

    def changed(text):
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            change(cell)
        return json.dumps(notebook)

    return changed


def without(*keys):
    return in_cells(lambda cell: [cell.pop(key, None) for key in keys])


def with_values(**values):
    return in_cells(lambda cell: cell.update(values))


def answer_as(kind):
    def change(cell):
        if cell["id"] == "q1-depth-answer":
            cell["cell_type"] = kind

    return in_cells(change)


def copied(text):
    notebook = json.loads(text)
    cells = notebook["cells"]
    place = next(i for i, c in enumerate(cells) if c["id"] == "q1-solver-train")
    cells.insert(place, cells[place])
    return json.dumps(notebook)


def indented(unit):
    """Indent all lines by another unit than four spaces."""

    def change(text):
        lines = text.split("\n")
        depths = [len(line) - len(line.lstrip(" ")) for line in lines]
        return "\n".join(
            unit * (depth // 4) + " " * (depth % 4) + line.lstrip(" ")
            for depth, line in zip(depths, lines, strict=True)
        )

    return change


def old_copy(before, after):
    """Keep the function as it was, changed so that one sees which was read."""

    def change(text):
        old = RELU.search(text)[0].replace("np.maximum", "np.minimum")
        old = old.replace('"""', "'''")
        return text.replace(
            "def relu_forward(", f"{before}{old}{after}\n\n\ndef relu_forward(", 1
        )

    return change


def commented(character):
    return lambda text: text.replace(START, f"{START}\n    # {character} = 1", 1)


def as_colab_saves_it(text):
    """Put the ids where Colab keeps them."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["metadata"]["id"] = cell.pop("id")
    return json.dumps(notebook | {"nbformat_minor": 0})


def answer_in_a_cell_of_its_own(text):
    """Leave the answer's cell as it was, and write into a new one below it."""
    notebook = json.loads(text)
    cells = notebook["cells"]
    place = next(i for i, c in enumerate(cells) if c["id"] == "q1-depth-answer")
    cells.insert(place + 1, cells[place] | {"id": "0f3a9c21"})
    cells[place] = cells[place] | {"source": [ANSWER]}
    return json.dumps(notebook)


def with_windows_lines(text):
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    return json.dumps(notebook)


# What is done to which file, and the notes that are expected.
CASES = {
    "U+2028": (LAYERS, commented("\u2028 a"), []),
    "vertical tab": (LAYERS, commented("\v a\x1c b\x85 c\f"), []),
    "2 spaces": (FC_NET, indented("  "), []),
    "8 spaces": (FC_NET, indented("        "), []),
    "tabs": (FC_NET, indented("\t"), []),
    "windows": (LAYERS, lambda text: text.replace("\n", "\r\n"), []),
    "old macs": (LAYERS, lambda text: text.replace("\n", "\r"), []),
    "byte order mark": (LAYERS, lambda text: "\ufeff" + text, []),
    "kept in a string": (LAYERS, old_copy('"""', '"""'), []),
    "defined twice": (LAYERS, old_copy("", ""), [Note.TWICE]),
    "bound below": (LAYERS, lambda text: text + "\nrelu_forward = fast = max\n",
                    [Note.BOUND]),
    "imported below": (LAYERS, lambda text: text + "\nfrom mine import relu_forward\n",
                       [Note.BOUND]),
    "compared below": (LAYERS, lambda text: text + "\nrelu_forward == max\n", []),
    "cell copied": (Q1, copied, [Note.COPIED]),
    "answer as code": (Q1, answer_as("code"), [Note.TYPE]),
    "answer raw": (Q1, answer_as("raw"), [Note.TYPE]),
    "no counts": (Q1, without("execution_count", "outputs"), []),
    "no metadata": (Q1, without("metadata"), []),
    "tags as text": (Q1, with_values(metadata={"tags": "answer"}), []),
    "no nbformat": (Q1, lambda text: text.replace('"nbformat": 4,', ""), []),
    "answer below": (Q1, answer_in_a_cell_of_its_own, [Note.BELOW]),
    "lines of Windows": (Q1, with_windows_lines, []),
    "saved by Colab": (Q1, as_colab_saves_it, []),
    "no ids": (Q1, without("id"), None),
    "ids null": (Q5, with_values(id=None), None),
    "no ids, no tags": (Q5, without("id", "metadata"), None),
    "notebook with a mark": (Q1, lambda text: "\ufeff" + text, []),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_own_tools_and_grader_read_the_same(tmp_path, name):
    file, change, notes = CASES[name]
    text = change(SOLVED[file])
    assert text != SOLVED[file]
    for other, content in {**SOLVED, file: text}.items():
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_bytes(content.encode())
    graded = read_files({**SOLVED, file: text})
    own = read_work(tmp_path)
    assert own == [graded.piece_of(exercise) for exercise in EXERCISES]
    assert [
        piece.exercise.id for piece in own if piece.fault or not piece.written
    ] == []
    whole = read_files(SOLVED)
    assert graded.answers == whole.answers
    assert graded.bodies.keys() == whole.bodies.keys()
    if file == Q1 or name in ("kept in a string", "windows", "old macs"):
        assert graded.bodies == whole.bodies
    if notes is None:
        assert {note.what for note in graded.findings} == {Note.FOUND}
    else:
        assert [note.what for note in graded.findings] == notes


@pytest.mark.parametrize("name", CASES)
def test_what_was_read_can_be_filled_in_again(name):
    file, change, _ = CASES[name]
    text = change(SOLVED[file])
    assert fill(text, file, read(text, file)) == text


@pytest.mark.skipif(not find_spec("ruff"), reason="needs ruff, which lints")
@pytest.mark.parametrize(
    "options",
    [
        ["line-length=40", "indent-width=2"],
        ["line-length=120", "format.indent-style='tab'", "format.quote-style='single'"],
    ],
    ids=["narrow", "tabs"],
)
def test_work_that_a_formatter_has_laid_out_anew_is_read(tmp_path, options):
    modules = [file for file in SOLVED if file.endswith(".py")]
    for file in modules:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(SOLVED[file], "utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--no-cache"]
    command += [word for option in options for word in ("--config", option)]
    subprocess.run([*command, tmp_path], check=True, capture_output=True)
    texts = {file: (tmp_path / file).read_text("utf-8") for file in modules}
    assert all(texts[file] != SOLVED[file] for file in modules)
    found, whole = read_files(SOLVED | texts), read_files(SOLVED)
    assert found.faults == found.missing == {}
    assert found.findings == []
    assert found.bodies.keys() == whole.bodies.keys()
    filled = {
        file: fill(SOLVED[file], file, read(texts[file], file)) for file in modules
    }
    for file in modules:
        compile(filled[file], file, "exec")


def _in_format_3(text):
    return nbformat.writes(nbformat.convert(nbformat.reads(text, 4), 3), 3)


def _in_format_2(text):
    """Format 2 has the worksheets of 3, and no cells for headings."""
    book = json.loads(_in_format_3(text)) | {"nbformat": 2}
    return json.dumps(book)


@pytest.mark.parametrize("change", [_in_format_3, _in_format_2])
def test_notebook_of_an_old_format_is_read_and_can_be_filled(tmp_path, change):
    old = change(SOLVED[Q1])
    assert '"worksheets"' in old
    for file, content in {**SOLVED, Q1: old}.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(content.encode())
    graded, whole = read_files({**SOLVED, Q1: old}), read_files(SOLVED)
    assert read_work(tmp_path) == [graded.piece_of(e) for e in EXERCISES]
    assert (graded.answers, graded.bodies) == (whole.answers, whole.bodies)
    assert {note.what for note in graded.findings} == {Note.FOUND, Note.OLD}
    assert graded.missing == graded.faults == {}
    bodies = dict.fromkeys(read(old, Q1), "mine = 1\n")
    new = nbformat.reads(fill(old, Q1, bodies), 4)
    nbformat.validate(new)
    assert sum("mine = 1" in cell.source for cell in new.cells) == len(bodies)


ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_notebook_in_another_encoding_is_read_by_everybody(tmp_path, encoding):
    data = SOLVED[Q1].encode(encoding)
    for file, content in SOLVED.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(data if file == Q1 else content.encode())
    graded, whole = read_files({**SOLVED, Q1: data}), read_files(SOLVED)
    own = read_work(tmp_path)
    assert own == [graded.piece_of(e) for e in EXERCISES]
    assert (graded.answers, graded.bodies) == (whole.answers, whole.bodies)
    expected = [] if encoding == "utf-8-sig" else [Note.WIDE]
    assert [note.what for note in graded.findings] == expected
    in_q1 = [piece for piece in own if piece.exercise.file == Q1]
    assert all(len(piece.notes) == len(expected) for piece in in_q1)
    before = rewrite(tmp_path / Q1, tmp_path, lambda text: text.replace("Q1", "Q1 ", 1))
    assert before.read_bytes() == data
    assert (tmp_path / Q1).read_text("utf-8").removeprefix("\ufeff") == SOLVED[
        Q1
    ].replace("Q1", "Q1 ", 1)


def test_work_in_another_indentation_means_the_same_in_the_courses_own_file():
    spaces = read_files(SOLVED).bodies
    for unit in ("  ", "        ", "\t"):
        changed = read_files({**SOLVED, FC_NET: indented(unit)(SOLVED[FC_NET])}).bodies
        mine = {p[1:]: body for p, body in changed.items() if p[0] == FC_NET}
        filled = fill(SOLVED[FC_NET], FC_NET, mine)
        compile(filled, FC_NET, "exec")
        same = {p[1:]: body for p, body in spaces.items() if p[0] == FC_NET}
        assert read(filled, FC_NET).keys() == same.keys()
        if unit != "\t":
            continue
        assert filled.expandtabs(4) == SOLVED[FC_NET]


def test_an_open_string_costs_the_function_that_it_stands_in():
    text = SOLVED[LAYERS].replace("out = np.maximum(x, 0)", 'out = """x', 1)
    pieces = read_files({**SOLVED, LAYERS: text})
    assert pieces.faults == {}
    whole = read_files(SOLVED).bodies
    changed = {place for place, body in pieces.bodies.items() if body != whole[place]}
    assert changed == {(LAYERS, "relu_forward", 1)}


def test_a_merge_costs_the_function_in_which_it_stopped():
    conflict = "<<<<<<< HEAD\n    out = x\n=======\n    out = 0\n>>>>>>> mine"
    text = SOLVED[LAYERS].replace("    out = np.maximum(x, 0)", conflict, 1)
    faults = read_files({**SOLVED, LAYERS: text}).faults
    assert {place: fault.what for place, fault in faults.items()} == {
        (LAYERS, "relu_forward"): Fault.CONFLICT
    }


def test_a_body_that_is_too_long_is_a_fault_and_a_long_answer_a_note():
    long = SOLVED[LAYERS].replace(
        "out = np.maximum(x, 0)", f"out = 0  # {'x' * 100_000}"
    )
    [fault] = read_files({**SOLVED, LAYERS: long}).faults.values()
    assert (fault.what, fault.owner) == (Fault.LONG, "relu_forward")
    notebook = json.loads(SOLVED[Q1])
    answer = next(c for c in notebook["cells"] if c["id"] == "q1-depth-answer")
    answer |= {"source": "y" * 20_001, "attachments": {"a.png": {"image/png": "aa"}}}
    pieces = read_files({**SOLVED, Q1: json.dumps(notebook)})
    assert {note.what for note in pieces.findings} == {Note.CUT, Note.PICTURES}
    assert len(pieces.answers["q1-depth-answer"]) == 20_000


def test_half_a_character_costs_the_cell_that_it_stands_in():
    notebook = json.loads(SOLVED[Q1])
    cell = next(c for c in notebook["cells"] if c["id"] == "q1-solver-train")
    cell["source"] = "".join(cell["source"]).replace(START, f"{START}\nx = '\ud800'")
    [fault] = read_files({**SOLVED, Q1: json.dumps(notebook)}).faults.values()
    assert (fault.what, fault.owner) == (Fault.LETTERS, "q1-solver-train")


LINES = st.sampled_from(
    [START, END, f"    {START}", f"    {END}", "def f(x):", "    def g():", "class A:",
     "    x = 1", '    """', "'''", "\t", "# \u2028", "x = '", "\\", "<<<<<<< HEAD",
     "# ***END OF YOUR CODE***", "", "def relu_forward(x):", "\ufeff", "{", "\x00"]
)  # fmt: skip
ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\f", "\v", "\u2028", ""])
TEXTS = st.lists(st.tuples(LINES, ENDS), max_size=25).map(
    lambda pairs: "".join(a + b for a, b in pairs)
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(TEXTS, st.text()), st.sampled_from(["m.py", LAYERS]))
def test_any_module_comes_back_from_reading_and_filling(text, name):
    parsed = parse_file(text, name)
    whole = {k: b for k, b in parsed.bodies.items() if k[0] not in parsed.faults}
    assert parsed.fill(whole) == text


@settings(max_examples=200, deadline=None)
@given(st.one_of(TEXTS, st.text()))
def test_any_text_that_python_accepts_comes_back_from_a_region(body):
    try:
        compile(body, "b.py", "exec")
    except (SyntaxError, ValueError):
        return
    given = f"a = 1\n{START}\nb = 2\n{END}\nc = 3\n"
    try:
        filled = fill(given, "m.py", {("", 1): body})
    except MarkerError:
        assert "OF YOUR CODE" in body.upper()
        return
    seen = body.replace("\r\n", "\n").replace("\r", "\n")
    if body.split("\n")[0].strip() and not body.startswith((" ", "\t", "\f", "\ufeff")):
        assert read(filled, "m.py")["", 1] == seen


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
SOURCES = st.one_of(TEXTS, st.text())


@example(["\u2028"], "\x0b", None, False, None, False)
@example(["\x7f"], "x", None, False, None, True)
@settings(max_examples=200, deadline=None)
@given(
    st.lists(SOURCES, max_size=4), SOURCES, VALUES, st.booleans(),
    st.sampled_from([None, 1, 2, "\t"]), st.booleans(),
)  # fmt: skip
def test_only_the_source_of_a_cell_changes(sources, new, extra, listed, indent, ascii):
    cells = [
        {"x": extra, "source": s.splitlines(True) if listed else s, "cell_type": "code"}
        for s in sources
    ]
    notebook = {"a": extra, "cells": cells, "z": [extra]}
    text = json.dumps(notebook, indent=indent, ensure_ascii=ascii) + "\n"
    assert [cell.source for cell in cells_of(text)] == sources
    changed = with_sources(text, {1: new})
    if not cells:
        assert changed == text
        return
    assert [cell.source for cell in cells_of(changed)] == [new, *sources[1:]]
    back = with_sources(changed, {1: sources[0]})
    escapes = ascii and re.search(r"[^\x00-~]", sources[0])
    if escapes:  # they were taken out, and nothing that is left tells of the style
        back, text = json.loads(back), json.loads(text)
    assert back == text or not all([sources[0], new])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), SOURCES)))
def test_any_notebook_that_nbformat_writes_is_read(cells):
    notebook = nbformat.v4.new_notebook()
    for kind, source in cells:
        cell = getattr(nbformat.v4, f"new_{kind}_cell")(source)
        notebook.cells.append(cell)
    text = nbformat.writes(notebook)
    assert [(c.kind, c.source) for c in cells_of(text)] == cells
    parsed = parse_file(text, "n.ipynb")
    whole = {k: b for k, b in parsed.bodies.items() if k[0] not in parsed.faults}
    assert parsed.fill(whole) == text


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_own_tools_and_grader_read_any_mutation_alike(tmp_path_factory, data):
    file = data.draw(st.sampled_from([LAYERS, FC_NET, Q1]))
    text = SOLVED[file]
    begin = data.draw(st.integers(0, len(text)))
    end = min(len(text), begin + data.draw(st.integers(0, 400)))
    text = text[:begin] + data.draw(st.one_of(TEXTS, st.text())) + text[end:]
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        return
    folder = tmp_path_factory.getbasetemp() / "mutated"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(raw)
    mine = [exercise for exercise in EXERCISES if exercise.file == file]
    graded = read_files({file: raw}, mine)
    assert read_work(folder, mine) == [graded.piece_of(e) for e in mine]
    try:
        parsed = parse_file(text, file)
    except NotebookError:
        return
    whole = {k: b for k, b in parsed.bodies.items() if k[0] not in parsed.faults}
    assert parsed.fill(whole) == text
