"""The optional frameworks: one sentence where one is not installed."""

import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ece662.check import check
from ece662.commands import doctor
from ece662.frameworks.installed import (
    FRAMEWORKS,
    NEWEST_FOR_TENSORFLOW,
    MissingFrameworkError,
    named_if_missing,
    why_missing,
)
from ece662.frameworks.tf_tools import quietly
from ece662.pruning_helper import load_model
from ece662.widgets import training_dashboard

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
THIS = ".".join(map(str, sys.version_info[:2]))
NO_BUILD = f"TensorFlow has no build for Python {THIS} yet"


@pytest.fixture
def on_new_python(monkeypatch):
    """This Python as if there were no TensorFlow for it."""
    for name in ("tensorflow", "keras"):  # they are installed together
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("ece662.frameworks.installed.NEWEST_FOR_TENSORFLOW", (3, 10))


def test_frameworks_are_extras():
    extras = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    assert set(FRAMEWORKS) <= set(extras["optional-dependencies"])


def test_newest_python_for_tensorflow_is_the_one_that_installs_it():
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    lines = map(Requirement, project["optional-dependencies"]["tensorflow"])
    builds = [line for line in lines if line.name.startswith("tensorflow")]
    for minor in range(11, 16):
        version = f"3.{minor}"
        wanted = any(b.marker.evaluate({"python_version": version}) for b in builds)
        assert wanted == ((3, minor) <= NEWEST_FOR_TENSORFLOW), version


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_why_missing_says_how_to_install_where_there_is_a_build(name, monkeypatch):
    monkeypatch.setattr("ece662.frameworks.installed.NEWEST_FOR_TENSORFLOW", (3, 99))
    said = why_missing(name)
    assert said.startswith(f"This needs {name}, which is not installed: pip install")
    assert f'%pip install "ece662[{name}]", then restart the kernel' in said
    assert "\n" not in said


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_why_missing_asks_pypi_for_no_name_that_is_not_ours(name, monkeypatch):
    """Where the package was never installed, but lies in the folder."""

    def is_not_installed(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "distribution", is_not_installed)
    monkeypatch.setattr("ece662.frameworks.installed.NEWEST_FOR_TENSORFLOW", (3, 99))
    said = why_missing(name)
    assert "ece662" not in said
    assert f"%pip install {name} safetensors, then restart" in said


def test_why_missing_says_that_there_is_no_build(on_new_python):
    assert why_missing("tensorflow").startswith(NO_BUILD)
    assert "need Python 3.11 to 3.10" in why_missing("tensorflow")
    assert "pip install" in why_missing("torch")


def test_other_missing_modules_keep_their_error():
    wanted = pytest.raises(ModuleNotFoundError, match="no_such_module")
    with wanted as caught, named_if_missing():
        import_module("no_such_module")
    assert not isinstance(caught.value, MissingFrameworkError)


@pytest.mark.parametrize(
    "use",
    [
        lambda data, path: load_model(path / "m.model", mode="tensorflow"),
        lambda data, path: training_dashboard(data, "tensorflow"),
    ],
    ids=["load_model", "training_dashboard"],
)
def test_what_needs_tensorflow_says_that_there_is_no_build(
    use, on_new_python, tmp_path, data_root, small_arrays, monkeypatch
):
    for module in ("ece662.pruning.keras_net", "ece662.widgets._keras_nets"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    with pytest.raises(MissingFrameworkError, match=NO_BUILD):
        use(small_arrays(), tmp_path)


def test_import_in_a_notebook_shows_one_line(on_new_python):
    """IPython asks an exception how it wants to be shown."""
    with pytest.raises(MissingFrameworkError) as caught, quietly():
        import tensorflow  # noqa: F401
    assert caught.value._render_traceback_() == [why_missing("tensorflow")]


@pytest.mark.parametrize("id", ["q5-tf-convnet-forward", "q6-tensorflow-exercise"])
def test_check_says_that_there_is_no_build(id, on_new_python):
    assert NO_BUILD in check(id)._repr_html_()


def test_doctor_says_that_there_is_no_build(on_new_python, monkeypatch):
    monkeypatch.setattr(doctor, "_version", {"torch": "2.13.0"}.get)
    finding = doctor.check_extras()
    assert finding.sign == "warn"
    assert finding.advice.startswith(NO_BUILD)


def test_ipython_shows_the_line_and_no_traceback(tmp_path):
    """In a real IPython, whose rule for such exceptions is relied upon."""
    script = tmp_path / "cell.py"
    script.write_text(
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "sys.modules['tensorflow'] = None\n"
        "shell = InteractiveShell.instance(colors='NoColor')\n"
        "shell.run_cell('from ece662.frameworks.tf_tools import quietly')\n"
        "shell.run_cell('with quietly():\\n    import tensorflow')\n",
        "utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.strip() == why_missing("tensorflow")
