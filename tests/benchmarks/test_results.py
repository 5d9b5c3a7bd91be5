"""The script that measures the notebooks on real images."""

from pathlib import Path

import nbformat
import pytest

from benchmarks import results
from benchmarks.results import FIGURES, Figure

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_its_cell(name):
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    cells = {cell.id for cell in notebook.cells if cell.cell_type == "code"}
    assert {figure.cell for figure in FIGURES[name]} <= cells


def test_results_page_has_a_block_for_every_notebook():
    page = results.RESULTS.read_text()
    for name in FIGURES:
        assert page.count(f"<!-- benchmark: {name} -->") == 1


def test_real_images_are_demanded_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("ECE662_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="ece662 data"):
        results.measure("Q1-FCNetworks", threads=1)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A notebook of two cells, and figures that read from it."""
    (tmp_path / "notebooks").mkdir()
    notebook = nbformat.v4.new_notebook()
    for name, source in (("a", "x = 0.25"), ("b", "x = x + 0.5; print('hello')")):
        cell = nbformat.v4.new_code_cell(source)
        cell.id = name
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "notebooks" / "tiny.ipynb")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "describe_data", lambda: "- none")

    def use(*figures):
        monkeypatch.setitem(FIGURES, "tiny", list(figures))

    return use


def test_figures_are_read_after_their_own_cell(tiny):
    tiny(Figure("later", "b", "x"), Figure("at first", "a", "x"))
    (later, _), (at_first, seconds) = results.measure("tiny", threads=1)
    assert (later, at_first) == (0.75, 0.25)
    assert 0 < seconds < 60


def test_a_cell_that_is_not_there_is_named(tiny):
    tiny(Figure("lost", "c", "x"))
    with pytest.raises(ValueError, match=r"\['c'\] in tiny\.ipynb, found none"):
        results.measure("tiny", threads=1)
