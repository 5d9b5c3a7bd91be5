"""A page for each student, and one for the class, as HTML and as Markdown."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from course.grade.books.rules import Standing
from course.grade.reports import html
from course.grade.reports.class_list import ClassList
from course.grade.reports.records import Records
from course.grade.reports.sentences import sentence_of
from course.grade.reports.survey import TENTHS, Survey
from course.grade.run import write_whole
from course.grade.text import file_name, markdown, printable
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, NOTEBOOKS

__all__ = ["WORDS", "write_pages", "write_summary"]

Mark = Mapping[str, Any]
SHOWN = 30  # of the most frequent mistakes
PRINTED = 2000  # characters of what a student's code printed

WORDS = {
    Status.PASSED: "passed",
    Status.FAILED: "not yet right",
    Status.ECHO: "counts in full: what it builds on is wrong",
    Status.NOT_WRITTEN: "not written",
    Status.NEEDS: "needs another exercise first",
    Status.MISSING: "not handed in",
    Status.DAMAGED: "marker lines damaged",
    Status.STOPPED: "stopped",
    Status.ANSWER: "waits to be read",
    Status.READ: "read",
    Status.NOT_RUN: "not run",
}


def write_pages(folder: Path, records: Records, students: ClassList) -> None:
    """Write `NAME.html` and `NAME.md` for each student."""
    folder.mkdir(exist_ok=True)
    for record in records:
        name = file_name(record["student"])
        standing = students.standing(record)
        got, of = standing.points, standing.of
        title = f"{record['student']}: {got:g} of {of:g} points"
        sentences = list(_standing_in_words(standing))
        body = [*map(html.paragraph, sentences), *_as_html(record)]
        write_whole(folder / f"{name}.html", html.page(title, body))
        lines = [*(f"{_line(text)}\n" for text in sentences), *_as_markdown(record)]
        text = "\n".join([f"# {_line(title)}", "", *lines])
        write_whole(folder / f"{name}.md", text + "\n")


def _standing_in_words(standing: Standing) -> Iterator[str]:
    if standing.open:
        yield f"{standing.open:g} more points are not decided on yet."
    if standing.bonus:
        yield f"{standing.bonus:g} of the points are extra."
    if standing.days:
        yield (f"{standing.days} days late, which costs {standing.lost:g} of "
               f"{standing.points + standing.lost:g} points.")  # fmt: skip
    if standing.remark:
        yield f"{standing.remark}."


def write_summary(out: Path, overview: Survey) -> None:
    """Write `summary.html` and `summary.md`."""
    title = f"{overview.students} submissions"
    write_whole(out / "summary.html", html.page(title, _summary_as_html(overview)))
    text = "\n".join([f"# {title}", "", *_summary_as_markdown(overview)])
    write_whole(out / "summary.md", text + "\n")


def kind_of(status: str) -> str:
    """Return the shade in which a status is shown."""
    good = (Status.PASSED, Status.ECHO, Status.READ)
    bad = (Status.FAILED, Status.STOPPED, Status.DAMAGED)
    return "passed" if status in good else "failed" if status in bad else "other"


def _sections(record) -> Iterator[tuple[str, list[Mark]]]:
    marks = {mark["exercise"]: mark for mark in record["marks"]}
    for notebook in NOTEBOOKS:
        ids = [e.id for e in EXERCISES if e.notebook == notebook]
        yield notebook, [marks[id] for id in ids]


def _headline(mark: Mark) -> str:
    line = f"{mark['exercise']}: {WORDS[mark['status']]}"
    if mark["status"] in (Status.ANSWER, Status.NOT_RUN):
        return f"{line} (up to {mark['of']:g})"
    return f"{line} ({mark['points']:g} of {mark['of']:g})"


def _as_html(record) -> Iterator[str]:
    if record["notes"]:
        yield "<h2>Notes on what was handed in</h2>"
        yield from (html.paragraph(note) for note in record["notes"])
    for notebook, marks in _sections(record):
        yield f"<h2>{html.escape(notebook)}</h2>"
        for mark in marks:
            yield html.paragraph(_headline(mark), kind_of(mark["status"]), "h3")
            for text in (_by_hand(mark), mark["message"], mark["question"]):
                if text:
                    yield html.paragraph(text)
            if details := mark["details"]:
                yield html.preformatted("\n".join(details))
            if mark["printed"]:
                yield html.paragraph("Printed:")
                yield html.preformatted(printable(mark["printed"], PRINTED))


def _by_hand(mark: Mark) -> str:
    """Say why a mark is not that of the check."""
    change = mark.get("by hand")
    if change is None:
        return ""
    return f"Changed by hand, from {change['was']:g} points: {change['reason']}"


def _as_markdown(record) -> Iterator[str]:
    yield from (f"- {_line(note)}" for note in record["notes"])
    for notebook, marks in _sections(record):
        yield from ("", f"## {_line(notebook)}", "")
        for mark in marks:
            yield f"- **{_line(_headline(mark))}**"
            texts = [_by_hand(mark), mark["message"], mark["question"]]
            texts += mark["details"]
            yield from (f"  {_line(text)}  " for text in texts if text)


def _line(text: str) -> str:
    """Return text as one line of Markdown."""
    return markdown(" ".join(text.split()))


def _frequent(overview: Survey) -> list[tuple[str, str, int, str]]:
    pairs = sorted(overview.mistakes.items(), key=lambda pair: (-pair[1], pair[0]))
    return [
        (exercise, sentence_of(exercise, diagnosis), count, diagnosis)
        for (exercise, diagnosis), count in pairs[:SHOWN]
    ]


def _counts(counts) -> Iterable[tuple[str, int, str]]:
    return [
        (word, counts[status], kind_of(status))
        for status, word in WORDS.items()
        if counts[status]
    ]


def _tenths(overview: Survey) -> Iterable[tuple[str, int, str]]:
    return [
        (f"{100 * i // TENTHS} to {100 * (i + 1) // TENTHS} %", count, "")
        for i, count in enumerate(overview.tenths)
    ]


def _summary_as_html(overview: Survey) -> Iterator[str]:
    if overview.losses:
        yield "<h2>Not graded, lost or left out</h2>"
        yield from (html.paragraph(sentence, "failed") for sentence in overview.losses)
    if overview.left_out:
        yield "<h2>In the folder, and no submission</h2>"
        yield html.table(("name", "why it is not graded"), overview.left_out)
    yield '<p><a href="class.html">The list of students</a></p>'
    yield "<h2>Points, as a share of those to be had</h2>"
    yield html.bars(_tenths(overview))
    yield "<h2>What to teach again: the most frequent mistakes</h2>"
    heads = ("exercise", "what happened", "students", "in short")
    yield html.table(heads, _frequent(overview))
    yield "<h2>Exercise by exercise</h2>"
    for exercise, counts in overview.outcomes.items():
        yield html.paragraph(exercise, tag="h3")
        yield html.bars(_counts(counts))
    if overview.noted:
        yield "<h2>Notes on what was handed in</h2>"
        yield html.table(("student", "note"), overview.noted)
    if overview.by_hand:
        yield "<h2>Marks changed by hand</h2>"
        heads = ("student", "exercise", "was", "is", "reason")
        yield html.table(heads, overview.by_hand)
    if overview.reread:
        yield "<h2>Answers that have changed since they were marked</h2>"
        yield html.table(("student", "question"), overview.reread)
    if overview.odd:
        yield "<h2>Where code goes its own way</h2>"
        yield html.paragraph(
            "Places to look, no verdict: what the exercise has no need of, or what "
            "comes out otherwise than where it is done as asked."
        )
        yield html.table(("student", "exercise", "what there is"), overview.odd)
    yield from _alike_as_html(overview)


def _alike_as_html(overview: Survey) -> Iterator[str]:
    yield "<h2>Where two look alike</h2>"
    yield html.paragraph(
        "Places to look, no verdict: rare sequences that two submissions share, "
        "whatever the names in them."
    )
    heads = ("exercise", "one", "other", "runs shared", "share of the shorter")
    yield '<p><a href="similar/index.html">Side by side</a></p>'
    yield html.table(heads, overview.alike)


def _summary_as_markdown(overview: Survey) -> Iterator[str]:
    if overview.losses:
        yield from ("## Not graded, lost or left out", "")
        yield from (f"- {_line(sentence)}" for sentence in overview.losses)
        yield ""
    if overview.left_out:
        yield from ("## In the folder, and no submission", "")
        yield from (f"- {_line(name)}: {_line(why)}" for name, why in overview.left_out)
        yield ""
    heads = "| exercise | what happened | students | in short |"
    yield from ("## What to teach again", "", heads, "|---|---|---|---|")
    for exercise, words, count, diagnosis in _frequent(overview):
        cells = (_line(exercise), _line(words), str(count), _line(diagnosis))
        yield f"| {' | '.join(cells)} |"
    yield from ("", "## Exercise by exercise", "")
    for exercise, counts in overview.outcomes.items():
        outcomes = ", ".join(f"{count} {word}" for word, count, _ in _counts(counts))
        yield f"- {_line(exercise)}: {outcomes}"
    yield from ("", "## Notes on what was handed in", "")
    yield from (f"- {_line(student)}: {_line(n)}" for student, n in overview.noted)
    if overview.odd:
        yield from ("", "## Where code goes its own way", "")
    for student, exercise, text in overview.odd:
        yield f"- {_line(student)}, {_line(exercise)}: {_line(text)}"
