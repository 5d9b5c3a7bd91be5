"""What is read of a submission, and what is told of the rest."""

import io
import os
import stat
import zipfile

import pytest

from course.grade import intake
from course.grade.intake import open_submission, submissions_in

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
        ("/" + LAYERS, 0, "leads out of the zip"),
        ("../" + LAYERS, 0, "leads out of the zip"),
        ("a/../../" + LAYERS, 0, "leads out of the zip"),
        ("..\\" + LAYERS, 0, "leads out of the zip"),
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
    monkeypatch.setattr(intake, "MAX_FILE", 1 << 19)
    submission = open_submission(path, WANTED)
    assert submission.files == {}
    assert "is larger than" in submission.notes[0]


def test_open_submission_refuses_a_zip_of_too_many_entries(zipped, monkeypatch):
    monkeypatch.setattr(intake, "MAX_DIRECTORY", 2000)
    path = zipped([(f"file{i}", "") for i in range(100)] + [(LAYERS, "a")])
    assert "too many entries" in open_submission(path, WANTED).notes[0]


def test_open_submission_refuses_a_folder_of_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MAX_ENTRIES", 3)
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


def test_open_submission_tells_of_files_that_are_there_twice(zipped):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped([(LAYERS, "one"), (LAYERS, "other"), (OPTIM, "c")])
    submission = open_submission(path, WANTED)
    assert submission.files == {OPTIM: "c"}
    assert submission.notes == [f"{LAYERS} is in the zip 2 times"]


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


def test_submissions_in_lists_folders_and_zips(tmp_path):
    (tmp_path / "ann").mkdir()
    for name in ("bob.zip", ".hidden.zip", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in submissions_in(tmp_path)] == ["ann", "bob.zip"]
    with pytest.raises(NotADirectoryError, match="expected a folder"):
        submissions_in(tmp_path / "missing")


def test_zip_of_a_zip_is_a_file_like_another(zipped):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(LAYERS, "a")
    submission = open_submission(zipped([("inner.zip", inner.getvalue())]), WANTED)
    assert submission.files == {}
