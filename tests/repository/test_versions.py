"""Versions agree: requirements, constraints, Colab's, conda's, pre-commit's."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from course.release import SHIPPED

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
PLATFORMS = {
    "Linux PC": {"sys_platform": "linux", "platform_machine": "x86_64"},
    "Linux ARM": {"sys_platform": "linux", "platform_machine": "aarch64"},
    "Mac": {"sys_platform": "darwin", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_machine": "AMD64"},
}


def pins(name):
    """{package: version} of a constraints file; every line must be a pin."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith("#"):
            package, version = re.fullmatch(r"([\w.-]+)==([\w.]+)", line).groups()
            assert canonicalize_name(package) not in found, f"{package} is there twice"
            found[canonicalize_name(package)] = Version(version)
    return found


def requirements():
    """Every requirement of the package and its extras, other than of itself."""
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    parsed = [Requirement(line) for lines in lists for line in lines]
    return [requirement for requirement in parsed if requirement.name != "ece662"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_requirement_has_a_pin_that_satisfies_it(platform):
    pinned = pins("constraints.txt")
    environment = default_environment() | PLATFORMS[platform]
    for requirement in requirements():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            version = pinned[canonicalize_name(requirement.name)]
            assert version in requirement.specifier, requirement


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_tensorflow_is_one_build_or_none(platform, python):
    """None where there is no build: an extra that cannot be met installs nothing."""
    environment = PLATFORMS[platform] | {"python_version": python}
    extra = map(Requirement, PROJECT["optional-dependencies"]["tensorflow"])
    builds = [r for r in extra if r.marker and r.marker.evaluate(environment)]
    assert len(builds) == (python != "3.14")


def test_colab_satisfies_every_requirement():
    """Else the set-up cell would replace packages under Colab's running kernel."""
    colab = pins("constraints-colab.txt")
    met = [r for r in requirements() if canonicalize_name(r.name) in colab]
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert core | {"ipykernel", "ipywidgets"} <= {r.name for r in met}
    for requirement in met:
        version = colab[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, requirement


def test_constraints_name_no_host_and_no_place():
    for name in ("constraints.txt", "constraints-colab.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "file:" not in text
        assert not re.search(r"^\s*-", text, re.MULTILINE)


def test_torch_is_the_version_that_was_tested_and_torchvision_nowhere():
    pinned = pins("constraints.txt")
    assert pinned["torch"] == Version("2.13.0")
    for name in ("constraints.txt", "constraints-colab.txt", "environment.yml"):
        assert "torchvision" not in (ROOT / name).read_text()
    assert "torchvision" not in {requirement.name for requirement in requirements()}


def test_importing_nbformat_builds_no_parsers():
    """pytest and JupyterLab would wait for them; see scripts/pin_versions.sh."""
    pinned = pins("constraints.txt")
    assert pinned["jsonschema"] < Version("4.25")
    assert "rfc3987-syntax" not in pinned


def test_both_builds_of_tensorflow_are_of_one_version():
    for name in ("constraints.txt", "constraints-colab.txt"):
        pinned = pins(name)
        assert pinned["tensorflow"] == pinned["tensorflow-cpu"]


def test_extras_are_those_that_are_documented():
    extras = PROJECT["optional-dependencies"]
    public = {"lab", "torch", "tensorflow", "all", "build", "search", "cluster"}
    assert set(extras) == public | {"test", "dev", "demo", "hub", "site", "staff"}
    assert extras["all"] == ["ece662[lab,torch,tensorflow]"]


def test_core_needs_no_framework_and_no_jupyter():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not core & {"torch", "tensorflow", "jupyterlab", "ipywidgets", "cython"}


def test_pre_commit_judges_with_the_pinned_versions():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    revisions = {
        repo["repo"].rsplit("/", 1)[1]: repo["rev"] for repo in config["repos"]
    }
    pinned = pins("constraints.txt")
    assert Version(revisions["ruff-pre-commit"]) == pinned["ruff"]
    assert Version(revisions["codespell"]) == pinned["codespell"]


def test_pre_commit_keeps_outputs_and_ids_of_notebooks():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = {hook["id"]: hook for repo in config["repos"] for hook in repo["hooks"]}
    kept = {"--keep-output", "--keep-count", "--keep-id"}
    assert kept <= set(hooks["nbstripout"]["args"])


def test_conda_installs_the_lab_with_the_constraints_on_a_is_tested():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["name"] == "ece662"
    python, *_ = conda["dependencies"]
    assert is_tested(python.removeprefix("python="))
    pip = conda["dependencies"][-1]["pip"]
    assert pip == ["-c constraints.txt", "-e .[lab]"]


def test_binder_adds_the_torch_of_the_constraints_and_draws_the_pictures():
    script = (ROOT / "postBuild").read_text()
    assert script.startswith("#!/bin/bash\n")
    assert subprocess.run(["bash", "-n", ROOT / "postBuild"]).returncode == 0
    assert "-c constraints.txt" in script
    (extra,) = re.findall(r'-e "\.\[(\w+)\]"', script)
    assert any("torch" in need for need in PROJECT["optional-dependencies"][extra])
    assert "python -m ece662 data info" in script
    assert {"environment.yml", "postBuild"} <= set(SHIPPED)


def test_dev_container_sets_up_with_make_on_a_is_tested():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    container = json.loads(text)
    assert container["postCreateCommand"] == "make setup"
    assert is_tested(container["image"].rsplit(":", 1)[1])


def is_tested(version):
    return f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
