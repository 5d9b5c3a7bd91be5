"""The students' copy: what is in it, what is not, and that nothing of it is solved."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pytest

from course.cli import main
from course.release import (
    make_release,
    pack,
    relinked,
    shipped_files,
    without_staff_parts,
)
from course.student_notebook import AIM, FOLDED, student_notebook
from ece662.exercises import EXERCISES
from ece662.exercises.regions import END, START, MarkerError, fill, is_empty, read
from ece662.exercises.work import ANSWER

ROOT = Path(__file__).parents[2]
FILES = sorted({exercise.file for exercise in EXERCISES})
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
FOLD = f"<details>\n<summary>{FOLDED}</summary>\n\n"
NAMED_FILE = re.compile(r"`((?:benchmarks|course|docs|ece662|scripts|tests)/[\w./-]+)`")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The students' copy of this repository, as published by somebody."""
    out = tmp_path_factory.mktemp("release") / "students"
    make_release(ROOT, out, "ann/course", "fall-26")
    return out


@pytest.fixture
def source(tmp_path):
    """A copy of what is shipped, to be damaged."""
    for file in shipped_files(ROOT):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def texts(folder):
    """Yield every text that students get: (where, text)."""
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder).as_posix()
        if path.suffix == ".ipynb":
            for cell in json.loads(path.read_text("utf-8"))["cells"]:
                yield f"{where}, {cell['id']}", "".join(cell["source"])
                for output in cell.get("outputs", []):
                    said = output.get("text") or output["data"].get("text/plain", "")
                    yield f"{where}, {cell['id']}", "".join(said)
        elif path.suffix == ".npz":
            with zipfile.ZipFile(path) as arrays:
                for name in arrays.namelist():
                    yield f"{where}, {name}", arrays.read(name).decode("latin-1")
        elif path.is_file():
            yield where, path.read_bytes().decode("latin-1")


# ------------------------------------------------------------------------- what ships


def test_release_holds_what_a_student_needs_and_nothing_of_the_staff(release):
    tops = {path.name for path in release.iterdir()}
    assert {"LICENSE", "Makefile", "README.md", "ece662", "notebooks"} <= tops
    assert not tops & {"course", "tests", "benchmarks", ".git", "CONTRIBUTING.md"}
    assert sorted(path.name for path in (release / "notebooks").iterdir()) == NOTEBOOKS
    endings = {path.suffix for path in release.rglob("*") if path.is_file()}
    assert not endings & {".so", ".pyd", ".pyc", ".c", ".log", ".stamp"}


def test_release_holds_the_whole_package(release):
    """A new kind of file in the package has to be named in SHIPPED."""
    listed = subprocess.run(
        ["git", "ls-files", "ece662"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("not a checkout")
    there = {path.relative_to(release).as_posix() for path in release.rglob("*")}
    deleted = {file for file in listed.stdout.split() if not (ROOT / file).exists()}
    assert set(listed.stdout.split()) - deleted <= there


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_release_has_every_file_that_a_notebook_names(release, name):
    notebook = nbformat.read(release / "notebooks" / name, as_version=4)
    named = {
        file for cell in notebook.cells for file in NAMED_FILE.findall(cell.source)
    }
    assert [file for file in sorted(named) if not (release / file).exists()] == []


def test_release_is_the_same_each_time(release, tmp_path):
    again = tmp_path / "elsewhere" / "students"
    make_release(ROOT, again, "ann/course", "fall-26")
    for folder, name in ((release, "one"), (again, "two")):
        (tmp_path / name).mkdir()
        pack(folder, tmp_path / name / "students.zip")
    first, second = (tmp_path / n / "students.zip" for n in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as packed:
        files = [path for path in release.rglob("*") if path.is_file()]
        assert len(packed.namelist()) == len(files)
        for path in files:
            inside = f"students/{path.relative_to(release).as_posix()}"
            assert packed.read(inside) == path.read_bytes()


def test_release_leaves_what_is_there_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="name a new or an empty folder"):
        make_release(ROOT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


DAMAGES = [
    (lambda text: text.replace(END, "", 1), r"opened in line \d+ is never closed"),
    (lambda text: text.replace(END, f"{END}\n    {END}", 1), r"line \d+ closes a reg"),
    (lambda text: text.replace(f"    {END}", END, 1), r"line \d+ is not indented as"),
    (lambda text: text[: text.rindex(END)], r"opened in line \d+ is never closed"),
]


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES)
def test_release_of_a_damaged_source_leaves_nothing(
    source, tmp_path_factory, damage, complaint
):
    path = source / "ece662" / "optim.py"
    path.write_text(damage(path.read_text()))
    parent = tmp_path_factory.mktemp("out")
    with pytest.raises(MarkerError, match=rf"ece662/optim.py, .*{complaint}"):
        make_release(source, parent / "students")
    assert list(parent.iterdir()) == []


def test_release_refuses_regions_that_no_exercise_lists(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "students"
    path = source / "ece662" / "optim.py"
    text = path.read_text()
    (source / "ece662" / "fast" / "speed.py").write_text(text)
    with pytest.raises(ValueError, match=r"ece662/fast/speed.py has fill-in regions"):
        make_release(source, out)
    (source / "ece662" / "fast" / "speed.py").write_text("")
    path.write_text(text.replace("def adam(", "def madam("))
    with pytest.raises(ValueError, match=r"optim.py: .*'adam'.* has them in .*'madam'"):
        make_release(source, out)


def test_staff_parts_are_left_out(release):
    assert not [where for where, text in texts(release) if "staff only" in text]
    makefile = (release / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert targets == {"help", "setup", "lab", "doctor", "clean", "always"}
    assert "ece662-staff" not in (release / "pyproject.toml").read_text()
    assert "editable" not in (release / "setup.py").read_text()


@pytest.mark.parametrize(
    "text", ["# staff only\nx\n", "x\n# end of staff only\n", "<!-- staff only -->\n"]
)
def test_without_staff_parts_refuses_a_line_on_its_own(text):
    with pytest.raises(MarkerError, match=r"m.py: a line '.*staff only.*on its own"):
        without_staff_parts(text, "m.py")


# ---------------------------------------------------------------------- links, badges


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_links_of_a_notebook_lead_to_itself(release, name):
    text = "\n".join(text for where, text in texts(release) if name in where)
    place = f"colab.research.google.com/github/ann/course/blob/fall-26/notebooks/{name}"
    assert re.findall(r"colab\.research\.google\.com/github/[^)\s]*", text) == [place]
    assert 'REPOSITORY = "https://github.com/ann/course"' in text
    assert '"--branch=fall-26"' in text
    assert "OWNER" not in text


def test_links_of_the_package_lead_to_the_published_copy(release):
    text = (release / "ece662" / "notebook.py").read_text()
    assert 'REPOSITORY = "https://github.com/ann/course"' in text
    assert "https://github.com/ann/course/archive/fall-26.zip" in text


def test_relinked_by_default_changes_nothing():
    text = "https://github.com/OWNER/ece662 /OWNER/ece662/blob/main/ '--depth=1'"
    assert relinked(text, "OWNER/ece662", "main") == text


def test_relative_links_lead_to_files_that_are_there(release):
    for path in release.rglob("*.md"):
        for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            if not link.startswith(("http", "#")):
                assert (path.parent / link.partition("#")[0]).exists(), (path, link)


# --------------------------------------------------------------- modules and notebooks


@pytest.mark.parametrize("name", FILES)
def test_regions_are_empty_and_the_rest_is_as_it_was(release, name):
    solved = (ROOT / name).read_text("utf-8")
    emptied = (release / name).read_text("utf-8")
    assert all(map(is_empty, read(emptied, name).values()))
    assert read(emptied, name).keys() == read(solved, name).keys()
    filled = fill(emptied, name, read(solved, name))
    if name.endswith(".py"):
        assert filled == solved
    else:
        filled, solved = (code_of(json.loads(text)) for text in (filled, solved))
        assert filled == {id: relink(source) for id, source in solved.items()}


def test_every_exercise_in_a_file_is_linked_to_its_line(release):
    for exercise in EXERCISES:
        if exercise.file.endswith(".ipynb"):
            continue
        owner = exercise.extends or exercise.id
        cells = cells_of(release, f"{exercise.notebook}.ipynb").values()
        link = re.compile(rf"\[`{owner}`\]\(\.\./{exercise.file}#line=(\d+)\)")
        lines = [int(n) for cell in cells for n in link.findall(cell.source)]
        assert lines, exercise.id
        text = (release / exercise.file).read_text("utf-8").splitlines()
        assert {text[line].strip() for line in lines} == {START}
        above = "\n".join(text[: lines[0]])
        assert re.findall(r"^(?:def|class) (\w+)", above, re.MULTILINE)[-1] == owner


def code_of(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells}


def relink(source):
    return relinked(source, "ann/course", "fall-26")


def test_stubs_name_exercise_and_notebook_and_modules_can_be_imported(release):
    code = (
        "import importlib\n"
        "for name in ('layers', 'optim', 'classifiers.fc_net', 'classifiers.cnn'):\n"
        "    importlib.import_module(f'ece662.{name}')\n"
        "from ece662.classifiers.fc_net import FullyConnectedNet\n"
        "FullyConnectedNet([3])\n"
    )
    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, cwd=release, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "NotImplementedError: FullyConnectedNet is yours to write: "
        "see notebooks/Q1-FCNetworks.ipynb"
    )


def cells_of(folder, name):
    notebook = nbformat.read(folder / "notebooks" / name, as_version=4)
    nbformat.validate(notebook)
    return {cell.id: cell for cell in notebook.cells}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_has_every_cell_and_no_model_answer(release, name):
    before, after = cells_of(ROOT, name), cells_of(release, name)
    assert [cell for cell in after if not cell.endswith("-aim")] == list(before)
    for cell in before.values():
        if "answer" in cell.metadata.get("tags", []):
            assert after[cell.id].source == ANSWER
        elif cell.cell_type == "markdown":
            linked = re.sub(r"(\.py#)\w+\)", r"\1)", relink(cell.source))
            assert re.sub(r"(\.py#)line=\d+\)", r"\1)", after[cell.id].source) == linked


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_was_shown_stays_in_place_or_becomes_the_aim(release, name):
    before, after = cells_of(ROOT, name), cells_of(release, name)
    order = list(after)
    for cell in before.values():
        if not cell.get("outputs"):
            continue
        if after[cell.id].outputs == cell.outputs:
            assert after[cell.id].execution_count == cell.execution_count
            continue
        assert after[cell.id].outputs == []
        assert after[cell.id].execution_count is None
        if re.fullmatch(r"(check|hint)\(.*\)|(.*\n)*outcome\(.*\).*", cell.source):
            continue
        aim = after[order[order.index(cell.id) + 1]]
        assert aim.cell_type == "markdown"
        assert aim.source.removeprefix(FOLD).startswith(AIM)
        pictures = [p["image/png"] for p in aim.get("attachments", {}).values()]
        for output in cell.outputs:
            data = output.get("data", {})
            text = data.get("image/png") or output.get("text") or data["text/plain"]
            assert text.strip() in pictures or text.rstrip() in aim.source, cell.id


def test_what_a_prediction_is_about_is_folded(release):
    for name in NOTEBOOKS:
        waiting, folded = False, 0
        for cell in cells_of(release, name).values():
            if cell.cell_type == "code" and 'predict("' in cell.source:
                waiting = True
                assert "Predict first" in cell.outputs[0].data["text/plain"]
            elif cell.cell_type == "code" and 'outcome("' in cell.source:
                waiting = False
                assert cell.outputs == []
            elif cell.id.endswith("-aim"):
                assert cell.source.startswith(FOLD) == waiting, cell.id
                assert cell.source.endswith("</details>") == waiting
                folded += waiting
            elif waiting and cell.cell_type == "code":
                assert cell.outputs == [] or "self_test(" in cell.source, cell.id
        assert folded >= 2, name


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (['outcome("q1-x", 1)'], "no prediction for .'q1-x'."),
        (['predict("q1-x", ...)', "1"], "no outcome for .'q1-x'."),
    ],
)
def test_a_prediction_and_its_outcome_go_together(sources, message):
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(ValueError, match=message):
        student_notebook(nbformat.writes(notebook), "Q1.ipynb", [], [])


def test_what_needs_no_work_of_the_student_stays(release):
    after = cells_of(release, "Q1-FCNetworks.ipynb")
    kept = {cell for cell in after if after[cell].get("outputs")}
    assert {"q1-setup", "q1-data-pictures", "q1-vanishing-picture"} <= kept
    cleared = {"q1-affine-forward-check", "q1-adam-averages-check", "q1-best-picture"}
    assert not kept & cleared
    assert not [cell for cell in kept if "check(" in after[cell].source]
    assert not [cell for cell in kept if "hint(" in after[cell].source]


# ------------------------------------------------------------- no line of any solution

TOKEN = re.compile(r"\w+|[^\w\s]")
WORDS = 6  # of a line: `out = x` is no secret, and stands everywhere
RUN = 25  # words in a row, wherever the lines end: some two lines
# One setting of the Solver is no solution: its documentation shows the same.
SETTING = re.compile(r"\w+=.*,")


def shown_first(name):
    """List the lines of the nets that Q5 gives: it shows each interface on one of them.

    Single lines such as `self.flatten = layers.Flatten()` come back in the solutions.
    """
    if not name.startswith("notebooks/Q5"):
        return set()
    text = (ROOT / name).read_text("utf-8")
    given = fill(text, name, dict.fromkeys(read(text, name), ""))
    code = "\n".join(code_of(json.loads(given)).values())
    return {line.strip() for line in code.splitlines()}


def solutions():
    """Yield what must not be found: (file, owner, words in a row)."""
    for name in FILES:
        shown = shown_first(name)
        for (owner, _), body in read((ROOT / name).read_text("utf-8"), name).items():
            lines = [line.strip() for line in body.splitlines()]
            for line in lines:
                is_setting = name.endswith(".ipynb") and SETTING.fullmatch(line)
                is_given = is_setting or line in shown
                if len(TOKEN.findall(line)) >= WORDS and not is_given:
                    yield name, owner, TOKEN.findall(line)
            words = TOKEN.findall("\n".join(lines))
            for i in range(len(words) - RUN + 1):
                yield name, owner, words[i : i + RUN]


def leaks(folder):
    """List the places where a piece of a solution is to be read."""
    wanted = {}  # by the first words: most places are ruled out at a glance
    for name, owner, words in solutions():
        pieces = wanted.setdefault(tuple(words[:WORDS]), {})
        pieces[tuple(words)] = f"{name}, {owner}"
    found = set()
    for where, text in texts(folder):
        words = TOKEN.findall(text)
        starts = zip(*(words[i:] for i in range(WORDS)), strict=False)
        for i, start in enumerate(starts):
            for piece, owner in wanted.get(start, {}).items():
                if tuple(words[i : i + len(piece)]) == piece:
                    found.add((where, owner, " ".join(piece)))
    return sorted(found)


def test_no_line_of_a_solution_survives(release):
    assert leaks(release) == []


def test_leaks_are_found_in_modules_notebooks_and_data(release, tmp_path):
    line = "dx = dout * (x > 0)"
    (tmp_path / "more.py").write_text(f"def f():\n        {line}  # so\n")
    notebook = json.loads((release / "notebooks" / NOTEBOOKS[0]).read_text("utf-8"))
    notebook["cells"][0]["source"] = ["Try `dx=dout*(x>0)`."]
    (tmp_path / NOTEBOOKS[0]).write_text(json.dumps(notebook))
    hidden = np.frombuffer(line.encode(), np.uint8)
    np.savez_compressed(tmp_path / "more.npz", index=hidden)
    (tmp_path / "more.pyc").write_bytes(b"\0\1" + line.encode() + b"\0")
    assert len({where for where, *_ in leaks(tmp_path)}) == 4


# ------------------------------------------------------------------------ the command


def test_command_makes_the_copy_and_the_zip(tmp_path, capsys):
    out = tmp_path / "students"
    arguments = ["release", "--out", str(out), "--zip", "--repo", "ann/course"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert f"{out}: {len(shipped_files(ROOT)) + 1} files for students" in said
    assert (tmp_path / "students.zip").exists()
    assert main(arguments) == 1
    assert "is there already" in capsys.readouterr().err
    assert main([*arguments[:2], str(tmp_path / "b"), "--repo", "ann"]) == 1
    assert "expected OWNER/NAME" in capsys.readouterr().err


def test_command_says_that_links_are_not_set(tmp_path, capsys):
    assert main(["release", "--out", str(tmp_path / "students")]) == 0
    assert "--repo OWNER/NAME" in capsys.readouterr().out
