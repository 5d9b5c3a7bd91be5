"""The lowest versions that `make test-oldest` installs are those of pyproject.toml."""

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "oldest_versions.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("oldest_versions", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_oldest_is_the_bound_of_every_requirement(script):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (Requirement(line) for lines in lists for line in lines):
        if requirement.name != "ece662":
            (bound,) = requirement.specifier
            assert script.oldest([])[requirement.name] == bound.version


def test_oldest_of_an_extra_has_those_that_it_names_in_turn(script):
    found = script.oldest(["test"])
    assert {"numpy", "pytest", "jupyterlab", "cython"} <= set(found)
    assert not {"torch", "tensorflow", "ruff"} & set(found)


def test_oldest_refuses_a_requirement_without_a_bound(script):
    with pytest.raises(ValueError, match=r"expected a requirement like .* got 'numpy'"):
        script._bound("numpy")


def test_script_prints_constraints():
    done = subprocess.run(
        [sys.executable, SCRIPT, "lab"], capture_output=True, text=True, check=True
    )
    for line in done.stdout.splitlines():
        name, version = line.split("==")
        assert name
        assert Version(version)
