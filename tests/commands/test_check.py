"""The command ``ece662 check``."""

import json
import subprocess
import sys

import pytest

from ece662 import layers
from ece662.commands.cli import main
from tests.limits import WAIT


def test_check_prints_the_verdict_and_returns_0(capsys):
    assert main(["check", "affine_forward"]) == 0
    output = capsys.readouterr().out
    assert "affine_forward: passed" in output
    assert "1 of 1 passed" in output


def test_check_json_is_a_list_of_objects(capsys, monkeypatch):
    def talkative(x, w, b):
        print("a student's print")
        return x.reshape(len(x), -1) @ w, None

    monkeypatch.setattr(layers, "affine_forward", talkative)
    assert main(["check", "--json", "affine_forward", "relu_forward"]) == 1
    wrong, right = json.loads(capsys.readouterr().out)
    assert right["passed"] is True
    assert right["diagnosis"] is None
    assert (wrong["id"], wrong["passed"]) == ("affine_forward", False)
    assert wrong["diagnosis"]
    assert wrong["message"]
    assert 0 < right["seconds"] < 1


def test_check_unknown_id_returns_2_and_names_the_nearest(capsys):
    assert main(["check", "afine_forward"]) == 2
    assert "did you mean affine_forward" in capsys.readouterr().err


def test_check_runs_on_the_code_of_the_folder_it_is_called_in(tmp_path, capfd):
    """A release beside the installed package is checked, not the package."""
    package = tmp_path / "ece662"
    (package / "exercises").mkdir(parents=True)
    for name in ("__init__.py", "exercises/exercises.toml"):
        (package / name).write_text("", "utf-8")
    (package / "__main__.py").write_text("import sys; print(sys.argv)", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["check", "adam"]) == 0
    assert "'check', '--', 'adam']" in capfd.readouterr().out


THREAD = """
import sys, threading
from ece662 import layers
from ece662.commands import check, cli

check.LAST_SECONDS = 0.1
right = layers.affine_forward


def affine_forward(x, w, b):
    threading.Thread(target=threading.Event().wait).start()
    return right(x, w, b)


layers.affine_forward = affine_forward
sys.exit(cli.main(["check", "affine_forward"]))
"""


def test_check_ends_in_spite_of_a_thread_that_does_not():
    done = subprocess.run(
        [sys.executable, "-c", THREAD],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert "1 of 1 passed" in done.stdout
    assert "A thread that your code has started does not end" in done.stderr
    assert done.returncode == 0
