"""The imitated processors: libraries are held back, and a summary says what ran."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from ece662._computer import cores

ROOT = Path(__file__).parents[2]


def _load(name):
    path = ROOT / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"scripts_{name}", path)
    module = importlib.util.module_from_spec(spec)
    path_before = list(sys.path)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    sys.path[:] = path_before
    return module


script = _load("processors")

# What each library says that it computes with, and how many threads.
PROBE = """
import numpy as np
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from threadpoolctl import threadpool_info
from ece662.fast import _kernels
from ece662.fast._kernels.choice import choose
from ece662.fast._kernels.threads import thread_count

for pool in threadpool_info():
    if pool["internal_api"] == "openblas":
        print("blas", pool["architecture"], pool["num_threads"])
print("numpy", *(name for name in __cpu_dispatch__ if __cpu_features__[name]))
print("kernels", _kernels.LEVELS[choose().level] if choose() else "none")
print("threads", thread_count())
"""
TORCH = """
import torch
print("torch", torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
x = torch.rand(8, 3, 32, 32)
with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
    torch.nn.functional.conv2d(x, torch.rand(16, 3, 5, 5))
"""


def _said(processor, probe):
    """Run a probe as this processor; return what it printed, or skip."""
    environment = script.environment_of(processor)
    if environment is None:
        pytest.skip(f"this computer is less than {processor}")
    environment = {**os.environ, **script.notebooks.ENVIRONMENT, **environment}
    command = [sys.executable, "-c", probe]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


EXPECTED = {
    "haswell": ("Haswell", "AVX2", "avx2", "1"),
    "haswell-2": ("Haswell", "AVX2", "avx2", "2"),
    "sandybridge": ("Sandybridge", None, "baseline", "1"),
    "prescott": ("Katmai", None, "baseline", "1"),  # OpenBLAS's other name for it
    "prescott-2": ("Katmai", None, "baseline", "2"),
}


@pytest.mark.parametrize("processor", EXPECTED)
def test_environment_holds_numpy_and_the_kernels_back(processor):
    blas, _, kernels, threads = EXPECTED[processor]
    said = dict(
        line.partition(" ")[::2] for line in _said(processor, PROBE).splitlines()
    )
    if "blas" in said:  # NumPy has another on a Mac
        assert said["blas"] == f"{blas} {threads}"
    assert set(said["numpy"].split()) <= script.PROCESSORS[processor].has
    assert said["kernels"] in (kernels, "none")
    assert said["threads"] == threads


@pytest.mark.parametrize("processor", ["haswell-2", "prescott"])
def test_environment_holds_torch_back(processor):
    pytest.importorskip("torch")
    _, aten, _, threads = EXPECTED[processor]
    said = _said(processor, TORCH)
    assert f"torch {aten or 'DEFAULT'} {threads}" in said
    isa = script.PROCESSORS[processor].environment["ONEDNN_MAX_CPU_ISA"]
    assert {"AVX2": "isa:Intel AVX2\n", "SSE41": "isa:Intel SSE4.1\n"}[isa] in said


def test_environment_of_none_where_this_computer_has_less(monkeypatch):
    from numpy._core import _multiarray_umath

    monkeypatch.setattr(_multiarray_umath, "__cpu_features__", {"SSE41": True})
    monkeypatch.setattr(_multiarray_umath, "__cpu_dispatch__", [])
    assert script.environment_of("haswell") is None
    assert script.environment_of("prescott") is not None
    assert script.run("haswell", []) == {"run": "skipped: this computer has no AVX2"}


def test_fast_layers_are_there():
    assert all(path.exists() for path in script.FAST_LAYERS)


NOTEBOOK = """
import os
print(os.environ["ECE662_SIMD"], os.environ["OMP_NUM_THREADS"], "loss", 0.25)
"""
TEST = """
import os
import pytest

def test_simd():
    assert os.environ["ECE662_SIMD"] == "baseline"

@pytest.mark.skip
def test_skipped():
    pass
"""


@pytest.fixture
def files(tmp_path):
    """A notebook that is right on one processor only, and a file of tests as well."""
    cell = nbformat.v4.new_code_cell(NOTEBOOK, id="q0-tiny", execution_count=1)
    cell.outputs = [nbformat.v4.new_output("stream", text="baseline 2 loss 0.26\n")]
    cell.metadata["compare"] = ["loss within 0.02"]
    (tmp_path / "notebooks").mkdir()
    path = tmp_path / "notebooks" / "tiny.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    (tmp_path / "test_tiny.py").write_text(TEST)
    return [str(path), str(tmp_path / "test_tiny.py"), "-n0", "-p", "no:cacheprovider"]


def test_main_ends_with_a_table_and_the_status_of_the_worst(files, capfd):
    if script.environment_of("haswell") is None:
        pytest.skip("this computer is less than haswell")
    assert script.main(["prescott-2", "haswell", *files]) == 1
    table = capfd.readouterr().out.split("\n\n")[-1].splitlines()
    assert table[0].split() == ["fast", "layers", "tiny"]
    prescott, haswell = (re.split(" {2,}", line) for line in table[1:])
    assert prescott == ["prescott-2", "1 skipped, 1 passed", "1 passed"]
    assert haswell == ["haswell", "1 failed, 1 skipped", "1 failed"]


def test_main_is_green_where_all_is(files):
    assert script.main(["prescott-2", *files]) == 0


def test_main_takes_a_folder_in_place_of_all(files, tmp_path, capfd):
    folder = str(tmp_path / "notebooks")
    assert script.main(["prescott-2", folder, *files[2:]]) == 0
    table = capfd.readouterr().out.split("\n\n")[-1].splitlines()
    assert [line.split() for line in table] == [["tiny"], ["prescott-2", "1", "passed"]]


def test_main_starts_no_more_threads_than_there_are_cores(tmp_path, capfd):
    (tmp_path / "test_workers.py").write_text(f"""
import os
def test_threads_of_all_workers():
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    assert workers == max(1, {cores()} // int(os.environ["OMP_NUM_THREADS"]))
""")
    file = str(tmp_path / "test_workers.py")
    assert script.main(["own-2", file, "-p", "no:cacheprovider"]) == 0
    table = capfd.readouterr().out.split("\n\n")[-1].splitlines()
    assert table[0].split() == ["fast", "layers"]  # and no notebook


def test_main_says_what_pytest_did_where_no_test_has_failed(files, tmp_path, capfd):
    assert script.main(["own-2", str(tmp_path / "none.ipynb"), *files[2:]]) == 1
    assert "failed: pytest ended with status 4" in capfd.readouterr().out


def test_main_refuses_a_processor_that_is_not_in_the_table(capsys):
    assert script.main(["pentium"]) == 2
    assert "expected some of haswell, " in capsys.readouterr().out
