"""The contained child of the fuzzer: it also judges answers that no sandbox gave.

python -m tests.course.grade.fuzz.fuzzed
"""

import base64
import functools
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from course.grade.classroom import Pupil, files_of
from course.grade.marks import training
from course.grade.marks.mark import mark_of
from course.grade.marks.marking import Marker
from course.grade.secret import Secret
from course.grade.workers import child
from course.sandbox.client import _Answer, _outcome
from course.sandbox.isolation import Isolation
from ece662.check.examining import examine
from ece662.check.rendering import Result
from ece662.check.running import SEED, inputs_of
from ece662.check.signatures import signature_of
from ece662.exercises import find_exercise

REPORT = {"ending": "finished", "signal": 0, "printed": "", "cpu": 0.0, "wall": 0.0}


@functools.cache
def _marker():
    pristine = SimpleNamespace(texts=files_of(Pupil("ann")))
    return Marker(Isolation.NONE, Path(), pristine, Secret("00" * 16))


def _judge(about, say):
    """Judge the bytes of an answer, as the grader judges those of a sandbox."""
    exercise = find_exercise(about["exercise"])
    marker = _marker()
    marker.watch = child.Reporter(say)
    inputs = inputs_of(exercise, SEED)
    sent = base64.b64decode(about["answer"])
    outcome = _outcome(_Answer(REPORT, sent, waited=0.0, rang=False), 10)
    tried = marker.read_back(exercise, inputs, outcome)
    if tried.stopped:
        return {"status": tried.stopped, "points": 0, "of": exercise.points}
    found = examine(
        exercise, tried.run, inputs, signature_of(exercise), lambda need: None
    )
    return asdict(mark_of(exercise, Result(*found), tried.printed))


child.QUESTIONS["judge"] = _judge
# No data set is drawn for this: what is measured of weights is whether they fit.
training.data_set = lambda: {}

if __name__ == "__main__":
    child.main()
