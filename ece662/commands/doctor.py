"""``ece662 doctor``: one line for each thing that can be wrong, and what to do then.

Every check is a function that returns a `Remark`. Checks import what they look at,
which may be missing, broken or unreadable: whatever a check raises becomes a finding
too, so that the report is always whole. It is plain text without the user's name in
the paths, to be pasted into a question.
"""

import argparse
import importlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import ece662
from ece662._computer import cores, hidden_names, student_folders
from ece662.exercises import notebooks_with
from ece662.fast._kernels.sources import is_made_from, mark_of
from ece662.frameworks.installed import FRAMEWORKS, has_build, why_missing

__all__ = ["CHECKS", "HELP", "Remark", "configure", "examine", "run"]

HELP = "check this installation, and say what to do about it"

DESCRIPTION = """\
Check what the notebooks need, one line each:

  ok      as it should be
  warn    works, but something is missing or slow
  FAIL    broken: do what the line says after the arrow

The exit code is 1 where something is broken. Paste the whole report into a question.
"""

OLDEST, NEWEST = (3, 11), (3, 14)  # the Python versions that are tested
TESTED = " to ".join(f"{major}.{minor}" for major, minor in (OLDEST, NEWEST))
ENOUGH_DISK = 2e9  # bytes: the archive, its six classes, and room to work
PATIENCE = 60  # seconds until a compiler has said its version
PACKAGE = Path(ece662.__file__).resolve().parent

# What an optional package is for. The others are required by the package itself.
PURPOSES = {
    "jupyterlab": "ece662 lab",
    "ipywidgets": "sliders in the notebooks",
    **{name: ", ".join(notebooks_with(name)) for name in FRAMEWORKS},
}


REINSTALL = "install again: make clean lab (or pip install --force-reinstall)"
ASK = "not foreseen: ask, and paste this report"
BUILD = "to have it fast: make lab, or python setup.py build_ext --inplace"
COMPILER_ADVICE = (
    "only to compile the fast layers: apt install build-essential (Debian, Ubuntu), "
    "xcode-select --install (macOS)"
)
HEADERS_ADVICE = "only to compile the fast layers: apt install python3-dev"


class Remark(NamedTuple):
    """One line of the report: "ok", "warn" or "FAIL", the facts, and what to do."""

    sign: str
    text: str
    advice: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the report; there are no arguments."""
    parser.description = DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def run(args: argparse.Namespace) -> int:
    """Print the report; return 1 where something is broken."""
    print(f"ece662 {ece662.__version__} in {_without_name(PACKAGE)}")
    broken = False
    for name, check in CHECKS.items():
        finding = examine(check)
        broken |= finding.sign == "FAIL"
        text = " ".join(finding.text.split())  # some errors bring lines of their own
        arrow = f"  -> {finding.advice}" if finding.advice else ""
        print(_without_name(f"{finding.sign:<6}{name:<10}{text}{arrow}"))
    return int(broken)


def examine(check: Callable[[], Remark]) -> Remark:
    """Run one check; whatever it raises is a finding."""
    try:
        return check()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        advice = REINSTALL if isinstance(error, ImportError) else ASK
        return Remark("FAIL", f"the check stopped with {reason}", advice)


def check_python() -> Remark:
    """Is this a Python that is tested?"""
    text = f"{platform.python_version()} at {sys.executable}, "
    text += f"{platform.system()} {platform.machine()}, {cores()} cores"
    if sys.version_info[:2] < OLDEST:
        return Remark("FAIL", text, f"install Python {TESTED}")
    if sys.version_info[:2] > NEWEST:
        return Remark("warn", text, f"not tested yet; Python {TESTED} are")
    return Remark("ok", text)


def check_packages() -> Remark:
    """Is what the package requires there, and new enough?"""
    missing, parts = [], []
    for name, least in _requirements():
        version = _version(name)
        if version is None:
            missing.append(name)
        elif _numbers(version) < _numbers(least):
            missing.append(f"{name}>={least}")
        parts.append(f"{name} {version or 'missing'}")
    if missing:
        advice = "pip install " + " ".join(f"'{name}'" for name in missing)
        return Remark("FAIL", ", ".join(parts), advice)
    return Remark("ok", ", ".join(parts))


def check_extras() -> Remark:
    """Which optional packages are there?"""
    parts = []
    for name, purpose in PURPOSES.items():
        version = _version(name)
        parts.append(f"{name} {version}" if version else f"no {name} ({purpose})")
    if _version("tensorflow") is None and not has_build("tensorflow"):
        return Remark("warn", ", ".join(parts), why_missing("tensorflow"))
    return Remark("ok", ", ".join(parts))


def check_versions(folder: Path = PACKAGE.parent) -> Remark:
    """Are these the versions that are tested, as a file in ``folder`` lists them?"""
    on_colab = "COLAB_RELEASE_TAG" in os.environ
    path = folder / f"constraints{'-colab' if on_colab else ''}.txt"
    try:
        tested = dict(_pins(path))
    except OSError:
        return Remark("ok", f"not compared: there is no {path.name} beside the package")
    names = [name for name, _ in _requirements()] + list(PURPOSES)
    differing = [
        f"{name} {version} (tested: {tested[name]})"
        for name in names
        if (version := _version(name)) and name in tested
        if version.partition("+")[0] != tested[name]
    ]
    if not differing:
        return Remark("ok", f"as in {path.name}")
    advice = f"if something fails: pip install -c {path.name} -e '.[lab]'"
    return Remark("warn", f"other than in {path.name}: {', '.join(differing)}", advice)


def check_compiler() -> Remark:
    """Could the fast layers be compiled here?"""
    if os.name == "nt":
        return Remark("ok", "not needed: on Windows the fast layers are NumPy's")
    command = (sysconfig.get_config_var("CC") or "cc").split()[0]
    found = next(filter(shutil.which, (command, "cc", "gcc", "clang")), None)
    if found is None:
        advice = (
            "only to compile the fast layers: apt install build-essential (Debian, "
        )
        advice += "Ubuntu), xcode-select --install (macOS)"
        return Remark("warn", "none found", advice)
    command = [found, "--version"]
    try:
        about = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Remark("warn", f"{found} does not answer", COMPILER_ADVICE)
    if about.returncode:  # macOS has a `cc` that only asks for the real one
        return Remark("warn", f"{found} does not work", COMPILER_ADVICE)
    text = about.stdout.partition("\n")[0]
    if not Path(sysconfig.get_paths()["include"], "Python.h").exists():
        return Remark("warn", f"{text}, but no Python.h", HEADERS_ADVICE)
    return Remark("ok", text)


def check_kernels() -> Remark:
    """Are the fast layers compiled, and from the sources that are there?"""
    is_checkout = (PACKAGE.parent / "setup.py").exists()
    folder, stale = PACKAGE / "fast" / "_kernels", []
    for source in sorted(folder.glob("*.pyx")):
        try:
            module = importlib.import_module(f"ece662.fast._kernels.{source.stem}")
        except ModuleNotFoundError:
            if os.name == "nt":
                return Remark("ok", "not compiled on Windows, NumPy serves")
            return Remark("warn", "not compiled, NumPy serves", BUILD)
        except Exception as error:  # built for another numpy, it raises ValueError
            return Remark("FAIL", f"{source.stem} cannot be loaded: {error}", BUILD)
        if is_checkout and not is_made_from(Path(module.__file__), mark_of(folder)):
            stale.append(source.stem)
    if stale:
        return Remark("warn", f"made from other sources: {', '.join(stale)}", BUILD)
    from ece662.fast_layers import backend

    try:
        return Remark("ok", backend())
    except ValueError as error:  # ECE662_SIMD or ECE662_NUM_THREADS makes no sense
        return Remark("FAIL", str(error), "set it to something else, or not at all")


def check_blas() -> Remark:
    """Which library multiplies numpy's matrices, with how many threads?"""
    import numpy as np

    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return Remark("ok", f"{blas['name']} {blas['version']}")
    np.ones((2, 2)) @ np.ones((2, 2))
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    parts = [_describe_blas(pool) for pool in pools]
    text = "; ".join(parts) or "one that threadpoolctl does not know"
    forced = os.environ.get("OPENBLAS_CORETYPE")
    if forced:
        advice = "unset it: this computer may have a faster kernel"
        return Remark("warn", f"{text}, OPENBLAS_CORETYPE={forced}", advice)
    return Remark("ok", text)


def _describe_blas(pool: dict) -> str:
    kernel = f" ({pool['architecture']})" if pool.get("architecture") else ""
    threads = pool["num_threads"]
    return (
        f"{pool['internal_api']} {pool['version'] or ''}{kernel}, {threads} "
        f"thread{'' if threads == 1 else 's'}"
    )


def check_data() -> Remark:
    """Which pictures do the notebooks get?"""
    from ece662.data import synthetic
    from ece662.data.cache import cache_root, open_data_set
    from ece662.data_utils import describe

    again = "ece662 data prepare PATH (or fetch), or delete the folder"
    for name in ("cinic10", f"synthetic-v{synthetic.VERSION}"):
        try:
            data_set = open_data_set(name)
        except FileNotFoundError:
            continue
        except (ValueError, OSError) as error:
            return Remark("FAIL", str(error), again)
        counts = data_set.meta["counts"]
        totals = {split: sum(counts[split].values()) for split in counts}
        return Remark("ok", f"{describe(data_set, totals)} In {data_set.folder}")
    text = f"none in {cache_root()} yet: synthetic pictures are drawn at first use"
    return Remark("ok", text)


def check_disk() -> Remark:
    """Is there room for data, and may it be written?"""
    from ece662.data.cache import cache_root

    try:
        root = cache_root()
    except ValueError as error:
        return Remark("FAIL", str(error), "set ECE662_DATA to a folder")
    existing = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1e9:.1f} GB free for {root}"
    elsewhere = "set ECE662_DATA to another folder"
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Remark("warn", f"{root} cannot be written", elsewhere)
    if free < ENOUGH_DISK:
        advice = f"{ENOUGH_DISK / 1e9:.0f} GB are needed for CINIC-10: {elsewhere}"
        return Remark("warn", text, advice)
    return Remark("ok", text)


def check_files() -> Remark:
    """Does a file have the name of a module that others import?"""
    found = [str(path) for path in hidden_names(student_folders())]
    if not found:
        return Remark("ok", "none has the name of a module")
    text = f"named as modules that Python or a library needs: {', '.join(found)}"
    return Remark("warn", text, "give them other names")


CHECKS: dict[str, Callable[[], Remark]] = {
    "Python": check_python,
    "packages": check_packages,
    "optional": check_extras,
    "versions": check_versions,
    "compiler": check_compiler,
    "kernels": check_kernels,
    "BLAS": check_blas,
    "data": check_data,
    "disk": check_disk,
    "files": check_files,
}


def _requirements() -> Iterator[tuple[str, str]]:
    """Yield the name and the least version of each required package."""
    project = PACKAGE.parent / "pyproject.toml"
    if project.exists():  # what was installed may be older, or nothing, as on Colab
        import tomllib

        text = project.read_text("utf-8")
        lines = tomllib.loads(text)["project"]["dependencies"]
    else:
        lines = metadata.requires("ece662") or []
    for line in lines:
        if "extra ==" not in line:
            name, least = re.match(r"([\w.-]+)[^;]*?>=([\d.]+)", line).groups()
            yield name.lower(), least


def _pins(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text("utf-8").splitlines():
        name, equals, version = line.partition(";")[0].partition("==")
        if equals and not line.startswith("#"):
            yield name.strip().lower(), version.strip()


def _version(name: str) -> str | None:
    """Return a package's version from its metadata, without importing it."""
    names = (name, "tensorflow-cpu") if name == "tensorflow" else (name,)
    for candidate in names:
        try:
            return metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]


def _without_name(text: object) -> str:
    """Write the home folder, whose path often names its owner, as ~."""
    home = os.path.expanduser("~")
    return str(text) if home in ("~", "/") else str(text).replace(home, "~")
