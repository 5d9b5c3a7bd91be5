"""A run of the tests ends and names the culprit: faults are planted and run.

With the command of `make test`, on files with two tests and one fault among them.
"""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests import limits

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]

CRASH = "ctypes.string_at(0)"
LOOP = "while True: pass"
C_LOOP = "collections.deque(itertools.count(), maxlen=0)  # hears no signal"
DEAF_LOOP = """
while True:
    try:
        while True: print("on and on")
    except BaseException: pass
"""
CHILD = "subprocess.run([sys.executable, '-c', 'while True: pass'])"
THREAD = "threading.Thread(target=threading.Event().wait).start()"

IMPORTS = "import collections, ctypes, itertools, subprocess, sys, threading\n"
IN_TESTS = {
    "crash": CRASH,
    "loop": LOOP,
    "c_loop": C_LOOP,
    "deaf_loop": DEAF_LOOP,
    "child": CHILD,
    "exit": "__import__('os')._exit(0)",
}
# In a cell, and what is to be said of it.
IN_CELLS = {
    "crash": (CRASH, "its kernel died (SIGSEGV)"),
    "loop": (LOOP, "exceeded executing cell"),
    "c_loop": (C_LOOP, "it went on when it was interrupted"),
    "deaf_loop": (DEAF_LOOP, "it went on when it was interrupted"),
    "exit": ("__import__('os')._exit(3)", "its kernel died (exit status 3)"),
}


def _plant_test(folder, name, fault):
    body = "\n".join(f"    {line}" for line in fault.splitlines())
    (folder / f"test_{name}.py").write_text(
        f"import pytest\n{IMPORTS}\n"
        "def test_before(): pass\n\n"
        f"@pytest.mark.limit(2)\ndef test_fault():\n{body}\n\n"
        "def test_after(): pass\n"
    )


def _plant_cell(folder, name, fault):
    sources = [IMPORTS, fault, "after = 1", "later = 2"]
    cells = [
        new_code_cell(source, id=f"q0-{i}", execution_count=1)
        for i, source in enumerate(sources)
    ]
    nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")


def _file_of(case):
    """Return the name of the file that a test of the report stands in."""
    return case.get("classname").removesuffix(".ipynb").rsplit(".", 1)[-1]


def _run(folder, *options, **environment):
    """Run what was planted as `make test` runs everything; what it printed, status."""
    command = [sys.executable, ROOT / "scripts" / "notebooks.py", "test"]
    command += sorted(folder.glob("*.py")) + sorted(folder.glob("*.ipynb"))
    command += ["-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider"]
    command += [f"--junitxml={folder / 'report.xml'}", f"--basetemp={folder / 'tmp'}"]
    done = subprocess.run(
        [*map(str, command), *options],
        env={**os.environ, "ECE662_DATA": str(folder), **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limits.WAIT,
    )
    return done.stdout, done.returncode


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """All faults at once: what was printed, the status, verdicts, what was left."""
    folder = tmp_path_factory.mktemp("planted")
    for name, fault in IN_TESTS.items():
        _plant_test(folder, name, fault)
    for name, (fault, _) in IN_CELLS.items():
        _plant_cell(folder, name, fault)
    _plant_cell(folder, "good", "between = 0")
    mark = {"ECE662_PLANTED": uuid.uuid4().hex}
    settings = {**mark, "ECE662_PATIENCE": "0.3"}  # 3 s for who hears no interrupt
    printed, status = _run(folder, "--nbval-cell-timeout=6", **settings)
    left = limits.end_processes(**mark)
    verdicts = {}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        file = _file_of(case)
        faults = [fault.get("message") + (fault.text or "") for fault in case]
        verdicts.setdefault(file, {})[case.get("name")] = "".join(faults)
    return printed, status, verdicts, left


def test_run_fails_and_leaves_nothing(run):
    printed, status, _, left = run
    assert status == 1, printed
    assert left == []
    assert "left this running" not in printed  # it was ended with its worker


@pytest.mark.parametrize("name", IN_TESTS)
def test_fault_in_a_test_is_named_and_the_others_run(run, name):
    printed, _, verdicts, _ = run
    file = verdicts[f"test_{name}"]
    assert file.keys() == {"test_before", "test_fault", "test_after"}
    assert file["test_before"] == file["test_after"] == ""
    assert "crashed while running" in file["test_fault"]
    assert f"test_{name}.py::test_fault" in printed.partition("short test summary")[2]


def test_faults_last_words_are_printed(run):
    printed, *_ = run
    assert "Fatal Python error: Segmentation fault" in printed
    for name in ("loop", "c_loop", "deaf_loop", "child"):
        assert f'test_{name}.py", line' in printed
    assert printed.count("Timeout (0:00:02)!") == 4


@pytest.mark.parametrize("name", IN_CELLS)
def test_fault_in_a_cell_is_named_and_ends_the_notebook(run, name):
    _, _, verdicts, _ = run
    before, fault, *after = (verdicts[name][f"Cell {i}"] for i in range(4))
    assert before == ""
    assert IN_CELLS[name][1] in fault
    assert IN_CELLS[name][0].strip().splitlines()[0] in fault
    assert all("not run: the kernel ended with Cell 1, q0-1" in text for text in after)


def test_kernels_last_words_say_where_it_died(run):
    _, _, verdicts, _ = run
    assert "Fatal Python error: Segmentation fault" in verdicts["crash"]["Cell 1"]
    assert "string_at" in verdicts["crash"]["Cell 1"]


def test_other_notebooks_are_run(run):
    assert set(run[2]["good"].values()) == {""}


@pytest.mark.parametrize("fault", [CRASH, LOOP], ids=["crash", "loop"])
def test_fault_at_import_ends_the_run(tmp_path, fault):
    _plant_cell(tmp_path, "good", "1")
    (tmp_path / "test_planted.py").write_text(f"{IMPORTS}\n{fault}\n")
    printed, status = _run(tmp_path, ECE662_PATIENCE="0.005")  # 4.5 s for an import
    assert status == 1
    assert "died while it imported the tests" in printed
    assert 'test_planted.py", line 3 in <module>' in printed


def test_files_that_take_longest_begin_first(tmp_path):
    """One worker, which reports the tests in the order in which it runs them."""
    (tmp_path / "test_a.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    slow = "import pytest\n@pytest.mark.slow\ndef test_slow(): pass\n"
    (tmp_path / "test_b.py").write_text(slow + "def test_quick(): pass\n")
    _plant_cell(tmp_path, "good", "between = 0")
    printed, status = _run(tmp_path, "-n1", "-m", "slow or not slow")
    assert status == 0, printed
    report = ElementTree.parse(tmp_path / "report.xml")
    begun = [_file_of(case) for case in report.iter("testcase")]
    assert begun == ["test_b"] * 2 + ["good"] * 4 + ["test_a"] * 2


def test_thread_that_never_ends_does_not_hold_the_run(tmp_path):
    _plant_test(tmp_path, "thread", THREAD)
    command = [sys.executable, "-m", "pytest", tmp_path, "-p", "tests.limits", "-n0"]
    done = subprocess.run(
        [*map(str, command), "-p", "no:cacheprovider"],
        env={**os.environ, "ECE662_PATIENCE": "0.01"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=limits.WAIT,
    )
    assert "3 passed" in done.stdout
    assert done.returncode == 1
    assert "Timeout (0:00:03)!" in done.stderr


@pytest.mark.parametrize("written", ["soon", "0", "-1", "nan"])
def test_patience_that_is_no_number_is_refused(written):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "notebooks.py", "check"],
        env={**os.environ, "ECE662_PATIENCE": written},
        capture_output=True,
        text=True,
        timeout=limits.WAIT,
    )
    message = f"expected ECE662_PATIENCE to be a number such as 4, got {written!r}\n"
    assert (done.stderr, done.returncode) == (message, 1)
