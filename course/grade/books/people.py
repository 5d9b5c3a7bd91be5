"""Find the student a submission belongs to, in a list from any platform."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.grade.errors import GradingError
from course.grade.tables.names import Names
from course.grade.tables.reading import TableError, read_table
from course.grade.tables.values import bare

__all__ = ["MEANINGS", "People", "Person", "person_of", "read_roster"]

MEANINGS = {
    "name": ("name", "student", "student name", "full name", "display name",
             "vollständiger name", "nom complet", "nombre completo"),
    "first": ("first name", "firstname", "given name", "vorname", "prénom", "nombre"),
    "last": ("last name", "lastname", "surname", "family name", "nachname", "nom",
             "apellido", "apellido(s)"),
    "email": ("email", "e-mail", "email address", "mail", "e-mail-adresse"),
    "id": ("id", "student id", "sid", "identifier", "userid", "user id", "matrikel",
           "matrikelnummer", "student number", "student no"),
    "sis": ("sis user id", "id number", "orgdefinedid", "external id"),
    "login": ("sis login id", "login id", "username", "user name", "login",
              "anmeldename"),
    "section": ("section", "sections", "group"),
    "extension": ("extension", "extra days", "extension days"),
}  # fmt: skip
IDS = ("id", "sis", "login")
# Rows of Canvas: the maxima, and the student that a teacher may try things as.
NOBODY = ("points possible", "student, test", "test student")


@dataclass(frozen=True)
class Person:
    """A student of a list."""

    line: int
    name: str
    ids: tuple[str, ...]
    email: str = ""
    section: str = ""
    extension: float = 0.0

    @property
    def shown(self) -> str:
        """What the student is called in a report."""
        return self.name or next(iter(self.ids), "") or self.email


def read_roster(path: Path) -> list[Person]:
    """Read the students of a course from a platform's list.

    Raises:
        GradingError: it cannot be read; says why.
    """
    error: TableError | None = None
    for needed in (("name",), ("last",), ("email",), ("id",), ("sis",), ("login",)):
        try:
            table = read_table(path, MEANINGS, needed)
            break
        except TableError as why:
            error = error or why
    else:
        raise GradingError(f"the list of students: {error}")
    found = [person_of(row.cells, row.line) for row in table.rows]
    return [person for person in found if person is not None]


def person_of(cells: Mapping[str, str], line: int) -> Person | None:
    """Return the student of a row; None where it has none."""
    name = cells.get("name", "").strip()
    if not name:
        parts = (cells.get("first", "").strip(), cells.get("last", "").strip())
        name = " ".join(filter(None, parts))
    # Identifiers of Moodle are "Participant 77".
    ids = [re.sub(r"^\D+ (?=\d+$)", "", cells.get(key, "").strip()) for key in IDS]
    ids = [id for id in ids if id]
    if bare(name) in NOBODY:
        return None
    email = cells.get("email", "").strip()
    if not (name or ids or email):
        return None
    extra = cells.get("extension", "").strip().replace(",", ".")
    try:
        extension = float(extra or 0)
    except ValueError:
        why = f"the list of students, line {line}: an extension of {extra[:40]!r} days"
        raise GradingError(why) from None
    section = cells.get("section", "").strip()
    return Person(line, name, tuple(ids), email, section, extension)


class People:
    """Finds students of a list by what is known of a submission."""

    def __init__(self, people: Sequence[Person]):
        """List what each one is called."""
        self.people = list(people)
        self._by_id = _Index((id, p) for p in people for id in p.ids)
        self._by_login = _Index((login, p) for p in people for login in _logins(p))
        self._by_name: dict[str, set[Person]] = {}
        for person in people:
            for form in _forms(person.name):
                self._by_name.setdefault(form, set()).add(person)

    def find(self, record: Mapping[str, Any]) -> list[Person]:
        """Return the students whom a record may be of; one, where it is certain."""
        about = record.get("handed_in") or {}
        student = record["student"]
        id, name = str(about.get("id", "")), str(about.get("name", ""))
        tries = (
            lambda: self._by_id.find(id) if id else (),
            lambda: self._by_id.find(student),
            lambda: self._by_login.find(student) or self._by_login.find(id),
            lambda: self._named(name or student),
        )
        found = [set(attempt()) for attempt in tries]
        first = next(filter(None, found), set())
        if len(first) > 1:  # two of one name, say: what else is known decides
            for other in found:
                first = (first & other) or first
        return sorted(first, key=lambda person: person.line)

    def _named(self, name: str) -> set[Person]:
        found = [self._by_name.get(form, set()) for form in _forms(name)]
        return next(filter(None, found), set())


class _Index:
    """Students by a text that a spreadsheet may have changed."""

    def __init__(self, pairs: Iterable[tuple[str, Person]]):
        self._people: dict[str, set[Person]] = {}
        for text, person in pairs:
            self._people.setdefault(text, set()).add(person)
        self._names = Names(self._people)

    def find(self, text: str) -> set[Person]:
        if not text:
            return set()
        return {p for name in self._names.find(text) for p in self._people[name]}


def _logins(person: Person) -> list[str]:
    return [person.email, person.email.partition("@")[0]] if person.email else []


def _forms(name: str) -> list[str]:
    """Return forms under which a name is compared, the strictest first."""
    name = re.sub(r"_\d+$", "", name)
    words = re.findall(r"[^\W_]+", bare(name))
    plain = [_ascii(word) for word in words]
    if not words:
        return []
    turned = words
    if "," in name:
        last, _, first = bare(name).partition(",")
        turned = re.findall(r"[^\W_]+", first) + re.findall(r"[^\W_]+", last)
    # Canvas writes the last name, the first, and nothing between them.
    joined = "".join(_ascii(w) for w in (turned[-1:] + turned[:-1]))
    return [" ".join(sorted(words)), " ".join(sorted(plain)), joined]


def _ascii(word: str) -> str:
    plain = unicodedata.normalize("NFD", word)
    return "".join(c for c in plain if not unicodedata.combining(c))
