"""The Makefile's set-up: what it installs when, and what it says where it cannot.

A shell script plays Python: it notes how it was called, and makes an environment whose
Python is itself. So nothing is downloaded, and every step that make takes is seen.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.limits import WAIT

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = """\
#!/bin/sh
printf '%s\\n' "$*" >> "{log}"
case "$*" in
    "-c import sys; print"*) echo {version} ;;
    "-m venv --clear "*)
        mkdir -p "$4/bin" && rm -f "$4"/*.stamp && cp "$0" "$4/bin/python" ;;
    *"pip "*) {pip} ;;
    "setup.py "*) {build} ;;
esac
"""

# What make and its recipes call; everything else, and every Python, is out of sight.
TOOLS = ["make", "sh", "cat", "cksum", "cp", "echo", "grep", "mkdir", "pwd", "rm"]
TOOLS += ["tail", "test", "touch"]

pytestmark = [
    pytest.mark.posix,  # shell scripts
    pytest.mark.skipif(not shutil.which("make"), reason="there is no make"),
]


class Checkout:
    """A copy of what make looks at, in a folder with spaces, with a Python of ours."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder.parent / "calls.txt"
        (folder / "ece662" / "fast" / "_kernels").mkdir(parents=True)
        (folder / "ece662" / "fast" / "_kernels" / "native.pyx").touch()
        for name in ("pyproject.toml", "setup.py", "constraints.txt"):
            (folder / name).touch()
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        self.tools = folder.parent / "tools"
        self.tools.mkdir()
        for name in TOOLS:
            (self.tools / name).symlink_to(shutil.which(name))

    def add_python(self, name="python3", version="3.12.4", pip=":", build=":"):
        script = self.tools / name
        text = FAKE_PYTHON.format(log=self.log, version=version, pip=pip, build=build)
        script.write_text(text)
        script.chmod(0o755)
        return script

    def mend_python(self):
        """Put a Python that works where one that fails is, in the environment too."""
        shutil.copy(self.add_python(), self.folder / ".venv" / "bin" / "python")

    def make(self, *arguments):
        """Run make; return its exit code, its output and the calls of Python."""
        self.log.write_text("")
        done = subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.tools)},
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT,
        )
        calls = self.log.read_text().splitlines()
        return done.returncode, done.stdout + done.stderr, calls

    def age(self):
        """Let an hour pass: all files there are get older."""
        for path in self.folder.rglob("*"):
            past = path.stat().st_mtime - 3600
            os.utime(path, (past, past))


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "a course of mine")


READY = "Everything is set up. `make lab` opens the notebooks.\n"


def installs(calls):
    return [call for call in calls if " pip " in call]


def builds(calls):
    return [call for call in calls if call.startswith("setup.py ")]


def test_setup_makes_installs_and_compiles_in_that_order(checkout):
    checkout.add_python()
    code, output, calls = checkout.make("setup")
    assert code == 0, output
    steps = [re.sub(r"^-m | .*", "", call) for call in calls if "-c" not in call[:3]]
    assert steps == ["venv", "pip", "pip", "setup.py"]
    assert output.endswith(READY)
    assert "-c constraints.txt" in installs(calls)[0]
    assert installs(calls)[1].endswith("--no-build-isolation -e .[build,lab]")
    assert builds(calls) == ["setup.py -q build_ext --inplace"]


def test_repeating_does_nothing_but_ask_whether_python_runs(checkout):
    checkout.add_python()
    checkout.make("setup")
    assert checkout.make("setup") == (0, READY, ["-c "])


def test_lab_and_test_start_their_programs(checkout):
    checkout.add_python()
    checkout.make("test")
    _, said, calls = checkout.make("lab", "ARGS=--no-browser --port=1")
    assert calls == ["-c ", "-m ece662 lab --no-browser --port=1"]
    assert said == ""
    _, _, calls = checkout.make("test", "ARGS=-x")
    assert calls[1].startswith("scripts/notebooks.py test tests ")
    assert calls[1].endswith(" -x")


def test_tests_get_the_frameworks_and_the_index_for_torch(checkout):
    checkout.add_python()
    _, _, calls = checkout.make("test", "TORCH_INDEX=https://example.org/cpu")
    assert installs(calls)[-1].endswith("-e .[test,torch,tensorflow]")
    assert "--extra-index-url https://example.org/cpu" in installs(calls)[-1]


def change(path, date):
    """Change a file as an archive does that is unpacked over it."""
    path.write_text("new")
    os.utime(path, (date, date))


IN_1980, IN_2033 = 315536400, 2e9


@pytest.mark.parametrize("date", [IN_1980, IN_2033])
@pytest.mark.parametrize("name", ["pyproject.toml", "setup.py", "constraints.txt"])
def test_change_of_requirements_installs_again(checkout, name, date):
    checkout.add_python()
    checkout.make("setup")
    checkout.age()
    change(checkout.folder / name, date)
    _, _, calls = checkout.make("setup")
    assert len(installs(calls)) == 2
    assert checkout.make("setup") == (0, READY, ["-c "])


@pytest.mark.parametrize("date", [IN_1980, IN_2033])
@pytest.mark.parametrize("name", ["native.pyx", "new.pyx", "new.h"])
def test_change_of_a_kernel_compiles_and_installs_nothing(checkout, name, date):
    checkout.add_python()
    checkout.make("setup")
    checkout.age()
    change(checkout.folder / "ece662" / "fast" / "_kernels" / name, date)
    _, _, calls = checkout.make("setup")
    assert (len(installs(calls)), len(builds(calls))) == (0, 1)
    assert checkout.make("setup") == (0, READY, ["-c "])


def test_new_dates_alone_are_no_change(checkout):
    checkout.add_python()
    checkout.make("setup")
    checkout.age()
    for name in ("pyproject.toml", "ece662/fast/_kernels/native.pyx"):
        (checkout.folder / name).touch()
    assert checkout.make("setup") == (0, READY, ["-c "])


def test_moved_folder_gets_a_new_environment(checkout):
    checkout.add_python()
    checkout.make("setup")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved here"))
    _, _, calls = checkout.make("setup")
    assert any("-m venv" in call for call in calls)
    assert len(installs(calls)) == 2


def test_python_that_was_removed_gets_a_new_environment(checkout):
    checkout.add_python()
    checkout.make("setup")
    (checkout.folder / ".venv" / "bin" / "python").unlink()
    code, _, calls = checkout.make("setup")
    assert code == 0
    assert len(installs(calls)) == 2


def test_failed_installation_is_tried_again(checkout):
    checkout.add_python(pip="exit 1")
    code, _, _ = checkout.make("setup")
    assert code != 0
    checkout.mend_python()
    code, output, calls = checkout.make("setup")
    assert code == 0, output
    assert len(installs(calls)) == 2
    assert not any("--force-reinstall" in call for call in calls)


def test_killed_installation_is_done_over(checkout):
    checkout.add_python(pip="kill -9 $PPID; sleep 1")
    code, _, _ = checkout.make("setup")
    assert code != 0
    checkout.mend_python()
    _, _, calls = checkout.make("setup")
    assert all("--force-reinstall" in call for call in installs(calls))
    assert not (checkout.folder / ".venv" / "unfinished").exists()


def test_no_compiler_is_one_line_and_tried_again(checkout):
    checkout.add_python(build="echo 'ece662: no compiler' && exit 1")
    code, output, _ = checkout.make("setup")
    assert code == 0
    assert output.splitlines(True)[2:] == ["ece662: no compiler\n", READY]
    code, output, calls = checkout.make("setup")
    assert (code, output) == (0, f"ece662: no compiler\n{READY}")
    assert len(builds(calls)) == 1


def said(output):
    """What was said before make's own last line."""
    *lines, last = output.splitlines()
    assert last.startswith("make: ***")
    return lines


def test_no_python_is_one_line(checkout):
    code, output, _ = checkout.make("lab")
    assert code != 0
    (line,) = said(output)
    assert line.startswith("ece662 needs Python 3.11 or newer")
    assert "PYTHON=" in line


def test_old_pythons_are_named_in_one_line(checkout):
    checkout.add_python("python3", "3.10.12")
    checkout.add_python("python", "2.7.18")
    code, output, _ = checkout.make("lab")
    assert code != 0
    (line,) = said(output)
    assert "python3 is 3.10.12, python is 2.7.18" in line


def test_python_that_is_only_a_shim_is_passed_over(checkout):
    shim = checkout.add_python("python3.13")
    shim.write_text("#!/bin/sh\nexit 127\n")
    checkout.add_python("python3", "3.11.2")
    code, output, _ = checkout.make("setup")
    assert code == 0
    assert output.startswith("Making .venv with Python 3.11.2\n")


@pytest.mark.parametrize("version", ["3.11.0", "3.12.4", "3.13.1", "3.14.0"])
def test_every_newer_python_serves(checkout, version):
    checkout.add_python("python3", version)
    assert checkout.make("setup")[0] == 0


@pytest.mark.parametrize(
    ("version", "said"), [("3.11.0", False), ("3.13.9", False), ("3.14.0", True)]
)
def test_python_without_tensorflow_is_named_in_a_line(checkout, version, said):
    checkout.add_python("python3", version)
    _, output, _ = checkout.make("setup")
    line = "TensorFlow has no build for Python 3.14 yet: everything else works"
    assert (line in output.splitlines()) == said


def test_chosen_python_is_the_only_one_tried(checkout, tmp_path):
    checkout.add_python("python3", "3.12.4")
    chosen = checkout.add_python("old", "3.9.1").rename(tmp_path / "my python")
    code, output, _ = checkout.make("setup", f"PYTHON={chosen}")
    assert code != 0
    assert f"{chosen} is 3.9.1" in said(output)[0]


def test_help_is_the_default_and_lists_every_target():
    makefile = (ROOT / "Makefile").read_text()
    phony = " ".join(re.findall(r"^\.PHONY: (.*)", makefile, re.MULTILINE))
    done = subprocess.run(
        ["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=WAIT
    )
    listed = re.findall(r"^make ([\w-]+)", done.stdout, re.MULTILINE)
    assert set(listed) == set(phony.split()) - {"help"}
    assert listed[:2] == ["lab", "test"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_tests_are_not_a_part_of_the_make_that_runs_them():
    """Below another make, or with -w, make announces each folder that it enters."""
    test = f"{__file__}::{test_help_is_the_default_and_lists_every_target.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", test],
        cwd=ROOT,
        env={**os.environ, "MAKELEVEL": "1", "MAKEFLAGS": "w"},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert done.returncode == 0, done.stdout


def test_makefile_keeps_to_gnu_make_3_81():
    """No feature that came after the make of macOS."""
    makefile = (ROOT / "Makefile").read_text()
    for newer in (".ONESHELL", "$(file ", "!=", "&:", "$(let ", "$(intcmp "):
        assert newer not in makefile


@pytest.mark.parametrize(
    "name",
    [".ci/run", "docs/hub/begin.sh", "scripts/make_venv.sh", "scripts/test_arm.sh"],
)
def test_scripts_may_be_executed_and_parse(name):
    script = ROOT / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True, timeout=WAIT)
