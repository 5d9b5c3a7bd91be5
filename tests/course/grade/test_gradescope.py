"""The zip for Gradescope, unpacked as it is there, in a folder to be thrown away."""

import json
import shutil
import stat
import subprocess
import sys
import zipfile

import pytest

from course.grade import gradescope
from course.grade.classroom import KINDS, files_of
from course.grade.gradescope import SECRET_FILE, write_autograder
from course.grade.secret import Secret
from ece662.exercises import EXERCISES

SECRET = Secret(32 * "7")
SCRIPTS = ("setup.sh", "run_autograder")


@pytest.fixture(scope="module")
def autograder(tmp_path_factory):
    """A folder as `/autograder` is on Gradescope, but for the submission."""
    root = tmp_path_factory.mktemp("autograder")
    write_autograder(root / "autograder.zip", SECRET, trusted=False, training=False)
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


def test_zip_has_a_secret_that_only_root_can_read(autograder):
    with zipfile.ZipFile(autograder / "autograder.zip") as archive:
        mode = archive.getinfo(SECRET_FILE).external_attr >> 16
        assert stat.S_IMODE(mode) == 0o600
        for name in archive.namelist():
            assert SECRET.text.encode() not in archive.read(name) or name == SECRET_FILE


def test_each_submission_has_inputs_of_its_own(tmp_path, monkeypatch):
    secrets = []

    def without_running(setup, submission):
        secrets.append(setup.secret)
        return {"marks": [], "notes": []}

    monkeypatch.setattr(gradescope, "grade", without_running)
    (tmp_path / "secret").write_text(SECRET.text)
    for text in ("one", "other", "one"):
        file = tmp_path / "submission" / "ece662" / "layers.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        words = [str(tmp_path / "submission"), str(tmp_path / "results.json")]
        gradescope.main([*words, "--secret-file", str(tmp_path / "secret")])
        assert secrets[-1] not in (tmp_path / "results.json").read_text()
    assert secrets[0] == secrets[2] != secrets[1]
    assert SECRET.text not in secrets


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
    assert SECRET.text not in json.dumps(results)
    tests = {test["name"].split(": ")[1]: test for test in results["tests"]}
    graded = {e.id for e in EXERCISES if e.kind in ("function", "class")}
    assert tests.keys() == graded
    assert tests["affine_forward"]["status"] == "failed"
    assert "biases never arrive" in tests["affine_forward"]["output"]
    assert tests["relu_forward"]["status"] == "passed"
    assert results["score"] == sum(test["score"] for test in results["tests"]) > 0
