"""Submissions and answers that nobody would make; `make fuzz` tries more."""

import pytest

from tests.course.grade.fuzz.fuzzing import Fuzzer

SEED = 662
# Drawn alike each time; the weekly workflow draws others, and more.
COUNTS = {"archive": 500, "module": 400, "notebook": 400, "tar": 150, "inner": 60,
          "single": 60, "odd tar": 150, "odd zip": 150, "odd notebook": 60,
          "odd module": 60, "answer": 400}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", COUNTS)
def test_all_are_graded_or_noted(kind, tmp_path):
    fuzzer = Fuzzer(tmp_path, SEED)
    try:
        failures = [fuzzer.run(kind, number) for number in range(COUNTS[kind])]
    finally:
        fuzzer.close()
    assert not [failure for failure in failures if failure]
    assert sum(fuzzer.counts.values()) == COUNTS[kind]
    assert len(fuzzer.counts) > (kind not in ("archive", "tar"))  # not all in one way
