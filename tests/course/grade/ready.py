"""Grade with what was prepared before: most runs in tests are about something else.

python -m tests.course.grade.ready FOLDER grade ...
"""

import json
import sys
from functools import partial
from pathlib import Path

from course import cli
from course.grade import run
from course.sandbox.isolation import Isolation

__all__ = ["link"]


def link(made: Path, folder: Path, trusted: bool, training: bool = True) -> Isolation:
    """Stand for `prepare`: link to what that has made, for runs without training."""
    assert not training
    folder.chmod(0o755)
    for path in made.iterdir():
        (folder / path.name).symlink_to(path)
    assert json.loads((folder / "frameworks.json").read_text()) == {}
    return Isolation((folder / "isolation").read_text())


if __name__ == "__main__":
    run.prepare = partial(link, Path(sys.argv[1]))
    sys.exit(cli.main(sys.argv[2:]))
