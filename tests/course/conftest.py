"""Sandboxes for the tests of `course`: each kind of walls that holds here."""

import tempfile
from pathlib import Path

import pytest

from course.sandbox.check import NoWallsError, choose, leaks
from course.sandbox.client import SandboxError
from course.sandbox.isolation import Isolation
from course.sandbox.runtime import distributions_of, lay_out


@pytest.fixture(scope="session")
def public_folder():
    """A folder that the sandbox's user can enter; pytest's own ones are closed."""
    with tempfile.TemporaryDirectory(prefix="ece662-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def runtime(public_folder):
    folder = public_folder / "runtime"
    folder.mkdir()
    return lay_out(folder, sorted({"numpy", *distributions_of(["IPython"])}))


@pytest.fixture(scope="session", params=[Isolation.BUBBLEWRAP, Isolation.LANDLOCK])
def isolation(request, runtime):
    """Walls that hold; the tests skip where this machine has none of that kind."""
    try:
        found = leaks(request.param, runtime)
    except (SandboxError, OSError) as error:
        pytest.skip(f"no {request.param.value} here: {error}")
    assert found == []
    return request.param


@pytest.fixture(scope="session")
def walls(runtime):
    """The strongest walls that hold; grading is refused where there are none."""
    try:
        return choose(runtime)
    except NoWallsError as error:
        pytest.skip(str(error))
