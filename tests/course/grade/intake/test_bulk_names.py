"""Bulk downloads, named as the sources or the users of five platforms show it."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.grade.errors import GradingError
from course.grade.intake.bulk_names import deliveries_of
from course.grade.intake.handins import Attempts, hand_ins
from course.grade.intake.platforms import submitters_in
from course.grade.reports.feedback import _target

ZIP = b"PK\5\6" + bytes(18)


def _folder(tmp_path, *names, **texts):
    folder = tmp_path / "bulk"
    folder.mkdir()
    for name in (*names, *texts):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(texts.get(name, ZIP))
    return folder


def _read(tmp_path, *names, attempts=Attempts.LAST, **texts):
    found, left_out = hand_ins(_folder(tmp_path, *names, **texts), attempts)
    return found, dict(left_out)


@pytest.mark.parametrize(
    ("name", "whose", "called", "is_late"),
    [
        ("smithann_123_4567_work.zip", ("smithann", "123"), "work.zip", False),
        ("smithann_LATE_123_456_a_1_2_b.zip", ("smithann", "123"), "a_1_2_b.zip", True),
        ("o_neilann_123_4567_w-1.zip", ("o_neilann", "123"), "w-1.zip", False),
        ("van_de_LATE_9_8_w.zip", ("van_de", "9"), "w.zip", True),
        ("anon_aB3dE_4567_work.zip", ("", "anon_aB3dE"), "work.zip", False),
        ("anon_aB3dE_4567_2_b.zip", ("", "anon_aB3dE"), "2_b.zip", False),
        ("LATE_anon_12345_4567_w.zip", ("", "anon_12345"), "w.zip", True),
        ("çelikzoë_LATE_7_8_Übung 1.zip", ("çelikzoë", "7"), "Übung 1.zip", True),
        ("group1_77_88_w.zip", ("group1", "77"), "w.zip", False),
    ],
)
def test_canvas_names_are_read(tmp_path, name, whose, called, is_late):
    [hand_in], left_out = _read(tmp_path, name)
    assert (hand_in.name, hand_in.id) == whose
    assert [part[1] for part in hand_in.parts] == [called]
    assert hand_in.is_late is is_late
    assert left_out == {}


def test_what_was_typed_into_canvas_is_named(tmp_path):
    found, left_out = _read(
        tmp_path, "smithann_123_4567_w.zip", "bobb_LATE_9_text.html", "c_8_link.html"
    )
    assert [hand_in.student for hand_in in found] == ["smithann_123"]
    assert set(left_out) == {"bobb_LATE_9_text.html", "c_8_link.html"}
    assert all("typed into Canvas" in why for why in left_out.values())


def test_dates_in_students_own_names_are_no_names_of_canvas(tmp_path):
    found, _ = _read(tmp_path, "ann_2026_11_28.zip", "bob.zip", "cem.zip")
    assert [hand_in.student for hand_in in found] == ["ann_2026_11_28", "bob", "cem"]


# Where they are many, no form has half of the folder.
MIXED = ("bob.zip", "Cem_77_assignsubmission_file/x.zip", "dan.zip", "eve.zip",
         "fay_2026_11_28.zip", "gil.zip", "hal.zip", "ida.zip")  # fmt: skip


@pytest.mark.parametrize(
    ("names", "whose", "is_late"),
    [
        (["smithann_LATE_123_4567_w.zip"], ("smithann", "123"), True),
        (["smithann_12345_67890_w.zip"], ("smithann", "12345"), False),
        (["smithann_LATE_12_34_a.py", "smithann_12_35_b.py"], ("smithann", "12"), True),
        (["anon_aB3dE_4567_work.zip"], ("", "anon_aB3dE"), False),
    ],
)
def test_canvas_names_beyond_doubt_are_read_in_a_mixed_folder(
    tmp_path, names, whose, is_late
):
    found, left_out = _read(tmp_path, *names, *MIXED)
    [hand_in] = [h for h in found if h.parts[0][0].name in names]
    assert (hand_in.name, hand_in.id, hand_in.is_late) == (*whose, is_late)
    assert len(hand_in.parts) == len(names)
    assert len(found) == 1 + len(MIXED)
    assert {h.student for h in found} >= {"bob", "Cem_77", "fay_2026_11_28"}
    assert not any("Canvas" in note for h in found for note in h.notes)
    assert left_out == {}


@pytest.mark.parametrize(
    "name",
    [
        "ann_28_11_26_w.zip",
        "ann_20261128_143000_w.zip",
        "ann_2026_1128_w.zip",
        "ann_1234567_28112026_w.zip",
        "ann_261128_0930_w.zip",
    ],
)
def test_dates_in_a_mixed_folder_stay_the_students_own(tmp_path, name):
    found, _ = _read(tmp_path, name, *MIXED)
    [hand_in] = [h for h in found if h.student.startswith("ann")]
    assert (hand_in.student, hand_in.id, hand_in.notes) == (name[:-4], "", ())


@pytest.mark.parametrize(
    ("name", "late"),
    [("ann_12_4567_w.zip", ""), ("ann_LATE_2026_11_w.zip", ", of a late hand-in")],
)
def test_name_that_may_be_of_canvas_is_said_not_to_be_understood(tmp_path, name, late):
    found, _ = _read(tmp_path, name, *MIXED)
    [hand_in] = [h for h in found if h.student == name[:-4]]
    assert f"one that Canvas gives{late}: it was not understood" in hand_in.notes[0]
    assert [h.student for h in found if h.notes] == [hand_in.student]


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("Ann Smith_77_assignsubmission_file/x.zip", ("Ann Smith", "77")),
        ("Ann Smith_77_assignsubmission_file_/x.zip", ("Ann Smith", "77")),
        ("Çelik, Zoë_77_assignsubmission_file_w_1.zip", ("Çelik, Zoë", "77")),
        ("Participant_77_assignsubmission_onlinetext/x.html", ("Participant", "77")),
        ("Group A 2_12_assignsubmission_file/x.zip", ("Group A 2", "12")),
        ("Default group_assignsubmission_file/x.zip", ("Default group", "")),
        ("Ann_77_assignsubmission_mahara/x.html", ("Ann", "77")),
    ],
)
def test_moodle_names_are_read(tmp_path, name, whose):
    [hand_in], left_out = _read(tmp_path, name)
    assert (hand_in.name, hand_in.id) == whose
    assert len(hand_in.parts) == 1
    assert left_out == {}


HEAD = "HW_1_{}_attempt_2026-10-0{}-12-30-45"
RECEIPT = "\ufeffName: Ann van Smith ({})\r\nAssignment: HW_1\r\n"


def test_blackboard_logins_with_underscores_are_told_apart(tmp_path):
    files = {HEAD.format(login, 1) + "_w.zip": ZIP for login in ("a_smith", "b_smith")}
    found, _ = _read(tmp_path, **files)
    assert [h.student for h in found] == ["HW_1_a_smith", "HW_1_b_smith"]
    (tmp_path / "bulk" / (HEAD.format("a_smith", 1) + ".txt")).write_text(
        RECEIPT.format("a_smith"), "utf-8"
    )
    found, _ = hand_ins(tmp_path / "bulk")
    assert [(h.name, h.id) for h in found] == [("Ann van Smith", "a_smith"),
                                               ("", "smith")]  # fmt: skip


def test_receipt_of_somebody_else_says_nothing(tmp_path):
    name = HEAD.format("ab12", 1)
    texts = {f"{name}.txt": RECEIPT.format("eve9").encode(), f"{name}_w.zip": ZIP}
    [hand_in], _ = _read(tmp_path, **texts)
    assert (hand_in.name, hand_in.id) == ("", "ab12")


def test_long_receipt_is_read_in_no_time(tmp_path):
    texts = {f"{HEAD.format('ab12', n)}.txt": b"Name:" + b" " * 1990 for n in (1, 2)}
    [hand_in], _ = _read(tmp_path, **texts)  # tried three times over, it took minutes
    assert hand_in.id == "ab12"


def test_attempt_without_a_file_does_not_hide_the_one_before(tmp_path):
    [hand_in], _ = _read(
        tmp_path, HEAD.format("ab", 1) + "_w.zip", HEAD.format("ab", 2) + ".txt"
    )
    assert [called for _, called in hand_in.parts] == ["w.zip"]
    assert hand_in.notes == ("the attempt of 2026-10-02T12:30:45 has no file in it",)


def test_student_of_whom_there_is_a_receipt_alone_is_there(tmp_path):
    [hand_in], left_out = _read(tmp_path, HEAD.format("ab", 1) + ".txt")
    assert (hand_in.student, hand_in.parts, left_out) == ("ab", (), {})
    assert "there is no file" in hand_in.notes[0]


@pytest.mark.parametrize(
    ("middle", "whose", "when"),
    [
        ("Ann Smith - Oct 1, 2026 930 AM", ("Ann Smith", "123"), "2026-10-01T09:30"),
        ("Ann - S - Oct 1, 2026 1230 AM", ("Ann - S", "123"), "2026-10-01T00:30"),
        ("as12 Ann Smith - Sep 20, 2026 1035 PM", ("Ann Smith", "as12"),
         "2026-09-20T22:35"),
        ("N0123456 - Ann Smith - May 2, 2026 105 PM", ("Ann Smith", "N0123456"),
         "2026-05-02T13:05"),
        ("Jan de Vries - 12 okt., 2026 1430", ("Jan de Vries", "123"),
         "2026-10-12T14:30"),
        ("Zoë - 3 août, 2026 09:05", ("Zoë", "123"), "2026-08-03T09:05"),
        ("Zoë - 3. Dez. 2026 905", ("Zoë", "123"), "2026-12-03T09:05"),
        ("Ann - juil. 3, 2026 905", ("Ann", "123"), "2026-07-03T09:05"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [" - w.zip", "-w.zip", "/w.zip"])
def test_brightspace_names_are_read(tmp_path, middle, whose, when, end):
    [hand_in], left_out = _read(tmp_path, f"123-9 - {middle}{end}")
    assert (hand_in.name, hand_in.id) == whose
    assert hand_in.when == when + ":00"
    assert left_out == {}


def test_times_that_cannot_be_read_are_said_so(tmp_path):
    names = [f"1-9 - Ann - {day} kuuta, 2026 905 - {day}.zip" for day in (2, 3)]
    [hand_in], _ = _read(tmp_path, *names)
    assert [called for _, called in hand_in.parts] == ["3.zip"]
    assert "cannot all be read" in hand_in.notes[0]


def test_gradescope_export_names_students_by_mail_where_there_is_no_number(tmp_path):
    path = tmp_path / "submission_metadata.yml"
    path.write_text(
        "submission_11:\n  :submitters:\n  - :name: Ann Smith\n    :sid:\n"
        "    :email: ann@x.edu\n  :created_at: 2026-10-01 10:00:00.000000000 Z\n"
        "12.pdf:\n  :submitters:\n  - :name: Bob\n    :sid: 0042\n"
    )
    said = submitters_in(path)
    folder = _folder(tmp_path, "submission_11/x.zip", "12.pdf", "submission_13/y.zip")
    deliveries = deliveries_of(sorted(folder.iterdir()), said)
    assert [(p.name, p.id) for p in deliveries.values()] == [
        ("Bob", "34"),
        ("Ann Smith", "ann@x.edu"),
    ]


def test_attempts_are_all_listed_where_the_best_one_is_to_count(tmp_path):
    names = [HEAD.format(who, day) + "_w.zip" for who, day in
             (("ab", 1), ("ab", 2), ("cd", 1))]  # fmt: skip
    found, _ = _read(tmp_path, *names, attempts=Attempts.BEST)
    assert [(h.student, h.attempt) for h in found] == [
        ("ab", "2026-10-01-12-30-45"), ("ab", "2026-10-02-12-30-45"), ("cd", "")
    ]  # fmt: skip
    assert found[0].about["attempt"] == "2026-10-01-12-30-45"
    last, _ = hand_ins(tmp_path / "bulk")
    assert [h.student for h in last] == ["ab", "cd"]
    assert last[0].notes == (
        "an earlier attempt, of 2026-10-01T12:30:45, is not graded",
    )


def test_feedback_goes_back_under_the_name_that_it_came_from():
    assert _target("o_neilann_LATE_1_2_w.zip") == "o_neilann_LATE_1_2_feedback.html"
    assert _target("LATE_anon_aB3dE_2_w.zip") == "LATE_anon_aB3dE_2_feedback.html"
    moodle = "Ann_77_assignsubmission_file"
    assert _target(moodle) == f"{moodle}_/feedback.html"
    assert _target("Default group_assignsubmission_file") == ""


PARTS = ("ann", "Çelik, Zoë", "12", "345", "LATE", "anon", "aB3dE", "_", "_", "_",
         " - ", "attempt", "2026-10-01-12-30-45", "assignsubmission", "file",
         "onlinetext", "Oct 1, 2026 930 AM", "1-2 - ", "text.html", ".txt", ".zip",
         ".7z", "w", ".", "submission_11", "index.html")  # fmt: skip
NAMES = st.lists(st.sampled_from(PARTS), min_size=1, max_size=12).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(NAMES.filter(lambda name: name.strip(".")), unique=True, max_size=6))
def test_every_entry_is_handed_in_or_named_or_a_receipt(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            Path(folder, name).write_bytes(ZIP)
        try:
            found, left_out = hand_ins(Path(folder), Attempts.BEST)
        except GradingError as error:  # two of one name: it is said which
            said = str(error)
        else:
            said = ""
    if said:
        assert any(name in said for name in names)
        return
    there = {path.name for hand_in in found for path, _ in hand_in.parts}
    there |= {entry.name for entry in left_out} | {"index.html"}
    assert all(name.endswith(".txt") for name in {*names} - there)
    assert all(hand_in.student for hand_in in found)
