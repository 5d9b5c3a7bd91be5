"""The command ``ece662 check``."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ece662.commands.cli import main
from ece662.exercises.regions import fill, read
from tests.limits import WAIT

ROOT = Path(__file__).parents[2]


def test_check_prints_the_verdict_and_returns_0(capsys):
    assert main(["check", "affine_forward"]) == 0
    output = capsys.readouterr().out
    assert "affine_forward: passed" in output
    assert "1 of 1 passed" in output


def test_check_json_is_a_list_of_objects(capsys):
    assert main(["check", "--json", "affine_forward", "relu_forward"]) == 0
    for verdict in json.loads(capsys.readouterr().out):
        assert verdict["passed"] is True
        assert (verdict["status"], verdict["diagnosis"]) == ("passed", None)
        assert verdict["seconds"] > 0


def test_check_unknown_id_returns_2_and_names_the_nearest(capsys):
    assert main(["check", "afine_forward"]) == 2
    assert "did you mean affine_forward" in capsys.readouterr().err


def test_check_runs_on_the_code_of_the_folder_it_is_called_in(tmp_path, capfd):
    """A release beside the installed package is checked, not the package."""
    package = tmp_path / "ece662"
    (package / "exercises").mkdir(parents=True)
    for name in ("__init__.py", "exercises/exercises.toml"):
        (package / name).write_text("", "utf-8")
    (package / "__main__.py").write_text("import sys; print(sys.argv)", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["check", "adam"]) == 0
    assert "'check', '--', 'adam']" in capfd.readouterr().out


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A student's folder in which functions do to Python what they should not."""
    root = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "ece662", root / "ece662", ignore=ignored)
    for file in ("ece662/layers.py", "ece662/optim.py"):
        path = root / file
        text = path.read_text("utf-8")
        bodies = read(text, file)
        for owner in set(DOES) & {owner for owner, _ in bodies}:
            body = DOES[owner] + textwrap.dedent(bodies[owner, 1])
            text = fill(text, file, {(owner, 1): body})
        path.write_text(text, "utf-8")
    return root


CRASH = "import ctypes\nctypes.string_at(1)\n"
EXIT = "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])\n"
SILENCE = """\
import builtins, os, sys
print("before")
builtins.print = lambda *words: None
sys.stdout.close()
sys.stderr = None
try:
    os.close(1)
except OSError:
    pass
os.chdir("/")
sys.setrecursionlimit(60)
"""
FORK = "import os\nos.fork()\n"
THREAD = """\
import threading
threading.Thread(target=threading.Event().wait).start()
"""
INTERRUPT = "raise KeyboardInterrupt\n"
OTHER = "class Odd(BaseException): pass\nraise Odd('odd')\n"
KILL = "import os\nos.kill(os.getpid(), 9)\n"
DOES = {
    "affine_forward": CRASH,
    "relu_forward": SILENCE,
    "relu_backward": FORK,
    "dropout_forward": OTHER,
    "sgd_momentum": EXIT,
    "rmsprop": KILL,
    "layernorm_forward": INTERRUPT,
    "adam": THREAD,
}
ASKED = [*DOES, "affine_backward"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork and no signals")
def test_check_has_a_verdict_whatever_the_code_does_to_python(course):
    command = [sys.executable, "-m", "ece662", "check", *ASKED]
    done = subprocess.run(
        command, cwd=course, capture_output=True, text=True, check=False, timeout=WAIT
    )
    lines = done.stdout.splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads == [
        "affine_forward: stopped",
        "relu_forward: passed",
        "relu_backward: passed",
        "dropout_forward: not yet right",
        "sgd_momentum: stopped",
        "rmsprop: stopped",
        "layernorm_forward: stopped",
        "adam: passed",
        "affine_backward: stopped",
        "3 of 9 passed",
    ]
    said = {head.partition(":")[0]: lines[lines.index(head) + 1] for head in heads[:-1]}
    where = "ended Python itself in ece662/layers.py, line"
    assert where in said["affine_forward"]
    assert "(`ctypes.string_at(1)`)" in said["affine_forward"]
    assert "SIGSEGV" in said["affine_forward"]
    assert "(`raise Odd('odd')`): Odd: odd." in said["dropout_forward"]
    assert "with the exit code 0" in said["sgd_momentum"]
    assert "where memory runs out" in said["rmsprop"]
    assert "(`raise KeyboardInterrupt`)" in said["layernorm_forward"]
    assert "affine_forward, which was stopped" in said["affine_backward"]
    assert done.returncode == 1
    assert "before" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_check_of_a_crash_while_a_file_is_loaded_is_one_crash(course):
    path = course / "ece662/optim.py"
    text = path.read_text("utf-8")
    path.write_text(f"{text}\nimport os\nos.abort()\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "ece662",
        "check",
        "--json",
        "sgd_momentum",
        "adam",
    ]
    try:
        done = subprocess.run(
            command, cwd=course, capture_output=True, text=True, timeout=WAIT
        )
    finally:
        path.write_text(text, "utf-8")
    first, second = json.loads(done.stdout)
    assert "in ece662/optim.py, line" in first["message"]
    assert "SIGABRT" in first["message"]
    assert "builds on ece662/optim.py, which was stopped" in second["message"]


def test_check_of_an_exit_while_a_file_is_loaded_names_its_line(course):
    for verdict in _with_a_last_line(course, "os._exit(0)"):
        assert verdict["message"].startswith("ece662/optim.py, line ")
        assert verdict["message"].endswith(": SystemExit: 0\n    os._exit(0)")


def _with_a_last_line(course, line):
    """Return the verdicts on two rules where their file ends with this line."""
    path = course / "ece662/optim.py"
    text = path.read_text("utf-8")
    path.write_text(f"{text}\nimport os\n{line}\n", "utf-8")
    command = [sys.executable, "-m", "ece662", "check", "--json", "rmsprop", "adam"]
    try:
        done = subprocess.run(
            command, cwd=course, capture_output=True, text=True, timeout=WAIT
        )
    finally:
        path.write_text(text, "utf-8")
    return json.loads(done.stdout)


def test_check_ends_in_spite_of_a_thread_that_does_not(course):
    code = "from ece662.commands import check, cli; check.LAST_SECONDS = 0.1\n"
    code += "import sys; sys.exit(cli.main(['check', '--lines', 'adam']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=course,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert json.loads(done.stdout)["passed"]
    assert "A thread that your code has started does not end" in done.stderr
    assert done.returncode == 0
