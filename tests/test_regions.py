"""The fill-in regions, found and refused."""

from pathlib import Path

import pytest

from ece662.regions import END, START, Region, find_regions

PACKAGE = Path(__file__).parents[1] / "ece662"


def test_find_regions_gives_lines_and_indentation():
    source = f"a\n    {START}\n    b\n    {END}\n{START}\n{END}\n"
    assert find_regions(source) == [Region(2, 4, "    "), Region(5, 6, "")]


def test_find_regions_none():
    assert find_regions("x = 1\n") == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (f"a\n{START}\n", "opened in line 2 is never closed"),
        (f"{END}\n", "line 1 closes a region that was not opened"),
        (f"{START}\n{START}\n{END}\n", "line 2 opens a region within another"),
        (f"{START[:-1]}\n", "line 1 is almost a marker"),
        ("# ***END OF YOUR CODE***\n", "line 1 is almost a marker"),
    ],
)
def test_find_regions_unbalanced_is_refused(source, complaint):
    with pytest.raises(ValueError, match=complaint):
        find_regions(source)


@pytest.mark.parametrize("name", ["layers.py", "optim.py", "classifiers/fc_net.py"])
def test_find_regions_in_the_exercise_modules(name):
    assert find_regions((PACKAGE / name).read_text(encoding="utf-8"))
