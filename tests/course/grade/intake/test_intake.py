"""What is read of a submission, and what is told of the rest."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from course.grade.errors import GradingError
from course.grade.intake import archives, streams
from course.grade.intake.handins import _why_left_out, hand_ins
from course.grade.intake.submissions import open_parts, open_submission
from course.grade.text import file_name, name_of, printable

LAYERS, OPTIM = "ece662/layers.py", "ece662/optim.py"
WANTED = {LAYERS, OPTIM}


@pytest.fixture
def zipped(tmp_path):
    """A function that zips texts by name, or entries with their rights."""

    def write(entries, name="ann.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, text in entries:
                archive.writestr(entry, text)
        return path

    return write


def _entry(name, mode):
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = mode << 16
    return entry


@pytest.mark.parametrize("top", ["", "ece662/", "ann smith/course/"])
def test_open_submission_reads_what_is_wanted_wherever_the_root_is(zipped, top):
    path = zipped([(top + LAYERS, "a\r\nb"), (top + OPTIM, "c"), (top + "x.py", "d")])
    submission = open_submission(path, WANTED)
    assert submission.name == "ann"
    assert submission.files == {LAYERS: "a\nb", OPTIM: "c"}
    assert submission.notes == []


def test_open_submission_reads_folders_alike(tmp_path):
    (tmp_path / "bob" / "ece662").mkdir(parents=True)
    (tmp_path / "bob" / LAYERS).write_text("a")
    submission = open_submission(tmp_path / "bob", WANTED)
    assert submission.files == {LAYERS: "a"}
    assert submission.notes == []


def test_open_submission_takes_one_root_and_the_fullest(zipped):
    path = zipped(
        [("old/" + LAYERS, "old"), ("new/" + LAYERS, "n"), ("new/" + OPTIM, "n")]
    )
    assert open_submission(path, WANTED).files == {LAYERS: "n", OPTIM: "n"}


@pytest.mark.parametrize(
    ("name", "mode", "told"),
    [
        ("/" + LAYERS, 0, "leads out of the archive"),
        ("../" + LAYERS, 0, "leads out of the archive"),
        ("a/../../" + LAYERS, 0, "leads out of the archive"),
        ("..\\" + LAYERS, 0, "leads out of the archive"),
        ("C:/" + LAYERS, 0, "names a drive"),
        (LAYERS, stat.S_IFLNK | 0o777, "is a link or a special file"),
        (LAYERS, stat.S_IFIFO | 0o666, "is a link or a special file"),
    ],
)
def test_open_submission_ignores_and_names_what_leads_away(zipped, name, mode, told):
    path = zipped([(_entry(name, mode), "/etc/passwd"), (OPTIM, "c")])
    submission = open_submission(path, WANTED)
    assert submission.files == {OPTIM: "c"}
    assert len(submission.notes) == 1
    assert told in submission.notes[0]


def test_open_submission_ignores_links_in_folders(tmp_path):
    folder = tmp_path / "bob" / "ece662"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    os.symlink(tmp_path / "secret", folder / "layers.py")
    os.mkfifo(folder / "optim.py")
    os.symlink("/", tmp_path / "bob" / "root")
    submission = open_submission(tmp_path / "bob", WANTED)
    assert submission.files == {}
    assert [note.split(" is ")[0] for note in submission.notes] == [
        "root",
        LAYERS,
        OPTIM,
    ]


def test_open_submission_does_not_open_a_link_to_a_zip(tmp_path, zipped):
    link = tmp_path / "eve.zip"
    os.symlink(zipped([(LAYERS, "a")]), link)
    submission = open_submission(link, WANTED)
    assert submission.files == {}
    assert "a link" in submission.notes[0]


def test_open_submission_refuses_a_bomb_by_what_it_claims(zipped):
    path = zipped([(LAYERS, "\0" * (8 << 20))])
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "would unpack to 8 MB" in submission.notes[0]


def test_open_submission_refuses_a_bomb_that_lies(zipped, monkeypatch):
    path = zipped([(LAYERS, "\0" * (1 << 20)), ("noise", os.urandom(1 << 16))])
    monkeypatch.setattr(archives, "MAX_FILE", 1 << 19)
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "is larger than" in submission.notes[0]


def test_open_submission_refuses_a_zip_of_too_many_entries(zipped, monkeypatch):
    monkeypatch.setattr(streams, "MAX_DIRECTORY", 2000)
    path = zipped([(f"file{i}", "") for i in range(100)] + [(LAYERS, "a")])
    assert "too many entries" in open_submission(path, WANTED).notes[0]


def test_open_submission_refuses_a_folder_of_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    for i in range(5):
        (tmp_path / f"file{i}").touch()
    assert "more than 3 files" in open_submission(tmp_path, WANTED).notes[0]


@pytest.mark.parametrize("cut", [0, 10, 60, -10])
def test_open_submission_tells_of_a_broken_zip(zipped, cut):
    path = zipped([(LAYERS, "some text that is here" * 9)])
    path.write_bytes(path.read_bytes()[:cut])
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert len(submission.notes) == 1


def test_open_submission_tells_of_damaged_bytes(zipped):
    path = zipped([(LAYERS, "some text that is here" * 9)])
    data = bytearray(path.read_bytes())
    data[60:70] = bytes(10)
    path.write_bytes(data)
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert len(submission.notes) == 1


def test_of_files_that_are_there_twice_the_last_is_read_as_it_would_be_unpacked(
    zipped,
):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped([(LAYERS, "one"), (LAYERS, "other"), (OPTIM, "c")])
    submission = open_submission(path, WANTED)
    assert submission.files == {LAYERS: "other", OPTIM: "c"}
    assert submission.notes == [f"{LAYERS} is there 2 times: the last one was read"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_open_submission_tells_of_another_encoding(zipped, encoding):
    path = zipped([(LAYERS, "# \N{LATIN SMALL LETTER E WITH ACUTE}".encode(encoding))])
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "is not UTF-8" in submission.notes[0]


def test_open_submission_accepts_a_byte_order_mark(zipped):
    path = zipped([(LAYERS, "\ufeffa")])
    assert open_submission(path, WANTED).files == {LAYERS: "a"}


def test_open_submission_writes_out_what_cannot_be_seen(zipped):
    path = zipped([("../\x1b[2J\u202e", "")], name="\u202eann\x1b.zip")
    submission = open_submission(path, WANTED)
    assert submission.name == "\\u202eann\\x1b"
    assert "\x1b" not in submission.notes[0]


def _tar(entries, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, text in entries:
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


def _zip(entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in entries:
            archive.writestr(name, text)
    return file.getvalue()


FILES = [(LAYERS, b"a"), (OPTIM, b"b")]
SEVEN, RAR = b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("name", ["ann.tar.gz", "ann.tgz", "ann"])
def test_tar_is_read_whatever_it_is_called(tmp_path, mode, name):
    path = tmp_path / name
    path.write_bytes(_tar([("ann/" + name, text) for name, text in FILES], mode))
    submission = open_submission(path, WANTED)
    assert submission.name == "ann"
    assert submission.files == {LAYERS: "a", OPTIM: "b"}
    assert submission.notes == []


def test_tar_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "MAX_UNPACKED", 1 << 20)
    path = tmp_path / "eve.tar.xz"
    path.write_bytes(_tar([("big", bytes(4 << 20)), *FILES], "w:xz"))
    assert path.stat().st_size < 10_000
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "more than 1 MB" in submission.notes[0]


def test_tar_that_breaks_off_gives_what_it_has(tmp_path):
    path = tmp_path / "ann.tar"
    path.write_bytes(_tar(FILES, "w")[:1200])
    submission = open_submission(path, WANTED)
    assert submission.files == {LAYERS: "a"}
    assert "its end is broken" in submission.notes[0]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_broken_header_in_a_tar_costs_its_file_only(tmp_path, mode):
    data = bytearray(_tar([("x.txt", b"x" * 1300), *FILES], "w"))
    place = data.index(LAYERS.encode())
    data[place + 150] ^= 1  # its checksum
    path = tmp_path / "ann.tar"
    path.write_bytes(gzip.compress(data) if mode == "w:gz" else data)
    submission = open_submission(path, WANTED)
    assert submission.files == {OPTIM: "b"}
    assert submission.notes == [f"{LAYERS} has a broken header: ignored"]
    assert {*submission.unread} == {LAYERS}


def test_links_in_a_tar_are_ignored_and_named(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo(LAYERS)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("../" + OPTIM))
    path = tmp_path / "eve.tar"
    path.write_bytes(file.getvalue())
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "is a link" in submission.notes[0]
    assert "leads out of the archive" in submission.notes[1]


@pytest.mark.parametrize("depth", [1, 3, 9])
def test_any_depth_of_folders_is_looked_through(zipped, depth):
    top = "/".join("folder" for _ in range(depth)) + "/"
    submission = open_submission(zipped([(top + LAYERS, "a")]), WANTED)
    assert submission.files == {LAYERS: "a"}


@pytest.mark.parametrize("pack", [_zip, _tar])
def test_archive_within_is_read(zipped, pack):
    path = zipped([("work/inner.zip", pack(FILES))])
    submission = open_submission(path, WANTED)
    assert submission.files == {LAYERS: "a", OPTIM: "b"}
    assert submission.notes == ["what work/inner.zip holds was read"]


def test_archive_within_completes_what_lies_beside_it(zipped):
    inner = _zip([(OPTIM, b"b")])
    path = zipped([(LAYERS, "a"), ("code.zip", inner)])
    assert open_submission(path, WANTED).files == {LAYERS: "a", OPTIM: "b"}


def test_archives_without_end_are_not_followed(zipped):
    inner = _zip(FILES)
    for _ in range(4):
        inner = _zip([("inner.zip", inner)])
    submission = open_submission(zipped([("inner.zip", inner)]), WANTED)
    assert submission.files == {}
    assert "archive within archives" in submission.notes[-1]


@pytest.mark.parametrize(("beginning", "what"), [(SEVEN, "7z"), (RAR, "RAR")])
def test_archive_that_is_not_opened_says_what_to_ask_for(zipped, beginning, what):
    submission = open_submission(zipped([("w.7z", beginning + bytes(99))]), WANTED)
    [note] = submission.notes
    assert f"is a {what} archive" in note
    assert "ask for a .zip" in note


@pytest.mark.parametrize(
    "name",
    ["layers.py", "layers (1).py", "layers-2.py", "Layers.py", "my work/layers.py",
     "layers.py.txt", "Copy of layers.py", "layers - Copy.py"],
)  # fmt: skip
def test_file_is_found_by_its_name(zipped, name):
    submission = open_submission(zipped([(name, "a")]), WANTED)
    assert submission.files == {LAYERS: "a"}
    assert submission.notes == (
        [] if name == "layers.py" else [f"{LAYERS} was read from {name}"]
    )


def test_copies_of_earlier_versions_are_not_the_work(zipped):
    names = ["backups/layers.py", "__MACOSX/ece662/._layers.py",
             ".ipynb_checkpoints/layers.py"]  # fmt: skip
    submission = open_submission(zipped([(name, "a") for name in names]), WANTED)
    assert submission.files == {}


def test_of_two_files_that_may_be_one_the_other_is_named(zipped):
    path = zipped([(LAYERS, "a"), ("ece662/layers (1).py", "b"), (OPTIM, "c")])
    submission = open_submission(path, WANTED)
    assert submission.files == {LAYERS: "a", OPTIM: "c"}
    [note] = submission.notes
    assert note == f"ece662/layers (1).py may be {LAYERS} as well: ignored"


@pytest.mark.parametrize("name", ["hw3 final.ipynb", "ann", "ann.json"])
def test_notebook_of_any_name_is_known_by_its_exercises(tmp_path, name):
    file = "notebooks/Q3-Dropout.ipynb"
    path = tmp_path / name
    path.write_bytes((Path(__file__).parents[4] / file).read_bytes())
    submission = open_submission(path, {file, LAYERS})
    assert list(submission.files) == [file]
    assert "by the exercises in it" in submission.notes[0]


def _listed(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_zip(FILES) if name.endswith(".zip") else b'{ "a"')
    found, left_out = hand_ins(folder)
    return found, dict(left_out)


@pytest.mark.skipif(not Path("/proc/self/mem").is_file(), reason="needs Linux")
def test_entry_that_cannot_be_read_is_left_out():
    why = _why_left_out(Path("/proc/self/mem"))  # a file whose first byte is none
    assert why.startswith("it cannot be opened (")


def test_every_entry_is_a_hand_in_or_is_named(tmp_path):
    made = {"bob.zip": _zip(FILES), "cem": _tar(FILES), "dan.rar": RAR,
            "eve.zip": SEVEN, "none.pdf": b"", "note.txt": b"words",
            "a.docx": _zip(FILES)}  # fmt: skip
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    found, left_out = _listed(
        tmp_path, "ann/x", "fay.ipynb", "gus.zip.crdownload", ".hid.zip", "layers.py",
        ".DS_Store", "hal",
    )  # fmt: skip
    assert [hand_in.student for hand_in in found] == ["ann", "bob", "cem", "fay", "hal"]
    assert {name: why.split(":")[0] for name, why in left_out.items()} == {
        ".hid.zip": "its name begins with a full stop",
        "dan.rar": "a RAR archive, which is not opened",
        "none.pdf": "it is empty",
        "eve.zip": "a 7z archive, which is not opened",
        "gus.zip.crdownload": "a download that was broken off",
        "layers.py": "it does not say whose it is",
        "a.docx": "a document, and no archive of files",
        "note.txt": "none of the kinds of files that are handed in",
    }
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        hand_ins(tmp_path / "missing")
    with pytest.raises(NotADirectoryError, match="unpack it first"):
        hand_ins(tmp_path / "bob.zip")


# Names of folders that students hand in, or that somebody gives them.
ODD_NAMES = (
    "ann", "Ann", "ANN", "ann ", " ann", "ann.", "ann..", "ann,", "ann;=1+1", "=1+1",
    "-rf", "--help", "~", "~root", "$HOME", "%TEMP%", "*", "?", "a|b", "a>b", "a\\b",
    "CON", "con.txt", "nul", "COM1", "aux.d", "LPT9", "a...", "a.b.c", "~2d",
    "^a", "^A", "~_", "a b", "a  b", "a\tb", "a\nb", "a\rb", "a\x1bb", "a\x7fb",
    "\u00e9", "e\u0301", "\u00c9", "\ufb01", "fi", "\u0130", "\u0131", "\u00df", "ss",
    "\u202eann", "\u200bann", "ann\u00a0", "\u0430nn", "\U0001f600", "\udcff", "'ann",
    '"ann"', "<b>ann</b>", "a&b", "&amp;", "a" * 200, "a" * 199 + "b", "0", "00", "1e5",
    "\u5f20\u4f1f", "\u05d0\u05d1", "null", "None", "nan", "TRUE", "\uff1d1", "#ann",
)  # fmt: skip


def test_odd_names_are_as_many_students(tmp_path):
    """Each is a student of its own, with a record of its own, and can be read back."""
    folder = tmp_path / "submissions"
    for name in ODD_NAMES:
        (folder / name).mkdir(parents=True)
        (folder / name / "optim.py").write_text("x = 1\n")
    found, left_out = hand_ins(folder)
    assert left_out == []
    students = [hand_in.student for hand_in in found]
    assert len({*students}) == len({*ODD_NAMES}) == len(ODD_NAMES)
    records = [file_name(student) for student in students]
    assert len({record.casefold() for record in records}) == len(ODD_NAMES)
    for student, record in zip(students, records, strict=True):
        assert printable(student) == student
        assert record.isascii()
        assert "~~" in record or name_of(record) == student


def test_canvas_names_are_read(tmp_path):
    found, left_out = _listed(
        tmp_path,
        "smithann_LATE_123_4567_submission.zip",
        "smithann_LATE_123_4568_Q1-FCNetworks-1.ipynb",
    )
    [hand_in] = found
    assert hand_in.student == "smithann_123"
    assert (hand_in.name, hand_in.id) == ("smithann", "123")
    assert hand_in.is_late
    called = [called for _, called in hand_in.parts]
    assert called == ["submission.zip", "Q1-FCNetworks-1.ipynb"]
    assert left_out == {}
    files = open_parts(hand_in.parts, WANTED, "x").files
    assert files == {LAYERS: "a", OPTIM: "b"}


@pytest.mark.parametrize("top", ["", "Course-HW1-99/"])
def test_moodle_folders_are_read(tmp_path, top):
    found, _ = _listed(
        tmp_path,
        f"{top}Zoë Çelik_77_assignsubmission_file_/work.zip",
        f"{top}Bob B_78_assignsubmission_file_w.zip",
    )
    assert [(h.name, h.id) for h in found] == [("Bob B", "78"), ("Zoë Çelik", "77")]
    files = open_parts(found[1].parts, WANTED, "x").files
    assert files == {LAYERS: "a", OPTIM: "b"}


def test_blackboard_attempts_are_read_and_the_last_counts(tmp_path):
    found, left_out = _listed(
        tmp_path,
        "HW_1_ab12_attempt_2026-10-01-12-30-45_work.zip",
        "HW_1_ab12_attempt_2026-10-01-12-30-45.txt",
        "HW_1_ab12_attempt_2026-10-03-08-00-00.txt",
        "HW_1_ab12_attempt_2026-10-03-08-00-00_work.zip",
    )
    [hand_in] = found
    assert (hand_in.student, hand_in.id) == ("ab12", "ab12")
    assert hand_in.when == "2026-10-03T08:00:00"
    assert [called for _, called in hand_in.parts] == ["work.zip"]
    [note] = hand_in.notes
    assert note == "an earlier attempt, of 2026-10-01T12:30:45, is not graded"
    assert left_out == {}


def test_brightspace_names_are_read(tmp_path):
    found, left_out = _listed(
        tmp_path,
        "123-9 - Ann Smith - Oct 1, 2026 930 AM - work.zip",
        "123-9 - Ann Smith - Oct 1, 2026 1130 PM/work.zip",
        "index.html",
    )
    [hand_in] = found
    assert (hand_in.name, hand_in.id) == ("Ann Smith", "123")
    assert hand_in.when == "2026-10-01T23:30:00"
    assert len(hand_in.notes) == 1
    assert left_out == {}


def test_gradescope_export_is_read(tmp_path):
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_11:\n  :submitters:\n  - :name: Ann Smith\n    :sid: '0042'\n"
        "  :created_at: 2026-10-01 10:00:00.000000000 Z\n"
        "submission_12:\n  :submitters: []\n"
    )
    found, _ = _listed(tmp_path, "submission_11/x", "submission_12/x")
    assert [(h.student, h.id, h.when[:10]) for h in found] == [
        ("Ann Smith_0042", "0042", "2026-10-01"),
        ("submission_12", "", ""),
    ]


def test_two_hand_ins_of_one_name_are_refused(tmp_path):
    with pytest.raises(GradingError, match="both by ann"):
        _listed(tmp_path, "ann/x", "ann.zip")


@pytest.mark.parametrize(
    "name", ["Q3-Dropout.py", "notebooks/Q3-Dropout.html", "Q3-Dropout (1).pdf",
             "q3_dropout.md", "Q3 Dropout.txt"]
)  # fmt: skip
def test_what_a_notebook_was_exported_as_is_named(zipped, name):
    file = "notebooks/Q3-Dropout.ipynb"
    submission = open_submission(zipped([(name, "# %% text"), (LAYERS, "a")]),
                                 {file, LAYERS})  # fmt: skip
    assert submission.files == {LAYERS: "a"}
    assert submission.notes == [f"{name} is no notebook: ask for Q3-Dropout.ipynb"]


@pytest.mark.parametrize(
    "name", ["layers (copy).py", "layers (another copy).py", "layers - Kopie.py",
             "layers - copia (2).py", "Kopie van layers.py"]
)  # fmt: skip
def test_copy_in_another_language_is_found_by_its_name(zipped, name):
    submission = open_submission(zipped([(name, "a")]), WANTED)
    assert submission.files == {LAYERS: "a"}


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2"),
                         (lzma.compress, "xz")]
)  # fmt: skip
def test_one_compressed_file_is_read(tmp_path, pack, suffix):
    path = tmp_path / f"layers.py.{suffix}"
    path.write_bytes(pack(b"some text\n" * 3000))  # more than a record of a tar
    submission = open_submission(path, WANTED)
    assert submission.files == {LAYERS: "some text\n" * 3000}
    assert submission.notes == []
    path.write_bytes(path.read_bytes()[:30])
    assert "it is broken" in open_submission(path, WANTED).notes[0]
