"""What is shipped: the package, whole, and nothing else; with or without a compiler."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ece662
from tests.limits import WAIT

ROOT = Path(__file__).parents[2]


def run_setup(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "setup.py", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
        env={**os.environ, **environment},
    )


@pytest.fixture
def copy(tmp_path):
    """The files that a build reads, and a course/ that must stay at home."""
    folder = tmp_path / "a copy"
    folder.mkdir()
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder)
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "ece662", folder / "ece662", ignore=ignored)
    for name in ("course", "tests", "notebooks", "benchmarks"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
        (folder / name / "test_secret.py").touch()
    return folder


def files(folder, top=None):
    """The files in ``folder``, by their paths from ``top``."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(top or folder)) for path in paths}


def test_build_holds_every_file_of_the_package_and_nothing_else(copy, tmp_path):
    done = run_setup(copy, "-q", "build_py", f"--build-lib={tmp_path / 'lib'}")
    assert done.returncode == 0, done.stderr
    shipped = files(tmp_path / "lib")
    assert {path.split(os.sep)[0] for path in shipped} == {"ece662"}
    assert files(copy / "ece662", copy) <= shipped


def test_source_archive_leaves_course_tests_and_notebooks_out(copy, tmp_path):
    done = run_setup(copy, "-q", "sdist", "--formats=tar", f"--dist-dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    shutil.unpack_archive(tmp_path / f"ece662-{ece662.__version__}.tar", tmp_path / "s")
    shipped = files(tmp_path / "s" / f"ece662-{ece662.__version__}")
    assert not [name for name in shipped if "secret" in name]
    assert files(copy / "ece662", copy) <= shipped


def test_repository_installed_in_place_can_import_course(copy, tmp_path):
    # Compiling takes long.
    (copy / "ece662" / "fast" / "_kernels" / "native.pyx").unlink()
    done = run_setup(copy, "-q", "editable_wheel", f"--dist-dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        [finder] = [name for name in names if name.endswith("finder.py")]
        [entries] = [name for name in names if name.endswith("entry_points.txt")]
        assert f"'course': '{copy / 'course'}'" in packed.read(finder).decode()
        assert "ece662-staff = course.cli:main" in packed.read(entries).decode()


def test_wheel_has_no_command_of_staff(copy, tmp_path):
    (copy / "ece662" / "fast" / "_kernels" / "native.pyx").unlink()
    done = run_setup(copy, "-q", "bdist_wheel", f"--dist-dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        [entries] = [n for n in packed.namelist() if n.endswith("entry_points.txt")]
        assert packed.read(entries).decode().split() == [
            *("[console_scripts]", "ece662", "=", "ece662.commands.cli:main"),
        ]


def test_every_folder_of_the_package_is_a_package():
    folders = {path.parent for path in (ROOT / "ece662").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def one_line(text):
    (line,) = [line for line in text.splitlines() if line.startswith("ece662:")]
    return line


TINY = """\
cdef extern from "tiny.h":
    int ANSWER
    const char *ECE662_SOURCES

SOURCES = ECE662_SOURCES

def answer():
    return 1 * ANSWER
"""


@pytest.fixture
def kernel(copy):
    """A copy whose only kernel is a line long."""
    pytest.importorskip("Cython")
    kernels = copy / "ece662" / "fast" / "_kernels"
    shutil.rmtree(kernels)
    kernels.mkdir()
    shutil.copy(ROOT / "ece662" / "fast" / "_kernels" / "sources.py", kernels)
    (kernels / "tiny.h").write_text("#define ANSWER 42\n")
    (kernels / "tiny.pyx").write_text(TINY)
    return copy


BUILD = ("-q", "build_ext", "--inplace")


def compiled_answer(folder):
    """Build the kernel in place, and return what it answers and its time."""
    if shutil.which(os.environ.get("CC", "cc")) is None:
        pytest.skip("there is no C compiler")
    done = run_setup(folder, *BUILD, ECE662_REQUIRE_KERNELS="1")
    assert done.returncode == 0, done.stderr
    code = "import tiny; print(tiny.answer())"
    kernels = folder / "ece662" / "fast" / "_kernels"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=kernels, capture_output=True, check=True
    )
    [built] = kernels.glob("tiny*.so")
    return int(ran.stdout), built.stat().st_mtime_ns


def test_kernels_are_compiled_in_place(kernel):
    answer, built = compiled_answer(kernel)
    assert answer == 42
    assert compiled_answer(kernel) == (42, built)  # nothing is compiled twice


def test_kernels_unzipped_over_old_ones_are_compiled_again(kernel):
    assert compiled_answer(kernel)[0] == 42
    kernels = kernel / "ece662" / "fast" / "_kernels"
    for name, old, new, expected in [
        ("tiny.h", "42", "43", 43),
        ("tiny.pyx", "1 *", "2 *", 86),
        ("tiny.pyx", "2 *", "1 *", 43),  # the older one again
    ]:
        path = kernels / name
        path.write_text(path.read_text().replace(old, new))
        os.utime(path, (315536400, 315536400))  # 1980, as in some archives
        for built in kernel.rglob("tiny*.so"):
            os.utime(built, (2e9, 2e9))  # by a clock that was wrong
        assert compiled_answer(kernel)[0] == expected


def test_no_compiler_is_one_line_and_no_failure(kernel):
    done = run_setup(kernel, *BUILD, CC="there-is-no-compiler")
    assert done.returncode == 0, done.stderr
    assert "no C compiler (there-is-no-compiler)" in one_line(done.stderr)
    assert list(kernel.rglob("*.so")) == []


def test_failing_compiler_is_one_line_and_no_failure(kernel):
    done = run_setup(kernel, *BUILD, CC=shutil.which("false"))
    assert done.returncode == 0, done.stderr
    assert "false failed" in one_line(done.stderr)


def test_broken_kernel_source_is_one_line_and_no_failure(kernel):
    (kernel / "ece662" / "fast" / "_kernels" / "tiny.pyx").write_text("def answer(:\n")
    done = run_setup(kernel, *BUILD)
    assert done.returncode == 0, done.stderr
    assert "tiny.pyx" in one_line(done.stderr)


def test_no_cython_is_one_line_and_no_failure(kernel):
    (kernel / "Cython.py").write_text("raise ImportError('there is no Cython')")
    done = run_setup(kernel, *BUILD, PYTHONPATH=str(kernel))
    assert done.returncode == 0, done.stderr
    assert "there is no Cython" in one_line(done.stderr)


def test_required_kernels_make_it_a_failure(kernel):
    done = run_setup(
        kernel, *BUILD, CC="there-is-no-compiler", ECE662_REQUIRE_KERNELS="1"
    )
    assert done.returncode == 1
    assert one_line(done.stderr)
