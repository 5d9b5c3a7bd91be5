"""The benchmark of grading, as far as it is arithmetic."""

from benchmarks.grading import tenths


def test_tenths_are_ten_points_of_the_way():
    times = [0.5 * i for i in range(1, 101)]
    assert tenths(times) == [(10 * k, 5.0 * k) for k in range(1, 11)]


def test_tenths_of_few_submissions_leave_out_the_empty_ones():
    counts = [count for count, _ in tenths([1.0, 2.0])]
    assert min(counts) == 1
    assert counts[-1] == 2
