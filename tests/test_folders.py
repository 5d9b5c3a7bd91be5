"""The commands where folders are full, closed or none, and in other encodings."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ece662.check.progress import progress
from ece662.commands import cli
from ece662.data.cache import cache_root, commit, exclusive, open_data_set

ROOT = Path(cli.__file__).resolve().parents[2]
# Inside these accounts nobody passes over a folder's mode, not even who is root here.
ORDINARY = ("unshare", "-U", "--map-user=12345", "--map-group=12345")
MOUNT = ("unshare", "-rm", "sh", "-c")


def run(*words, before=(), cwd=ROOT, **settings):
    """Run `python -m ece662 WORDS`, with some settings of the environment."""
    return subprocess.run(
        [*before, sys.executable, "-m", "ece662", *words],
        cwd=cwd,
        env={**os.environ, **{k: str(v) for k, v in settings.items()}},
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )


def need(*command):
    """Skip where a command cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(str(error))
    if done.returncode:
        pytest.skip(f"{command[0]} cannot be used here: {done.stderr.strip()}")


@pytest.mark.parametrize("place", ["file", "file/deeper"])
@pytest.mark.parametrize("words", [("data", "info"), ("data", "prepare", "x.zip")])
def test_data_cache_that_is_a_file_is_said(tmp_path, words, place):
    (tmp_path / "file").write_text("")
    done = run(*words, ECE662_DATA=tmp_path / place)
    assert done.returncode == 1
    expected = (
        f"ece662 data {words[1]}: ECE662_DATA should name a folder, got "
        f"{tmp_path / place}, where {tmp_path / 'file'} is a file: name a folder, or "
        "unset it\n"
    )
    assert done.stderr == expected


def test_doctor_says_that_the_cache_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("doctor", ECE662_DATA=tmp_path / "file")
    lines = [
        line for line in done.stdout.splitlines() if "should name a folder" in line
    ]
    assert [line.split()[:2] for line in lines] == [["FAIL", "data"], ["FAIL", "disk"]]
    assert "not foreseen" not in done.stdout


@pytest.mark.posix
def test_cache_root_accepts_a_link_and_what_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for place in (tmp_path / "link", tmp_path / "link/new/deep"):
        monkeypatch.setenv("ECE662_DATA", str(place))
        assert cache_root() == place
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="should name a folder"):
        cache_root()


@pytest.fixture
def one_verdict(monkeypatch):
    verdict = {"id": "adam", "status": "passed", "diagnosis": None, "message": ""}
    monkeypatch.setattr("ece662.check.progress._check", lambda root, ids: [verdict])


def test_progress_goes_on_where_nothing_can_be_remembered(
    one_verdict, tmp_path, monkeypatch, capsys
):
    from ece662.exercises import find_exercise

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ECE662_DATA", str(tmp_path / "file"))
    [state] = progress(ROOT, [find_exercise("adam")])
    assert state.word == "passed"
    assert "should name a folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["closed", "full"])
def test_status_with_a_cache_that_cannot_be_written(tmp_path, kind):
    cache = tmp_path / "cache"
    if kind == "closed":
        need(*ORDINARY, "true")
        cache.mkdir(mode=0o555)
        before = ORDINARY
    else:
        cache.mkdir()
        mount = f'mount -t tmpfs -o size=4k none "{cache}" && exec "$@"'
        fill = f'head -c 4096 /dev/zero > "{cache}/all"; exec "$@"'
        before = (*MOUNT, mount, "-", "sh", "-c", fill, "-")
        need(*before, "true")
    done = run("status", "Q3", before=before, ECE662_DATA=cache)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Q3-Dropout   6 of 6")
    assert "Traceback" not in done.stderr
    assert "will be checked again: [Errno" in done.stderr


def test_data_that_its_owner_alone_may_read_is_told(tmp_path, monkeypatch, cinic):
    archive = cinic.zip(cinic.tree())
    code = f"umask 077; exec {sys.executable} -m ece662 data prepare '{archive}'"
    done = subprocess.run(
        ["sh", "-c", code],
        cwd=ROOT,
        env={**os.environ, "ECE662_DATA": str(tmp_path / "shared")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"to share with a class: chmod -R go+rX {tmp_path / 'shared'}" in done.stdout
    subprocess.run(["chmod", "-R", "go+rX", tmp_path / "shared"], check=True)
    again = run("data", "prepare", archive, ECE662_DATA=tmp_path / "shared")
    assert "chmod" not in again.stdout


@pytest.mark.posix
def test_data_that_may_not_be_read_says_whom_to_ask(tmp_path, data_root, small_arrays):
    need(*ORDINARY, "true")
    meta = {"name": "t", "classes": list("abcdef"), "source": {"kind": "synthetic"}}
    with exclusive("cinic10") as folder:
        commit(folder, small_arrays(), meta)
    assert open_data_set("cinic10").meta["name"] == "t"
    folder.chmod(0o000)
    try:
        done = run("data", "info", before=ORDINARY, ECE662_DATA=data_root)
    finally:
        folder.chmod(0o755)
    assert done.returncode == 1
    assert f"ask its owner for 'chmod -R go+rX {data_root}'" in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437"])
def test_status_in_any_encoding(tmp_path, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "ece662", "status", "Q3"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": encoding, "ECE662_DATA": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode(encoding).splitlines()
    assert lines[1].split() == ["+", "dropout_forward", "passed"]


@pytest.mark.parametrize(("sign", "plain"), [("é", "e"), ("☃", "?"), ("✗", "x")])
def test_signs_that_ascii_lacks(sign, plain):
    cli.make_writable()
    assert sign.encode("ascii", "ece662").decode() == plain


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_commands_where_streams_are_closed(tmp_path, closed):
    command = f'exec "{sys.executable}" -m ece662 check dropout_forward {closed}'
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("1 of 1 passed\n") == ("1>&-" not in closed)


def test_json_is_the_same_in_any_encoding():
    done = run("check", "--json", "dropout_forward", PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)[0]["passed"]


@pytest.fixture
def workbook(tmp_path):
    """A student's copy of the package and of a notebook."""
    for name in ("ece662", "notebooks"):
        ignored = shutil.ignore_patterns("__pycache__", "*.so", "Q[12456]*")
        shutil.copytree(ROOT / name, tmp_path / "course" / name, ignore=ignored)
    return tmp_path / "course"


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["full", "closed"])
def test_reset_that_cannot_keep_the_old_file_changes_nothing(workbook, kind):
    backups, layers = workbook / "backups", workbook / "ece662/layers.py"
    backups.mkdir()
    if kind == "full":
        before = (*MOUNT, 'mount -t tmpfs -o size=4k none "$0" && exec "$@"', backups)
        reason = f"the disk of {backups} is full"
    else:
        backups.chmod(0o555)
        before, reason = ORDINARY, "Permission denied"
    need(*before, "true")
    written = layers.read_bytes()
    words = ("reset", "dropout_forward")
    done = run(*words, before=before, cwd=workbook, PYTHONDONTWRITEBYTECODE=1)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("ece662 reset: ")
    assert reason in line
    assert layers.read_bytes() == written
