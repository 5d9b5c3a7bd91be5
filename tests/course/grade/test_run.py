"""A run of the grader, stopped in all ways: killed, out of disk, and on a cluster."""

import contextlib
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import psutil
import pytest

from course.grade import run as running
from course.grade.alone import alone_in
from course.grade.classroom import KINDS, files_of, write_class
from course.grade.contained import PROGRAM
from course.grade.intake.submissions import open_submission
from course.grade.reports import write_reports
from course.grade.run import GradingError, grade_class
from course.grade.workers.worker import Setup, digest_of, ungraded
from ece662.exercises import EXERCISES
from tests.limits import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walls")]
SECRET = 32 * "6"
PUPILS = {pupil.name: pupil for pupil in KINDS}
FEW = ("right-one", "mistaken-00", "hostile-exit", "broken-syntax")
SHORT = "ece662/optim.py"
MARKED = [e.id for e in EXERCISES if e.kind in ("function", "class")]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def prepared(ready, monkeypatch):
    """Take what is prepared for all: these runs are about something else."""
    monkeypatch.setattr("course.grade.run.prepare", ready)


@pytest.fixture
def program(prepared_folder):
    """The command `python -m course`, which takes what is prepared for all as well."""
    return [sys.executable, "-m", "tests.course.grade.ready", str(prepared_folder)]


@pytest.fixture
def few(tmp_path, monkeypatch):
    """A folder with four submissions."""
    monkeypatch.setattr("course.grade.classroom.KINDS", [PUPILS[name] for name in FEW])
    write_class(tmp_path / "submissions", len(FEW))
    return tmp_path / "submissions"


@pytest.fixture
def short(request, monkeypatch):
    """The same four with one file each: for what is the same whatever is marked."""

    def one_file(pupil):
        return {SHORT: files_of(pupil)[SHORT]}

    monkeypatch.setattr("course.grade.classroom.files_of", one_file)
    return request.getfixturevalue("few")


def wait_for_a_record(out):
    """Wait until a first submission has been graded."""
    wait_until(lambda: any((out / "records").glob("*.json")), "a first record")


def _students(out):
    told = json.loads((out / "class.json").read_text())
    return {student["student"]: student for student in told["students"]}


@pytest.mark.usefixtures("prepared")
def test_resume_keeps_what_fits_and_grades_what_is_new(short, tmp_path):
    out = tmp_path / "out"
    grade_class(short, out, secret=SECRET, training=False, quiet=True)
    before = {p.name: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    with pytest.raises(GradingError, match="--resume"):
        grade_class(short, out, quiet=True)
    with pytest.raises(GradingError, match="another secret"):
        grade_class(short, out, secret=32 * "1", resume=True, quiet=True)
    (out / "records" / "right-one.json").unlink()
    (out / "records" / "mistaken-00.json").write_text('{"digest": "half')
    grade_class(short, out, resume=True, training=False, quiet=True)
    after = {p.name: p.stat().st_mtime_ns for p in (out / "records").iterdir()}
    assert after.keys() == before.keys()
    kept = {name for name in after if after[name] == before[name]}
    assert kept == {"hostile-exit.json", "broken-syntax.json"}


@pytest.mark.usefixtures("prepared")
def test_killed_worker_costs_nothing(few, tmp_path):
    def kill_a_worker():
        wait_for_a_record(tmp_path / "out")
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if PROGRAM in child.cmdline():
                    child.kill()

    thread = threading.Thread(target=kill_a_worker)
    thread.start()
    grade_class(
        few, tmp_path / "out", secret=SECRET, training=False, workers=1, quiet=True
    )
    thread.join()
    records = [json.loads(p.read_text()) for p in (tmp_path / "out/records").iterdir()]
    assert len(records) == len(FEW)
    assert all(record["digest"] for record in records)


class _Deadly:
    """An executor whose worker is killed by one submission, and the others with it."""

    def __init__(self, deadly):
        self.deadly, self.broken = deadly, False

    def submit(self, function, setup, submission):
        future = Future()
        self.broken |= submission.name == self.deadly
        if self.broken:
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(ungraded(submission, "") | {"digest": "done"})
        return future

    def shutdown(self, **kwargs):
        pass


def test_deadly_submission_does_not_stop_the_others(few):
    paths = sorted(few.iterdir())
    opened = iter([open_submission(path, ()) for path in paths])
    queue = running._Queue(opened)
    records = running._graded(queue, lambda: _Deadly("mistaken-00"), Setup(1), 4)
    done = {record["student"]: record for record in records}
    assert set(done) == set(FEW)
    assert {name for name in done if not done[name]["digest"]} == {"mistaken-00"}
    assert "was killed" in done["mistaken-00"]["notes"][-1]


def _written(out):
    """Return when each record was written, by its file's name."""
    found = (out / "records").glob("[!.]*.json")
    return {path.name: path.stat().st_mtime_ns for path in found}


def test_grader_that_is_ended_and_then_killed_is_resumed(few, tmp_path, program):
    out = tmp_path / "out"
    words = ["grade", str(few), "--out", str(out), "--skip-training"]
    command = [*program, *words, "--secret", SECRET]
    ended = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    wait_for_a_record(out)
    ended.terminate()
    said = ended.communicate()[1]
    first = _written(out)
    assert ended.returncode == 143
    assert said.splitlines()[-1] == (
        f"Stopped. {len(first)} submissions are graded and kept: --resume goes on."
    )
    assert 0 < len(first) <= len(FEW)

    command += ["--resume"]
    killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    wait_until(
        lambda: len(_written(out)) > len(first) or killed.poll() is not None,
        "another record",
    )
    killed.kill()
    killed.wait()
    second = _written(out)
    assert first.items() <= second.items()

    command = [sys.executable, "-m", "course", *words, "--resume"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    after = _written(out)
    assert len(after) == len(FEW)
    assert second.items() <= after.items()
    assert set(_students(out)) == set(FEW)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root")
def test_full_disk_is_told_and_resumed(short, tmp_path, program):
    disk = tmp_path / "disk"
    disk.mkdir()
    words = ["grade", str(short), "--out", f"{disk}/out", "--skip-training"]
    grade = shlex.join([*program, *words])
    script = f"""
        mount -t tmpfs -o size=40k tmpfs disk || exit 77
        cd {ROOT}
        {grade} --secret {32 * "1"}; echo status $?
        ls -A {disk}/out/records
        mount -o remount,size=10m {disk}
        {grade} --resume; echo status $?
        ls -A {disk}/out/records
    """
    shell = ["unshare", "--mount", "sh", "-c", script]
    done = subprocess.run(shell, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip("no file system can be mounted here")
    assert "is full" in done.stderr
    assert "--resume" in done.stderr
    assert done.stdout.count("status 1") == 1
    assert done.stdout.count("status 0") == 1
    assert ".part" not in done.stdout
    _, _, after = done.stdout.partition("status 0")
    assert sorted(after.split()) == sorted(f"{name}.json" for name in FEW)


@pytest.mark.usefixtures("prepared")
def test_cluster_gives_the_same_where_a_worker_is_killed(few, tmp_path):
    distributed = pytest.importorskip("distributed")
    grade_class(few, tmp_path / "here", secret=SECRET, training=False, quiet=True)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1",
        silence_logs=50,
    ) as cluster:  # fmt: skip

        def kill_a_worker():
            wait_for_a_record(tmp_path / "there")
            os.kill(cluster.workers[0].process.pid, signal.SIGKILL)

        threading.Thread(target=kill_a_worker, daemon=True).start()
        grade_class(
            few,
            tmp_path / "there",
            secret=SECRET,
            training=False,
            scheduler=cluster.scheduler_address,
            quiet=True,
        )
    for folder in ("here", "there"):
        write_reports(tmp_path / folder)
    for name in ("class.csv", "class.json", "summary.html"):
        here = (tmp_path / "here" / name).read_bytes()
        assert here == (tmp_path / "there" / name).read_bytes()


def test_cluster_that_is_not_there_is_told(few, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("course.grade.workers.cluster.PATIENCE", 1)
    with pytest.raises(GradingError, match="no scheduler answers at"):
        grade_class(few, tmp_path / "out", scheduler="tcp://127.0.0.1:9", quiet=True)


def test_two_submissions_of_one_name_are_refused(few, tmp_path):
    (few / "right-one").mkdir()
    with pytest.raises(GradingError, match="are both by right-one"):
        grade_class(few, tmp_path / "out", quiet=True)


def test_grading_is_refused_where_no_walls_hold(few, tmp_path, monkeypatch, capsys):
    from course.cli import main

    monkeypatch.setattr("course.grade.workers.worker.candidates", lambda: [])
    monkeypatch.setattr("course.sandbox.check.candidates", lambda: [])
    command = ["grade", str(few), "--out", str(tmp_path / "out"), "--skip-training"]
    assert main(command) == 1
    told = capsys.readouterr().err
    assert "cannot be kept apart" in told
    assert "--trust-submissions" in told
    assert not any((tmp_path / "out" / "records").iterdir())
    assert main([*command, "--resume", "--trust-submissions"]) == 0
    students = _students(tmp_path / "out")
    right = students["right-one"]["exercises"]
    assert all(right[id]["status"] == "passed" for id in MARKED)
    assert students["hostile-exit"]["exercises"]["relu_forward"]["status"] == "stopped"


def test_digest_follows_what_is_graded(few):
    path = few / "right-one.zip"
    files = {exercise.file for exercise in EXERCISES}
    digest = digest_of(open_submission(path, files))
    assert digest == digest_of(open_submission(path, files))
    assert digest != digest_of(open_submission(path, list(files)[:2]))


@pytest.mark.usefixtures("prepared")
def test_bad_submissions_cost_themselves_and_are_named(tmp_path, monkeypatch, capsys):
    from course.cli import main

    monkeypatch.setattr("course.grade.classroom.KINDS", [PUPILS["right-one"]])
    submissions, out = tmp_path / "submissions", tmp_path / "out"
    write_class(submissions, 1)
    bad = _bad_archives()
    for name, data in bad.items():
        (submissions / f"{name}.zip").write_bytes(data)
    _write_halves(submissions)
    (submissions / "zoe.rar").write_bytes(b"Rar!")
    command = ["grade", str(submissions), "--out", str(out), "--skip-training"]
    for more in ([], ["--resume"]):
        assert main([*command, *more]) == 1
        said = capsys.readouterr()
        assert f"{len(bad) + 4} submissions, {len(bad) + 3} with files" in said.out
        halves = "3 graded without a file that could not be read: cut, large, utf-16"
        assert halves in said.err
        names = ", ".join(sorted(bad))
        assert (
            f"{len(bad)} none of the course's files could be read: {names}" in said.err
        )
        last = said.err.splitlines()[-1]
        assert "1 left out: zoe.rar (an archive of a kind that is not opened" in last
    marks = _students(out)
    assert marks.keys() == {"right-one", "cut", "large", "utf-16", *bad}
    right = marks["right-one"]["exercises"]
    assert all(right[id]["status"] == "passed" for id in MARKED)
    assert {marks[name]["points"] for name in bad} == {0}
    assert "zoe.rar" in (out / "summary.html").read_text()


def _write_halves(submissions):
    """Write submissions of two files, of which one cannot be read."""
    optim = (ROOT / "ece662" / "optim.py").read_bytes()
    halves = {
        "cut": ("notebooks/Q3-Dropout.ipynb", b'{"cells": ['),
        "large": ("ece662/layers.py", b"#" * (17 << 20)),
        "utf-16": ("ece662/layers.py", "x = 1".encode("utf-16")),
    }
    for name, (file, data) in halves.items():
        for path, content in ((file, data), ("ece662/optim.py", optim)):
            whole = submissions / name / path
            whole.parent.mkdir(parents=True, exist_ok=True)
            whole.write_bytes(content)


def test_folder_without_submissions_is_no_success(tmp_path, monkeypatch, capsys, ready):
    from course.cli import main

    monkeypatch.setattr("course.grade.run.prepare", ready)
    (tmp_path / "submissions").mkdir()
    command = ["grade", str(tmp_path / "submissions"), "--out", str(tmp_path / "out")]
    assert main([*command, "--skip-training"]) == 1
    assert "there was no submission to grade" in capsys.readouterr().err


def test_second_grading_in_a_folder_is_refused(few, tmp_path, capsys):
    from course.cli import main

    out = tmp_path / "out"
    command = ["grade", str(few), "--out", str(out), "--skip-training"]
    with alone_in(out, new=True):
        for more in ([], ["--resume"]):
            assert main([*command, *more]) == 1
            assert "another grading writes into" in capsys.readouterr().err
    assert not [*out.iterdir()]
    assert main([*command, "--resume"]) == 1
    assert "there is no run to go on with" in capsys.readouterr().err


def _bad_archives():
    """Return archives that ended a run, by their students' names."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("ece662/layers.py", "x" * 500)
    lzma = bytearray(stream.getvalue())
    lzma[50:60] = bytes(10)
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("x", "nameless")
    nameless = stored.getvalue().replace(b"x", b"\0")
    return {"lzma": bytes(lzma), "nameless": nameless, "text": b"no zip", "void": b""}
