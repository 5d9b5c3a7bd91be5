"""The command line: what it lists, whom it calls, how it fails."""

import importlib
import os
import subprocess
import sys

import pytest

from ece662 import __version__
from ece662.commands import cli
from tests.limits import WAIT


def run_ece662(*argv, **options):
    return subprocess.run(
        [sys.executable, "-m", "ece662", *argv],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
        **options,
    )


@pytest.fixture
def shown(capsys):
    """Run `main`, also when argparse ends it; return exit code, stdout, stderr."""

    def run(*argv):
        try:
            code = cli.main(argv)
        except SystemExit as end:
            code = end.code
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def test_version_is_the_package_version(shown):
    assert shown("--version") == (0, f"ece662 {__version__}\n", "")


@pytest.mark.parametrize("argv", [(), ("--help",), ("-h",)])
def test_help_lists_every_command_with_its_help_under_its_group(shown, argv):
    code, out, _ = shown(*argv)
    assert code == 0
    for title, names in cli.GROUPS.items():
        group = out.split(f"{title}:\n")[1].split("\n\n")[0]
        for name in names:
            module = importlib.import_module(f"ece662.commands.{name}")
            assert f"  {name:<10}{module.HELP}\n" in group + "\n"


def test_help_fits_a_terminal_of_88_columns(shown):
    for argv in (["--help"], *([name, "--help"] for name in cli.COMMANDS)):
        _, out, _ = shown(*argv)
        assert max(map(len, out.splitlines())) <= 88, argv


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(shown, name):
    code, out, _ = shown(name, "--help")
    assert code == 0
    assert out.startswith(f"usage: ece662 {name}")


def test_unknown_command_names_the_known_ones(shown):
    code, out, err = shown("docter")
    assert code == 2
    assert out == ""
    assert "'docter'" in err
    assert all(name in err for name in cli.COMMANDS)


def test_unknown_option_of_a_command_is_an_error(shown):
    code, _, err = shown("doctor", "--quick")
    assert code == 2
    assert err.startswith("usage: ece662 doctor")
    assert "--quick" in err


def test_option_before_the_command_is_an_error(shown):
    code, _, err = shown("--quick", "doctor")
    assert code == 2
    assert "--quick" in err


def test_command_that_cannot_be_imported_leaves_the_others_working(monkeypatch, shown):
    monkeypatch.setitem(sys.modules, "ece662.commands.data", None)
    code, _, err = shown("data", "info")
    assert code == 1
    assert err.count("\n") == 1
    assert "ece662 doctor" in err
    code, out, _ = shown("--help")
    assert code == 0
    assert "not available" in out
    assert shown("doctor")[1].startswith(f"ece662 {__version__}")


def test_keyboard_interrupt_ends_without_a_traceback(monkeypatch, shown):
    from ece662.commands import doctor

    def interrupted(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "run", interrupted)
    assert shown("doctor") == (130, "", "")


def test_reader_that_leaves_early_gets_no_traceback():
    shell = f'"{sys.executable}" -m ece662 --help | true; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=WAIT
    )
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_below_the_output_is_one_sentence():
    command = [sys.executable, "-m", "ece662", "check", "relu_forward"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=WAIT
        )
    assert done.returncode == 1
    assert done.stderr == "ece662: stopped: [Errno 28] No space left on device\n"


def test_help_and_version_import_nothing_heavy():
    heavy = ["numpy", "matplotlib", "torch", "jupyterlab", "PIL", "pooch"]
    code = f"""
import sys
from ece662.commands.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_module_and_script_are_the_same_command():
    assert run_ece662("--version").stdout == f"ece662 {__version__}\n"


def test_import_lets_blas_threads_sleep_but_heeds_the_user():
    code = "import os, ece662; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    for setting, expected in (({}, "16"), ({"OPENBLAS_THREAD_TIMEOUT": "9"}, "9")):
        environment = {k: v for k, v in os.environ.items() if "OPENBLAS" not in k}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment | setting,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == expected
