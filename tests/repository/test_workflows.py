"""The workflows: they parse, may only read, and run what everybody runs."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.limits import WAIT

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEST = ROOT / ".github" / "workflows" / "test.yml"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def load(path):
    workflow = yaml.safe_load(path.read_text())
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads the key `on` as a truth
    return workflow


def jobs(path):
    return load(path)["jobs"].items()


def commands(path):
    return [
        step["run"] for _, job in jobs(path) for step in job["steps"] if "run" in step
    ]


def test_there_are_workflows():
    assert [path.name for path in WORKFLOWS] == [
        *("pages.yml", "test.yml", "weekly.yml", "wheels.yml")
    ]


def test_an_action_has_one_version_in_all_workflows():
    used = {
        step["uses"]
        for path in WORKFLOWS
        for _, job in jobs(path)
        for step in job["steps"]
        if "uses" in step
    }
    versions = {}
    for action in used:
        name, _, version = action.partition("@")
        versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_weekly_run_is_scheduled_and_shows_the_coverage():
    weekly = load(ROOT / ".github" / "workflows" / "weekly.yml")
    [moment] = weekly["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", moment["cron"])
    runs = [step.get("run", "") for step in weekly["jobs"]["coverage"]["steps"]]
    shown = runs.index("make coverage") + 1
    assert "coverage report" in runs[shown]
    assert "$GITHUB_STEP_SUMMARY" in runs[shown]


def test_push_draws_the_same_examples_and_the_week_new_ones():
    assert "\nexport CI=true\n" in (ROOT / ".ci" / "run").read_text()
    weekly = load(ROOT / ".github" / "workflows" / "weekly.yml")
    runs = [step.get("run") for step in weekly["jobs"]["random"]["steps"]]
    assert "make test-random" in runs
    asked = "from tests import conftest; print(conftest.settings().derandomize)"
    for words, expected in ((["CI=true"], "True"), (["-u", "CI"], "False")):
        command = ["env", *words, sys.executable, "-c", asked]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.stdout.split()[-1:] == [expected], done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
class TestEach:
    def test_may_only_read(self, path):
        assert load(path)["permissions"] == {"contents": "read"}

    def test_uses_official_actions_of_a_pinned_major_version(self, path):
        used = [s["uses"] for _, job in jobs(path) for s in job["steps"] if "uses" in s]
        assert used
        assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)

    def test_has_a_time_limit_for_every_job(self, path):
        assert all(job["timeout-minutes"] <= 60 for _, job in jobs(path))

    def test_calls_make_only_for_targets_that_exist(self, path):
        makefile = (ROOT / "Makefile").read_text()
        for command in commands(path):
            for target in re.findall(r"\bmake ([\w-]+)", command):
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

    @pytest.mark.skipif(not shutil.which("actionlint"), reason="no actionlint here")
    def test_passes_actionlint(self, path):
        subprocess.run(["actionlint", path], check=True, timeout=WAIT)


def test_tests_run_on_both_systems_with_every_python_that_is_promised():
    matrix = load(TEST)["jobs"]["test"]["strategy"]["matrix"]
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    assert any(more["os"].endswith("-arm") for more in matrix["include"])
    promised = re.findall(
        r"Python :: (3\.\d+)", " ".join(PYPROJECT["project"]["classifiers"])
    )
    assert matrix["python"] == promised
    built = PYPROJECT["tool"]["cibuildwheel"]["build"]
    assert built == [f"cp{version.replace('.', '')}-*" for version in promised]


def test_ci_runs_make_test():
    assert ".ci/run" in commands(TEST)
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "limited make test" in lines


HASWELL = "notebooks/Q4-CNNs.ipynb notebooks/Q6-Pruning.ipynb"
HASWELL = f"make test-processors ARGS=haswell {HASWELL}"
# Notes its call, and waits for the one that is to run beside it.
FAKE_MAKE = """\
#!/bin/sh
echo "make $*" >> calls.txt
case "$1" in
    test) ;;
    test-processors) beside={beside} ;;
    test-browser) beside=test-processors ;;
esac
until grep -q "make $beside" calls.txt; do sleep 0.01; done
echo "$1 said this"
test "$1" != {fails}
"""


def run_ci(folder, browser, fails="none"):
    """Run `.ci/run` in a folder, with a script for every program that it may call.

    Returns:
        the process, and how make was called.
    """
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    tools = folder / "tools"
    tools.mkdir()
    beside = "test-browser" if browser else "test"
    make = FAKE_MAKE.format(fails=fails, beside=beside)
    scripts = {"make": make, "bwrap": "#!/bin/sh\n", browser: "#!/bin/sh\n"}
    for name in filter(None, scripts):
        (tools / name).write_text(scripts[name])
        (tools / name).chmod(0o755)
    for name in ("basename", "cat", "dirname", "grep", "id", "mkdir", "nice", "sleep"):
        (tools / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        [shutil.which("bash"), folder / ".ci" / "run"],
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    return done, (folder / "calls.txt").read_text().splitlines()


@pytest.mark.posix
@pytest.mark.parametrize("browser", ["chromium", "google-chrome", None])
def test_ci_tries_the_browser_where_there_is_one(tmp_path, browser):
    """Beside two notebooks: neither ends before the other has begun."""
    done, calls = run_ci(tmp_path, browser)
    assert done.returncode == 0, done.stderr
    assert calls[0] == "make test"
    beside = {HASWELL, "make test-browser"} if browser else {HASWELL}
    assert set(calls[1:]) == beside
    assert len(calls) == 1 + len(beside)
    assert ("no Chromium is installed" in done.stdout) == (browser is None)


@pytest.mark.posix
@pytest.mark.parametrize("browser", ["chromium", None])
@pytest.mark.parametrize("fails", ["test", "test-processors", "test-browser"])
def test_ci_fails_where_a_part_fails_and_shows_what_every_part_says(
    tmp_path, browser, fails
):
    done, calls = run_ci(tmp_path, browser, fails)
    assert (done.returncode == 0) == (f"make {fails}" not in " ".join(calls))
    said = re.findall("(.+) said this", done.stdout)
    assert said == [call.split()[1] for call in sorted(calls)]
    assert (len(calls) == 1) == (fails == "test")


def test_windows_gets_by_without_make():
    job = load(TEST)["jobs"]["windows"]
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert not any(re.search(r"\b(make|sh|bash)\b", line) for line in lines)
    readme = (ROOT / "README.md").read_text("utf-8")
    for line in lines[:2]:
        words = line.replace("/", "\\").replace("python -m venv", "py -m venv")
        assert words.partition(" -e ")[0] in readme


def test_wheels_are_never_built_without_kernels():
    environment = PYPROJECT["tool"]["cibuildwheel"]["environment"]
    assert environment["ECE662_REQUIRE_KERNELS"] == "1"
