"""Hostile and damaged archives: nothing leaves memory, nothing passes unnoticed."""

import bz2
import gzip
import io
import os
import struct
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ece662.data import entries as module
from ece662.data.entries import MAX_FILE, ArchiveError, entries

# The archive is made once and serves all examples; and a busy machine draws slowly.
ALLOWED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

FILES = {f"train/cat/{i}.png": bytes([i]) * (700 * i) for i in range(1, 5)}


def read_all(path):
    return {e.path: e.read() for e in entries(path) if not e.refused}


def refusals(path):
    return {e.path: e.refused for e in entries(path) if e.refused}


def member(name, kind=tarfile.REGTYPE, link="", size=0):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


@pytest.mark.parametrize("name", ["c.tar", "c.tar.gz", "c.tar.bz2", "c.tar.xz"])
def test_tar_of_every_compression_gives_its_files(cinic, name):
    assert read_all(cinic.tar(FILES, name)) == FILES


def test_zip_and_folder_give_their_files(cinic):
    assert read_all(cinic.zip(FILES)) == FILES
    assert read_all(cinic.folder(FILES)) == FILES


def test_compression_is_recognised_by_content_and_not_by_name(cinic):
    path = cinic.tar(FILES, "c.tar.gz").rename(cinic.folder({}).parent / "download")
    assert read_all(path) == FILES


def test_members_that_could_leave_the_folder_are_refused(cinic):
    bad = {
        "/etc/passwd": "an absolute path",
        "train/../../x.png": "a path that leaves the folder",
        "..\\x.png": "a path that leaves the folder",
        "C:\\x.png": "an absolute path",
    }
    files = {**FILES, **dict.fromkeys(bad, b"bad")}
    for path in (cinic.tar(files), cinic.zip(files)):
        assert refusals(path) == bad
        assert read_all(path) == FILES


def test_tar_links_and_devices_are_refused(cinic):
    extra = [
        member("train/cat/sym.png", tarfile.SYMTYPE, "/etc/passwd"),
        member("train/cat/hard.png", tarfile.LNKTYPE, "train/cat/1.png"),
        member("train/cat/fifo.png", tarfile.FIFOTYPE),
        member("train/cat/zero.png", tarfile.CHRTYPE),
    ]
    path = cinic.tar(FILES, extra=extra)
    assert refusals(path) == {
        "train/cat/sym.png": "a link",
        "train/cat/hard.png": "a link",
        "train/cat/fifo.png": "not a regular file",
        "train/cat/zero.png": "not a regular file",
    }
    assert read_all(path) == FILES


def test_zip_links_are_refused(cinic):
    path = cinic.zip(FILES)
    link = zipfile.ZipInfo("train/cat/sym.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert refusals(path) == {"train/cat/sym.png": "a link"}


@pytest.mark.posix
def test_folder_links_and_pipes_are_refused_and_not_followed(cinic, tmp_path):
    folder = cinic.folder(FILES)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "x.png").write_bytes(b"secret")
    (folder / "train/cat/sym.png").symlink_to(secret / "x.png")
    (folder / "train/dog").symlink_to(secret, target_is_directory=True)
    os.mkfifo(folder / "train/cat/pipe.png")
    assert refusals(folder) == {
        "train/dog": "a link",
        "train/cat/pipe.png": "not a regular file",
        "train/cat/sym.png": "a link",
    }
    assert read_all(folder) == FILES


def test_folder_is_not_searched_deeper_than_an_image_can_lie(cinic):
    deep = {"a/b/c/d.png": b"as deep as it gets", "a/b/c/d/e.png": b"too deep"}
    assert set(read_all(cinic.folder(deep))) == {"a/b/c/d.png"}


@pytest.mark.posix
def test_folder_may_itself_be_reached_by_a_link(cinic, tmp_path):
    cinic.folder(FILES)
    (tmp_path / "link").symlink_to(tmp_path / "c", target_is_directory=True)
    assert read_all(tmp_path / "link") == FILES


@pytest.mark.parametrize("kind", ["tar", "zip", "folder"])
def test_large_files_are_not_read(cinic, kind):
    walk = entries(getattr(cinic, kind)({"big.png": bytes(MAX_FILE + 1), **FILES}))
    with pytest.raises(ValueError, match="1,048,577 bytes, expected at most 1,048,576"):
        next(walk).read()
    assert next(walk).read() == FILES["train/cat/1.png"]


def test_zip_that_lies_about_a_size_is_not_believed(cinic):
    path = cinic.tar({}).with_name("bomb.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train/cat/bomb.png", bytes(3 * MAX_FILE))
    lie = path.read_bytes().replace(
        struct.pack("<I", 3 * MAX_FILE), struct.pack("<I", 10)
    )
    path.write_bytes(lie)
    walk = entries(path)
    with pytest.raises(ValueError, match="CRC"):
        next(walk).read()


def test_encrypted_zip_member_is_an_ordinary_error(cinic):
    path = cinic.zip({"train/cat/1.png": b"data"})
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)
    walk = entries(path)
    with pytest.raises(ValueError, match="encrypted"):
        next(walk).read()


def test_tar_that_unpacks_to_absurd_sizes_is_refused(tmp_path):
    header = member("filler", size=9 << 30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "huge.tar.gz"
    path.write_bytes(gzip.compress(header + bytes(2048)))
    with pytest.raises(ArchiveError, match="more than 8 GiB"):
        read_names(path)


def read_names(path):
    return [entry.path for entry in entries(path)]


def test_tar_with_a_giant_header_is_refused(tmp_path):
    """tarfile keeps extended headers whole, whatever size they state.

    The newest Pythons read them bit by bit, so that no single request is large.
    """
    header = member("x", tarfile.XHDTYPE, size=3 << 30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "header.tar.gz"
    path.write_bytes(gzip.compress(header + bytes(2 * MAX_FILE), 1))
    with pytest.raises(ArchiveError, match=r"a header of more .* [\d,]+ bytes"):
        read_names(path)


def test_endless_padding_is_refused(cinic, monkeypatch):
    monkeypatch.setattr(module, "MAX_UNPACKED", 4 << 20)
    path = cinic.tar(FILES, "c.tar")
    path.write_bytes(gzip.compress(path.read_bytes() + bytes(6 << 20)))
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        read_all(path)


def test_nothing_at_the_path_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"archive or a folder at .*/nowhere"):
        entries(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\3\4 no zip", b"<html>Not found</html>" * 99, b"\x1f\x8bno gzip at all"],
    ids=["empty", "zip", "page", "gzip"],
)
def test_file_that_is_no_archive_says_so(tmp_path, content):
    path = tmp_path / "c.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="cut short, damaged or no archive"):
        read_all(path)


@pytest.mark.parametrize(
    "name", ["c.tar", "c.tar.gz", "c.tar.bz2", "c.tar.xz", "c.zip"]
)
@settings(max_examples=60, suppress_health_check=ALLOWED)
@given(data=st.data())
def test_archive_cut_anywhere_is_an_error(cinic, name, data):
    path = cinic.zip(FILES) if name == "c.zip" else cinic.tar(FILES, name)
    whole = path.read_bytes()
    # A plain tar ends with zeros to spare: two blocks that close it, then padding.
    end = len(whole.rstrip(b"\0")) + 512 if name == "c.tar" else len(whole) - 1
    cut = data.draw(st.integers(0, end), label="cut")
    path.write_bytes(whole[:cut])
    with pytest.raises(ArchiveError, match="cut short"):
        read_all(path)


def test_tar_cut_between_two_members_is_an_error(cinic):
    path = cinic.tar(FILES, "c.tar")
    with tarfile.open(path) as tar:
        boundaries = [info.offset for info in tar]
    whole = path.read_bytes()
    for cut in boundaries[1:]:
        path.write_bytes(whole[:cut])
        with pytest.raises(ArchiveError, match="closing block"):
            read_all(path)


def test_tar_with_a_damaged_header_in_the_middle_is_an_error(cinic):
    """tarfile would take it for the end, and drop the rest in silence."""
    path = cinic.tar(FILES, "c.tar")
    with tarfile.open(path) as tar:
        middle = list(tar)[2].offset
    data = bytearray(path.read_bytes())
    data[middle + 3] ^= 1
    path.write_bytes(gzip.compress(data))
    with pytest.raises(ArchiveError, match="closing block"):
        read_all(path)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
@settings(max_examples=60, suppress_health_check=ALLOWED)
@given(data=st.data())
def test_flipped_bits_never_change_what_is_read(cinic, compress, data):
    """They are found out, or they lay in a field that says nothing about the files."""
    path = cinic.tar(FILES, "c.tar")
    packed = bytearray(compress(path.read_bytes()))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(
        st.integers(0, 7)
    )
    path.write_bytes(packed)
    with suppress(ArchiveError):
        assert read_all(path) == FILES


def test_long_archives_are_forgotten_as_they_pass(cinic):
    """tarfile would keep a record of every member: 300 MB for all of CINIC-10."""
    path = cinic.tar({f"train/cat/{i}.png": b"" for i in range(50)})
    for entry in entries(path):
        _, tar, _ = entry.read.args
        assert len(tar.members) <= 1


def test_trailing_zero_padding_is_fine(cinic):
    path = cinic.tar(FILES, "c.tar")
    path.write_bytes(path.read_bytes() + bytes(100_000))
    assert read_all(path) == FILES
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(path.read_bytes())
    path.write_bytes(packed.getvalue())
    assert read_all(path) == FILES
