"""Submissions take turns in two trees; nothing of one is left for the next."""

import contextlib

import pytest

from course.grade.classroom import Pupil, files_of
from course.grade.marks.benches import Bench, Benches
from course.grade.marks.pristine import BARE, FULL
from ece662.exercises.reading import read_files

LAYERS = "ece662/layers.py"
COMPILED = "ece662/__pycache__/layers.*.pyc"


class Idle:
    """Stands for a sandbox: counts how often it was closed."""

    closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def benches(pristine, tmp_path):
    """A function that returns benches, kept or not, whose sandboxes are idle."""

    def make(place):
        return Bench(pristine, place, lambda folder: {FULL: Idle()})

    return lambda keep: Benches(make, tmp_path, keep)


@pytest.fixture(scope="module")
def bodies():
    return read_files(files_of(Pupil("ann"))).bodies


def _content(folder):
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_bench_holds_one_submission_and_then_nothing_of_it(benches, bodies, tmp_path):
    kept = benches(keep=True)
    with kept.lend("one") as bench:
        empty = _content(tmp_path / "one")
        bench.put(bodies, {LAYERS: b"compiled"})
        for tree in (FULL, BARE):
            text = (tmp_path / "one" / tree / LAYERS).read_text("utf-8")
            assert bodies[LAYERS, "relu_forward", 1] in text
            [code] = (tmp_path / "one" / tree).glob(COMPILED)
            assert code.read_bytes().endswith(b"compiled")
        other = {place: body for place, body in bodies.items() if place[0] != LAYERS}
        bench.put(other)
        text = (tmp_path / "one" / FULL / LAYERS).read_text("utf-8")
        assert bodies[LAYERS, "relu_forward", 1] not in text
    assert _content(tmp_path / "one") == empty
    with kept.lend("one") as again:
        assert again is bench
    assert bench.sandboxes[FULL].closed == 0
    kept.close()
    assert bench.sandboxes[FULL].closed == 1


def test_bench_gives_its_trees_back_where_marking_fails(benches, bodies, tmp_path):
    kept = benches(keep=True)
    with kept.lend("one"):
        empty = _content(tmp_path / "one")
    with contextlib.suppress(KeyError), kept.lend("one") as bench:
        bench.put(bodies)
        assert _content(tmp_path / "one") != empty
        bench.put({(LAYERS, "no_such_function", 1): ""})
    assert _content(tmp_path / "one") == empty


def test_bench_that_is_not_kept_is_closed_and_removed(benches, tmp_path):
    with benches(keep=False).lend("one") as bench:
        assert any(tmp_path.iterdir())
    assert bench.sandboxes[FULL].closed == 1
    assert not any(tmp_path.iterdir())


def test_text_that_changes_is_another_file(benches, bodies, tmp_path):
    # Whoever may still have it open sees nothing of the next one.
    with benches(keep=False).lend("one") as bench:
        [module] = tmp_path.glob(f"*/{FULL}/{LAYERS}")
        with open(module, "rb") as file:
            before = file.read()
            bench.put(bodies)
            file.seek(0)
            assert file.read() == before != module.read_bytes()


def test_bare_tree_has_no_fast_layers(pristine):
    names = {
        path.name.partition(".")[0] for path in (pristine.folder / BARE).rglob("*")
    }
    assert "layers" in names
    assert not names & {"im2col", "_kernels"}
    [text] = (pristine.folder / BARE).rglob("fast_layers.py")
    compiled = [*(pristine.folder / BARE).rglob("fast_layers.*.pyc")]
    assert "cannot be used" in text.read_text("utf-8")
    assert all(b"cannot be used" in path.read_bytes() for path in compiled)
    assert compiled
