"""The question of `ece662 lab`: shall the frameworks that are missing be installed?"""

import os
import sys

import pytest

from ece662.commands import frameworks


@pytest.fixture
def terminal(monkeypatch):
    """A terminal as standard input, outside of CI; both frameworks are missing."""
    pty = pytest.importorskip("pty", reason="Windows has no such terminals")
    leader, follower = pty.openpty()
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(frameworks, "missing", lambda: ["torch", "tensorflow"])
    with os.fdopen(follower) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield
    os.close(leader)


def no_question(text):
    raise AssertionError(f"asked: {text}")


def test_no_is_taken_once_and_says_the_command(terminal, tmp_path):
    (tmp_path / "constraints.txt").touch()
    asked, marker = [], tmp_path / "asked"
    said = frameworks.offer(tmp_path, lambda text: asked.append(text) or "", marker)
    assert "PyTorch and TensorFlow: not installed" in asked[0]
    assert "Q5-Pytorch, Q5-Tensorflow, Q6-Pruning need them" in asked[0]
    assert "pip install ece662[torch,tensorflow] -c" in said
    assert frameworks.offer(tmp_path, no_question, marker) is None


def test_question_comes_again_where_nothing_can_be_remembered(terminal, tmp_path):
    marker = tmp_path / "nowhere" / "asked"
    for _ in range(2):
        assert frameworks.offer(tmp_path, lambda text: "no", marker)


@pytest.mark.parametrize(("status", "said"), [(0, "Installed."), (3, "pip could not")])
def test_yes_installs_and_says_how_it_went(
    terminal, tmp_path, monkeypatch, status, said
):
    command = [sys.executable, "-c", f"raise SystemExit({status})"]
    monkeypatch.setattr(frameworks, "command", lambda names, root: command)
    answer = frameworks.offer(tmp_path, lambda text: "Yes", tmp_path / "asked")
    assert answer.startswith(said)


def test_nobody_is_asked_in_ci_without_a_terminal_or_when_nothing_is_missing(
    terminal, tmp_path, monkeypatch
):
    marker = tmp_path / "asked"
    with monkeypatch.context() as here:
        here.setenv("CI", "true")
        assert frameworks.offer(tmp_path, no_question, marker) is None
    with monkeypatch.context() as here, open(os.devnull, encoding="utf-8") as nothing:
        here.setattr(sys, "stdin", nothing)
        assert frameworks.offer(tmp_path, no_question, marker) is None
    monkeypatch.setattr(frameworks, "missing", list)
    assert frameworks.offer(tmp_path, no_question, marker) is None
    assert not marker.exists()


def test_command_has_the_index_that_make_was_given(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    words = frameworks.command(["torch"], tmp_path)
    assert words[-3:] == [
        "ece662[torch]",
        "--extra-index-url",
        "https://example.org/cpu",
    ]
