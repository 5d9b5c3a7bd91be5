"""What tests of grading share: each of these takes seconds to make."""

import json

import pytest

from course.grade.marks import marking
from course.grade.marks.pristine import Pristine
from course.grade.secret import Secret
from course.grade.workers import worker


@pytest.fixture(scope="session")
def pristine(public_folder):
    """The students' copy; nobody writes into it."""
    folder = public_folder / "pristine"
    folder.mkdir()
    return Pristine.make(folder)


@pytest.fixture(scope="session")
def marker(walls, runtime, pristine, public_folder):
    """What marks one submission after another, as a grader's child does."""
    work = public_folder / "work"
    work.mkdir()
    marker = marking.Marker(walls, runtime, pristine, Secret(32 * "6"), work=work)
    yield marker
    marker.benches.close()


@pytest.fixture(scope="session")
def ready(public_folder, walls):
    """A function to stand for `prepare`: what that has made once, linked to."""
    made = public_folder / "prepared"
    made.mkdir()
    isolation = worker.prepare(made, trusted=False, training=False)

    def link(folder, trusted, training=True):
        assert not training
        folder.chmod(0o755)
        for path in made.iterdir():
            (folder / path.name).symlink_to(path)
        assert json.loads((folder / "frameworks.json").read_text()) == {}
        return isolation

    return link
