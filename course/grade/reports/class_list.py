"""The class: every student of the list and every submission, with what each one has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course.grade.books.gradebooks import fill
from course.grade.books.people import People, Person, read_roster
from course.grade.books.rules import Course, Standing
from course.grade.reports.keeping import replace_file
from course.grade.reports.losses import LOST
from course.grade.reports.records import Records, record_name
from course.grade.text import name_line
from ece662.check.terms import Status
from ece662.exercises import EXERCISES

__all__ = ["ClassList"]

SHOWN = 10  # names in a sentence
RUN = (Status.PASSED, Status.FAILED, Status.ECHO, Status.STOPPED)


class ClassList:
    """Whose each record is, and how each student stands."""

    def __init__(self, records: Records, course: Course):
        """Match the records with the list of students.

        Args:
            records: of the run, with the marks that people gave.
            course: what is settled.

        Raises:
            GradingError: the list of students cannot be read.
        """
        self.course, self._records = course, records
        roster = read_roster(course.roster) if course.roster else []
        people = People(roster)
        self.people: dict[str, Person] = {}  # by the record's name
        self.unclear: list[str] = []  # what a person has to decide, in words
        run: set[str] = set()
        left_out: set[str] = set()
        for record in records:
            name = record["student"]
            for mark in record["marks"]:
                if mark["status"] in RUN:
                    run.add(mark["exercise"])
                elif mark["status"] == Status.NOT_RUN and mark["diagnosis"] != LOST:
                    left_out.add(mark["exercise"])
            found = people.find(record) if roster else []
            if len(found) == 1:
                self.people[record_name(name)] = found[0]
            elif found:
                several = ", ".join(p.shown for p in found[:5])
                self.unclear.append(f"{name_line(name)} may be {several}")
            elif roster:
                self.unclear.append(f"{name_line(name)} is not on the list of students")
        # An exercise that was run for no student (training cells can be left out) does
        # not count. All others are part of the maximum, which is the same for everyone.
        self.counted = frozenset(e.id for e in EXERCISES) - (left_out - run)
        self._refuse_doubles()
        there = set(self.people.values())
        self.missing = [person for person in roster if person not in there]

    def _refuse_doubles(self) -> None:
        """Say where two submissions are one student's."""
        names: dict[Person, list[str]] = {}
        for name, person in self.people.items():
            names.setdefault(person, []).append(name.removesuffix(".json"))
        for person, several in names.items():
            if len(several) > 1:
                remark = f"{', '.join(several)} are all by {person.shown}"
                self.unclear.append(remark)

    def person(self, record: Mapping[str, Any]) -> Person | None:
        """Return the student of the list whom a record is of."""
        return self.people.get(record_name(record["student"]))

    def standing(self, record: Mapping[str, Any]) -> Standing:
        """Return what the student of a record has."""
        person = self.person(record)
        extension = person.extension if person else 0
        return self.course.standing(record, self.counted, extension)

    def complaints(self) -> list[str]:
        """Say who is missing, and what a person has to decide."""
        lines = list(self.unclear[:SHOWN])
        if len(self.unclear) > SHOWN:
            lines.append(f"{len(self.unclear) - SHOWN} more like these: see class.html")
        if self.missing:
            shown = ", ".join(person.shown for person in self.missing[:SHOWN])
            more = len(self.missing) - SHOWN
            rest = f" and {more} more: see class.html" if more > 0 else ""
            lines.append(f"{len(self.missing)} without a submission: {shown}{rest}")
        return lines

    def fill_gradebooks(self, out: Path) -> list[str]:
        """Write each platform's gradebook with its column filled, to `gradebooks`.

        Returns:
            What was changed, and who is not in it; sentences.

        Raises:
            GradingError: one cannot be read, or has no such column.
        """
        lines = []
        for path, column in self.course.gradebooks:
            found: dict[int, float] = {}
            lost: list[str] = []

            def points_of(people: People, found=found, lost=lost) -> dict[int, float]:
                for record in self._records:
                    persons = people.find(record) or self._by_list(people, record)
                    line = persons[0].line if len(persons) == 1 else None
                    if line is None or line in found:
                        lost.append(name_line(record["student"]))
                    else:
                        found[line] = self.standing(record).points
                return found

            of = self.course.standing(next(iter(self._records)), self.counted).of
            filled = fill(path, column, points_of, of)
            (out / "gradebooks").mkdir(exist_ok=True)
            replace_file(out / "gradebooks" / path.name, filled.data)
            lines += [f"{path.name}: {remark}" for remark in filled.remarks]
            if lost:
                lines.append(
                    f"{path.name} has no one row for {', '.join(lost[:SHOWN])}"
                )
        return lines

    def _by_list(self, people: People, record: Mapping[str, Any]) -> list[Person]:
        """Find a student in a gradebook by what the list of students says of them."""
        person = self.person(record)
        if person is None:
            return []
        for id in (*person.ids, person.email):
            about = {"id": id, "name": person.name}
            if id and (found := people.find({"student": id, "handed_in": about})):
                return found
        return people.find({"student": person.name})
