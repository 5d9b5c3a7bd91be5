"""`ece662 doctor`: right about a sound installation, helpful about a broken one."""

import importlib
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from ece662 import fast_layers
from ece662.commands import cli, doctor
from ece662.fast._kernels.sources import mark_of
from tests.limits import WAIT

LINE = re.compile(r"(ok    |warn  |FAIL  )\S.{8,}")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """An empty cache of the test's own."""
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def report(**environment):
    """Run the command in a process of its own; return exit code and report lines."""
    done = subprocess.run(
        [sys.executable, "-m", "ece662", "doctor"],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
        env={**os.environ, **environment},
    )
    assert "Traceback" not in done.stdout + done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.startswith("ece662 ")
    assert [line[6:16].strip() for line in lines] == list(doctor.CHECKS)
    assert all(LINE.fullmatch(line) for line in lines), done.stdout
    return done.returncode, {line[6:16].strip(): line for line in lines}


def cpu_of_children():
    """Seconds of CPU: a busy machine takes longer, but not more of those."""
    return os.times().children_user + os.times().children_system


def test_sound_installation_has_no_failure_and_is_quick():
    began = cpu_of_children()
    code, lines = report()
    assert cpu_of_children() - began < 3
    assert code == 0
    assert not [line for line in lines.values() if line.startswith("FAIL")]
    version = metadata.version("numpy")
    assert f"numpy {version}" in lines["packages"]
    assert sys.executable.replace(str(Path.home()), "~") in lines["Python"]


def test_advice_follows_wherever_something_is_wrong():
    _, lines = report(PATH="/nowhere", OPENBLAS_CORETYPE="Haswell")
    for line in lines.values():
        assert line.startswith("ok") != ("  -> " in line)


def test_broken_numpy_is_a_line_and_the_report_goes_on(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is\\nbroken')")
    code, lines = report(PYTHONPATH=str(tmp_path))
    assert code == 1
    assert lines["BLAS"].startswith("FAIL")
    assert "numpy is" in lines["BLAS"]
    assert lines["Python"].startswith("ok")


def test_missing_packages_are_named_with_the_command(monkeypatch):
    real = metadata.version

    def version(name):
        if name == "pooch":
            raise metadata.PackageNotFoundError(name)
        return "1.20.3" if name == "numpy" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    finding = doctor.check_packages()
    assert finding.sign == "FAIL"
    assert "pooch missing" in finding.text
    assert re.fullmatch(r"pip install 'numpy>=[\d.]+' 'pooch'", finding.advice)


def test_version_comparison_counts_in_numbers():
    assert doctor._numbers("1.9.2") < doctor._numbers("1.26")
    assert not doctor._numbers("3.10.0rc1") < doctor._numbers("3.8")


def test_compiler_that_never_answers_is_a_warning(tmp_path, monkeypatch):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\nexec sleep 600\n")
    compiler.chmod(0o755)
    monkeypatch.setattr(doctor.sysconfig, "get_config_var", lambda name: str(compiler))
    monkeypatch.setattr(doctor, "PATIENCE", 0.1)
    finding = doctor.check_compiler()
    assert (finding.sign, finding.text) == ("warn", f"{compiler} does not answer")


def test_untested_versions_are_a_warning(tmp_path, monkeypatch):
    (tmp_path / "constraints.txt").write_text("# a remark\nnumpy==1.26.0\nTorch==9.9\n")
    finding = doctor.check_versions(tmp_path)
    assert finding.sign == "warn"
    assert f"numpy {metadata.version('numpy')} (tested: 1.26.0)" in finding.text


def test_a_build_of_the_tested_version_is_no_difference(tmp_path, monkeypatch):
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    monkeypatch.setattr(metadata, "version", lambda name: "2.13.0+cpu")
    assert doctor.check_versions(tmp_path).sign == "ok"


def test_colab_is_compared_with_colab_versions(tmp_path, monkeypatch):
    (tmp_path / "constraints.txt").write_text("numpy==0.1\n")
    (tmp_path / "constraints-colab.txt").write_text("numpy==0.2\n")
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab")
    assert "(tested: 0.2)" in doctor.check_versions(tmp_path).text


def test_no_constraints_beside_the_package_is_no_fault(tmp_path):
    finding = doctor.check_versions(tmp_path)
    assert finding.sign == "ok"
    assert "no constraints.txt" in finding.text


def test_requirements_are_those_of_the_checkout_or_of_the_installation(
    tmp_path, monkeypatch
):
    lines = ["numpy>=2.0", "tqdm<5,>=4.1; python_version > '3'", "x>=1; extra == 'y'"]
    monkeypatch.setattr(metadata, "requires", {"ece662": lines}.get)
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path / "ece662")
    assert list(doctor._requirements()) == [("numpy", "2.0"), ("tqdm", "4.1")]
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["numpy>=2.3"]\n')
    assert list(doctor._requirements()) == [("numpy", "2.3")]


def test_no_compiler_is_a_warning(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    finding = doctor.check_compiler()
    assert finding.sign == "warn"
    assert "build-essential" in finding.advice


def test_compiler_that_does_not_run_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.sysconfig, "get_config_var", lambda name: "cc")
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert doctor.check_compiler().text.endswith("does not work")


@pytest.fixture
def kernels(tmp_path, monkeypatch):
    """A checkout whose one kernel, `fake`, is whatever the test puts there."""
    folder = tmp_path / "ece662" / "fast" / "_kernels"
    folder.mkdir(parents=True)
    (tmp_path / "setup.py").touch()
    (folder / "fake.pyx").touch()
    monkeypatch.setattr(doctor, "PACKAGE", tmp_path / "ece662")
    monkeypatch.setattr("ece662.fast._kernels.__path__", [str(folder)])
    monkeypatch.delitem(sys.modules, "ece662.fast._kernels.fake", raising=False)
    yield folder
    sys.modules.pop("ece662.fast._kernels.fake", None)


def test_kernels_not_compiled_is_a_warning(kernels):
    finding = doctor.check_kernels()
    assert (finding.sign, finding.advice) == ("warn", doctor.BUILD)


@pytest.mark.parametrize("kind", ["ImportError", "ValueError"])
def test_kernel_that_cannot_be_loaded_is_a_failure(kernels, kind):
    (kernels / "fake.py").write_text(f"raise {kind}('wrong ELF class')")
    finding = doctor.check_kernels()
    assert finding.sign == "FAIL"
    assert "wrong ELF class" in finding.text
    assert finding.advice == doctor.BUILD


def test_kernel_made_from_other_sources_is_a_warning(kernels):
    (kernels / "fake.py").write_text(f"SOURCES = '{mark_of(kernels)}'")
    os.utime(kernels / "fake.pyx", (1e9, 1e9))
    (kernels / "fake.pyx").write_text("new")
    os.utime(kernels / "fake.pyx", (1e9, 1e9))
    finding = doctor.check_kernels()
    assert finding.sign == "warn"
    assert finding.text == "made from other sources: fake"


def test_compiled_kernels_are_described_by_the_layers_that_use_them(
    kernels, monkeypatch
):
    (kernels / "fake.py").write_text(f"SOURCES = '{mark_of(kernels)}'")
    os.utime(kernels / "fake.pyx", (2e9, 2e9))
    monkeypatch.setattr(fast_layers, "backend", lambda: "compiled, 3 threads")
    assert doctor.check_kernels() == doctor.Remark("ok", "compiled, 3 threads")


def test_setting_of_the_kernels_that_makes_no_sense_is_named(monkeypatch):
    if doctor.check_kernels().sign != "ok":
        pytest.skip("the kernels are not compiled here")
    monkeypatch.setenv("ECE662_NUM_THREADS", "none")
    finding = doctor.check_kernels()
    assert finding.sign == "FAIL"
    assert "ECE662_NUM_THREADS" in finding.text


def test_blas_is_named_without_threadpoolctl_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    finding = doctor.check_blas()
    assert finding.sign == "ok"
    assert re.search(r"\d", finding.text)


def test_empty_cache_says_that_synthetic_pictures_will_be_drawn(own_cache):
    finding = doctor.check_data()
    assert finding.sign == "ok"
    assert "synthetic" in finding.text
    assert str(own_cache) in finding.text
    assert not own_cache.exists()


def test_damaged_data_set_is_a_failure(own_cache):
    (own_cache / "cinic10").mkdir(parents=True)
    (own_cache / "cinic10" / "current").write_text("../../somewhere")
    finding = doctor.check_data()
    assert finding.sign == "FAIL"
    assert "ece662 data" in finding.advice


def test_cache_that_is_a_file_is_reported(own_cache):
    own_cache.write_text("")
    code, lines = report()
    assert code == 1
    assert lines["data"].startswith("FAIL")
    assert lines["disk"].startswith("FAIL")
    assert "ECE662_DATA" in lines["disk"]


def test_full_disk_is_a_warning(monkeypatch):
    monkeypatch.setattr(doctor, "ENOUGH_DISK", 1e18)
    finding = doctor.check_disk()
    assert finding.sign == "warn"
    assert "ECE662_DATA" in finding.advice


def test_file_with_the_name_of_a_module_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper_of_mine.py").touch()
    assert doctor.check_files().sign == "ok"
    (tmp_path / "token.py").touch()
    finding = doctor.check_files()
    assert finding.sign == "warn"
    assert finding.text.endswith(f"needs: {tmp_path / 'token.py'}")


def test_whatever_a_check_raises_is_a_failure():
    def check():
        raise RuntimeError("first line\nsecond line")

    assert doctor.examine(check) == doctor.Remark(
        "FAIL", "the check stopped with RuntimeError: first line", doctor.ASK
    )


def test_what_cannot_be_imported_is_to_be_installed_again():
    def check():
        importlib.import_module("ece662.there_is_no_such_module")

    assert doctor.examine(check).advice == doctor.REINSTALL


def test_report_hides_the_home_folder(monkeypatch, capsys):
    text = f"in {Path.home()}/course"
    finding = doctor.Remark("warn", text, text)
    monkeypatch.setattr(doctor, "CHECKS", {"x": lambda: finding})
    assert cli.main(["doctor"]) == 0
    assert "warn  x         in ~/course  -> in ~/course" in capsys.readouterr().out


def test_exit_code_reports_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", {"x": lambda: doctor.Remark("FAIL", "no")})
    assert cli.main(["doctor"]) == 1
