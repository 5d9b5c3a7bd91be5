"""A class of forty, graded: right, mistaken, hostile and broken submissions."""

import json
import re
import shutil

import pytest

from course.grade.classroom import KINDS, Pupil, write_class
from course.grade.reports import write_reports
from course.grade.reports.class_page import script_policy
from course.grade.run import grade_class
from ece662.exercises import EXERCISES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walls")]
SECRET = 32 * "6"
PUPILS = {pupil.name: pupil for pupil in KINDS}


@pytest.fixture(scope="module")
def class_of_forty(tmp_path_factory, ready):
    folder = tmp_path_factory.mktemp("class")
    write_class(folder / "submissions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("course.grade.run.prepare", ready)
        count = grade_class(
            folder / "submissions",
            folder / "out",
            secret=SECRET,
            training=False,
            quiet=True,
        )
    assert count == len(KINDS) >= 40
    assert write_reports(folder / "out") == []
    return folder


def test_class_has_as_many_submissions_as_asked_for(tmp_path):
    count = 3 * len(KINDS)  # each name once as a folder, whatever is in it
    write_class(tmp_path, count)
    assert len(list(tmp_path.iterdir())) == count


def _students(out):
    told = json.loads((out / "class.json").read_text())
    return {student["student"]: student for student in told["students"]}


def _name(pupil):
    return pupil.name.replace("/", "\N{DIVISION SLASH}")


@pytest.mark.parametrize("name", PUPILS)
def test_pupil_is_marked_as_expected(name, class_of_forty):
    pupil = PUPILS[name]
    marks = _students(class_of_forty / "out")[_name(pupil)]["exercises"]
    spoilt = _leaning_on(pupil.exercise) if pupil.exercise else set()
    for exercise in EXERCISES:
        mark = marks[exercise.id]
        if exercise.kind == "answer":
            assert mark["status"] == "answer"
        elif exercise.kind == "training":
            assert mark["status"] == "not run"
        elif exercise.id == pupil.exercise:
            assert mark["status"] != "passed"
            assert mark["points"] == 0
            told = (mark["status"], mark["diagnosis"])
            assert pupil.expected in ("*", "failed") or pupil.expected in told, told
        elif exercise.id not in spoilt:
            # Neither an attack nor a mistake changes what does not lean on it.
            assert mark["status"] == "passed", exercise.id
            assert mark["points"] == exercise.points


def _leaning_on(id):
    """Exercises that run the code of one: by `needs`, directly or not."""
    found, grows = {id}, True
    while grows:
        more = {e.id for e in EXERCISES if found & {*e.needs, e.extends}}
        grows, found = bool(more - found), found | more
    # Group and spatial normalisation may be built on the plain layers, unlisted.
    lean = {"layernorm_forward": "spatial_groupnorm_forward",
            "layernorm_backward": "spatial_groupnorm_backward",
            "batchnorm_forward": "spatial_batchnorm_forward",
            "batchnorm_backward_alt": "spatial_batchnorm_backward"}  # fmt: skip
    more = {lean[name] for name in found if name in lean}
    nets = {e.id for e in EXERCISES if e.kind == "class"}
    small = {e.id for e in EXERCISES if e.id in more and e.id.endswith("forward")}
    backward = {name.replace("forward", "backward") for name in small}
    return found | more | backward | nets


def test_grading_twice_gives_the_same(class_of_forty, ready, tmp_path, monkeypatch):
    monkeypatch.setattr("course.grade.run.prepare", ready)
    # Another order, another number of workers, one at a time.
    names = ["hostile-verdict", "mistaken-05", "right-one"]
    again = tmp_path / "submissions"
    again.mkdir()
    for name in names:
        [path] = (class_of_forty / "submissions").glob(f"{name}*")
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, again / path.name)
    grade_class(
        again, tmp_path / "out", secret=SECRET, training=False, workers=1, quiet=True
    )
    records = sorted((tmp_path / "out" / "records").iterdir())
    assert [path.stem for path in records] == names
    for record in records:
        first = class_of_forty / "out" / "records" / record.name
        assert record.read_bytes() == first.read_bytes()


SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)


def test_hostile_pupil_is_harmless_in_every_report(class_of_forty):
    out = class_of_forty / "out"
    for path in out.rglob("*.html"):
        text = path.read_text()
        assert "default-src 'none'" in text
        for kind, script in SCRIPT.findall(text):
            if kind == ' type="application/json" id="data"':
                json.loads(script)
            else:
                assert kind == ""
                assert script_policy(script) in text  # the browser runs no other
        assert "<script" not in SCRIPT.sub("", text)
    table = (out / "class.csv").read_text().splitlines()
    assert not any(line.startswith(("=", '"=')) for line in table)


def test_pupil_whose_change_does_not_fit_is_an_error():
    from course.grade.classroom import files_of

    with pytest.raises(ValueError, match="no 'not there'"):
        files_of(Pupil("x", "relu_forward", "not there", ""))
