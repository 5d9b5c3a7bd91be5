"""A corrected copy of the course, unzipped over an old one, is what runs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = "ece662/classifiers/extra.py"
PRINT = "from ece662.classifiers.extra import value; print(value(), end='')"


def _zip(path, answer, version):
    """Pack the package; every file is dated 1980, whatever stands in it."""
    own = ("__init__", "__main__", "_computer", "live/__init__", "live/reloading")
    own += ("commands/cli",)
    files = {
        f"ece662/{n}.py": (ROOT / f"ece662/{n}.py").read_text("utf-8") for n in own
    }
    files["ece662/commands/__init__.py"] = ""
    files["ece662/__init__.py"] = files["ece662/__init__.py"].replace("0.1.0", version)
    files["ece662/classifiers/__init__.py"] = f'"""{answer}"""'
    files[MODULE] = f"def value():\n    return {answer}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text.encode())


def _unzip(path, folder):
    # Not zipfile's extractall: it dates the files of today.
    command = ["unzip", "-q", "-o", str(path), "-d", str(folder)]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        pytest.skip("there is no unzip here")


def _answers(folder):
    def run(*command):
        return subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    value = run("-c", PRINT)
    docs = run("-c", "import ece662.classifiers as c; print(c.__doc__, end='')")
    return value, docs, run("-m", "ece662", "--version").strip()


def test_unzipped_over_an_old_copy_the_new_code_runs(tmp_path):
    _zip(tmp_path / "old.zip", 11, "0.1.0")
    _zip(tmp_path / "new.zip", 22, "0.1.1")
    folder = tmp_path / "my course"
    _unzip(tmp_path / "old.zip", folder)
    before = (folder / MODULE).stat()
    assert _answers(folder) == ("11", "11", "ece662 0.1.0")
    assert list(folder.rglob("extra.*.pyc"))  # bytecode is kept: later starts are fast
    _unzip(tmp_path / "new.zip", folder)
    after = (folder / MODULE).stat()
    assert (before.st_size, before.st_mtime) == (after.st_size, after.st_mtime)
    assert _answers(folder) == ("22", "22", "ece662 0.1.1")


def test_bytecode_that_python_itself_has_written_is_passed_over(tmp_path):
    _zip(tmp_path / "old.zip", 11, "0.1.0")
    _zip(tmp_path / "new.zip", 22, "0.1.0")
    folder = tmp_path / "my course"
    _unzip(tmp_path / "old.zip", folder)
    module = folder / MODULE
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(module)], check=True)
    _unzip(tmp_path / "new.zip", folder)
    assert _answers(folder)[0] == "22"


def test_bytecode_is_used_where_the_source_is_the_same(tmp_path):
    _zip(tmp_path / "one.zip", 11, "0.1.0")
    folder = tmp_path / "my course"
    _unzip(tmp_path / "one.zip", folder)
    _answers(folder)
    [compiled] = folder.rglob("extra.*.pyc")
    written = compiled.stat().st_mtime_ns
    _answers(folder)
    assert compiled.stat().st_mtime_ns == written
