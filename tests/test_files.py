"""Files are written whole, by one module, and nobody else renames."""

import ast
import errno
import os
import stat
from pathlib import Path

import pytest

from ece662._files import put_in_place, write_file, writing

ROOT = Path(__file__).parents[1]
ALONE = {("os", "replace"), ("os", "rename"), ("os", "renames"), ("shutil", "move")}


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


def renames_in(source):
    """Return the lines that rename a file: by os, by shutil, by a path's method."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {(node.module, alias.name) for alias in node.names}
            found += [node.lineno] * bool(names & ALONE)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.id if isinstance(owner, ast.Name) else ""
            by_path = node.func.attr == "rename" and len(node.args) == 1
            if (name, node.func.attr) in ALONE or (by_path and name != "self"):
                found.append(node.lineno)
        if isinstance(node, ast.Attribute) and node.attr == "NamedTemporaryFile":
            found.append(node.lineno)
    return found


def test_renames_in_finds_each_way():
    for source in (
        "os.replace(a, b)", "os.rename(a, b)", "shutil.move(a, b)", "path.rename(b)",
        "from os import replace", "tempfile.NamedTemporaryFile()",
    ):  # fmt: skip
        assert renames_in(source) == [1]
    assert renames_in("text.replace('a', 'b')") == []


def test_only_one_module_puts_files_in_place():
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("ece662", "course")
        for path in (ROOT / folder).rglob("*.py")
        if renames_in(path.read_text("utf-8"))
    }
    assert found == {"ece662/_files.py"}
