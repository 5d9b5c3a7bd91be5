"""What a computer lets a process have: with real groups, real mounts, real accounts."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ece662 import _computer
from ece662._computer import cores, hidden_names
from ece662.exercises.work import with_package_in

ROOT = Path(_computer.__file__).resolve().parents[1]

# An account that no list of users knows. Inside, its number is 12345; to the files it
# is who runs the tests, though without root's right to pass over their modes.
STRANGER = ["unshare", "-U", "--map-user=12345", "--map-group=12345", "env"]
NAMELESS = [f"-u{name}" for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME")]


@pytest.fixture(scope="module")
def stranger():
    """The beginning of a command line: env, under an account without a name."""
    command = [*STRANGER, *NAMELESS, sys.executable, "-c", "pass"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no other account can be had here: {error}")
    if done.returncode:
        pytest.skip(f"no other account can be had here: {done.stderr.strip()}")
    return [*STRANGER, *NAMELESS]


def _put(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "100000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        # The group's own file says nothing, that of the group around it does.
        (
            {
                "proc/self/cgroup": "0::/pod/box\n",
                "sys/fs/cgroup/pod/box/cpu.max": "max 100000\n",
                "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
            },
            1,
        ),
        # v1, as a container sees it: the path is the host's, the mount its own group.
        (
            {
                "proc/self/cgroup": "5:cpuset:/docker/1\n4:cpu,cpuacct:/docker/1\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/a/b\n",
                "sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "20000\n",
                "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "10000\n",
            },
            2,
        ),
        ({"proc/self/cgroup": "4:cpu:/\n"}, None),
        ({}, None),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "damaged\n"}, None),
    ],
)
def test_cores_keeps_to_the_share_of_a_group(tmp_path, monkeypatch, files, share):
    _put(tmp_path, files)
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert cores(str(tmp_path)) == (share or 64)


@pytest.fixture
def group():
    """A real group of processes with half of the first core, v1 or v2."""
    places = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("cpu*")]
    for place in places:
        folder = place / f"ece662-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if not (folder / "cgroup.procs").exists():
            folder.rmdir()  # an ordinary folder
            continue
        try:
            if (folder / "cpu.max").exists():
                (folder / "cpu.max").write_text("50000 100000")
            else:
                (folder / "cpu.cfs_quota_us").write_text("50000")
        except OSError:
            folder.rmdir()
            continue
        yield folder
        folder.rmdir()
        return
    pytest.skip("no group of processes can be made here")


def test_cores_in_a_real_group(group):
    code = "from ece662._computer import cores; print(cores())"
    script = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    command = ["sh", "-c", script, str(group), sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "1\n"


def test_limit_threads_tells_the_libraries_of_a_small_share(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    _computer.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == str(cores())
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    _computer.limit_threads()
    assert os.environ["OMP_NUM_THREADS"] == "7"


HOMES = """
import getpass, os
from pathlib import Path
import ece662
import matplotlib
from ece662.data.cache import cache_root
print(getpass.getuser())
print(os.access(matplotlib.get_configdir(), os.W_OK))
print(Path.home(), cache_root())
"""


def _run(command, code, **settings):
    return subprocess.run(
        [
            *command,
            *("-u", "ECE662_DATA"),  # `make test` sets it for the notebooks
            *(f"{k}={v}" for k, v in settings.items()),
            sys.executable,
            "-c",
            code,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.posix
def test_home_of_a_stranger_without_one(stranger, tmp_path):
    done = _run(stranger, HOMES, TMPDIR=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    name, writable, places = done.stdout.splitlines()
    assert (name, writable) == ("uid12345", "True")
    assert places.startswith(f"{tmp_path}/ece662-home-12345 {tmp_path}/")
    assert (tmp_path / "ece662-home-12345").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("home", ["closed", "/proc/nobody"])
def test_home_that_cannot_be_written(stranger, tmp_path, home):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    place = tmp_path / home
    done = _run(stranger, HOMES, TMPDIR=tmp_path, HOME=place)
    assert (done.returncode, done.stderr) == (0, "")
    _, writable, places = done.stdout.splitlines()
    assert writable == "True"
    assert places == f"{place} {place}/.cache/ece662"


@pytest.mark.posix
def test_home_lent_is_never_somebody_elses(stranger, tmp_path):
    (tmp_path / "ece662-home-12345").symlink_to("/")  # root's, or not ours
    done = _run(
        stranger, "import ece662, os; print(os.environ['HOME'])", TMPDIR=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != str(tmp_path / "ece662-home-12345")


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, alone in a folder."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.npz")
    shutil.copytree(ROOT / "ece662", tmp_path / "course of mine/ece662", ignore=ignored)
    return tmp_path / "course of mine"


@pytest.mark.parametrize("name", ["random", "numpy", "typing", "matplotlib"])
def test_names_of_modules_are_passed_over(copy, name):
    (copy / f"{name}.py").write_text("mine = 1\n")
    code = "import numpy, random, matplotlib.pyplot, ece662.data_utils; print('works')"
    done = subprocess.run(
        [sys.executable, "-c", f"import ece662.solver\n{code}"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "works\n"), done.stderr
    expected = f"{copy / name}.py has the name of the module {name} and is passed over"
    assert done.stderr == f"{expected}: give it another name.\n"


def _start(copy, *words, cwd=None):
    """Run Python in a folder of the copy; it has no other package of that name."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd or copy,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("place", [".", "notebooks"])
def test_files_named_as_every_module_of_python(copy, place):
    """Of one file for each module of the standard library none is ever run."""
    folder = copy / place
    folder.mkdir(exist_ok=True)
    named = sorted(sys.stdlib_module_names | {"numpy", "matplotlib", "tqdm", "PIL"})
    for name in named:
        (folder / f"{name}.py").write_text(f"raise SystemExit('ran {name}.py')\n")
    shutil.copy(ROOT / "ece662/check/signatures.npz", copy / "ece662/check")
    for words in (["--version"], ["check", "dropout_forward"]):
        done = _start(copy, "-m", "ece662", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
        lines = done.stderr.splitlines()
        assert [line for line in lines if "and is passed over" not in line] == []
        for name in named:
            assert any(f"{folder / name}.py has the name" in line for line in lines)


@pytest.mark.parametrize("name", ["token", "functools", "types", "re", "code", "queue"])
def test_a_file_with_the_name_of_a_module_alone(copy, name):
    (copy / f"{name}.py").write_text("raise SystemExit('ran')\n")
    done = _start(copy, "-m", "ece662", "status", "Q3")
    assert done.returncode == 0, done.stderr
    assert f"{name}.py has the name of the module {name}" in done.stderr


def test_checks_of_another_folder_start_beside_such_files(copy, monkeypatch):
    """By PYTHONPATH Python would read encodings.py before anything else, and stop."""
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    (copy / "encodings.py").write_text("raise SystemExit('ran')\n")
    done = subprocess.run(
        [sys.executable, "-c", "import ece662; print(ece662.__file__)"],
        **with_package_in(copy),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{copy / 'ece662/__init__.py'}\n", done.stderr


@pytest.mark.parametrize("name", ["contextlib", "functools", "types", "collections"])
def test_a_module_that_python_has_not_loaded_yet(copy, name):
    """-S as where nothing is installed: then the package is the first to import it."""
    (copy / f"{name}.py").write_text("raise SystemExit('ran')\n")
    done = _start(copy, "-S", "-c", "import ece662; print('works')")
    assert (done.returncode, done.stdout) == (0, "works\n"), done.stderr
    assert f"{name}.py has the name of the module {name}" in done.stderr


def test_other_files_of_the_folder_still_come_first(copy, tmp_path):
    """A student's helper beside a numpy.py is theirs, and not an installed helper."""
    installed = tmp_path / "installed"
    installed.mkdir()
    for name in ("helper", "numpy"):
        (copy / f"{name}.py").write_text("whose = 'mine'\n")
    (installed / "helper.py").write_text("whose = 'installed'\n")
    code = f"import sys; sys.path.append({str(installed)!r}); import ece662, helper"
    done = _start(copy, "-c", f"{code}, numpy; print(helper.whose, numpy.pi)")
    assert done.stdout == "mine 3.141592653589793\n", done.stderr
    assert "helper" not in done.stderr


def test_no_finder_is_added_where_nothing_is_hidden(copy):
    code = "import sys; before = len(sys.meta_path); import ece662"
    done = _start(copy, "-c", f"{code}; print(len(sys.meta_path) - before)")
    assert done.stdout == "0\n", done.stderr


def test_names_hidden_before_are_found_again(copy):
    (copy / "numpy.py").write_text("mine = 1\n")
    code = "import numpy, ece662.solver, numpy; print(numpy.__version__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "numpy.py has hidden the module numpy" in done.stderr


def test_hidden_names_lets_other_files_be(tmp_path):
    for name in ("helper_of_mine.py", "notes.txt", "conftest.py", "random.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "json").mkdir()  # a folder without __init__.py hides nothing
    assert hidden_names([str(tmp_path)]) == {}
    (tmp_path / "json/__init__.py").write_text("")
    (tmp_path / "PIL.py").write_text("")
    found = {str(tmp_path / "PIL.py"): "PIL", str(tmp_path / "json"): "json"}
    assert hidden_names([str(tmp_path)]) == found


def test_jupyter_has_settings_where_the_home_is_closed(stranger, tmp_path):
    home = tmp_path / "closed"
    (home / ".jupyter").mkdir(parents=True)
    code = "import ece662, jupyter_core.paths as p; print(p.jupyter_config_dir())"
    home.chmod(0o555)
    done = _run(stranger, code, TMPDIR=tmp_path, HOME=home)
    assert done.stdout.strip() == str(home / ".jupyter"), done.stderr
    home.chmod(0o755)
    (home / ".jupyter").rmdir()
    home.chmod(0o555)
    done = _run(stranger, code, TMPDIR=tmp_path, HOME=home)
    lent = tmp_path / "ece662-home-12345/jupyter-settings"
    assert done.stdout.strip() == str(lent), done.stderr


@pytest.mark.posix
@pytest.mark.parametrize("framework", ["torch", "tensorflow"])
def test_networks_train_under_a_stranger(stranger, tmp_path, framework):
    """Torch asks for the account's name when it makes an optimiser."""
    pytest.importorskip(framework)
    code = f"""
import numpy as np
from ece662.frameworks.same_net import {framework}_losses, draw_start
images, labels = np.ones((100, 3, 32, 32), np.float32), np.arange(100) % 6
start = draw_start({{"X_train": images, "y_train": labels}}, steps=2, batch_size=8)
print(len({framework}_losses(start)), "losses")
"""
    done = _run(stranger, code, TMPDIR=tmp_path, HOME="/proc/nobody")
    assert (done.returncode, done.stdout) == (0, "2 losses\n"), done.stderr
