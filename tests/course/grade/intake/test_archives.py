"""Archives that are made to cost a grader its memory, its time, or its other students.

Each costs the file that is wrong in it; what else is in the archive is read.
"""

import io
import struct
import tarfile
import time
import tracemalloc
import zipfile

import pytest

from course.grade.intake import archives, submissions
from course.grade.intake.listing import mended
from course.grade.intake.submissions import open_submission

LAYERS, OPTIM = "ece662/layers.py", "ece662/optim.py"
WANTED = {LAYERS, OPTIM}
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")


def _zip(entries, method=zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of texts by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return file.getvalue()


def _opened(tmp_path, data: bytes):
    path = tmp_path / "eve.zip"
    path.write_bytes(data)
    return open_submission(path, WANTED)


def _with_method(data: bytes, name: str, method: int) -> bytes:
    """Return a zip that says of one member that it is compressed in another way."""
    changed = bytearray(data)
    for signature, place, text in ((b"PK\3\4", 8, 30), (b"PK\1\2", 10, 46)):
        start = data.find(signature)
        while start >= 0:
            if data[start + text :].startswith(name.encode()):
                changed[start + place : start + place + 2] = struct.pack("<H", method)
            start = data.find(signature, start + 4)
    return bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 9, 93, 97])
def test_other_methods_of_compression_are_not_tried(tmp_path, method):
    data = _with_method(_zip([(LAYERS, "a"), (OPTIM, "b")]), LAYERS, method)
    submission = _opened(tmp_path, data)
    assert submission.files == {OPTIM: "b"}
    [note] = submission.notes
    assert "another method than deflate" in note


def test_bomb_for_bz2_takes_no_memory(tmp_path):
    data = _zip([(LAYERS, bytes(64 << 20))], zipfile.ZIP_BZIP2)
    assert len(data) < 1000
    for size in (64 << 20, 100):  # what the zip claims
        claims = data.replace(struct.pack("<I", 64 << 20), struct.pack("<I", size))
        tracemalloc.start()
        submission = _opened(tmp_path, claims)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert submission.files == {}
        assert most < 8 << 20


def test_member_that_claims_to_be_small_is_read_to_the_limit_only(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(archives, "MAX_FILE", 1000)
    monkeypatch.setattr(archives, "MAX_RATIO", 1 << 20)
    submission = _opened(tmp_path, _zip([(LAYERS, "a" * 1001), (OPTIM, "b")]))
    assert submission.files == {OPTIM: "b"}
    assert "larger than" in submission.notes[0]


def test_all_files_together_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_READ", 10)
    submission = _opened(tmp_path, _zip([(LAYERS, "a" * 8), (OPTIM, "b" * 8)]))
    assert submission.files == {LAYERS: "a" * 8}
    [note] = submission.notes
    assert note.startswith(OPTIM)
    assert "together" in note


@pytest.mark.parametrize("name", ["", "\0", "\0" + LAYERS])
def test_member_without_a_name_is_ignored(tmp_path, name):
    data = _zip([("x" * max(1, len(name)), "nameless"), (LAYERS, "a")])
    if name:
        data = data.replace(b"x" * len(name), name.encode())
    else:
        data = _without_name(data)
    submission = _opened(tmp_path, data)
    assert submission.files == {LAYERS: "a"}
    [note] = submission.notes
    assert "name" in note


def _without_name(data: bytes) -> bytes:
    """Take the name of the first member, one letter, out of a zip."""
    start = data.index(b"PK\1\2")
    length = struct.pack("<H", 0)
    entry = data[start : start + 28] + length + data[start + 30 : start + 46]
    changed = data[:start] + entry + data[start + 47 :]
    end = changed.rindex(b"PK\5\6")
    values = list(END.unpack_from(changed, end))
    values[5] -= 1  # the size of the list
    return changed[:end] + END.pack(*values)


def test_name_that_goes_on_behind_a_nul_is_no_name(tmp_path):
    data = _zip([(LAYERS + "xy", "a"), (OPTIM, "b")])
    data = data.replace(b"layers.pyxy", b"layers.py\0y")
    submission = _opened(tmp_path, data)
    assert submission.files == {OPTIM: "b"}
    assert "NUL" in submission.notes[0]


def _with_record_for_large_archives(entries: int) -> bytes:
    """Return a zip of many entries that only its record for large archives counts."""
    name = b"n"
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0, 0,
                        len(name), 0, 0, 0, 0, 0, 0) + name  # fmt: skip
    listed = entry * entries
    record = END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(listed), 0)
    locator = LOCATOR_64.pack(b"PK\6\7", 0, len(listed), 1)
    # The older record speaks of one entry, and is not asked where there is a newer one.
    end = END.pack(b"PK\5\6", 0, 0, 1, 1, len(entry), 0, 0)
    return listed + record + locator + end


def test_entries_are_counted_before_a_list_is_made_of_them(tmp_path):
    data = _with_record_for_large_archives(300_000)
    tracemalloc.start()
    submission = _opened(tmp_path, data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert submission.files == {}
    assert "too many entries" in submission.notes[0]
    assert most < 8 << 20


def test_record_for_large_archives_is_read(tmp_path):
    submission = _opened(tmp_path, _with_record_for_large_archives(3))
    assert submission.files == {}
    assert submission.notes == ["n lies outside or in another entry: ignored"] * 3


def test_of_members_that_share_their_bytes_the_first_is_read(tmp_path):
    texts = [(LAYERS, "a" * 50), ("ece662/layers.px", "a" * 50), (OPTIM, "b")]
    data = bytearray(_zip(texts))
    second = data.index(b"PK\1\2", data.index(b"PK\1\2") + 4)
    data[second + 42 : second + 46] = bytes(4)  # it begins where the first one does
    submission = _opened(tmp_path, bytes(data))
    assert submission.files == {LAYERS: "a" * 50, OPTIM: "b"}
    assert submission.notes == [
        "ece662/layers.px lies outside or in another entry: ignored"
    ]


# What is written at which place of the first entry of a zip's list of contents, and
# why its file is not read ("" where it is).
ODD_ENTRIES = {
    "a name that is no UTF-8": ({8: b"\0\x08", 46: b"\xff\xfe"}, "header"),
    "a version of a later time": ({6: b"\xff\0"}, ""),
    "a name that goes too far": ({28: b"\xff\xff"}, ""),
    "extra fields that go too far": ({30: b"\x99\0"}, ""),
    "a comment that is too long": ({32: b"\xff\xff"}, ""),
    "a size that stands nowhere": ({20: b"\xff" * 4, 30: b"\4\0"}, "in another entry"),
    "a beginning behind the end": ({42: b"\xff\xff\xff\x7f"}, "in another entry"),
    "a size that is too large": ({20: b"\xff\xff\xff\x7f"}, "in another entry"),
    "a method that nobody has": ({10: b"\x77\0"}, "another method"),
    "a key": ({8: b"\1\0"}, "encrypted"),
    "a sum that is not its own": ({16: b"\1\2\3\4"}, "CRC"),
}


def _with_odd_entry(odd: str, names) -> bytes:
    data = bytearray(_zip([(name, "some text") for name in names]))
    listed = data.index(b"PK\1\2")
    for place, value in ODD_ENTRIES[odd][0].items():
        data[listed + place : listed + place + len(value)] = value
    return bytes(data)


@pytest.mark.parametrize("odd", ODD_ENTRIES)
def test_odd_entry_costs_its_file_at_most(tmp_path, odd):
    _, why = ODD_ENTRIES[odd]
    submission = _opened(tmp_path, _with_odd_entry(odd, [LAYERS, OPTIM]))
    assert {*submission.files} == ({OPTIM} if why else {LAYERS, OPTIM})
    assert [note for note in submission.notes if why in note] == submission.notes[-1:]
    assert {*submission.unread} == ({LAYERS} if why else set())  # there, and not read
    submission = _opened(tmp_path, _with_odd_entry(odd, ["notes.txt", LAYERS, OPTIM]))
    assert {*submission.files} == {LAYERS, OPTIM}


@pytest.mark.parametrize(
    ("fields", "is_read"),
    [
        (b"", True),
        (b"\1\2\3", True),
        (b"\x55\x54\4\0\1\2\3\4", True),
        (b"\x55\x54\5\0\1\2\3\4", False),
        (b"\x75\x70\6\0\1abcd\xff", False),
        (b"\x75\x70\2\0\1a", False),
        (b"\1\0\7\0" + bytes(7), False),
    ],
)
def test_extra_fields_that_cannot_be_read_are_covered(fields, is_read):
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, 0, 0xFFFFFFFF,
                        0, 1, len(fields), 0, 0, 0, 0, 0) + b"n" + fields  # fmt: skip
    if not fields or fields[0] > 1:
        entry = entry[:20] + bytes(4) + entry[24:]
    same = entry[:47] + fields
    assert (mended(entry) == same) == is_read
    assert len(mended(entry)) == len(entry)


def test_files_that_nobody_reads_do_not_count_as_unpacked(tmp_path):
    data = _zip([(LAYERS, "a"), ("weights.npz", bytes(20 << 20))])
    assert len(data) * archives.MAX_RATIO < 20 << 20
    assert _opened(tmp_path, data).files == {LAYERS: "a"}


def test_damaged_member_costs_its_file_only(tmp_path):
    text = "some text that is here " * 20
    data = bytearray(_zip([(LAYERS, text), (OPTIM, "b")], zipfile.ZIP_STORED))
    data[60:64] = b"else"
    submission = _opened(tmp_path, bytes(data))
    assert submission.files == {OPTIM: "b"}
    [note] = submission.notes
    assert note.startswith(f"{LAYERS} cannot be read")


def test_names_with_backslashes_are_read_as_paths(tmp_path):
    # ZipInfo makes slashes of them on Windows only.
    data = _zip([("ece662/layers.py", "a"), ("ece662/optim.py", "b")])
    submission = _opened(tmp_path, data.replace(b"ece662/", b"ece662\\"))
    assert submission.files == {LAYERS: "a", OPTIM: "b"}
    assert submission.notes == []


def test_one_zip_in_a_folder_is_what_was_handed_in(tmp_path):
    folder = tmp_path / "Ann Smith_12_file"
    folder.mkdir()
    (folder / "work.zip").write_bytes(_zip([(LAYERS, "a")]))
    submission = open_submission(folder, WANTED)
    assert submission.files == {LAYERS: "a"}
    assert submission.notes == ["what work.zip holds was read"]
    (folder / "again.zip").write_bytes(_zip([(LAYERS, "b")]))
    submission = open_submission(folder, WANTED)
    assert submission.files == {LAYERS: "b"}
    assert submission.notes == [
        "what again.zip holds was read",
        "what work.zip holds was read",
        f"work.zip/{LAYERS} may be {LAYERS} as well: ignored",
    ]


def test_notes_on_files_that_are_ignored_are_few_and_short(tmp_path):
    entries = [(f"../{i}{'x' * 5000}", "") for i in range(100)]
    submission = _opened(tmp_path, _zip([*entries, (LAYERS, "a")]))
    assert submission.files == {LAYERS: "a"}
    assert len(submission.notes) == archives.MAX_NOTES + 1
    assert submission.notes[-1].startswith("80 more")
    assert max(map(len, submission.notes)) < 300


def test_headers_of_a_tar_take_time_linear_in_their_length(tmp_path):
    """Python before 3.11.10 looks through a header of digits by their square."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in (LAYERS, OPTIM):
            header = tarfile.TarInfo("pax")
            header.type, header.size = tarfile.XHDTYPE, 1_000_000 * (name == OPTIM)
            archive.addfile(header, io.BytesIO(b"1" * header.size))
            entry = tarfile.TarInfo(name)
            entry.size = 1
            archive.addfile(entry, io.BytesIO(b"a"))
    begin = time.process_time()
    submission = _opened(tmp_path, file.getvalue())
    assert time.process_time() - begin < 5  # of many minutes
    assert submission.files == {LAYERS: "a"}
    assert "its headers are too long" in submission.notes[0]


def test_member_of_a_tar_that_claims_to_be_endless_is_skipped_in_no_time(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        entry = tarfile.TarInfo(LAYERS)
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"a"))
        entry = tarfile.TarInfo("note")
        entry.size = 1 << 80
        archive.addfile(entry)
    begin = time.process_time()
    submission = _opened(tmp_path, file.getvalue())
    assert time.process_time() - begin < 5  # of thousands of years
    assert submission.files == {LAYERS: "a"}
    assert "it breaks off" in submission.notes[0]
