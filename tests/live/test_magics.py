"""The magic `%%region`: from a cell into the file, and into force."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ece662 import live
from ece662.exercises import EXERCISES
from ece662.exercises.regions import END, START, read
from ece662.live import magics

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path):
    """The modules in which students write."""
    for file in {e.file for e in EXERCISES if e.file.endswith(".py")}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def body_of(root, owner, number=1):
    text = (root / "ece662/layers.py").read_text()
    return read(text, "layers.py")[owner, number]


def test_write_writes_the_cell_into_the_file_and_keeps_the_old_one(root):
    before = (root / "ece662/layers.py").read_bytes()
    said = magics.write("affine_forward", "# mine\nif True:\n    out = x\n", root)
    assert body_of(root, "affine_forward").splitlines() == [
        "    # mine",
        "    if True:",
        "        out = x",
    ]
    assert said.startswith("affine_forward is written and reloaded in ece662/layers.py")
    backup = root / said.rpartition(": ")[2]
    assert backup.read_bytes() == before


def test_write_takes_a_cell_with_the_marker_lines(root):
    cell = (
        f"def affine_forward(x):\n    {START}\n    out = 1\n    {END}\n    return out"
    )
    magics.write("affine_forward", cell, root)
    assert body_of(root, "affine_forward") == "    out = 1"


def test_write_twice_the_same_says_so(root):
    magics.write("relu_forward", "out = 1", root)
    assert "holds this already" in magics.write("relu_forward", "out = 1", root)
    assert len(list((root / "backups").glob("layers.*"))) == 1


TEXT = 'out = """a\n  b\n\nc"""\nif out:\n    out = 1'


def test_write_and_show_leave_strings_over_several_lines_as_they_are(root):
    magics.write("relu_forward", TEXT, root)
    assert '"""a\n  b\n\nc"""\n    if out:' in body_of(root, "relu_forward")
    assert magics.show("relu_forward", root) == TEXT
    assert "holds this already" in magics.write("relu_forward", TEXT, root)


def test_write_into_a_file_of_windows_keeps_its_line_ends(root):
    path = root / "ece662/layers.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = path.read_bytes()
    magics.write("relu_forward", TEXT, root)
    written = path.read_bytes()
    assert written.count(b"\n") == written.count(b"\r\n")
    assert magics.show("relu_forward", root) == TEXT
    head, tail = before.split(b"def relu_forward")
    assert written.startswith(head)
    assert written.endswith(tail[tail.index(END.encode()) :])


def test_write_says_what_kept_the_module_from_being_reloaded(root, monkeypatch):
    report = live.ReloadReport(problems=("ece662/layers.py was not reloaded",))
    monkeypatch.setattr(live, "refresh", lambda: report)
    first, second = magics.write("relu_forward", "out = 1", root).splitlines()
    assert first.startswith("relu_forward is written in ece662/layers.py; as it was")
    assert second == "ece662/layers.py was not reloaded"


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("out = 1\nout = (2", "line 3 of this cell"),
        (f"{START}\nout = 1\nout = = 2\n{END}", "line 4 of this cell"),
        ("out = 1\n  out = 2", "line 3 of this cell"),
        ("x = '''", "line 2 of this cell"),
    ],
)
def test_write_with_a_syntax_error_changes_nothing(root, cell, line):
    before = (root / "ece662/layers.py").read_bytes()
    with pytest.raises(ValueError, match=f"nothing was written: .*{line}"):
        magics.write("relu_forward", cell, root)
    assert (root / "ece662/layers.py").read_bytes() == before
    assert not (root / "backups").exists()


def test_write_of_several_asks_which(root):
    with pytest.raises(ValueError, match="there are several") as error:
        magics.write("batchnorm_forward", "out = 1", root)
    assert str(error.value).splitlines()[1:] == [
        '  %%region batchnorm_forward 1    below `if mode == "train":`',
        "  %%region batchnorm_forward 2    below `else:`",
    ]
    magics.write("batchnorm_forward 2", "out = 1", root)
    assert body_of(root, "batchnorm_forward", 2) == "        out = 1"
    assert "mean" in body_of(root, "batchnorm_forward", 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "write `%%region NAME`"),
        ("affine_forward two", "write `%%region NAME`"),
        ("afine_forward", "did you mean affine_forward"),
        ("q1-solver-train", "written in its own cell"),
    ],
)
def test_write_says_what_is_wrong_with_the_line(root, line, message):
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "Q1-FCNetworks.ipynb", root / "notebooks")
    with pytest.raises(ValueError, match=message):
        magics.write(line, "out = 1", root)


def test_write_refuses_a_damaged_file_and_half_a_pair_of_markers(root):
    with pytest.raises(ValueError, match="holds a marker line"):
        magics.write("relu_forward", f"{START}\nout = 1", root)
    path = root / "ece662/layers.py"
    head, name, rest = path.read_text().partition("def relu_forward(")
    path.write_text(head + name + rest.replace(START, "", 1))
    magics.write("relu_backward", "dx = dout", root)  # which is whole
    with pytest.raises(ValueError, match=r"ece662/layers.py, line \d+"):
        magics.write("relu_forward", "out = 1", root)


SESSION = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from ece662.notebook import get_ready; get_ready()")
shell.run_cell("from ece662.classifiers.fc_net import *; old = relu_forward")
shell.run_cell("%%region relu_forward\\nout = x + 41")
shell.run_cell("import ece662.layers as l; print(old(1)[0], l.relu_forward(1)[0])")
shell.run_cell("%%region relu_forward\\nout = (")
shell.run_cell("print(relu_forward(1)[0])")
shell.run_cell("%region relu_forward")
print(shell.rl_next_input)
"""


def test_magic_in_a_session_is_in_force_at_once(tmp_path):
    shutil.copytree(
        ROOT / "ece662", tmp_path / "ece662", ignore=shutil.ignore_patterns("*.so")
    )
    done = subprocess.run(
        [sys.executable, "-c", SESSION],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "", "HOME": str(tmp_path), "MPLBACKEND": "agg"},
    )
    lines = done.stdout.splitlines()
    assert lines[1].startswith("relu_forward is written and reloaded in")
    assert lines[2] == "42.0 42.0"
    assert lines[3].startswith("%%region: nothing was written: line 2 of this cell")
    assert lines[4:6] == ["    out = (", "42.0"]
    assert lines[-2:] == ["%%region relu_forward", "out = x + 41"], done.stdout
