"""A student's work: read, found by name, and changed without losing anything."""

import json
import shutil
from pathlib import Path

import pytest

from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.regions import END, START, fill, read, stub
from ece662.exercises.work import (
    ANSWER,
    find_place,
    find_root,
    keep_and_write,
    read_work,
)

ROOT = Path(__file__).parents[2]
Q1 = "notebooks/Q1-FCNetworks.ipynb"


@pytest.fixture
def root(tmp_path):
    """The files in which students write, solved."""
    for file in {"ece662/exercises/exercises.toml", *(e.file for e in EXERCISES)}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def piece_of(root, name):
    return next(piece for piece in read_work(root) if piece.exercise.id == name)


def change(path, before, after):
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), "utf-8")


def test_read_work_solved_is_all_written(root):
    assert [p.exercise.id for p in read_work(root) if not p.written or p.damage] == []


def test_read_work_one_empty_region_of_several_is_not_written(root):
    path = root / "ece662/layers.py"
    key = ("batchnorm_forward", 2)
    text = fill(path.read_text(), path.name, {key: stub("batchnorm_forward", "Q2")})
    before = piece_of(root, "batchnorm_forward")
    path.write_text(text)
    after = piece_of(root, "batchnorm_forward")
    assert (before.written, after.written) == (True, False)
    assert before.digest != after.digest
    assert piece_of(root, "batchnorm_backward").written


@pytest.mark.parametrize(
    ("text", "written"), [(ANSWER, False), ("", False), ("x", True)]
)
def test_read_work_answers(root, text, written):
    notebook = json.loads((root / Q1).read_text("utf-8"))
    cell = next(c for c in notebook["cells"] if c["id"] == "q1-depth-answer")
    cell["source"] = [text]
    (root / Q1).write_text(json.dumps(notebook), "utf-8")
    assert piece_of(root, "q1-depth-answer").written is written


def test_read_work_tells_damage_with_file_and_line(root):
    path = root / "ece662/optim.py"
    head, name, rest = path.read_text("utf-8").partition("def adam(")
    path.write_text(head + name + rest.replace(END, "", 1), "utf-8")
    assert "ece662/optim.py, line" in piece_of(root, "adam").damage
    for whole in ("rmsprop", "affine_forward"):
        assert piece_of(root, whole).written


def test_read_work_tells_regions_cells_and_files_that_are_gone(root):
    change(root / "ece662/layers.py", "def relu_forward", "def my_relu_forward")
    notebook = json.loads((root / Q1).read_text("utf-8"))
    cells = [c for c in notebook["cells"] if c["id"] != "q1-best-train"]
    (root / Q1).write_text(json.dumps(notebook | {"cells": cells}), "utf-8")
    (root / "ece662/classifiers/cnn.py").unlink()
    assert piece_of(root, "relu_forward").damage == (
        "ece662/layers.py: the region of relu_forward is gone"
    )
    assert "the cell of q1-best-train is gone" in piece_of(root, "q1-best-train").damage
    assert "cnn.py" in piece_of(root, "ThreeLayerConvNet").damage


def test_find_place_of_an_exercise_a_function_and_one_region():
    keys = [
        ("TwoLayerNet.__init__", 1),
        ("TwoLayerNet.loss", 1),
        ("TwoLayerNet.loss", 2),
    ]
    exercise = find_exercise("TwoLayerNet")
    assert find_place("twolayernet", None, ROOT) == (exercise, tuple(keys))
    assert find_place("TwoLayerNet.loss", None, ROOT) == (exercise, tuple(keys[1:]))
    assert find_place("TwoLayerNet.loss", 2, ROOT) == (exercise, (keys[2],))
    assert find_place("TwoLayerNet", 3, ROOT) == (exercise, (keys[2],))
    with pytest.raises(ValueError, match="TwoLayerNet has regions 1 to 3, got 4"):
        find_place("TwoLayerNet", 4, ROOT)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("afine_forward", "no region 'afine_forward'; did you mean affine_forward"),
        ("TwoLayerNet.los", "did you mean TwoLayerNet.loss"),
        ("zzz", "no region 'zzz'$"),
        ("FullyConnectedNet-dropout", "into the regions of FullyConnectedNet$"),
        ("q1-depth-answer", "no region 'q1-depth-answer'"),
    ],
)
def test_find_place_unknown_names_the_nearest(name, told):
    with pytest.raises(ValueError, match=told):
        find_place(name, None, ROOT)


@pytest.mark.posix
def test_keep_and_write_keeps_every_version(root):
    path = root / "ece662/optim.py"
    first = path.read_bytes()
    path.chmod(0o640)
    backups = [keep_and_write(path, text, root) for text in ("two\r\n", "two\r\n", "ü")]
    assert backups[0].read_bytes() == first
    assert backups[1] is None
    assert backups[2].read_bytes() == b"two\r\n"
    assert path.read_text("utf-8") == "ü"
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(list((root / "backups").iterdir())) == 2
    assert not list(path.parent.glob(".*"))


@pytest.mark.posix
def test_keep_and_write_follows_a_link(root):
    path = root / "ece662/optim.py"
    link = root / "link.py"
    link.symlink_to(path)
    keep_and_write(link, "new", root)
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_find_root_is_the_folder_around(root):
    assert find_root(root / "notebooks") == root
    assert find_root(Path(root.anchor)) == ROOT


def test_markers_are_not_part_of_a_piece():
    text = (ROOT / "ece662/layers.py").read_text()
    bodies = read(text, "layers.py").values()
    assert not [body for body in bodies if START in body or END in body]
