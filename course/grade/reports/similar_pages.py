"""Two submissions that look alike, side by side, with what they share marked.

Marked are runs of lines that both have, whatever the names in them, and that are not
the task's own: those that many students have are not marked.
"""

import difflib
import functools
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from course.grade.reports.html import escape, page, paragraph, table
from course.grade.reports.records import Records
from course.grade.run import write_whole
from course.grade.similar import COMMON, Likeness

__all__ = ["write_similar"]

MOST = 200  # pages
SHORT, LONG = 6, 400  # characters: shorter lines are not compared, longer ones cut
NAME = re.compile(r"[^\W\d]\w*")
STYLE = """
body { max-width: none; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.pair pre { margin: 0; } mark { background: var(--mark); color: inherit; }
"""


def write_similar(folder: Path, records: Records, pairs: Sequence[Likeness]) -> None:
    """Write `index.html` and a page for each pair, the closest first."""
    folder.mkdir(exist_ok=True)
    pairs = sorted(pairs, key=lambda pair: (-pair.share, -pair.shared, pair))[:MOST]
    wanted = {pair.exercise for pair in pairs}
    students = {(pair.exercise, name) for pair in pairs for name in pair[1:3]}
    code: dict[tuple[str, str], str] = {}
    spread: dict[str, Counter[str]] = {exercise: Counter() for exercise in wanted}
    for record in records:
        for exercise in wanted:
            text = record.get("code", {}).get(exercise, "")
            spread[exercise].update(set(_alike(text)))
            if (exercise, record["student"]) in students:
                code[exercise, record["student"]] = text
    most = max(2, COMMON * len(records))
    rows = []
    for number, pair in enumerate(pairs, start=1):
        common = {line for line, n in spread[pair.exercise].items() if n > most}
        sides = [code.get((pair.exercise, name), "") for name in pair[1:3]]
        title = f"{pair.exercise}: {pair.one} and {pair.other}"
        body = [f"<style>{STYLE}</style>", *_side_by_side(pair, sides, common)]
        write_whole(folder / f"{number}.html", page(title, body))
        link = f'<a href="{number}.html">{escape(pair.exercise)}</a>'
        rows.append((link, *map(escape, pair[1:])))
    write_whole(folder / "index.html", page("Where two look alike", _index(rows)))


def _index(rows: list) -> Iterator[str]:
    yield '<p><a href="../summary.html">The class as a whole</a></p>'
    yield paragraph("Places to look, no verdict. The closest come first.")
    heads = ("exercise", "one", "other", "runs shared", "share of the shorter")
    yield table(heads, ())[: -len("\n</table>")]
    for row in rows:
        yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>"
    yield "</table>"


def _side_by_side(pair: Likeness, sides: list[str], common: set[str]) -> Iterator[str]:
    """Yield the two texts; what they share beyond the task's own is marked."""
    yield '<p><a href="index.html">All pairs</a></p>'
    yield paragraph(
        "Marked is what both have, whatever the names in it, and few others. It is a "
        "place to look, and no verdict."
    )
    alike = [_alike(text) for text in sides]
    matcher = difflib.SequenceMatcher(None, *alike, autojunk=False)
    shared: tuple[set[int], set[int]] = (set(), set())
    for one, other, length in matcher.get_matching_blocks():
        for step in range(length):
            line = alike[0][one + step]
            if line and line not in common:
                shared[0].add(one + step)
                shared[1].add(other + step)
    yield '<div class="pair">'
    for name, text, marked in zip(pair[1:3], sides, shared, strict=True):
        lines = [
            f"<mark>{escape(line)}</mark>" if number in marked else escape(line)
            for number, line in enumerate(text.split("\n"))
        ]
        whole = "\n".join(lines)
        yield f"<section><h2>{escape(name)}</h2><pre>{whole}</pre></section>"
    yield "</div>"


def _alike(text: str) -> list[str]:
    """Return lines with every name made the same; "" for those that say nothing."""
    return [_alike_line(line[:LONG]) for line in text.split("\n")]


@functools.lru_cache(maxsize=100_000)  # students share most of their lines
def _alike_line(line: str) -> str:
    code = NAME.sub(_name, line.partition("#")[0])
    joined = "".join(code.split())
    return joined if len(joined) >= SHORT else ""


def _name(match: re.Match) -> str:
    return f" {match[0]} " if keyword.iskeyword(match[0]) else "n"
