"""The commands status, reset and submit, on a folder of solved files."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ece662.check import progress as progress_module
from ece662.commands.cli import main
from ece662.commands.packing import student_in, write_zip
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.regions import END, fill, is_empty, read
from ece662.exercises.work import read_work

ROOT = Path(__file__).parents[2]
FILES = {exercise.file for exercise in EXERCISES}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A course folder to work in; every check passes but that of adam."""
    for file in {"ece662/exercises/exercises.toml", *FILES}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    for junk in ("data/cat.npz", "model.ckpt.npz", "backups/layers.py"):
        (tmp_path / junk).parent.mkdir(exist_ok=True)
        (tmp_path / junk).write_text("junk")
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def check(root, ids):
        wrong = {
            "status": "failed",
            "diagnosis": "x",
            "message": "The power\nis missing.",
        }
        right = {"status": "passed", "diagnosis": None, "message": ""}
        return [{"id": id, **(wrong if id == "adam" else right)} for id in ids]

    monkeypatch.setattr(progress_module, "check_apart", check)
    return tmp_path


def body_of(root, file, owner, number=1):
    return read((root / file).read_text("utf-8"), file)[owner, number]


def test_status_shows_every_exercise_and_what_its_check_says(root, capsys):
    main(["reset", "affine_forward"])
    capsys.readouterr()
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for exercise in EXERCISES:
        assert any(f" {exercise.id} " in f"{line} " for line in lines)
    assert any(line.startswith("  ✗ adam ") for line in lines)
    assert any(line.endswith("not yet The power") for line in lines)
    assert any(line.startswith("  · affine_forward ") for line in lines)
    assert lines[-1].startswith(f"{len(EXERCISES) - 2} of {len(EXERCISES)} done")
    in_q1 = [e for e in EXERCISES if e.notebook == "Q1-FCNetworks"]
    assert lines[0] == f"Q1-FCNetworks   {len(in_q1) - 2} of {len(in_q1)}"


def test_status_shows_how_far_the_questions_are_answered(root, capsys):
    path = root / "notebooks" / "Q3-Dropout.ipynb"
    text = path.read_text("utf-8")
    for asked, given in (
        ('self_test(\\"q3-mask\\", ...)', 'self_test(\\"q3-mask\\", \\"a\\")'),
        ('predict(\\"q3-best-keep\\", ...)', 'predict(\\"q3-best-keep\\", \\"a\\")'),
    ):
        assert asked in text
        text = text.replace(asked, given)
    path.write_text(text, encoding="utf-8")
    assert main(["status", "Q3"]) == 0
    said = capsys.readouterr().out
    assert "self-tests: 1 of 5 right (open: q3-kept-value, q3-pytorch," in said
    assert "predictions: 1 of 3 made" in said


def test_status_of_one_notebook(root, capsys):
    assert main(["status", "Q3"]) == 0
    assert "Q1" not in capsys.readouterr().out
    assert main(["status", "Q9"]) == 2
    assert "expected a notebook" in capsys.readouterr().err


def test_reset_empties_keeps_a_copy_and_says_where(root, capsys):
    before = (root / "ece662/classifiers/fc_net.py").read_bytes()
    assert main(["reset", "TwoLayerNet"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "TwoLayerNet is empty again in ece662/classifiers/fc_net.py"
    assert (root / said[1].partition(": ")[2]).read_bytes() == before
    file = "ece662/classifiers/fc_net.py"
    for owner, number in (("TwoLayerNet.__init__", 1), ("TwoLayerNet.loss", 2)):
        assert "TwoLayerNet is yours to write" in body_of(root, file, owner, number)
    assert not is_empty(body_of(root, file, "FullyConnectedNet.loss"))
    assert main(["reset", "TwoLayerNet"]) == 0
    assert "empty already" in capsys.readouterr().out


def test_reset_one_region_and_a_cell(root, capsys):
    assert main(["reset", "batchnorm_forward", "2"]) == 0
    file = "ece662/layers.py"
    assert is_empty(body_of(root, file, "batchnorm_forward", 2))
    assert not is_empty(body_of(root, file, "batchnorm_forward", 1))
    assert main(["reset", "q1-solver-train"]) == 0
    notebook = "notebooks/Q1-FCNetworks.ipynb"
    assert body_of(root, notebook, "q1-solver-train").startswith("# Your code")
    assert "reload it from disk" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["adm"], ["adam", "2"]])
def test_reset_unknown_changes_nothing(root, capsys, arguments):
    before = (root / "ece662/optim.py").read_bytes()
    assert main(["reset", *arguments]) == 1
    assert "ece662 reset: " in capsys.readouterr().err
    assert (root / "ece662/optim.py").read_bytes() == before


def test_submit_packs_the_work_and_nothing_else(root, capsys):
    assert main(["submit", "--student", "ann 007"]) == 0
    said = capsys.readouterr().out
    assert "Unfinished:\n  adam: not yet\n" in said
    assert str(root / "submission.zip") in said
    with zipfile.ZipFile(root / "submission.zip") as packed:
        assert set(packed.namelist()) == {"manifest.json", *FILES}
        manifest = json.loads(packed.read("manifest.json"))
        for file in FILES:
            content = packed.read(file)
            assert content == (root / file).read_bytes()
            assert manifest["files"][file] == hashlib.sha256(content).hexdigest()
    assert manifest["student"] == "ann 007"
    assert manifest["exercises"].keys() == {exercise.id for exercise in EXERCISES}
    assert manifest["exercises"]["adam"]["state"] == "not yet"
    assert manifest["versions"].keys() >= {"ece662", "python", "numpy"}


def test_submit_one_notebook_alone_and_asks_for_a_name_once(root, capsys):
    main(["submit", "--student", "ann 007"])
    capsys.readouterr()
    main(["reset", "dropout_forward"])
    main(["reset", "dropout_backward"])
    capsys.readouterr()
    assert main(["submit", "q3"]) == 0
    said = capsys.readouterr().out
    assert "To do, 2: dropout_forward, dropout_backward\n" in said
    assert "adam" not in said
    assert "Packed for ann 007: manifest.json" in said
    assert "Only Q3-Dropout: the other notebooks are not in this zip." in said
    with zipfile.ZipFile(root / "submission.zip") as packed:
        names = set(packed.namelist())
        assert json.loads(packed.read("manifest.json"))["student"] == "ann 007"
    mine = {exercise.file for exercise in EXERCISES if exercise.notebook[:2] == "Q3"}
    assert names == {"manifest.json", *mine}
    assert main(["submit", "Q9"]) == 2


def test_what_was_checked_is_kept_and_shown_as_it_comes(root, capsys, monkeypatch):
    def stops(root, ids):
        for id in ids[:3]:
            yield {"id": id, "status": "passed", "message": ""}
        raise KeyboardInterrupt

    first = progress_module.check_apart
    monkeypatch.setattr(progress_module, "check_apart", stops)
    assert main(["submit", "Q1"]) == 130
    lines = [s for s in capsys.readouterr().err.splitlines() if " of " in s]
    assert lines[0].endswith(": affine_forward passed")
    asked = []

    def goes_on(root, ids):
        asked.extend(ids)
        return first(root, ids)

    monkeypatch.setattr(progress_module, "check_apart", goes_on)
    assert main(["submit", "Q1"]) == 0
    assert lines[0].startswith(f"1 of {len(asked) + 3}:")
    assert "affine_forward" not in asked


def test_what_is_saved_while_submit_checks_is_checked_and_packed(
    root, capsys, monkeypatch
):
    """A check takes minutes, and JupyterLab saves every two."""
    path, check, saved = root / "ece662/optim.py", progress_module.progress, []

    def saves(*args):
        states = check(*args)
        if not saved:
            text = fill(path.read_text(), path.name, {("adam", 1): "    wrong = 1\n"})
            saved.append(path.write_text(text))
        return states

    monkeypatch.setattr(progress_module, "progress", saves)
    assert main(["submit", "Q1"]) == 0
    assert "ece662/optim.py: saved while it was checked" in capsys.readouterr().err
    with zipfile.ZipFile(root / "submission.zip") as packed:
        manifest = json.loads(packed.read("manifest.json"))["exercises"]
        assert packed.read("ece662/optim.py") == path.read_bytes()
    [piece] = read_work(root, [find_exercise("adam")])
    assert manifest["adam"]["sha256"] == piece.digest


def test_submit_packs_nothing_that_is_saved_without_end(root, capsys, monkeypatch):
    path, check = root / "ece662/optim.py", progress_module.progress

    def saves(*args):
        states = check(*args)
        path.write_text(path.read_text() + "# more\n")
        return states

    monkeypatch.setattr(progress_module, "progress", saves)
    assert main(["submit", "Q1"]) == 1
    said = capsys.readouterr().err
    assert "nothing was packed" in said
    assert "ece662/optim.py is being written" in said
    assert not (root / "submission.zip").exists()


def test_submit_from_a_folder_below_twice_is_the_same(root, monkeypatch):
    main(["submit", "--out", "one.zip"])
    monkeypatch.chdir(root / "notebooks")
    main(["submit", "--out", "two.zip"])
    one, two = root / "one.zip", root / "notebooks" / "two.zip"
    assert one.read_bytes() == two.read_bytes()


def test_submit_reports_damage_once_and_packs_nothing(root, capsys):
    path = root / "ece662/optim.py"
    path.write_text(path.read_text().replace(END, "", 1))
    before = path.read_bytes()
    assert main(["submit"]) == 1
    said = capsys.readouterr().out
    assert said.count("ece662/optim.py, line") == 1
    assert not (root / "submission.zip").exists()
    assert path.read_bytes() == before


def test_submit_where_it_cannot_write_says_so(root, capsys):
    assert main(["submit", "--out", "nowhere/a.zip"]) == 1
    assert "ece662 submit: " in capsys.readouterr().err


def test_status_and_submit_show_what_the_reader_notes(root, capsys):
    path = root / "ece662/layers.py"
    text = path.read_text("utf-8")
    start = text.index("def relu_forward")
    copy = text[start : text.index("\ndef ", start)]
    path.write_text(f"{text}\n\n{copy}", "utf-8")
    notebook = root / "notebooks/Q1-FCNetworks.ipynb"
    content = json.loads(notebook.read_text("utf-8"))
    [cell] = [c for c in content["cells"] if c["id"] == "q1-overfit-three"]
    cell["cell_type"] = "raw"
    content["cells"].append(cell)
    notebook.write_text(json.dumps(content), "utf-8")
    for command in ("status", "submit"):
        assert main([command]) == 0
        lines = capsys.readouterr().out.splitlines()
        notes = [line for line in lines if line.startswith("Note: ")]
        assert len(notes) == 3
        assert "ece662/layers.py: relu_forward is defined 2 times" in notes[0]
        assert "2 cells have the id q1-overfit-three" in notes[1]
        assert "q1-overfit-three has become a raw cell" in notes[2]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes of a name")
def test_submit_does_not_wait_for_a_pipe(root, capsys):
    os.mkfifo(root / "pipe.zip")
    assert main(["submit", "--out", "pipe.zip"]) == 1
    assert "is there already, and is no zip to hand in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "change"),
    [(43, b"\xff" * 8), (6, b"\1")],  # its bytes; a flag: it is encrypted
)
def test_student_in_a_damaged_zip_is_nobody(tmp_path, place, change):
    path = tmp_path / "submission.zip"
    write_zip(path, {"manifest.json": b'{"student": "ann"}'})
    assert student_in(path) == "ann"
    data = bytearray(path.read_bytes())
    data[place : place + len(change)] = change
    listed = data.rfind(b"PK\1\2") + 8
    data[listed] = 1 if change == b"\1" else data[listed]
    path.write_bytes(data)
    assert student_in(path) == ""


def test_submit_never_overwrites_anything_but_an_earlier_zip(root, capsys):
    layers = root / "ece662/layers.py"
    before = layers.read_bytes()
    (root / "notes.zip").write_text("no zip at all")
    with zipfile.ZipFile(root / "pictures.zip", "w") as other:
        other.writestr("cat.png", "a cat")
    for out in ("ece662/layers.py", "notes.zip", "pictures.zip", "ece662"):
        assert main(["submit", "--out", out]) == 1
        error = capsys.readouterr().err
        assert "is there already, and is no zip to hand in" in error
    assert layers.read_bytes() == before
    assert (root / "notes.zip").read_text() == "no zip at all"


def test_submit_again_keeps_the_earlier_zip(root, capsys):
    main(["submit"])
    first = (root / "submission.zip").read_bytes()
    main(["reset", "affine_forward"])
    capsys.readouterr()
    assert main(["submit"]) == 0
    [line] = [s for s in capsys.readouterr().out.splitlines() if "earlier" in s]
    assert (root / line.partition(": ")[2]).read_bytes() == first
    assert (root / "submission.zip").read_bytes() != first


def test_submit_of_many_at_once_loses_no_zip(root):
    """Each zip that was written is there in the end: in its place, or kept."""
    code = (
        "import sys; from pathlib import Path; from ece662.commands.packing import "
        "MANIFEST, replace_zip\nfor i in range(5): replace_zip(Path('submission.zip'), "
        "{MANIFEST: f'{sys.argv[1]} {i}'.encode()}, Path())"
    )
    command = [sys.executable, "-c", code]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen([*command, str(n)], env=env) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    found = []
    for path in (root / "submission.zip", *(root / "backups").glob("*.zip")):
        with zipfile.ZipFile(path) as packed:
            found.append(packed.read("manifest.json").decode())
    assert sorted(found) == sorted(f"{n} {i}" for n in range(4) for i in range(5))
