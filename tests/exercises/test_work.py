"""A student's work: read, found by name, and changed without losing anything."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from ece662.exercises import EXERCISES, find_exercise, work
from ece662.exercises.regions import END, START, fill, read, stub
from ece662.exercises.work import (
    ANSWER,
    find_root,
    find_target,
    read_work,
    rewrite,
)
from tests.limits import WAIT

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


def test_read_work_reports_damage_with_file_and_line(root):
    path = root / "ece662/optim.py"
    head, name, rest = path.read_text("utf-8").partition("def adam(")
    path.write_text(head + name + rest.replace(END, "", 1), "utf-8")
    assert "ece662/optim.py, line" in piece_of(root, "adam").damage
    for whole in ("rmsprop", "affine_forward"):
        assert piece_of(root, whole).written


def test_read_work_reports_regions_cells_and_files_that_are_gone(root):
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


def test_find_target_of_an_exercise_a_function_and_one_region():
    keys = [
        ("TwoLayerNet.__init__", 1),
        ("TwoLayerNet.loss", 1),
        ("TwoLayerNet.loss", 2),
    ]
    exercise = find_exercise("TwoLayerNet")
    assert find_target("twolayernet", None, ROOT) == (exercise, tuple(keys))
    assert find_target("TwoLayerNet.loss", None, ROOT) == (exercise, tuple(keys[1:]))
    assert find_target("TwoLayerNet.loss", 2, ROOT) == (exercise, (keys[2],))
    assert find_target("TwoLayerNet", 3, ROOT) == (exercise, (keys[2],))
    with pytest.raises(ValueError, match="TwoLayerNet has regions 1 to 3, got 4"):
        find_target("TwoLayerNet", 4, ROOT)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("afine_forward", "no region 'afine_forward'; did you mean affine_forward"),
        ("TwoLayerNet.los", "did you mean TwoLayerNet.loss"),
        ("zzz", "no region 'zzz'$"),
        ("FullyConnectedNet-dropout", "into the regions of FullyConnectedNet$"),
        ("q1-depth-answer", "no region 'q1-depth-answer'"),
    ],
)
def test_find_target_unknown_names_the_nearest(name, message):
    with pytest.raises(ValueError, match=message):
        find_target(name, None, ROOT)


@pytest.mark.posix
def test_rewrite_keeps_every_version(root):
    path = root / "ece662/optim.py"
    first = path.read_bytes()
    path.chmod(0o640)
    new = ("two\r\n", "two\r\n", "ü")
    backups = [rewrite(path, root, lambda old, text=text: text) for text in new]
    assert backups[0].read_bytes() == first
    assert backups[1] is None
    assert backups[2].read_bytes() == b"two\r\n"
    assert path.read_text("utf-8") == "ü"
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(list((root / "backups").glob("optim.*"))) == 2
    assert not list(path.parent.glob(".*"))


@pytest.mark.posix
def test_rewrite_follows_a_link(root):
    path = root / "ece662/optim.py"
    link = root / "link.py"
    link.symlink_to(path)
    rewrite(link, root, lambda old: "new")
    assert link.is_symlink()
    assert path.read_text() == "new"


def test_rewrite_makes_the_change_anew_where_an_editor_has_saved(root):
    path, seen = root / "ece662/optim.py", []

    def change(old):
        if len(seen) == 1:
            path.write_text("saved meanwhile\n")
        seen.append(old)
        return old + "changed\n"

    backup = rewrite(path, root, change)
    assert path.read_text() == "saved meanwhile\nchanged\n"
    assert backup.read_text() == "saved meanwhile\n"
    assert len(seen) == 3


def test_rewrite_makes_the_change_anew_where_an_editor_saves_right_after(
    root, monkeypatch
):
    """JupyterLab asks first, and saves some milliseconds later."""
    path, write, saved = root / "ece662/optim.py", work.write_file, []

    def saves(target, *args, **options):
        write(target, *args, **options)
        if target == path and not saved:
            saved.append(path.write_text("saved right after\n"))

    monkeypatch.setattr(work, "write_file", saves)
    rewrite(path, root, lambda old: old + "changed\n")
    assert saved
    assert path.read_text() == "saved right after\nchanged\n"


def test_rewrite_gives_up_and_says_so_where_a_program_writes_all_the_time(
    root, monkeypatch
):
    monkeypatch.setattr(work, "SETTLE", 0.01)
    path = root / "ece662/optim.py"

    def change(old):
        path.write_text(old + "x")
        return "mine"

    with pytest.raises(OSError, match="being written by another program"):
        rewrite(path, root, change)
    assert set(path.read_text().removesuffix("\n")[-20:]) == {"x"}


def test_rewrite_waits_for_another_of_our_writers(root, monkeypatch):
    path, begun, go_on = root / "ece662/optim.py", Event(), Event()
    path.write_text("")

    def slow(old):
        if (root / "backups").exists():  # within the lock
            begun.set()
            assert go_on.wait(WAIT)
        return old + "slow\n"

    writer = Thread(target=rewrite, args=(path, root, slow), daemon=True)
    writer.start()
    assert begun.wait(WAIT)
    monkeypatch.setattr(work, "LONGEST_WAIT", 0.05)
    with pytest.raises(OSError, match="being written by another program"):
        rewrite(path, root, lambda old: old + "quick\n")
    go_on.set()
    writer.join(WAIT)
    assert path.read_text() == "slow\n"
    monkeypatch.undo()
    rewrite(path, root, lambda old: old + "quick\n")
    assert path.read_text() == "slow\nquick\n"


def test_rewrite_of_many_writers_at_once_loses_nothing(root):
    path = root / "ece662/optim.py"
    path.write_text("")
    code = (
        "import sys; from pathlib import Path; from ece662.exercises.work import "
        "rewrite\nfor i in range(5): rewrite(Path(sys.argv[1]), Path(sys.argv[2]), "
        "lambda old: old + f'{sys.argv[3]} {i}\\n')"
    )
    command = [sys.executable, "-c", code, str(path), str(root)]
    writers = [subprocess.Popen([*command, str(n)]) for n in range(4)]
    assert [writer.wait() for writer in writers] == [0] * 4
    lines = sorted(path.read_text().splitlines())
    assert lines == sorted(f"{n} {i}" for n in range(4) for i in range(5))


def test_find_root_is_the_folder_around(root):
    assert find_root(root / "notebooks") == root
    assert find_root(Path(root.anchor)) == ROOT


def test_markers_are_not_part_of_a_piece():
    text = (ROOT / "ece662/layers.py").read_text()
    bodies = read(text, "layers.py").values()
    assert not [body for body in bodies if START in body or END in body]


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_read_work_notes_a_copy_in_quotes_and_a_second_definition(root, quotes):
    path = root / "ece662/layers.py"
    text = path.read_text("utf-8")
    begin = text.index("def relu_forward")
    copy = text[begin : text.index("def relu_backward")]
    bare = copy.replace('"""', "#").strip()
    path.write_text(f"{text}\n\n{copy}\n\n{quotes}\n{bare}\n{quotes}\n", "utf-8")
    [piece] = read_work(root, [find_exercise("relu_forward")])
    twice, quoted = sorted(piece.remarks, key=lambda text: "quotes" in text)
    line = text.count("\n") + copy.count("\n") + 6
    assert "relu_forward is defined 2 times" in twice
    assert f"line {line}: a copy of relu_forward stands in quotes" in quoted
    assert piece.written
    assert not piece.damage
    [other] = read_work(root, [find_exercise("relu_backward")])
    assert not other.remarks
