"""Whose a file of a bulk download is, and when it was handed in, by its name.

Canvas       smithann_LATE_123_4567_work.zip
             LATE_anon_aB3dE_4567_work.zip, where it hides the names
Moodle       Ann Smith_77_assignsubmission_file, of a group Group A_12_...
Blackboard   HW 1_ab12_attempt_2026-10-01-12-30-45_work.zip, and a receipt, .txt
Brightspace  123-9 - Ann Smith - Oct 1, 2026 930 AM - work.zip
Gradescope   as its submission_metadata.yml says

A login may hold underscores, as may the name of what is handed in. So of Blackboard's
names the receipt decides where the login begins.
"""

import datetime
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from course.grade.text import name_line

__all__ = [
    "CANVAS",
    "MOODLE",
    "TYPED",
    "Delivery",
    "deliveries_of",
    "doubt_about",
    "is_of_a_platform",
]

# Who hands in without a name has five letters and digits in place of the number.
WHO = r"(?:(?P<name>(?!(?:LATE_)?anon_).+?)_)?(?P<late>LATE_)?(?P<id>anon_\w{5}|\d+)"
CANVAS = re.compile(WHO + r"_(?P<number>\d+)_(?P<file>.+)")
# A year, or a day with its year: 2026, 20261128, 28112026, 261128, 281126.
DATED = re.compile(
    r"(?:19|20)\d\d(?:[01]\d[0-3]\d)?|[0-3]\d[0-3]\d20\d\d|"
    r"2\d[01]\d[0-3]\d|[0-3]\d[0-3]\d2\d"
)
FEWEST_DIGITS = 4  # of a number that says by itself that it is no count
TYPED = re.compile(WHO + r"_(?:text|link)\.html")  # what Canvas makes of a text
MOODLE = re.compile(
    r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_(?P<kind>[a-z]+)_?(?P<file>.*)"
)
BLACKBOARD = re.compile(
    r"(?P<head>.+?)_attempt_(?P<when>\d{4}(?:-\d\d){5})"
    r"(?:_(?P<file>.+)|(?P<receipt>\.txt))"
)
DATE = (
    r"(?:[^\W\d_]+\.? \d{1,2}|\d{1,2}\.? [^\W\d_]+\.?),? \d{4},? "
    r"\d{1,2}[:.]?\d\d(?: ?[AP]M)?"
)
BRIGHTSPACE = re.compile(
    rf"(?P<id>\d+)-\d+ ?- (?P<name>.+?) ?- (?P<when>{DATE})(?: ?- ?(?P<file>.+))?"
)
# Some of its sites put the login or a number in front of the name.
LOGIN = re.compile(r"(?P<id>\S*\d\S*)(?: -)? (?P<name>.+)")
# How the months begin in languages that Brightspace speaks, without accents.
MONTHS = ("jan ene gen", "feb fev", "mar maa mrt", "apr abr avr", "may mai maj mei mag",
          "jun juin giu", "jul juil lug", "aug aou ago", "sep set", "oct okt ott out",
          "nov", "dec dez dic")  # fmt: skip
# Nothing in it is tried twice, so that a receipt takes no longer than its length says.
RECEIPT = re.compile(
    r"\s*+[^:\n]*+:\s*+(?P<name>[^\n]+)\((?P<id>[^()\n]++)\)[^\S\n]*+(?:\n|$)"
)
MOST_OF_RECEIPT = 2000  # bytes: the first line counts


class Delivery(NamedTuple):
    """One entry of a bulk download."""

    path: Path
    called: str  # as the student called it; "" for a platform's own receipt
    student: str  # the name that a hand-in goes by
    name: str
    id: str
    when: str = ""  # as ISO 8601 has it; "" where it is not said or cannot be read
    attempt: str = ""  # the time as it stands there; "" where only one is given out
    is_late: bool = False


def is_of_a_platform(name: str) -> bool:
    """Tell whether a name is one that a platform has given."""
    forms = (MOODLE, BLACKBOARD, BRIGHTSPACE, CANVAS, TYPED)
    return any(form.fullmatch(name) for form in forms)


def deliveries_of(
    paths: Sequence[Path], submitters: Mapping[str, Mapping[str, str]]
) -> dict[Path, Delivery]:
    """Return what the names say, of those that a platform has given.

    Args:
        paths: the entries of a folder.
        submitters: what Gradescope says of some of them, by their name.
    """
    found = {path: _of_gradescope(path, submitters[path.name])
             for path in paths if path.name in submitters}  # fmt: skip
    matches = {p: BLACKBOARD.fullmatch(p.name) for p in paths if p not in found}
    whose = _logins({path: match for path, match in matches.items() if match})
    of_canvas = _canvas_names(paths)
    for path, match in matches.items():
        if match:
            name, id = whose[match["head"]]
            when = _iso(*map(int, match["when"].split("-")))
            called = match["file"] or ""
            found[path] = _delivery(path, called, name, id, when, match["when"])
        elif match := MOODLE.fullmatch(path.name):
            called = match["file"] or path.name
            found[path] = _delivery(path, called, match["name"], match["id"] or "")
        elif match := BRIGHTSPACE.fullmatch(path.name):
            found[path] = _of_brightspace(path, match)
        elif match := of_canvas.get(path):
            whole = _delivery(path, match["file"], match["name"] or "", match["id"])
            found[path] = whole._replace(is_late=bool(match["late"]))
    return found


def _delivery(
    path: Path, called: str, name: str, id: str, when: str = "", attempt: str = ""
) -> Delivery:
    name = name.strip()
    student = name_line("_".join(filter(None, (name, id))))
    return Delivery(path, called, student, name, id, when, attempt)


def doubt_about(name: str) -> str:
    """Say that a name may be one of Canvas's, where it is read as a student's own."""
    match = CANVAS.fullmatch(name)
    if not match or (_has_date(match) and not match["late"]):
        return ""
    late = ", of a late hand-in" if match["late"] else ""
    return (
        f"its name may be one that Canvas gives{late}: it was not understood, and the "
        "whole of it was taken for the student's name"
    )


def _canvas_names(paths: Sequence[Path]) -> dict[Path, re.Match]:
    """Find Canvas's names, which say little by themselves.

    A student may call a single file `ann_2026_11_28.zip`, but half a class does not.
    In a folder of mixed names those count that are Canvas's without a doubt, and those
    of the same students.
    """
    matches = {p: m for p in paths if (m := CANVAS.fullmatch(p.name))}
    typed = sum(bool(TYPED.fullmatch(path.name)) for path in paths)
    if 2 * (len(matches) + typed) >= len(paths):
        return matches
    certain = {(m["name"], m["id"]) for m in matches.values() if _is_certain(m)}
    return {path: match for path, match in matches.items()
            if (match["name"], match["id"]) in certain}  # fmt: skip


def _is_certain(match: re.Match) -> bool:
    """Tell whether a name has a form that nobody gives a file by hand."""
    if _has_date(match):
        return False
    if match["late"] or not match["id"].isdecimal():
        return True
    numbers = match["id"], match["number"]
    return bool(match["name"]) and min(map(len, numbers)) >= FEWEST_DIGITS


def _has_date(match: re.Match) -> bool:
    """Tell whether the numbers of a name may be a date: 2026_11_28 or 28_11_2026."""
    numbers = match["id"], match["number"]
    if any(map(DATED.fullmatch, numbers)):
        return True
    year = re.match(r"(?:20)?\d\d(?!\d)", match["file"])
    return bool(year) and max(map(len, numbers)) <= 2


def _of_gradescope(path: Path, known: Mapping[str, str]) -> Delivery:
    id = known.get("sid", "") or known.get("email", "")
    delivery = _delivery(path, path.name, known.get("name", ""), id)
    when = known.get("when", "")
    named = delivery if delivery.student else delivery._replace(student=path.name)
    return named._replace(when=when, attempt=when or path.name)


def _of_brightspace(path: Path, match: re.Match) -> Delivery:
    name, id, when = match["name"], match["id"], match["when"]
    if login := LOGIN.fullmatch(name):
        name, id = login["name"], login["id"]
    return _delivery(path, match["file"] or path.name, name, id, _time(when), when)


def _logins(matches: Mapping[Path, re.Match]) -> dict[str, tuple[str, str]]:
    """Return name and login by what stands before `_attempt_` in Blackboard's names."""
    found = {match["head"]: ("", match["head"].rpartition("_")[2])
             for match in matches.values()}  # fmt: skip
    for path, match in matches.items():
        if match["receipt"] and (said := _receipt(path)):
            name, id = said
            if match["head"].endswith(f"_{id}"):
                found[match["head"]] = name, id
    shared = Counter(id for _, id in found.values())
    # Without a receipt ann_smith and bob_smith would both be smith.
    return {head: (name, id if shared[id] == 1 else head)
            for head, (name, id) in found.items()}  # fmt: skip


def _receipt(path: Path) -> tuple[str, str] | None:
    """Return the name and the login that a receipt begins with."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        with open(path, "rb") as file:
            text = file.read(MOST_OF_RECEIPT).decode("utf-8-sig", "replace")
    except OSError:
        return None
    match = RECEIPT.match(text)
    return (match["name"].strip(), match["id"]) if match else None


def _time(text: str) -> str:
    """Return a time of Brightspace as ISO 8601 has it; "" where it is none."""
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    [word] = re.findall(r"[^\W\d_]{3,}", plain) or [""]
    months = (n for n, all_of in enumerate(MONTHS, 1)
              if word.startswith(tuple(all_of.split())))  # fmt: skip
    month, half = next(months, 0), plain[-2:]
    day, year, clock = re.findall(r"\d+", plain.replace(":", "").replace(".", ""))
    hour, minute = divmod(int(clock), 100)
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + 12 * (half == "pm")
    return _iso(int(year), month, int(day), hour, minute)


def _iso(*numbers: int) -> str:
    try:
        return datetime.datetime(*numbers).isoformat()
    except ValueError:
        return ""
