"""Imports go down only: the floors of three packages, and what may be imported where.

A room (a module or a folder of the package) imports rooms of lower floors, and on its
own floor only those to its left. So no two rooms can import each other, and whoever
reads from the bottom up meets nothing that was not explained yet. Imports inside
functions count as well.
"""

import ast
import functools
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = """
    _checks _computer _files exercises data gradient_check vis_utils figures.style
    layers optim fast live
    fast_layers layer_utils data_utils classifiers
    training solver frameworks
    pruning pruning_helper figures check
    notebook widgets commands __main__
"""
STAFF = """
    accepted changes dependence mistakes questions sandbox
    signatures student_notebook
    release
    grade
    cli commands __main__
"""
GRADING = """
    errors text secret similar alone
    contained sandboxed
    tables intake marks
    books workers
    run
    reports
    gradescope classroom
"""
ORDERS = {
    "ece662": FLOORS.split(),
    "course": STAFF.split(),
    "course.grade": GRADING.split(),
}
ORDER = ORDERS["ece662"]
FRAMEWORKS = {"torch", "tensorflow", "keras"}


def module_of(path):
    """Return the dotted name of a file of the repository."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imports(folder, everywhere=True):
    """Map each module of a package to what it imports; not everywhere: on loading."""
    files = {module_of(path): path for path in (ROOT / folder).rglob("*.py")}
    found = {}
    for name, path in files.items():
        found[name] = set()
        todo = list(ast.parse(path.read_text("utf-8")).body)
        while todo:
            node = todo.pop()
            if everywhere or not isinstance(node, ast.FunctionDef | ast.Lambda):
                todo += ast.iter_child_nodes(node)
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= {n if n in files else node.module for n in names}
        found[name].discard(name)
    return found


def room_of(module, package="ece662"):
    """Return the room that a module of a package is in; None for the package itself."""
    inside = module.removeprefix(package).split(".")[1:]
    two = ".".join(inside[:2])
    return two if two in ORDERS[package] else (*inside, None)[0]


def reached(graph, start):
    """Return all modules that a module imports, and what those import in turn."""
    seen, todo = set(), [start]
    while todo:
        for name in graph.get(todo.pop(), ()):
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return seen


@pytest.mark.parametrize("package", ORDERS)
def test_floors_name_every_room_once(package):
    modules = imports(package.replace(".", "/"))
    rooms = {room_of(module, package) for module in modules} - {None}
    assert sorted(ORDERS[package]) == sorted(rooms)


def test_map_of_the_readme_names_every_room():
    readme = (ROOT / "README.md").read_text("utf-8")
    [drawn] = re.findall(r"^ ece662/\n(.*?)\n\n", readme, re.DOTALL | re.MULTILINE)
    left = "\n".join(line[:37] for line in drawn.splitlines())
    named = set(re.findall(r"\w+", left))
    assert not {room for room in ORDER if "." not in room} - named - {"__main__"}


def test_map_of_the_staff_names_every_room():
    readme = (ROOT / "course" / "README.md").read_text("utf-8")
    first = [line.split("|")[1] for line in readme.splitlines() if line[:1] == "|"]
    named = set(re.findall(r"`(\w+)[./]", "\n".join(first)))
    assert set(ORDERS["course"]) - named == {"__main__"}


@pytest.mark.parametrize("package", ORDERS)
def test_imports_go_down_only(package):
    floor = ORDERS[package].index
    up = []
    for module, others in imports(package.replace(".", "/")).items():
        room = room_of(module, package)
        for other in others:
            below = room_of(other, package)
            if other.startswith(f"{package}.") and room not in (None, below):
                up += (
                    [f"{module} imports {other}"] if floor(below) > floor(room) else []
                )
    assert not up


@pytest.mark.parametrize("package", ["ece662", "course"])
def test_imports_go_in_no_circle(package):
    graph = imports(package)
    # The package itself is imported for its version, and for where it lies.
    graph = {module: others - {"ece662"} for module, others in graph.items()}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("room", ["layers", "optim", "solver", "classifiers"])
def test_what_students_write_leans_on_no_machinery(room):
    graph = imports("ece662")
    seen = {
        room_of(other)
        for module in graph
        if room_of(module) == room
        for other in reached(graph, module)
        if other.startswith("ece662.")
    }
    assert seen.isdisjoint({"check", "widgets", "data", "data_utils"})


def test_nothing_imports_widgets_or_course():
    graph = imports("ece662")
    for module, others in graph.items():
        assert not [o for o in others if o.split(".")[0] == "course"], module
        if room_of(module) != "widgets":
            assert not [o for o in others if o.startswith("ece662.widgets")], module


def test_frameworks_are_imported_by_functions_only():
    """But for the networks' modules, which functions import in their turn."""
    graph = imports("ece662", everywhere=False)
    loading = {
        module
        for module in graph
        if not FRAMEWORKS.isdisjoint(n.split(".")[0] for n in reached(graph, module))
    }
    assert loading == {
        "ece662.frameworks.pointwise",
        "ece662.frameworks.ten_epochs",
        "ece662.pruning.filters",  # takes filters out of PyTorch's network
        "ece662.pruning.keras_net",
        "ece662.pruning.torch_net",
        "ece662.widgets._keras_nets",
        "ece662.widgets._torch_nets",
    }
