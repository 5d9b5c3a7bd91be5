"""Which cells show a student's work: read off small sources."""

import pytest

from course.dependence import dependent_cells, names_that_depend_on


def depends(*cells, exercises=(), names=("adam",)):
    sources = [(str(i), cell) for i, cell in enumerate(cells)]
    return sorted(dependent_cells(sources, exercises, names))


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["w = adam(1)", "print(w)", "print(2)"], ["0", "1"]),
        (["w = adam(1)", "w = 2", "print(w)"], ["0"]),
        (["w = adam(1)", "w = w + 1", "print(w)"], ["0", "1", "2"]),
        (["import adam", "from optim import adam", "adam(1)"], ["2"]),
        (["c = {}", "adam(1, config=c)", "print(c)"], ["1", "2"]),
        (["def f(): return adam(1)", "f()"], ["0", "1"]),
        (["def f(adam): return adam(1)", "f(2)"], []),
        (["s = {}", "def f():\n    s['a'] = adam(1)", "print(s)"], ["1", "2"]),
        (["x = [adam(i) for i in range(3)]", "x[0]"], ["0", "1"]),
        (["for i in range(3):\n    y = adam(i)", "y"], ["0", "1"]),
        (["optim.adam(1)"], []),
    ],
)
def test_dependent_cells_follow_the_names(cells, found):
    assert depends(*cells) == found


def test_dependent_cells_of_an_exercise_cell_and_what_it_binds():
    cells = ["x = 1", "model = 2", "model", "x"]
    assert depends(*cells, exercises=["1"]) == ["1", "2"]


def test_dependent_cells_names_the_cell_that_is_no_python():
    with pytest.raises(ValueError, match="cell 1 cannot be read"):
        depends("x = 1", "%matplotlib inline")


def test_names_that_depend_on_follows_calls_through_the_package(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "layers.py").write_text("def adam(): pass\ndef other(): pass\n")
    (tmp_path / "deep" / "net.py").write_text(
        "class Net:\n    def loss(self):\n        return layers.adam()\n"
        "def train():\n    return Net()\ndef show():\n    return other()\n"
    )
    assert names_that_depend_on({"adam"}, tmp_path) == {"adam", "Net", "train"}
