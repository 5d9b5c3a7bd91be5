"""The students' copy under its own checks: solved it passes, a stub fails alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from course.release import make_release
from ece662.exercises import EXERCISES
from ece662.exercises.regions import fill, read

ROOT = Path(__file__).parents[2]
MODULES = sorted({e.file for e in EXERCISES if e.file.endswith(".py")})
IN_MODULES = [e for e in EXERCISES if e.file in MODULES and not e.extends]

# One process for all: an import costs more than a check. Empties one exercise after the
# other in its file, as a student's copy has it, and checks everything each time.
SCRIPT = """
import json, sys
from pathlib import Path
from ece662.check.front import check_exercise
from ece662.exercises import EXERCISES
from ece662.live import refresh
from ece662.exercises.regions import fill, read, stub

def results():
    found = {}
    for e in EXERCISES:
        if e.kind in ("function", "class"):
            result = check_exercise(e, None)
            said = result.diagnosis.id if result.diagnosis else None
            found[e.id] = [result.verdict.passed, said, result.message]
    return found

answer = {"": results()}
for exercise in EXERCISES:
    if exercise.file.endswith(".py") and exercise.regions:
        path = Path(exercise.file)
        solved = path.read_text()
        text = stub(exercise.id, f"notebooks/{exercise.notebook}.ipynb")
        keys = [k for k in read(solved, path.name) if k[0] in exercise.regions]
        path.write_text(fill(solved, path.name, dict.fromkeys(keys, text)))
        assert refresh().reloaded
        answer[exercise.id] = results()
        path.write_text(solved)
        assert refresh().reloaded
json.dump(answer, sys.stdout)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What the checks of a filled copy say, by what is empty in it ("": nothing)."""
    out = tmp_path_factory.mktemp("release") / "students"
    make_release(ROOT, out)
    for file in MODULES:
        bodies = read((ROOT / file).read_text("utf-8"), file)
        emptied = (out / file).read_text("utf-8")
        (out / file).write_text(fill(emptied, file, bodies), "utf-8")
    command = [sys.executable, "-B", "-c", SCRIPT]
    done = subprocess.run(command, cwd=out, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_filled_from_the_source_everything_passes(results):
    assert [id for id, (passed, *_) in results[""].items() if not passed] == []


@pytest.mark.slow
@pytest.mark.parametrize("exercise", IN_MODULES, ids=lambda exercise: exercise.id)
def test_a_stub_fails_in_its_own_check_and_nowhere_else(results, exercise):
    """Elsewhere it is not called wrong: what runs it says that it comes first."""
    for id, (passed, diagnosis, message) in results[exercise.id].items():
        if id == exercise.id:
            assert not passed
            assert diagnosis == "not-implemented"
        elif not passed:
            assert diagnosis == "needs", (id, message)
            assert f"builds on {exercise.id} " in message


# Nobody has to build on these: our solutions do, because it is shorter.
BATCHNORM = {"spatial_batchnorm_forward", "spatial_batchnorm_backward"}
GROUPNORM = {"spatial_groupnorm_forward", "spatial_groupnorm_backward"}
BY_CHOICE = {
    "batchnorm_forward": BATCHNORM,
    "batchnorm_backward_alt": BATCHNORM | {"FullyConnectedNet-batchnorm"},
    "layernorm_forward": GROUPNORM,
    "layernorm_backward": GROUPNORM,
}


def needed_by(exercise):
    """Return the ids of all that an exercise needs, itself included."""
    found = {exercise.id}
    for id in exercise.needs:
        found |= needed_by(next(e for e in EXERCISES if e.id == id))
    return found


@pytest.mark.slow
def test_order_is_free_between_chains(results):
    """An empty exercise stops what needs it, or what the source makes of it."""
    for exercise in IN_MODULES:
        stopped = {id for id, (ok, *_) in results[exercise.id].items() if not ok}
        waiting = {e.id for e in EXERCISES if exercise.id in needed_by(e)}
        assert stopped <= waiting | BY_CHOICE.get(exercise.id, set()), exercise.id
