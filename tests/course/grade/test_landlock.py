"""A whole grading without bubblewrap: the weaker walls end the same attacks."""

import json

import pytest

from course.grade.classroom import KINDS, Pupil, files_of
from course.grade.run import grade_class
from course.sandbox import check
from course.sandbox.client import SandboxError
from course.sandbox.isolation import Isolation

ATTACKS = ("exit", "checker", "numpy", "pickle", "loop", "memory")
NAMES = ("right-one", *(f"hostile-{name}" for name in ATTACKS))


@pytest.mark.slow
def test_hostile_class_behind_landlock_alone(tmp_path, runtime, monkeypatch):
    monkeypatch.setattr(check, "candidates", lambda: [Isolation.LANDLOCK])
    monkeypatch.setattr(check, "why_not", list)
    try:
        check.choose(runtime)
    except SandboxError as error:
        pytest.skip(f"no landlock here: {error}")
    for pupil in KINDS:
        if pupil.name in NAMES:
            _write(tmp_path / "submissions" / pupil.name, pupil)
    out = tmp_path / "out"
    assert grade_class(tmp_path / "submissions", out, training=False, quiet=True) == 7
    records = [json.loads(path.read_text()) for path in (out / "records").iterdir()]
    points = {r["student"]: {m["exercise"]: m for m in r["marks"]} for r in records}
    assert {*points} == {*NAMES}
    right = points.pop("right-one")
    for name, marks in points.items():
        assert (marks["relu_forward"]["points"], name) == (0, name)
        for exercise, mark in marks.items():
            if exercise != "relu_forward":  # it costs itself alone
                assert mark["points"] == right[exercise]["points"], (name, mark)


def _write(folder, pupil: Pupil):
    for file, text in files_of(pupil).items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
