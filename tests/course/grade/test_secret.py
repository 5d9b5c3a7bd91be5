"""The secret of a run: what is drawn from it, and that it never enters the sandbox."""

import argparse

import numpy as np
import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks import marking, training
from course.grade.marks.marking import FULL, HIDDEN_ONLY
from course.grade.secret import Secret, secret_text
from ece662.check.running import SEED, inputs_of
from ece662.data import synthetic
from ece662.exercises import EXERCISES, find_exercise
from ece662.exercises.reading import read_files

SECRET = Secret("00112233445566778899aabbccddeeff")
RELU = "out = np.maximum(x, 0)"
# Everything that code can reach from where it runs, written out.
HUNT = f"""{RELU}
    import gc, sys
    frame = sys._getframe()
    while frame:
        print({{k: v for k, v in frame.f_locals.items() if k != "frame"}})
        frame = frame.f_back
    plain = (int, str, bytes)
    for o in gc.get_objects():
        if type(o) in (list, tuple) and len(o) < 9 and {{*map(type, o)}} <= {{*plain}}:
            print(*(v for v in o if type(v) is not int or v > 1 << 20))"""
# Right for the numbers that everybody has, wrong for all others.
BY_HEART = f"""{RELU}
    if np.min(np.abs(x.flat[0] - FIRST)) > 1e-9: out = out * 3"""


def test_secret_derives_numbers_that_tell_nothing_of_one_another():
    parts = [SECRET.of(f"inputs/{exercise.id}") for exercise in EXERCISES]
    assert len({part.text for part in parts}) == len(EXERCISES)
    assert SECRET.of("a") == SECRET.of("a") != Secret(32 * "0").of("a")
    # Pinned: an earlier run's secret must go on giving its marks.
    assert SECRET.of("a").words() == (922036008, 119098412, 2565188409, 968377466)
    assert all(0 <= part.number() < 2**31 for part in parts)
    assert Secret.draw() != Secret.draw()


def test_secret_is_kept_out_of_messages_and_refuses_what_is_none():
    assert SECRET.text not in f"{SECRET} {SECRET!r}"
    assert secret_text(f" {SECRET.text.upper()}\n") == SECRET.text
    for text in ("", "7", 31 * "a", 32 * "g", 33 * "a"):
        with pytest.raises(argparse.ArgumentTypeError, match="32 digits"):
            secret_text(text)


def test_labels_come_in_an_order_that_the_pictures_do_not_give_away():
    X, y = training.pictures(SECRET)
    words = SECRET.of("pictures").words()
    _, usual = synthetic.draw_split(words, len(y))
    assert sorted(y) == sorted(usual)
    assert 0.1 < np.mean(y == usual) < 0.25  # as by chance
    assert len(X) == len(y)


@pytest.fixture(scope="module")
def marker(isolation, runtime, pristine, public_folder):
    work = public_folder / f"secret-{isolation.value}"
    work.mkdir()
    marker = marking.Marker(isolation, runtime, pristine, SECRET, work=work)
    yield marker
    marker.benches.close()


def _pieces(new):
    return read_files(files_of(Pupil("ann", "relu_forward", RELU, new)))


def _mark(marker, monkeypatch, new, secret=SECRET):
    monkeypatch.setattr(marking, "EXERCISES", (find_exercise("relu_forward"),))
    monkeypatch.setattr(marker, "secret", secret)
    [found] = marker.mark(_pieces(new))
    return found


def test_no_secret_is_inside(marker, tmp_path):
    exercise, pieces = find_exercise("relu_forward"), _pieces(HUNT)
    with marker.benches.lend("hunt") as bench:
        bench.put(pieces.bodies)
        tried = marker.try_exercise(
            exercise,
            pieces,
            bench.sandboxes[FULL],
            marker.limits,
            marker.hidden(exercise),
        )
    assert "'exercise': 'relu_forward'" in tried.printed  # it sees what goes in
    purposes = [f"inputs/{e.id}" for e in EXERCISES]
    purposes += ["pictures", "order of the pictures", "weights/torch"]
    for part in (SECRET, *map(SECRET.of, purposes)):
        for told in (part.text, *map(str, part.words()), str(part.number())):
            assert told not in tried.printed


def test_failure_is_told_by_public_inputs_only(marker, monkeypatch):
    wrong = "out = np.maximum(x, 0) * (1 + x)"
    one = _mark(marker, monkeypatch, wrong)
    other = _mark(marker, monkeypatch, wrong, Secret(32 * "5"))
    assert one.status == "failed"
    assert any("expected" in line for line in one.details)
    assert one == other


def test_code_for_the_public_inputs_only_fails_without_a_number(marker, monkeypatch):
    cases = inputs_of(find_exercise("relu_forward"), SEED).values()
    first = [float(case["x"].flat[0]) for case in cases]
    known = BY_HEART.replace("FIRST", f"np.array({first})")
    found = _mark(marker, monkeypatch, known)
    assert (found.status, found.points) == ("failed", 0)
    assert (found.message, found.details) == (HIDDEN_ONLY, ())


def test_what_stops_on_hidden_inputs_only_is_told_without_them(marker, monkeypatch):
    first = [c["x"].flat[0] for c in inputs_of(find_exercise("relu_forward")).values()]
    stops = f"""{RELU}
    if np.min(np.abs(x.flat[0] - np.array({[float(v) for v in first]}))) > 1e-9:
        print(x); raise ValueError(str(x))"""
    found = _mark(marker, monkeypatch, stops)
    assert (found.status, found.message) == ("failed", HIDDEN_ONLY)
    assert found.printed == ""
