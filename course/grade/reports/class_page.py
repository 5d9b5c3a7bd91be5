"""The list of students, to be searched, filtered and sorted: `class.html`.

It works without its script, too: then it is a table. The script is the page's own, and
a policy lets the browser run no other.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from course.grade.reports.class_list import ClassList
from course.grade.reports.html import escape, page
from course.grade.reports.records import Records
from course.grade.reports.tables import as_csv
from course.grade.run import write_whole
from course.grade.text import file_name
from ece662.check.terms import Status
from ece662.exercises import EXERCISES, NOTEBOOKS

__all__ = ["SCRIPT", "script_policy", "write_class_page", "write_mail"]

NUMBERS = ("points", "of", "open", "late", *NOTEBOOKS, "notes", "by hand")
HEADS = ("student", "section", *NUMBERS)
GROUP = {exercise.id: exercise.notebook for exercise in EXERCISES}
STYLE = """
body { max-width: none; }
@media (max-width: 80rem) { .wide { overflow-x: auto; } }  /* the table alone scrolls */
form { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; margin: 1rem 0; }
label { display: block; font-weight: 600; }
input, select { font: inherit; padding: .3rem .5rem; border: 1px solid var(--edge);
         background: var(--paper); color: var(--ink); }
thead th { position: sticky; top: 0; padding: .4rem .8rem .4rem 0;
           background: var(--paper); }
thead button { font: inherit; font-weight: 600; background: none; border: 0; padding: 0;
               cursor: pointer; text-align: left; color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \\25b2"; }
th[aria-sort=descending] button::after { content: " \\25bc"; }
tbody tr:nth-child(even) { background: var(--pale); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
"""
SCRIPT = """
const table = document.querySelector('table');
const body = table.tBodies[0];
const rows = Array.from(body.rows);
const texts = rows.map(row => row.dataset.find.toLowerCase());
const find = document.getElementById('find');
const show = document.getElementById('show');
const section = document.getElementById('section');
const count = document.getElementById('count');
document.querySelector('form').hidden = false;
document.querySelector('form').addEventListener('submit', e => e.preventDefault());
function refresh() {
  const words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, i) => {
    const fits = words.every(word => texts[i].includes(word))
      && (!show.value || row.dataset.kinds.split(' ').includes(show.value))
      && (!section.value || row.dataset.section === section.value);
    row.hidden = !fits;
    shown += fits;
  });
  count.textContent = shown + ' of ' + rows.length + ' students';
}
for (const field of [find, show, section]) field.addEventListener('input', refresh);
const compare = new Intl.Collator(undefined, {numeric: true}).compare;
table.tHead.querySelectorAll('th').forEach((head, place) => {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = head.textContent;
  head.textContent = '';
  head.append(button);
  button.addEventListener('click', () => {
    const falls = head.getAttribute('aria-sort') === 'ascending';
    for (const other of head.parentNode.cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', falls ? 'descending' : 'ascending');
    const key = row => row.cells[place].textContent;
    rows.map((row, i) => [row, texts[i]])
      .sort((a, b) => (falls ? -1 : 1) * compare(key(a[0]), key(b[0])))
      .forEach(([row, text], i) => {
        rows[i] = row;
        texts[i] = text;
        body.append(row);
      });
  });
});
refresh();
"""
KINDS = {
    "": "all students",
    "open": "answers that wait to be read",
    "late": "late",
    "missing": "without a submission",
    "notes": "notes on what was handed in",
    "hand": "marks changed by hand",
    "unclear": "not on the list of students",
}


def script_policy(script: str) -> str:
    """Return the policy by which a browser runs this script and no other."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"script-src 'sha256-{digest}'"


def write_class_page(out: Path, records: Records, students: ClassList) -> None:
    """Write `class.html`, a row for each student."""
    rows = [*_rows(records, students), *_missing(students)]
    sections = sorted({row["section"] for row in rows if row["section"]})
    body = [
        f"<style>{STYLE}</style>",
        '<p><a href="summary.html">The class as a whole</a></p>',
        _form(sections),
        '<p id="count" role="status"></p>',
        '<p id="what">Students, with the points of each notebook. Points that wait to '
        'be given are under open.</p><div class="wide" role="region" tabindex="0" '
        'aria-labelledby="what"><table aria-labelledby="what"><thead><tr>',
        *(f'<th scope="col">{escape(head)}</th>' for head in HEADS),
        "</tr></thead><tbody>",
        *map(_as_html, rows),
        "</tbody></table></div>",
        f"<script>{SCRIPT}</script>",
    ]
    text = page(f"{len(rows)} students", body, script_policy(SCRIPT))
    write_whole(out / "class.html", text)


def _form(sections: Iterable[str]) -> str:
    kinds = "".join(
        f'<option value="{escape(kind)}">{escape(words)}</option>'
        for kind, words in KINDS.items()
    )
    options = '<option value="">all sections</option>' + "".join(
        f'<option value="{escape(name)}">{escape(name)}</option>' for name in sections
    )
    return (
        '<form hidden role="search">'
        '<div><label for="find">Search</label>'
        '<input id="find" type="search" autocomplete="off"></div>'
        f'<div><label for="show">Show</label><select id="show">{kinds}</select></div>'
        '<div><label for="section">Section</label>'
        f'<select id="section">{options}</select></div></form>'
    )


def _rows(records: Records, students: ClassList) -> Iterator[dict]:
    for record in records:
        standing, person = students.standing(record), students.person(record)
        by_notebook = dict.fromkeys(NOTEBOOKS, 0.0)
        for mark in record["marks"]:
            if mark["status"] not in (Status.ANSWER, Status.NOT_RUN):
                by_notebook[GROUP[mark["exercise"]]] += mark["points"]
        hand = sum(bool(mark.get("by hand")) for mark in record["marks"])
        is_unclear = bool(students.course.roster) and person is None
        yield {
            "link": f"students/{file_name(record['student'])}.html",
            "student": person.name if person and person.name else record["student"],
            "section": person.section if person else "",
            "points": standing.points,
            "of": standing.of,
            "open": standing.open,
            "late": standing.days,
            **by_notebook,
            "notes": len(record["notes"]),
            "by hand": hand,
            "kinds": [
                *(["open"] if standing.open else []),
                *(["late"] if standing.days or standing.remark else []),
                *(["notes"] if record["notes"] else []),
                *(["hand"] if hand else []),
                *(["unclear"] if is_unclear else []),
            ],
        }


def _missing(students: ClassList) -> Iterator[dict]:
    for person in students.missing:
        numbers = dict.fromkeys(NUMBERS, "")
        yield {
            "link": "",
            "student": person.shown,
            "section": person.section,
            **numbers,
            "points": "no submission",
            "kinds": ["missing"],
        }


def _as_html(row: dict) -> str:
    name = escape(row["student"])
    if row["link"]:
        name = f'<a href="{escape(row["link"])}">{name}</a>'
    cells = [f'<th scope="row">{name}</th>', f"<td>{escape(row['section'])}</td>"]
    for head in NUMBERS:
        value = row[head]
        shown = value if isinstance(value, str) else f"{value:g}"
        cells.append(f'<td class="number">{escape(shown)}</td>')
    kinds, section = escape(" ".join(row["kinds"])), escape(row["section"])
    found_by = escape(f"{row['student']} {row['link']} {row['section']}")
    attributes = f'data-kinds="{kinds}" data-section="{section}" data-find="{found_by}"'
    return f"<tr {attributes}>{''.join(cells)}</tr>"


def write_mail(path: Path, records: Records, students: ClassList) -> None:
    """Write `mail.csv`: what a mail to each student needs."""
    rows: list[list[object]] = [
        ["name", "email", "id", "points", "of", "open", "days late", "lost", "page"]
    ]
    for record in records:
        person, standing = students.person(record), students.standing(record)
        about = record.get("handed_in") or {}
        name = person.name if person else about.get("name", "") or record["student"]
        id = next(iter(person.ids), "") if person else about.get("id", "")
        rows.append([name, person.email if person else "", id, f"{standing.points:g}",
                     f"{standing.of:g}", f"{standing.open:g}", standing.days,
                     f"{standing.lost:g}",
                     f"students/{file_name(record['student'])}.html"])  # fmt: skip
    write_whole(path, as_csv(rows))
