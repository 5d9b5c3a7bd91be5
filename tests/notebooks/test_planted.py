"""Errors planted in the notebooks and the package: comparing the outputs notices them.

planted.toml lists the errors, at least five a notebook. Each is planted into a copy of
the package and of the notebook, of which the set-up and the cells that the error is
about are run and compared, as `scripts/notebooks.py test` does. The same cells without
the error must pass, so that it is the error which is noticed.

`make test` tries a sample, `make test-planted` all of them.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NEEDS = {
    "Q5-Pytorch": {"torch"},
    "Q5-Tensorflow": {"tensorflow"},
    "Q6-Pruning": {"torch"},
}


class Case(NamedTuple):
    """One row of planted.toml."""

    name: str
    notebook: str
    error: str
    place: str
    old: str
    new: str
    run: tuple[str, ...]
    broken: str
    sample: bool
    trains: bool


def _cases():
    table = tomllib.loads(Path(__file__).with_name("planted.toml").read_text("utf-8"))
    for notebook, rows in table.items():
        for number, row in enumerate(rows, 1):
            yield Case(
                f"{notebook}-error-{number}",
                notebook,
                place=row.pop("in"),
                run=tuple(row.pop("run")),
                sample=row.pop("sample", False),
                trains=row.pop("trains", False),
                **row,
            )


CASES = list(_cases())
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
TRIED = [case for case in CASES if case.sample or os.environ.get("ECE662_PLANTED")]


def _cells(notebook):
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def _build(case, name, folder, spoilt):
    """Write the tree of one run: the package, and a notebook of the cells that matter.

    Returns:
        the notebook's path.
    """
    tree = folder / name
    shutil.copytree(ROOT / "ece662", tree / "ece662", copy_function=_link)
    notebook = _cells(case.notebook)
    first = [c.id for c in notebook.cells if re.search("-(setup|imports)$", c.id)]
    wanted = [*first, *case.run]
    notebook.cells = [cell for cell in notebook.cells if cell.id in wanted]
    assert [cell.id for cell in notebook.cells] == wanted, "in the notebook's order"
    if spoilt:
        _spoil(case, notebook, tree)
    path = tree / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path, version=nbformat.NO_CONVERT)
    return path


def _link(source, target):
    """Copy a file without its contents where the file system can do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _spoil(case, notebook, tree):
    if case.place.endswith(".py"):
        path = tree / case.place
        text = path.read_text("utf-8")
        path.unlink()  # else the original would change with it
        path.write_text(text.replace(case.old, case.new), "utf-8")
    else:
        (cell,) = (cell for cell in notebook.cells if cell.id == case.place)
        cell.source = cell.source.replace(case.old, case.new)


def _compare(paths, folder, models):
    """Run notebooks and compare their outputs.

    Returns:
        for each notebook's name, the reports of its cells, "" for one that passed.
    """
    report = folder / "report.xml"
    script = (
        "import sys, notebooks; sys.exit(notebooks.run_nbval("
        f"sys.argv[1:], ECE662_MODELS={str(models)!r}))"
    )
    command = [sys.executable, "-c", script, *map(str, paths), "-n0", "-q"]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    reports = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = re.search(r"([\w-]+)\.ipynb", case.get("classname"))[1]
        said = "".join(fault.text or "" for fault in case)
        reports.setdefault(name, []).append(re.sub(r"(#x1B|\x1b)\[\d+m", "", said))
    return reports


@pytest.fixture(scope="module")
def reports_of(tmp_path_factory):
    """A function: the reports of a case's cells, without the error and with it."""
    folder, right = tmp_path_factory.mktemp("planted"), {}

    def reports(case):
        first = case.run not in right
        name = case.name.replace("-error-", "-right-")
        paths = [_build(case, name, folder, spoilt=False)] if first else []
        paths.append(_build(case, case.name, folder, spoilt=True))
        if first and case.trains:  # else the second would find the first one's model
            found = _compare(paths[:1], folder, folder / "models")
            found |= _compare(paths[1:], folder, folder / "other models")
        else:
            models = "other models" if case.trains else "models"
            found = _compare(paths, folder, folder / models)
        if first:
            right[case.run] = found[name]
        return right[case.run], found[case.name]

    return reports


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=pytest.mark.xdist_group(case.notebook))
        for case in TRIED
    ],
)
def test_planted_error_is_noticed(reports_of, case):
    for name in NEEDS.get(case.notebook, ()):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"no {name} here")
    right, spoilt = reports_of(case)
    assert not any(right), "without the error all cells pass"
    assert f"the cell {case.run[-1]}:" in spoilt[-1], spoilt[-1][-2000:] or case.error
    assert _is_broken(case.broken, spoilt[-1]), spoilt[-1][-2000:]


def _is_broken(rule, report):
    """True where the report names the rule among those that were broken."""
    lists = re.findall("broken: (.*)", report)
    return any(rule in broken for broken in lists)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_notebook_has_five_errors_and_one_is_always_tried(notebook):
    cases = [case for case in CASES if case.notebook == notebook]
    assert len(cases) >= 5
    assert len({(case.place, case.old, case.new) for case in cases}) == len(cases)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_planted_error_fits_the_text_that_it_changes(case):
    cells = {cell.id: cell for cell in _cells(case.notebook).cells}
    assert set(case.run) <= set(cells)
    if case.place.endswith(".py"):
        text = (ROOT / case.place).read_text("utf-8")
    else:
        assert case.place in case.run
        text = cells[case.place].source
    assert text.count(case.old) == 1
