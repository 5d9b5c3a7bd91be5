"""What tests of grading share: each of these takes seconds to make."""

from functools import partial

import pytest

from course.grade.marks import marking
from course.grade.marks.pristine import Pristine
from course.grade.secret import Secret
from course.grade.workers import worker
from tests.course.grade.ready import link


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
def prepared_folder(public_folder, walls):
    """What `prepare` makes; nobody writes into it."""
    made = public_folder / "prepared"
    made.mkdir()
    worker.prepare(made, trusted=False, training=False)
    return made


@pytest.fixture(scope="session")
def ready(prepared_folder):
    """A function to stand for `prepare`: what that has made once, linked to."""
    return partial(link, prepared_folder)
