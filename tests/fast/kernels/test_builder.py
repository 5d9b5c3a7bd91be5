"""Building from a running Python: loading anew, and complaints."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from ece662 import fast_layers
from ece662.fast import _kernels
from ece662.fast._kernels import builder

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def native():
    native = pytest.importorskip(_kernels.NATIVE)
    yield native
    sys.modules[_kernels.NATIVE] = native
    fast_layers.choose.cache_clear()


def test_load_afresh_takes_the_place_of_the_loaded_module(native):
    fresh = builder.load_afresh(native.__file__)
    assert fresh is not native
    assert _kernels.load() is fresh
    fast_layers.choose.cache_clear()
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    out, _ = fast_layers.conv_forward_fast(
        x, np.ones((1, 1, 3, 3)), np.zeros(1), {"stride": 1, "pad": 0}
    )
    assert out.item() == 36
    assert fast_layers.choose().native is fresh


def test_build_needs_a_clone(monkeypatch, tmp_path):
    monkeypatch.setattr(builder, "REPOSITORY", tmp_path)
    with pytest.raises(RuntimeError, match=r"holds no setup\.py"):
        fast_layers.build()


def test_build_shows_why_it_failed(monkeypatch, tmp_path):
    (tmp_path / "setup.py").write_text("raise SystemExit('no compiler today')")
    monkeypatch.setattr(builder, "REPOSITORY", tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)build_ext --inplace` failed:.*today"):
        fast_layers.build()


@pytest.mark.slow
@pytest.mark.posix
def test_build_from_a_running_python(tmp_path):
    """Absent, then built, then changed and built again: always the newest serves."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    if shutil.which(compiler.split()[0]) is None:
        pytest.skip("there is no C compiler")
    # Nobody computes with these kernels, and to optimise them takes most of the time.
    unoptimised = tmp_path / "cc"
    unoptimised.write_text(f'#!/bin/sh\nexec {compiler} "$@" -O0\n')
    unoptimised.chmod(0o755)
    for name in ("ece662", "setup.py", "pyproject.toml", "LICENSE"):
        copy(REPOSITORY / name, tmp_path / name)
    (tmp_path / "README.md").touch()
    least = _kernels.LEVELS[0]
    code = """
from pathlib import Path
from ece662 import fast_layers
from ece662.fast import _kernels

print(fast_layers.backend())
fast_layers.build()
print(_kernels.load().tile_sizes(0, 8)[3])
header = Path("ece662/fast/_kernels/variants.h")
header.write_text(header.read_text().replace("GRAD_TAPS = 6", "GRAD_TAPS = 5"))
fast_layers.build()
print(_kernels.load().tile_sizes(0, 8)[3])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": str(tmp_path), "ECE662_SIMD": least, "CC": str(unoptimised)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    before, built, six, again, five = done.stdout.splitlines()
    assert before == "NumPy (no compiled kernels)"
    assert f"compiled kernels ({least})" in built
    assert f"compiled kernels ({least})" in again
    assert (six, five) == ("6", "5")


def copy(source, target):
    if source.is_dir():
        compiled = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
        shutil.copytree(source, target, ignore=compiled)
    else:
        shutil.copy(source, target)
