"""The commands where folders are full, closed or none, and in other encodings."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from course.release import make_release
from ece662.check.progress import progress
from ece662.commands import cli
from ece662.data.cache import cache_root, commit, exclusive, open_data_set
from ece662.exercises.regions import parse_file

ROOT = Path(cli.__file__).resolve().parents[2]
FILLED = "dropout_forward"
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
def test_data_commands_name_a_cache_that_is_a_file(tmp_path, words, place):
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
    asked = "ece662.check.progress.check_apart"
    monkeypatch.setattr(asked, lambda root, ids: [verdict])


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


def test_prepare_says_how_to_share_data_that_only_its_owner_can_read(
    tmp_path, monkeypatch, cinic
):
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
def test_info_on_data_of_another_account_says_what_its_owner_can_do(
    tmp_path, data_root, small_arrays
):
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


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """A cache in which the first status is remembered, so that others only print it."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "cp437"])
def test_status_in_any_encoding(shared_cache, encoding):
    done = subprocess.run(
        [sys.executable, "-m", "ece662", "status", "Q3"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONIOENCODING": encoding,
            "ECE662_DATA": str(shared_cache),
        },
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


def _spoil(folder, kind):
    """Make a folder; what is run behind the words returned finds it full or closed."""
    folder.mkdir()
    if kind == "full":
        mount = f'mount -t tmpfs -o size=4k none "{folder}" && exec "$@"'
        before = (*MOUNT, mount, "-")
    else:
        folder.chmod(0o555)
        before = ORDINARY
    need(*before, "true")
    return before


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["full", "closed"])
def test_reset_that_cannot_keep_the_old_file_changes_nothing(workbook, kind):
    backups, layers = workbook / "backups", workbook / "ece662/layers.py"
    before = _spoil(backups, kind)
    reason = f"the disk of {backups} is full" if kind == "full" else "Permission denied"
    written = layers.read_bytes()
    words = ("reset", "dropout_forward")
    done = run(*words, before=before, cwd=workbook, PYTHONDONTWRITEBYTECODE=1)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("ece662 reset: ")
    assert reason in line
    assert layers.read_bytes() == written


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["full", "closed"])
def test_region_that_cannot_keep_the_old_file_changes_nothing(workbook, kind):
    backups, layers = workbook / "backups", workbook / "ece662/layers.py"
    before = _spoil(backups, kind)
    written = layers.read_bytes()
    code = "from ece662.live import magics; magics._cell_magic('affine_forward', 'x')"
    done = subprocess.run(
        [*before, sys.executable, "-c", code],
        cwd=workbook,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    reason = f"the disk of {backups} is full" if kind == "full" else "Permission denied"
    [line] = done.stdout.splitlines()
    assert line.startswith("%%region: ")
    assert reason in line
    assert (done.returncode, done.stderr) == (0, "")
    assert layers.read_bytes() == written


TRAIN = """
import sys, numpy as np
from ece662.classifiers.fc_net import TwoLayerNet
from ece662.solver import Solver
arrays = {"X_train": np.ones((40, 6)), "y_train": np.arange(40) % 3,
          "X_val": np.ones((4, 6)), "y_val": np.arange(4) % 3}
model = TwoLayerNet(input_dim=6, hidden_dim=HIDDEN, num_classes=3)
solver = Solver(model, arrays, num_epochs=2, batch_size=20, verbose=False,
                checkpoint_name=sys.argv[1])
solver.train()
print(len(solver.loss_history), "steps")
"""


def _train(folder, hidden, before):
    """Train a little network that keeps a checkpoint in a folder."""
    code = TRAIN.replace("HIDDEN", str(hidden))
    return subprocess.run(
        [*before, sys.executable, "-c", code, str(folder / "run.npz")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.posix
def test_checkpoint_on_a_disk_that_fills_up_lets_training_go_on(tmp_path):
    folder = tmp_path / "checkpoints"
    before = _spoil(folder, "full")
    done = _train(folder, 500, before)
    assert (done.returncode, done.stdout) == (0, "4 steps\n"), done.stderr
    assert "the checkpoint was not written, training goes on" in done.stderr
    assert f"the disk of {folder} is full" in done.stderr


@pytest.mark.posix
def test_checkpoint_in_a_closed_folder_is_refused_before_training(tmp_path):
    folder = tmp_path / "checkpoints"
    before = _spoil(folder, "closed")
    done = _train(folder, 5, before)
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, done.stdout) == (1, "")
    expected = f"ValueError: no checkpoint can be written to {folder / 'run.npz'}"
    assert last.startswith(expected)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A student's whole copy, where dropout's forward alone is filled in."""
    folder = tmp_path_factory.mktemp("released") / "course"
    make_release(ROOT, folder)
    parsed = parse_file((ROOT / "ece662/layers.py").read_text(), "ece662/layers.py")
    done = {key: text for key, text in parsed.bodies.items() if key[0] == FILLED}
    layers = folder / "ece662/layers.py"
    empty = parse_file(layers.read_text(), "ece662/layers.py")
    layers.write_text(empty.fill(done))
    return folder


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["full", "closed"])
def test_submit_packs_where_nothing_can_be_remembered(released, tmp_path, kind):
    cache, out = tmp_path / "cache", tmp_path / "out" / "work.zip"
    before = _spoil(cache, kind)
    if kind == "full":
        fill = f'head -c 4096 /dev/zero > "{cache}/all"; exec "$@"'
        before = (*before, "sh", "-c", fill, "-")
    out.parent.mkdir()
    out.parent.chmod(0o777)
    words = ("submit", "--out", str(out))
    settings = {"ECE662_DATA": cache, "PYTHONDONTWRITEBYTECODE": 1}
    done = run(*words, before=before, cwd=released, **settings)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "will be checked again" in done.stderr
    assert f"Hand in {out}" in done.stdout
    with zipfile.ZipFile(out) as packed:
        assert "ece662/layers.py" in packed.namelist()


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["full", "closed"])
def test_submit_where_the_zip_cannot_be_written(released, tmp_path, kind):
    folder = tmp_path / "out"
    before = _spoil(folder, kind)
    words = ("submit", "--out", str(folder / "work.zip"))
    settings = {"ECE662_DATA": tmp_path / "cache", "PYTHONDONTWRITEBYTECODE": 1}
    done = run(*words, before=before, cwd=released, **settings)
    assert done.returncode == 1
    said, way_out = done.stderr.splitlines()[-2:]
    assert said.startswith("ece662 submit: nothing was packed: ")
    assert ("is full" if kind == "full" else "Permission denied") in said
    assert way_out == "'--out FILE' writes the zip to another folder."
