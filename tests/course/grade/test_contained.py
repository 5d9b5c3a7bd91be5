"""Whatever ends a child, the one who asked gets a reason and goes on."""

import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import psutil
import pytest

from course.grade import contained
from course.grade.contained import AbandonedError, Child, EndedError, borrowed, end_all
from course.grade.intake.submissions import Submission
from course.grade.intake.taking import WANTED, as_plain, from_plain, take_here
from course.grade.workers.worker import Setup, grade, take
from tests.limits import WAIT, wait_until

UNRULY = "tests.course.grade.unruly"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def child():
    """A child that answers; it has been started."""
    child = Child(UNRULY)
    child.ask("print", None, WAIT)
    yield child
    child.close()


@pytest.fixture
def unruly(monkeypatch):
    """Let those who borrow a child get an unruly one."""
    end_all()
    monkeypatch.setattr(contained.Child.__init__, "__defaults__", (UNRULY,))
    yield
    end_all()


def _fails(child, question, about, seconds=WAIT):
    with pytest.raises(EndedError) as caught:
        child.ask(question, about, seconds)
    assert not child.lives
    return caught.value


def test_child_serves_again_and_what_it_prints_is_no_answer(child):
    first = child.ask("print", None, WAIT)
    assert child.ask("print", None, WAIT) == first


def test_exception_is_told_and_cut(child):
    ended = _fails(child, "raise", 5000)
    assert str(ended).startswith("IndexError: string index out of range")
    assert len(str(ended)) < 600
    assert child.ask("answer", 3, WAIT) == "xxx"


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_death_is_told(child, number):
    assert f"signal {number:d}" in str(_fails(child, "die", number))
    assert child.ask("answer", 3, WAIT) == "xxx"


def test_exit_is_told(child):
    assert "exit status 3" in str(_fails(child, "exit", 3))


def test_unknown_question_is_told(child):
    assert "KeyError" in str(_fails(child, "sing", None))


def test_time_is_up(child):
    ended = _fails(child, "hang", {}, seconds=0.5)
    assert str(ended) == "it took too long"
    assert ended.at == "relu_forward"


def test_time_for_a_part_is_up(child):
    ended = _fails(child, "hang", {"within": 0.5})
    assert str(ended) == "it took too long"


def test_answer_that_is_too_large_is_not_read(child, monkeypatch):
    monkeypatch.setattr(contained, "MAX_ANSWER", 1000)
    assert "no answer" in str(_fails(child, "answer", 2000))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts memory")
def test_memory_has_a_limit(child):
    assert child.ask("grow", 1 << 20, WAIT) == 1 << 20
    assert "MemoryError" in str(_fails(child, "grow", 128 << 20))


def test_child_ends_with_the_one_who_asks():
    program = f"""
import threading
from course.grade.contained import Child
child = Child({UNRULY!r})
print(child.ask("print", None, {WAIT}), flush=True)
child.ask("hang", {{}}, {WAIT})
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    number = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    wait_until(lambda: not psutil.pid_exists(number), "the child's end")


def test_question_under_way_is_given_up(unruly):
    failed, others = [], set(psutil.Process().children())

    def ask():
        with borrowed() as child:
            try:
                child.ask("hang", {}, WAIT)
            except AbandonedError as error:
                failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    started = wait_until(lambda: set(psutil.Process().children()) - others, "the child")
    end_all()
    thread.join(WAIT)
    assert failed
    wait_until(lambda: not any(process.is_running() for process in started))


def test_child_is_lent_again(unruly):
    with borrowed() as child:
        first = child.ask("print", None, WAIT)
    with borrowed() as child:
        assert child.ask("print", None, WAIT) == first


@pytest.fixture
def taken(tmp_path):
    """A submission of two files that was taken in this process."""
    with zipfile.ZipFile(tmp_path / "ann.zip", "w") as archive:
        for file in ("ece662/layers.py", "notebooks/Q1-FCNetworks.ipynb"):
            archive.write(ROOT / file, file)
        archive.writestr("../evil", "")
    return take_here(tmp_path / "ann.zip")


def test_submission_is_the_same_after_it_was_told_of(taken):
    again = from_plain(as_plain(taken))
    assert as_plain(again) == as_plain(taken)
    assert again.pieces.bodies == taken.pieces.bodies
    assert again.pieces.missing == taken.pieces.missing
    assert len(taken.pieces.bodies) > 20
    assert taken.pieces.missing.keys() == WANTED - {
        "ece662/layers.py", "notebooks/Q1-FCNetworks.ipynb"
    }  # fmt: skip


def test_judge_that_ends_costs_the_exercise_that_it_was_at(taken, unruly, tmp_path):
    setup = Setup("00" * 16, training=False, folder=str(tmp_path))
    record = grade(setup, taken)
    assert [mark["exercise"] for mark in record["marks"]] == ["relu_forward", "adam"]
    assert record["student"] == "ann"
    assert record["digest"] == taken.digest


def test_judge_that_always_ends_leaves_a_submission_ungraded(
    taken, unruly, tmp_path, monkeypatch
):
    monkeypatch.setattr("course.grade.workers.worker.ATTEMPTS", 2)
    setup = Setup("00" * 16, training=False, folder=str(tmp_path))
    record = grade(setup, taken)
    assert record["digest"] == ""
    assert "signal 11" in record["notes"][-1]
    assert {mark["diagnosis"] for mark in record["marks"]} == {"not-graded"}


def test_take_reads_in_a_child(tmp_path, taken):
    assert as_plain(take(tmp_path / "ann.zip")) == as_plain(taken)


@pytest.mark.posix
def test_take_follows_no_link(tmp_path, taken):
    (tmp_path / "eve.zip").symlink_to(tmp_path / "ann.zip")
    submission = take(tmp_path / "eve.zip")
    assert not submission.pieces.bodies
    assert "a link" in submission.notes[0]


def test_submission_that_ends_its_reader_is_lost_with_a_note(tmp_path, monkeypatch):
    end_all()
    monkeypatch.setattr("course.grade.workers.worker.TAKING", -1e9)
    path = tmp_path / "eve.zip"
    path.write_bytes(os.urandom(100))
    submission = take(path)
    assert submission == Submission("eve", lost="eve.zip: it took too long")
    assert "eve.zip" in grade(Setup(""), submission)["notes"][-1]
