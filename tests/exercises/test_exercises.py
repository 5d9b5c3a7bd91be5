"""The list of exercises, held against the sources."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from ece662.exercises import (
    EXERCISES,
    NOTEBOOKS,
    exercises_of,
    find_exercise,
)
from ece662.exercises.regions import START, find

ROOT = Path(__file__).parents[2]


def owners_in_modules():
    """Yield (file, owner) once for each function and method that holds regions."""
    for path in sorted((ROOT / "ece662").rglob("*.py")):
        source = path.read_text("utf-8")
        if START in source and path.name != "regions.py":
            file = path.relative_to(ROOT).as_posix()
            yield from {(file, region.owner) for region in find(source, file)}


def cells_of_notebooks():
    """Yield (file, cell id) for each cell to be filled in and each answer."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            tags = cell["metadata"].get("tags", [])
            if "answer" in tags or "exercise" in tags:
                yield f"notebooks/{path.name}", cell["id"]


def test_each_checked_exercise_is_checked_in_one_cell_of_its_notebook():
    found = Counter()
    for notebook in NOTEBOOKS:
        cells = json.loads((ROOT / f"notebooks/{notebook}.ipynb").read_text("utf-8"))
        for cell in cells["cells"]:
            for names in re.findall(r"\bcheck\(([^)]*)\)", "".join(cell["source"])):
                found.update((notebook, id) for id in re.findall(r'"([^"]+)"', names))
    for exercise in EXERCISES:
        assert found[exercise.notebook, exercise.id] == exercise.is_checked, exercise.id


def test_exercises_list_each_region_once_and_none_is_unlisted():
    listed = Counter((e.file, owner) for e in EXERCISES for owner in e.regions)
    there = Counter([*owners_in_modules(), *cells_of_notebooks()])
    assert listed == there


def test_exercises_ids_are_unique_and_needs_are_listed_before():
    seen = []
    for exercise in EXERCISES:
        assert exercise.id not in seen
        assert set(exercise.needs) <= set(seen), exercise.id
        assert exercise.extends is None or exercise.extends in seen
        seen.append(exercise.id)


def test_exercises_stand_in_the_order_of_the_notebooks():
    notebooks = [exercise.notebook for exercise in EXERCISES]
    assert notebooks == sorted(notebooks, key=NOTEBOOKS.index)
    there = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(NOTEBOOKS) <= there


def test_exercises_context_names_cells_before_the_own_one():
    for exercise in EXERCISES:
        if exercise.context:
            cells = json.loads((ROOT / exercise.file).read_text("utf-8"))["cells"]
            ids = [cell["id"] for cell in cells]
            wanted = [*exercise.context, *exercise.regions]
            assert wanted == sorted(wanted, key=ids.index)


def test_exercises_fill_in_what_is_left_out():
    affine, net = find_exercise("affine_forward"), find_exercise("twolayernet")
    assert (affine.regions, affine.provides) == ((affine.id,), (affine.id,))
    assert affine.recipe == "affine_forward"
    assert net.provides == ("TwoLayerNet",)
    extension = find_exercise("FullyConnectedNet-dropout")
    assert (extension.regions, extension.provides) == ((), ("FullyConnectedNet",))
    answer = find_exercise("q1-depth-answer")
    assert answer.file == "notebooks/Q1-FCNetworks.ipynb"
    assert answer.recipe is None
    assert not answer.is_checked


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("afine_forward", "affine_forward"), ("groupnorm", "spatial_groupnorm_forward")],
)
def test_find_exercise_unknown_names_the_nearest(wrong, near):
    with pytest.raises(ValueError, match=f"no exercise '{wrong}'.*{near}"):
        find_exercise(wrong)
    with pytest.raises(ValueError, match="lists them all"):
        find_exercise("")


def test_exercises_of_a_notebook():
    assert {e.notebook for e in exercises_of("q2")} == {"Q2-BatchNorm"}
    assert exercises_of("Q2-BatchNorm.ipynb") == exercises_of("Q2")
    with pytest.raises(ValueError, match=r"Q1-FCNetworks.*got 'Q9'"):
        exercises_of("Q9")
