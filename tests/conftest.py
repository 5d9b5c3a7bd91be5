"""Fixtures that several folders of tests share."""

import importlib.util
import io
import os
import tarfile
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

from ece662._computer import cores
from ece662.data.cache import cache_root
from ece662.data.classes import CLASSES, SPLITS

# A busy machine makes examples slow, to draw and to try; that says nothing about the
# code. Where CI is set, examples are the same each time: a push is judged by what it
# changes, not by an example that nobody had drawn before. `make test-random`, which the
# weekly workflow runs, looks for those.
settings.register_profile(
    "ece662",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ece662")


def pytest_xdist_auto_num_workers(config):
    """Return how many processes `-n auto` starts: as many as a container may keep busy.

    xdist counts the cores of the computer around it.
    """
    return cores()


if os.name == "nt":  # what only staff uses: it asks for Linux, and says so
    collect_ignore_glob = ["course/*", "benchmarks/*"]


def pytest_collection_modifyitems(items):
    """Skip on Windows what is marked with `posix`."""
    if os.name == "nt":
        reason = "needs what Windows lacks: links, modes, fork or signals"
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_configure(config):
    """Load the limits, unless the command line has, and forget who called.

    By its path: where a wheel is tested, nothing of the repository can be imported.
    """
    name = "tests.limits"
    if not config.pluginmanager.has_plugin(name):
        path = Path(__file__).with_name("limits.py")
        spec = importlib.util.spec_from_file_location(name, path)
        plugin = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(plugin)
        config.pluginmanager.register(plugin, name)
    # A `make` that a test runs is not a part of the one that runs the tests: it would
    # announce each folder that it enters.
    for variable in ("MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEFILES"):
        os.environ.pop(variable, None)


@pytest.fixture(scope="session", autouse=True)
def verdicts_apart(tmp_path_factory):
    """Keep verdicts out of the user's cache, where a test has no cache of its own."""
    own = tmp_path_factory.mktemp("verdicts") / "verdicts.json"

    def place():
        if os.environ.get("ECE662_DATA"):
            return cache_root() / own.name
        return own

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ece662.check.verdicts.place", place)
        yield


@pytest.fixture
def data_root(tmp_path, monkeypatch):
    """An empty cache root that stands in for the user's."""
    root = tmp_path / "cache root"
    monkeypatch.setenv("ECE662_DATA", str(root))
    return root


@pytest.fixture
def define_peak():
    """Source of `peak()`, for a script: the most memory it has had so far, in GiB.

    Not ru_maxrss: on Linux that begins with what the parent had, torch say.
    """
    return textwrap.dedent("""
        import resource, sys
        from pathlib import Path

        def peak():
            if sys.platform == "darwin":
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**30
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 2**20
    """)


@pytest.fixture
def small_arrays():
    """A function that returns the six arrays of a small, valid data set."""
    return _small_arrays


@pytest.fixture
def cinic(tmp_path):
    """Functions that build small CINIC-10 trees, packed in real archives."""
    return SimpleNamespace(
        png=_png,
        pixels=_pixels,
        tree=_tree,
        tar=lambda files, name="c.tar.gz", **kw: _tar(tmp_path / name, files, **kw),
        zip=lambda files, name="c.zip": _zip(tmp_path / name, files),
        folder=lambda files, name="c": _folder(tmp_path / name, files),
    )


def _small_arrays(per_class=3, seed=0):
    rng = np.random.default_rng(seed)
    arrays = {}
    for split in SPLITS:
        y = rng.permutation(np.repeat(np.arange(len(CLASSES)), per_class))
        shape = (len(y), 3, 32, 32)
        arrays[f"X_{split}"] = rng.integers(0, 256, shape, dtype=np.uint8)
        arrays[f"y_{split}"] = y
    return arrays


def _pixels(path):
    """The (32, 32, 3) picture that stands for a path in the trees built here."""
    rng = np.random.default_rng(list(path.encode()))
    return rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)


def _png(path="", mode="RGB", size=(32, 32)):
    file = io.BytesIO()
    picture = Image.fromarray(_pixels(path)).convert(mode).resize(size)
    picture.save(file, format="PNG", compress_level=1)
    return file.getvalue()


def _tree(per_class=2, classes=CLASSES):
    """{path: PNG bytes} with ``per_class`` pictures in each folder."""
    paths = [
        f"{folder}/{label}/{i:05d}.png"
        for folder in SPLITS.values()
        for label in classes
        for i in range(per_class)
    ]
    return {path: _png(path) for path in paths}


def _tar(path, files, top="", extra=()):
    """Pack ``files``, then the TarInfo of ``extra``, in the format of the suffix."""
    suffix = path.suffix.lstrip(".")
    mode = "w" if suffix == "tar" else f"w:{suffix}"
    with tarfile.open(path, mode) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in extra:
            tar.addfile(member, io.BytesIO(bytes(member.size)))
    return path


def _zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def _folder(path, files):
    for name, data in files.items():
        target = Path(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path
