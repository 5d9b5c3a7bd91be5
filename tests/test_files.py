"""Files are written whole, or are as they were."""

import errno
import os
import stat
import threading
from contextlib import ExitStack

import pytest

from ece662 import _files
from ece662._files import put_in_place, write_file, writing


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_write_file_writes_bytes_and_text_to_the_letter(tmp_path):
    write_file(tmp_path / "a", b"\x00\r\n")
    write_file(str(tmp_path / "b"), "\u00fc\r\n\n")
    write_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert (tmp_path / "b").read_bytes() == b"\xc3\xbc\r\n\n"
    assert names_in(tmp_path) == ["a", "b"]


@pytest.mark.posix
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_rights_of_the_umask_an_old_one_keeps_its_own(
    tmp_path, mask
):
    before = os.umask(mask)
    try:
        write_file(tmp_path / "new", "x")
        (tmp_path / "old").write_text("x")
        (tmp_path / "old").chmod(0o750)
        write_file(tmp_path / "old", "y")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o750


@pytest.mark.posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "far" / "file")
    write_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "file").read_text() == "new"
    assert names_in(tmp_path / "far") == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_what_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch, step):
    def fail(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match=r"the disk of .* is full"):
        write_file(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "old"
    assert names_in(tmp_path) == ["a"]


def test_an_exception_of_the_writer_comes_through(tmp_path):
    def write():
        with writing(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert names_in(tmp_path) == []


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_file(tmp_path / "nowhere" / "a", "x")


def test_put_in_place_moves_a_folder(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").write_text("x")
    put_in_place(tmp_path / "new", tmp_path / "final")
    assert names_in(tmp_path) == ["final"]


@pytest.mark.posix
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    try:
        write_file(tmp_path / "pipe", b"whole")
        assert os.read(reader, 100) == b"whole"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_names_the_file_and_not_the_unfinished_one(tmp_path, monkeypatch):
    def forbidden(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", forbidden)
    with pytest.raises(PermissionError) as caught:
        write_file(tmp_path / "a", "x")
    assert caught.value.filename == str(tmp_path / "a")


def test_of_two_writers_each_leaves_a_whole_file(tmp_path):
    path, wholes = tmp_path / "a", [b"1" * 300_000, b"2" * 100_000]
    write_file(path, wholes[0])

    def write(content):
        for _ in range(10):
            write_file(path, content)

    writers = [threading.Thread(target=write, args=(whole,)) for whole in wholes]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(path.read_bytes())
    assert seen <= set(wholes)
    assert path.read_bytes() in wholes
    assert names_in(tmp_path) == ["a"]


@pytest.mark.posix
def test_what_is_being_written_to_a_file_is_not_replaced(tmp_path, monkeypatch):
    """An editor that has opened a file writes to it also under no name."""
    path, put = tmp_path / "layers.py", _files.put_in_place
    path.write_bytes(b"old")
    with ExitStack() as stack:

        def saves(source, target):
            editor.append(stack.enter_context(open(target, "wb")))
            put(source, target)

        editor = []
        monkeypatch.setattr(_files, "put_in_place", saves)
        with pytest.raises(_files.ChangedError, match="being written"):
            write_file(path, b"new", instead_of=b"old")
        editor[0].write(b"saved")
    assert path.read_bytes() == b"saved"
    assert list(tmp_path.iterdir()) == [path]
