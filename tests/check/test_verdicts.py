"""Verdicts are shared: what `check` has judged, status does not judge again."""

import json
import shutil
from pathlib import Path

import pytest

from ece662 import layers
from ece662.check import check, front, verdicts
from ece662.check import progress as module
from ece662.check.progress import progress
from ece662.check.terms import Status
from ece662.classifiers import fc_net
from ece662.commands.cli import main
from ece662.exercises import find_exercise
from ece662.exercises.regions import fill
from ece662.live import reloading

ROOT = Path(__file__).parents[2]
IDS = ("relu_forward", "sgd_momentum")


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where verdicts are kept; whatever is not there, no check is run for."""
    # Modules may have been noted while another test had put a function into one.
    monkeypatch.setattr(reloading, "_loaded", {})
    monkeypatch.setenv("ECE662_DATA", str(tmp_path))
    monkeypatch.setattr(
        module, "check_apart", lambda root, ids: pytest.fail(f"{ids} again")
    )
    return tmp_path / "verdicts.json"


@pytest.mark.parametrize(
    "ask",
    [lambda id: check(id), lambda id: main(["check", id])],
    ids=["in a notebook", "in a terminal"],
)
def test_what_check_has_judged_status_does_not_judge_again(kept, ask):
    for id in IDS:
        ask(id)
    states = progress(ROOT, [find_exercise(id) for id in IDS])
    assert [state.status for state in states] == [Status.PASSED] * 2
    assert len(json.loads(kept.read_text())) == 2


def wrong(x, *rest):
    return x - 1, x


@pytest.mark.parametrize(
    ("holder", "name"),
    [(layers, "relu_forward"), (fc_net.TwoLayerNet, "loss")],
)
def test_what_was_put_into_a_module_from_outside_is_not_kept(
    kept, monkeypatch, holder, name
):
    monkeypatch.setattr(holder, name, wrong)
    for id in ("relu_forward", "TwoLayerNet"):
        check(id)
    assert not kept.exists()


def test_file_that_is_saved_during_the_check_is_judged_again(kept, tmp_path):
    shutil.copytree(
        ROOT / "ece662", tmp_path / "ece662", ignore=shutil.ignore_patterns("*.so")
    )
    marks = verdicts.fingerprints(tmp_path, [find_exercise(id) for id in IDS])
    path = tmp_path / "ece662/optim.py"
    text = fill(path.read_text("utf-8"), path.name, {("sgd_momentum", 1): "v = 0"})
    path.write_text(text, "utf-8")
    found = [{"id": id, "status": "passed", "message": ""} for id in IDS]
    verdicts.remember(tmp_path, marks, found)
    assert set(json.loads(kept.read_text())) == {marks["relu_forward"]}


def test_verdict_of_another_folder_is_not_kept(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(front, "find_root", lambda: tmp_path)
    check("relu_forward")
    assert not kept.exists()


def test_verdicts_that_cannot_be_kept_stop_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "file"))
    assert check("relu_forward").passed
    assert main(["check", "relu_forward"]) == 0
