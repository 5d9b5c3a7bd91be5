"""Which files are open in tabs of JupyterLab, by the workspaces that it keeps."""

import json

import pytest

from ece662.live import magics, open_tabs


@pytest.fixture
def workspaces(tmp_path, monkeypatch):
    """The folder of workspaces; a function that lists files as open in one of them."""
    folder = tmp_path / "workspaces"
    folder.mkdir()
    monkeypatch.setenv("JUPYTERLAB_WORKSPACES_DIR", str(folder))

    def opened(*paths, name="default-37a8"):
        data = {
            f"editor:{path}": {"data": {"path": path, "factory": "Editor"}}
            for path in paths
        }
        data["layout-restorer:data"] = {"main": {"dock": None}}
        text = json.dumps({"data": data, "metadata": {"id": "default"}})
        (folder / f"{name}.jupyterlab-workspace").write_text(text)

    return folder, opened


@pytest.mark.parametrize("path", ["layers.py", "ece662/layers.py"])
def test_is_open_whatever_folder_is_served(tmp_path, workspaces, path):
    workspaces[1]("notebooks/Q1.ipynb", path)
    assert open_tabs.is_open(tmp_path / "ece662" / "layers.py")
    assert not open_tabs.is_open(tmp_path / "ece662" / "fast_layers.py")


def test_is_open_in_any_workspace_and_a_damaged_one_is_passed_over(
    tmp_path, workspaces
):
    folder, opened = workspaces
    (folder / "a.jupyterlab-workspace").write_text('{"data": [1')
    (folder / "b.jupyterlab-workspace").write_text('{"data": 3}')
    opened("ece662/optim.py", name="z")
    assert open_tabs.is_open(tmp_path / "ece662" / "optim.py")
    opened(name="z")
    assert not open_tabs.is_open(tmp_path / "ece662" / "optim.py")


def test_region_warns_of_an_open_tab_and_of_no_other(tmp_path, workspaces):
    from tests.live.test_magics import ROOT

    for file in ("layers.py", "optim.py"):
        (tmp_path / "ece662").mkdir(exist_ok=True)
        text = (ROOT / "ece662" / file).read_text("utf-8")
        (tmp_path / "ece662" / file).write_text(text, "utf-8")
    workspaces[1]("ece662/layers.py")
    said = magics.write("relu_forward", "out = 1", tmp_path)
    assert "ece662/layers.py is open in a tab" in said
    assert "Reload from Disk" in said
    assert "tab" not in magics.write("rmsprop", "next_w = w", tmp_path)


def test_several_open_tabs_are_named_in_one_sentence(tmp_path, workspaces):
    workspaces[1]("ece662/layers.py", "notebooks/Q1.ipynb", "own.py")
    names = ["ece662/layers.py", "ece662/optim.py", "notebooks/Q1.ipynb"]
    said = open_tabs.warning(tmp_path, names)
    assert said.startswith("ece662/layers.py, notebooks/Q1.ipynb are open in tabs")
    assert open_tabs.warning(tmp_path, names[1:2]) == ""
