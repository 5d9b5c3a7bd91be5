"""A course in a deep folder, beside files that are named as modules of Python."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests import limits

ROOT = Path(__file__).resolve().parents[1]
NAMED = sorted(sys.stdlib_module_names | {"numpy", "matplotlib", "tornado", "PIL"})


@pytest.fixture
def notebooks(tmp_path):
    """The folder of Q3's notebook, more than 250 letters down, among such files."""
    course = (
        tmp_path
        / "Übung für Montag, 深い"
        / ("it's a deep one " * 3).strip()
        / "course"
    )
    while len(str(course)) < 250:
        course = course.parent / "and deeper still, with a # and 100%" / course.name
    ignored = shutil.ignore_patterns("__pycache__", "Q[12456]*")
    for name in ("ece662", "notebooks"):
        shutil.copytree(ROOT / name, course / name, ignore=ignored)
    for name in NAMED:
        path = course / "notebooks" / f"{name}.py"
        path.write_text(f"raise SystemExit('ran {name}.py')\n")
    return course / "notebooks"


def test_the_first_check_of_a_notebook_passes(notebooks):
    """In a kernel of its own, as JupyterLab starts one: in the notebook's folder."""
    notebook = nbformat.read(notebooks / "Q3-Dropout.ipynb", as_version=4)
    ids = [cell.id for cell in notebook.cells]
    del notebook.cells[ids.index("q3-verdict-dropout-forward") + 1 :]
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(notebooks)}},
        timeout=limits.CELL,
        startup_timeout=limits.START,
    )
    client.execute()
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    said = "".join(output.get("text", "") for output in outputs)
    assert "dropout_forward: passed" in said + str(outputs[-1].get("data"))
    for name in NAMED:
        assert f"{notebooks / name}.py has the name of the module {name}" in said


def test_jupyterlab_opens(notebooks):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("lab", "--no-browser", "--allow-root", f"--port={port}")
    command = [sys.executable, "-m", "ece662", *words, "--ServerApp.token=known"]
    log = notebooks.parent / "log.txt"
    with log.open("w") as output:
        lab = subprocess.Popen(
            command, cwd=notebooks, stdout=output, stderr=output, text=True
        )
    try:
        address = f"http://127.0.0.1:{port}/lab/tree/notebooks/Q3-Dropout.ipynb"
        page = _wait_for(f"{address}?token=known", lab)
        assert "JupyterLab" in page, log.read_text()
        listing = _wait_for(
            f"http://127.0.0.1:{port}/api/contents/notebooks?token=known", lab
        )
        assert "Q3-Dropout.ipynb" in listing
    finally:
        lab.terminate()
        lab.wait()
    assert "Traceback" not in log.read_text()


def _wait_for(address, process):
    """Return what is at an address as soon as somebody answers there."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(address) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.2)
    return ""
