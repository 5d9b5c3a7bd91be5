"""What this computer lets a process have: cores, a home folder, its module names.

Read when the package is imported, before anything else of it: what it imports itself
is what Python has loaded by then. It prints only what a person has to do.
"""

import os
import stat
import sys
from contextlib import suppress
from importlib.machinery import PathFinder

__all__ = [
    "cores",
    "hidden_names",
    "lend_home",
    "limit_threads",
    "show_hidden",
    "student_folders",
]

# Files of the course itself, which hide nothing that it imports.
_OURS = {"benchmarks", "build", "conftest", "course", "ece662", "setup", "tests"}
# What the notebooks import and no other package need require.
_REQUIRED = {"jupyterlab", "ipykernel", "ipywidgets", "matplotlib", "numpy", "torch"}
_REQUIRED |= {"keras", "tensorflow", "tensorflow-cpu"}


def cores(root: str = "/") -> int:
    """Return how many cores this process may use.

    They are those it is allowed to run on, or fewer where a container has a smaller
    share of the processor: Linux writes the share to cpu.max (cgroup v2) or
    cpu.cfs_quota_us (v1) of the process's group and of the groups around it.

    Args:
        root: where the folders proc and sys are.
    """
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    shares = [int(share) for share in _shares(root)]  # of 2.5 cores two work all along
    return max(1, min([count, *shares]))


def _shares(root: str):
    """Yield the cores that each group around this process may keep busy."""
    for line in _text(root, "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mounts, read = ("sys/fs/cgroup", "sys/fs/cgroup/unified"), _share_v2
        elif "cpu" in controllers.split(","):
            names = (controllers, "cpu", "cpu,cpuacct", "cpuacct,cpu")
            mounts, read = tuple(f"sys/fs/cgroup/{n}" for n in names), _share_v1
        else:
            continue
        # A container may see its own group as the root and yet read the host's path.
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in dict.fromkeys(mounts):
            for depth in range(len(parts) + 1):
                share = read(root, "/".join([mount, *parts[:depth]]))
                if share is not None:
                    yield share


def _share_v2(root: str, group: str) -> float | None:
    return _divided(_text(root, f"{group}/cpu.max").split())


def _share_v1(root: str, group: str) -> float | None:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    return _divided([_text(root, f"{group}/{name}") for name in names])


def _divided(numbers: list[str]) -> float | None:
    """Return quota / period; None where there is no file, or no limit (max, -1)."""
    try:
        quota, period = map(int, numbers)
        return quota / period if quota > 0 else None
    except (ValueError, ZeroDivisionError):
        return None


def _text(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def limit_threads() -> None:
    """Where a container's share is smaller than the computer, tell the libraries.

    BLAS, torch and TensorFlow count the computer's cores: 64 threads on a share of 2
    wait for one another most of the time.
    """
    whole = os.cpu_count() or 1
    if cores() < whole:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
            os.environ.setdefault(name, str(cores()))


def lend_home() -> None:
    """Give an account without a home, or without a name, what libraries ask for.

    Containers run under numbers that no list of users knows, with HOME unset or closed.
    Matplotlib, Jupyter, Keras and torch then stop or complain. Settings that are there
    stay; what a library only reads from the home, it still finds.
    """
    _lend_name()
    with suppress(OSError):  # not even a temporary folder: the libraries will say so
        home = os.path.expanduser("~")
        if home == "~":
            os.environ["HOME"] = _lent()
        elif not _may_write(home):
            _lend_folders(_lent(), home)


def _lend_name() -> None:
    if not any(os.environ.get(n) for n in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        with suppress(ImportError):  # there is no pwd on Windows, and no such account
            import pwd

            try:
                pwd.getpwuid(os.getuid())
            except KeyError:
                os.environ["LOGNAME"] = f"uid{os.getuid()}"


def _lend_folders(folder: str, home: str) -> None:
    # What Jupyter has in the home already is kept: its password, its kernels.
    missing = {
        name: inside
        for name, inside, usual in (
            ("JUPYTER_CONFIG_DIR", "jupyter-settings", ".jupyter"),
            ("JUPYTER_DATA_DIR", "jupyter-data", ".local/share/jupyter"),
        )
        if not os.path.exists(os.path.join(home, usual))
    }
    for name, inside in {
        **missing,
        "MPLCONFIGDIR": "matplotlib",
        "IPYTHONDIR": "ipython",
        "JUPYTER_RUNTIME_DIR": "jupyter",
        "JUPYTERLAB_SETTINGS_DIR": "lab-settings",
        "JUPYTERLAB_WORKSPACES_DIR": "lab-workspaces",
        "KERAS_HOME": "keras",
    }.items():
        if name not in os.environ:
            os.environ[name] = path = os.path.join(folder, inside)
            os.makedirs(path, exist_ok=True)


def _may_write(folder: str) -> bool:
    """True where a folder may be written to, or made."""
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def _lent() -> str:
    """Return a folder of this account's own among the temporary ones."""
    import tempfile  # which imports random: after show_hidden

    number = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    folder = os.path.join(tempfile.gettempdir(), f"ece662-home-{number}")
    with suppress(OSError):
        os.mkdir(folder, 0o700)
    # Somebody else may have made it, to look into what is kept there.
    about = os.lstat(folder)
    own = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    if own and stat.S_ISDIR(about.st_mode) and _may_write(folder):
        return folder
    return tempfile.mkdtemp(prefix="ece662-home-")


def student_folders() -> list[str]:
    """Return the folders where a student's own files may be."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folders = [os.path.join(root, "notebooks")]
    if os.path.basename(root) not in ("site-packages", "dist-packages"):
        folders.append(root)
    with suppress(OSError):  # the current folder may have been removed
        folders.append(os.getcwd())
    return sorted({os.path.realpath(folder) for folder in folders})


def hidden_names(folders) -> dict[str, str]:
    """Map each file of some folders that hides a module of that name to that name.

    `random.py` beside a notebook is what every `import random` finds, numpy's too.
    Modules that nothing else needs do not count: a student's `helper.py` comes before
    an installed `helper`.
    """
    files = dict(_modules_in(folders))
    standard = {p: n for p, n in files.items() if n in sys.stdlib_module_names}
    others = [p for p in sys.path if p and os.path.realpath(p) not in folders]
    installed = {p: n for p, n in files.items() if _is_in(n, others)}
    needed = _needed(set(installed.values()) - set(standard.values()))
    return {p: n for p, n in files.items() if p in standard or n in needed}


def _modules_in(folders):
    """Yield path and name of each module in some folders, but those of the course."""
    for folder in folders:
        with suppress(OSError):
            for entry in sorted(os.listdir(folder)):
                name, path = entry.removesuffix(".py"), os.path.join(folder, entry)
                inside = os.path.join(path, "__init__.py")
                if name not in _OURS and (name != entry or os.path.isfile(inside)):
                    yield path, name


def _is_in(name: str, folders: list[str]) -> bool:
    return any(
        os.path.isfile(os.path.join(folder, *inside))
        for folder in folders
        for inside in ((f"{name}.py",), (name, "__init__.py"))
    )


def _needed(names: set[str]) -> set[str]:
    """Return which of some installed modules a package that is installed requires."""
    if not names:
        return names
    import re
    from importlib.metadata import distributions, packages_distributions

    required = set(_REQUIRED)
    for distribution in distributions():
        for line in distribution.requires or ():
            required.add(_plain(re.match(r"[\w.-]+", line).group()))
    sources = packages_distributions()
    return {n for n in names if required & {_plain(d) for d in sources.get(n, ())}}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


class _PassOver:
    """Looks for modules of some names everywhere but in a student's folders."""

    def __init__(self, names, folders):
        self.names, self.folders = names, folders

    def find_spec(self, name, path=None, target=None):
        """Be called by Python for each module that is not loaded yet."""
        if name not in self.names:
            return None
        others = [p for p in sys.path if p and os.path.realpath(p) not in self.folders]
        spec = PathFinder.find_spec(name, others, target)
        if spec is None:  # msvcrt is of the standard library, on Windows
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return spec


def _pass_over(names: set[str], folders: list[str]) -> None:
    if names:
        before = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
        sys.meta_path.insert(before, _PassOver(names, folders))


def show_hidden() -> None:
    """Pass over the student's files that hide a module, and say so.

    Python's own module and the installed one are found instead, there and in what
    they import. All other files of the folder stay what is found first.
    """
    folders = student_folders()
    files = dict(_modules_in(folders))
    # First these: what is imported to find the others needs them.
    _pass_over(set(files.values()) & sys.stdlib_module_names, folders)
    found = hidden_names(folders)
    _pass_over(set(found.values()) - sys.stdlib_module_names, folders)
    for path, name in found.items():
        module = sys.modules.get(name)
        loaded = getattr(module, "__file__", None) or ""
        text = f"{path} has the name of the module {name} and is passed over"
        if loaded and os.path.realpath(loaded).startswith(path):
            del sys.modules[name]  # what imports it from now on gets the right one
            text = f"{path} has hidden the module {name}"
        if "ECE662_NAMES_SHOWN" not in os.environ:
            print(f"{text}: give it another name.", file=sys.stderr)
