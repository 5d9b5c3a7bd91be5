"""`ece662 lab`: which notebooks, which arguments, what without JupyterLab."""

import json
import os
import sys
import types
from argparse import Namespace
from pathlib import Path

import pytest

import ece662
from ece662.commands import cli, lab


@pytest.fixture
def jupyterlab(monkeypatch):
    """Stand in for JupyterLab's start; the arguments it was given are in `calls`."""
    calls = []
    labapp = types.ModuleType("jupyterlab.labapp")
    labapp.main = calls.append
    monkeypatch.setitem(sys.modules, "jupyterlab", types.ModuleType("jupyterlab"))
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", labapp)
    return calls


@pytest.fixture
def workbook(tmp_path):
    folder = tmp_path / "my course"
    (folder / "notebooks" / "deeper").mkdir(parents=True)
    (folder / "notebooks" / "Q1-FCNetworks.ipynb").write_text("{}")
    return folder


@pytest.mark.parametrize("inside", [".", "notebooks", "notebooks/deeper"])
def test_notebooks_are_found_from_anywhere_in_the_folder(workbook, inside):
    assert lab.find_notebooks(workbook / inside) == workbook / "notebooks"


def test_notebooks_fall_back_to_those_beside_the_package(
    tmp_path, workbook, monkeypatch
):
    monkeypatch.setattr(ece662, "__file__", str(workbook / "ece662" / "__init__.py"))
    assert lab.find_notebooks(tmp_path) == workbook / "notebooks"


def test_folder_without_notebooks_is_opened_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ece662, "__file__", str(tmp_path / "ece662" / "__init__.py"))
    assert lab.find_notebooks(tmp_path) is None
    assert lab.arguments(tmp_path, ["-x"]) == [
        f"--ServerApp.root_dir={tmp_path}",
        "-x",
    ]
    assert str(tmp_path) in capsys.readouterr().out


def test_jupyterlab_opens_on_the_notebooks_and_can_go_up(
    jupyterlab, workbook, monkeypatch
):
    monkeypatch.chdir(workbook / "notebooks")
    assert cli.main(["lab"]) == 0
    assert jupyterlab == [
        [
            f"--ServerApp.root_dir={workbook}",
            "--LabApp.default_url=/lab/tree/notebooks/Q1-FCNetworks.ipynb",
        ]
    ]


def test_other_arguments_reach_jupyterlab_last(jupyterlab, workbook, monkeypatch):
    monkeypatch.chdir(workbook)
    cli.main(["lab", "--no-browser", "--port", "8899", "--ip=127.0.0.1"])
    assert jupyterlab[0][-4:] == ["--no-browser", "--port", "8899", "--ip=127.0.0.1"]


def test_missing_jupyterlab_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    assert lab.run(Namespace(others=[])) == 1
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.count("\n") == 1
    assert "pip install jupyterlab" in out.err
    assert "make lab" in out.err
    assert str(Path(sys.executable)) in out.err


def test_lab_begins_with_settings_that_ask_nothing(monkeypatch):
    """As JupyterLab's server reads them; before and after, there are others alone."""
    from jupyter_core.paths import jupyter_config_path

    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/elsewhere")
    with lab.without_news():
        places = [Path(place, "labconfig") for place in jupyter_config_path()]
        [file] = [
            place / "default_setting_overrides.json"
            for place in places
            if (place / "default_setting_overrides.json").is_file()
        ]
        assert json.loads(file.read_text("utf-8")) == lab.QUIET
        assert os.environ["JUPYTER_CONFIG_PATH"].startswith("/elsewhere")
    assert os.environ["JUPYTER_CONFIG_PATH"] == "/elsewhere"
    assert not file.exists()
