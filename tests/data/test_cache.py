"""What must hold of the cache whoever writes, dies or reads at the same time."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from ece662.data import cache
from ece662.data.cache import (
    DamagedCacheError,
    cache_root,
    commit,
    content_sha256,
    exclusive,
    in_memory,
    open_data_set,
)
from ece662.data.classes import CLASSES
from tests.limits import WAIT

META = {"name": "test", "classes": list(CLASSES), "source": {"kind": "test"}}

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# What child processes begin with: a data set all of whose pixels have one value.
PRELUDE = """
import os, signal, sys, time
import numpy as np
from ece662.data import cache
from ece662.data.cache import commit, exclusive, open_data_set

META = {"classes": ["a", "b"], "source": {}}
os.fsync = lambda handle: None  # slow, and a kill loses nothing that was written

def one_value(k):
    X, y = np.full((4, 3, 32, 32), k, np.uint8), np.full(4, k % 2)
    return {f"{a}_{s}": v for s in ("train", "val", "test")
            for a, v in (("X", X), ("y", y))}

def value_of(data_set):
    values = {int(v) for key, a in data_set.arrays.items() if key[0] == "X"
              for v in np.unique(a)} | {int(v) for v in np.unique(data_set.mean_image)}
    (value,) = values
    assert data_set.meta["value"] == value
    assert all((data_set.arrays[f"y_{s}"] == value % 2).all()
               for s in ("train", "val", "test"))
    return value

def write(k):
    with exclusive("test") as folder:
        return commit(folder, one_value(k), {**META, "value": k})
"""


def child(script):
    """Start Python on ``script``; the caller waits for it."""
    code = PRELUDE + textwrap.dedent(script)
    command = [sys.executable, "-u", "-c", code]
    return subprocess.Popen(command, stdin=-1, stdout=-1, text=True)


def output(process):
    out, _ = process.communicate(timeout=WAIT)
    assert process.returncode == 0
    return out


def write(arrays, meta=META):
    with exclusive("test") as folder:
        return commit(folder, arrays, meta)


def names(root):
    """What is in the folder but for the lock, which only filelock 4 leaves there."""
    found = sorted(path.name.split("-")[0] for path in (root / "test").iterdir())
    return [name for name in found if name != "lock"]


def test_cache_root_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ECE662_DATA", str(tmp_path))
    assert cache_root() == tmp_path
    monkeypatch.setenv("ECE662_DATA", "~/somewhere")
    assert cache_root() == Path.home() / "somewhere"
    monkeypatch.setenv("ECE662_DATA", "")
    assert cache_root().name == "ece662"
    assert Path.home() in cache_root().parents


def test_commit_then_open_gives_the_same_back(data_root, small_arrays):
    arrays = small_arrays()
    write(arrays)
    data_set = open_data_set("test")
    for key, array in arrays.items():
        np.testing.assert_array_equal(data_set.arrays[key], array)
    assert isinstance(data_set.arrays["X_train"], np.memmap)
    assert not data_set.arrays["X_train"].flags.writeable
    assert data_set.arrays["y_train"].dtype == np.int64
    np.testing.assert_array_equal(data_set.mean_image, arrays["X_train"].mean(axis=0))
    assert data_set.folder.parent == data_root / "test"


def test_commit_adds_counts_format_and_hash(data_root, small_arrays):
    arrays = small_arrays(per_class=3)
    meta = write(arrays).meta
    assert meta["counts"]["val"] == dict.fromkeys(CLASSES, 3)
    assert meta["format"] == cache.FORMAT
    assert meta["content_sha256"] == content_sha256(arrays)
    assert meta["source"] == {"kind": "test"}


def test_content_sha256_depends_on_values_alone(small_arrays):
    arrays = small_arrays()
    known = content_sha256(arrays)
    narrow = {k: a.astype(np.uint8) if k[0] == "y" else a for k, a in arrays.items()}
    assert content_sha256(narrow) == known
    arrays["X_test"][0, 0, 0, 0] ^= 1
    assert content_sha256(arrays) != known


@pytest.mark.posix
def test_cache_is_readable_by_others_as_the_umask_says(data_root, small_arrays):
    """A teacher prepares it once; the class reads it."""
    folder = write(small_arrays()).folder
    umask = os.umask(0)
    os.umask(umask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~umask
    assert (folder / "X_train.npy").stat().st_mode & 0o777 == 0o666 & ~umask


def test_open_without_data_set_says_where_it_looked(data_root):
    with pytest.raises(FileNotFoundError, match="cache root"):
        open_data_set("test")


def cut_short(folder):
    path = folder / "X_val.npy"
    os.truncate(path, path.stat().st_size - 1)


def delete_labels(folder):
    (folder / "y_test.npy").unlink()


def garble_meta(folder):
    (folder / "meta.json").write_text("{")


def age(folder):
    meta = json.loads((folder / "meta.json").read_text())
    (folder / "meta.json").write_text(json.dumps({**meta, "format": 99}))


def swap_labels(folder):
    np.save(folder / "y_val.npy", np.zeros(2, np.int64))


def empty_file(folder):
    (folder / "X_test.npy").write_bytes(b"")


def point_elsewhere(folder):
    (folder.parent / "current").write_text("images-/../../elsewhere")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut_short, "cannot be used"),
        (delete_labels, "y_test.npy is missing"),
        (garble_meta, "cannot be used"),
        (age, "expected cache format 1, got 99"),
        (swap_labels, r"y_val: expected 18 integers, got int64 of shape \(2,\)"),
        (empty_file, "cannot be used"),
        (point_elsewhere, r"should name a folder images-\*"),
    ],
)
def test_damaged_data_set_is_an_error(data_root, small_arrays, damage, message):
    folder = write(small_arrays()).folder
    damage(folder)
    with pytest.raises(DamagedCacheError, match=message):
        open_data_set("test")
    write(small_arrays())
    open_data_set("test")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("X_val", np.zeros((2, 3, 32, 32)), r"X_val: expected uint8 .* got float64"),
        ("X_val", np.zeros((2, 32, 32, 3), np.uint8), r"got uint8 of shape \(2, 32,"),
        ("X_val", np.zeros((0, 3, 32, 32), np.uint8), "N > 0"),
        ("y_val", np.zeros(18), "y_val: expected 18 integers, got float64"),
        ("y_val", np.full(18, 6), "expected labels 0 to 5, got 6 to 6"),
        ("y_val", np.full(18, -1), "expected labels 0 to 5, got -1"),
    ],
)
def test_commit_refuses_what_is_no_data_set(
    data_root, small_arrays, key, value, message
):
    write(small_arrays(seed=1))
    with pytest.raises(ValueError, match=message):
        write({**small_arrays(), key: value})
    with pytest.raises(ValueError, match=message):
        in_memory({**small_arrays(), key: value}, META)
    assert open_data_set("test").meta["content_sha256"] == content_sha256(
        small_arrays(seed=1)
    )


def test_commit_that_fails_leaves_the_former_and_no_litter(
    data_root, small_arrays, monkeypatch
):
    write(small_arrays(seed=1))

    def disk_full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", disk_full)
        with pytest.raises(OSError, match="No space left"):
            write(small_arrays(seed=2))
    assert names(data_root) == ["current", "images"]
    expected = small_arrays(seed=1)["X_train"]
    np.testing.assert_array_equal(open_data_set("test").arrays["X_train"], expected)


def test_replaced_data_set_stays_readable_where_it_is_open(data_root, small_arrays):
    old, new = small_arrays(seed=1), small_arrays(seed=2)
    reader = write(old)
    write(new)
    np.testing.assert_array_equal(reader.arrays["X_train"], old["X_train"])
    np.testing.assert_array_equal(
        open_data_set("test").arrays["X_train"], new["X_train"]
    )
    assert names(data_root) == ["current", "images"]


def test_litter_of_a_killed_writer_is_removed_by_the_next(data_root, small_arrays):
    write(small_arrays())
    (data_root / "test/writing-0123").mkdir()
    (data_root / "test/writing-0123/X_train.npy").write_bytes(b"half")
    (data_root / "test/images-4567").mkdir()
    (data_root / "test/writing-current-89").write_text("images-4567")
    open_data_set("test")
    write(small_arrays())
    assert names(data_root) == ["current", "images"]


@pytest.mark.posix
@needs_fork
def test_writer_killed_at_any_step_leaves_a_whole_data_set(data_root):
    """Kill -9 before each call that touches the disk, in turn."""
    script = """
    import builtins, shutil
    STEPS = [(os, "mkdir"), (os, "fsync"), (os, "replace"),
             (os, "unlink"), (os, "rmdir"), (builtins, "open"), (os, "open")]

    def die_before(step):
        def wrap(call):
            def wrapped(*args, **kwargs):
                nonlocal step
                step -= 1
                if step < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **kwargs)
            return wrapped
        for module, name in STEPS:
            setattr(module, name, wrap(getattr(module, name)))

    write(1)
    survived, steps, seen = False, 0, set()
    while not survived:
        pid = os.fork()
        if pid == 0:
            die_before(steps)
            write(2)
            os._exit(0)
        survived = os.waitpid(pid, 0)[1] == 0
        seen.add((steps, value_of(open_data_set("test"))))
        write(1)  # must get the lock at once, and clean up
        left = set(os.listdir(os.environ["ECE662_DATA"] + "/test")) - {"lock"}
        assert len(left) == 2  # current and images-*
        steps += 1
    values = [value for _, value in sorted(seen)]
    assert values == sorted(values), values  # old up to one step, new from there on
    print(steps, values.count(1), values.count(2))
    """
    steps, old, new = map(int, output(child(script)).split())
    assert steps > 30
    assert old > 20
    assert new > 3


def test_lock_of_a_killed_process_is_free(data_root, small_arrays):
    holder = child("""
    with exclusive("test"):
        print("held", flush=True)
        sys.stdin.read()  # until it is killed
    """)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    write(small_arrays())


def test_second_writer_waits_and_says_so(data_root):
    holder = child("""
    with exclusive("test") as folder:
        print("held", flush=True)
        sys.stdin.read(1)
        commit(folder, one_value(1), {**META, "value": 1})
        (folder / "done").touch()
    """)
    assert holder.stdout.readline() == "held\n"
    second = child("""
    sys.stderr = sys.stdout
    with exclusive("test") as folder:
        print((folder / "done").exists())
    """)
    assert "Another process is writing" in second.stdout.readline()
    holder.communicate("x", timeout=WAIT)
    assert output(second).splitlines()[-1] == "True"
    assert holder.returncode == 0


def test_readers_see_whole_data_sets_while_writers_replace_them(data_root):
    write_one = "for k in range({}, 60, 2): write(k)"
    reader = child("""
    seen, folder = set(), cache.cache_root()
    print("ready", flush=True)
    while not (folder / "stop").exists():
        try:
            seen.add(value_of(open_data_set("test")))
        except FileNotFoundError:
            assert not seen
    print(len(seen))
    """)
    assert reader.stdout.readline() == "ready\n"
    writers = [child(write_one.format(start)) for start in (0, 1)]
    assert [output(writer) for writer in writers] == ["", ""]
    (data_root / "stop").touch()
    assert int(output(reader)) > 2
    assert names(data_root) == ["current", "images"]


def test_in_memory_data_set_serves_like_one_on_disk(small_arrays):
    arrays = small_arrays()
    data_set = in_memory(arrays, META)
    assert data_set.folder is None
    assert data_set.meta["counts"]["train"] == dict.fromkeys(CLASSES, 3)
    np.testing.assert_array_equal(data_set.mean_image, arrays["X_train"].mean(axis=0))
