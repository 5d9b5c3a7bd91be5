"""The zip for Gradescope, unpacked as it is there, in a folder to be thrown away."""

import json
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from course.grade.classroom import KINDS, files_of
from course.grade.gradescope import write_autograder
from ece662.exercises import EXERCISES

SCRIPTS = ("setup.sh", "run_autograder")


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """A folder as `/autograder` is on Gradescope, but for the submission."""
    root = tmp_path_factory.mktemp("autograder")
    write_autograder(root / "autograder.zip", seed=7, trusted=False, training=False)
    with zipfile.ZipFile(root / "autograder.zip") as archive:
        archive.extractall(root / "source")
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in SCRIPTS}
    assert all(mode & stat.S_IXUSR for mode in modes.values())
    shutil.copyfile(root / "source" / "run_autograder", root / "run_autograder")
    (root / "run_autograder").chmod(0o755)
    (root / "results").mkdir()
    (root / "venv").symlink_to(sys.prefix)
    return root


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_read_by_the_shell(name, autograder):
    subprocess.run(["bash", "-n", autograder / "source" / name], check=True)


def test_zip_holds_what_grading_takes_and_nothing_built(autograder):
    source = autograder / "source"
    assert {e.file for e in EXERCISES} <= {
        path.relative_to(source).as_posix() for path in source.rglob("*")
    }
    assert not [path for path in source.rglob("*") if path.suffix in (".so", ".pyc")]
    assert not (source / ".git").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("walls")
def test_run_autograder_writes_what_the_grader_says(autograder):
    pupil = next(pupil for pupil in KINDS if pupil.name == "mistaken-00")
    for file, text in files_of(pupil).items():
        path = (
            autograder / "submission" / "ece662" / file
        )  # as the student's zip has it
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    subprocess.run([autograder / "run_autograder"], check=True, cwd="/", env={})
    results = json.loads((autograder / "results" / "results.json").read_text())
    tests = {test["name"].split(": ")[1]: test for test in results["tests"]}
    graded = {e.id for e in EXERCISES if e.kind in ("function", "class")}
    assert tests.keys() == graded
    assert tests["affine_forward"]["status"] == "failed"
    assert "biases never arrive" in tests["affine_forward"]["output"]
    assert tests["relu_forward"]["status"] == "passed"
    assert results["score"] == sum(test["score"] for test in results["tests"]) > 0
