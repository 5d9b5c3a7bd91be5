"""Which student a cell means, after a spreadsheet has changed it.

A spreadsheet makes 429 of 00429, 1E+05 of 100000, 03-Apr of 3-4; a text is saved in
another encoding, or with an accent of its own. Evidence is taken kind by kind, the
strongest first. What fits one student is that student; what fits two is nobody's, and a
person is asked.
"""

import calendar
import datetime
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation

from course.grade.tables.values import bare, shown
from course.grade.text import cell

__all__ = ["Names"]

NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?%?")
ROUNDED = re.compile(r"(\d)(?:[.,](\d+))?[eE]\+?(\d+)")
MONTHS = ("jan", "feb|fév", "mar|mär|mrz", "apr|avr", "may|mai|mag", "jun|juin|giu",
          "jul|juil|lug", "aug|aoû|ago", "sep|set", "oct|okt|ott", "nov",
          "dec|dez|déc|dic")  # fmt: skip
MONTH = {name: i for i, names in enumerate(MONTHS, 1) for name in names.split("|")}
LONG_MONTHS = frozenset(name.lower() for name in calendar.month_name)
TOKEN = r"(?:\d{1,4}|[^\W\d_]{3,9})"
DATE = re.compile(rf"{TOKEN}(?:[-/. ]*{TOKEN}){{1,2}}")
DAY_ZERO = datetime.date(1899, 12, 30)  # from which a spreadsheet counts days
LOST = re.compile("[?_\ufffd]+")  # what stands for letters that an encoding lacks
GARBLED = ("cp1252", "mac_roman", "latin-1")  # in which UTF-8 is read by mistake


class Names:
    """Finds a student by what a table says of a name or an id."""

    def __init__(self, names: Iterable[str]):
        """List what each name may have become."""
        self._kinds: list[dict[object, set[str]]] = []
        names = list(names)
        for forms in (_as_it_is, _compared, _dates, _garbled):
            known: dict[object, set[str]] = defaultdict(set)
            for name in names:
                for form in {*forms(name), *forms(cell(name))}:
                    known[form].add(name)
            self._kinds.append(known)
        self._names = names

    def find(self, text: str) -> list[str]:
        """Return the students whom a cell may mean; one, where it is certain."""
        as_it_is, compared, dates, garbled = self._kinds
        tries: tuple[Callable[[], set[str]], ...] = (
            lambda: _all(as_it_is, _as_it_is(text)),
            lambda: _all(compared, _compared(text)),
            lambda: _all(dates, _dates(text)),
            lambda: _all(garbled, [bare(text)]) | _all(compared, _ungarbled(text)),
            lambda: {n for n in self._names if _is_rounded(text, n)},
            lambda: self._with_letters_lost(text),
        )
        return sorted(next(filter(None, (attempt() for attempt in tries)), ()))

    def _with_letters_lost(self, text: str) -> set[str]:
        text = shown(text)
        if not LOST.search(text) or not LOST.sub("", text).strip():
            return set()
        parts = LOST.split(_lower(text))
        return {
            name
            for name in self._names
            if not name.isascii() and _has_lost(_lower(shown(name)), parts)
        }


def _has_lost(name: str, kept: list[str]) -> bool:
    """Tell whether a name is these parts, with one to three other letters between.

    All ends that a part may have are followed at once. Trying one after the other
    would take time that doubles with every letter.
    """
    ends = {len(kept[0])} if name.startswith(kept[0]) else set()
    for part in kept[1:]:
        begins = {end + n for end in ends for n in (1, 2, 3) if _is_other(name, end, n)}
        ends = {begin + len(part) for begin in begins if name.startswith(part, begin)}
    return len(name) in ends


def _is_other(name: str, begin: int, count: int) -> bool:
    """Tell whether there are so many letters that ASCII lacks."""
    letters = name[begin : begin + count]
    return len(letters) == count and all(letter > "\x7f" for letter in letters)


def _lower(text: str) -> str:
    """Return a text in small letters, none of which becomes two."""
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _all(known: dict[object, set[str]], forms: Iterable[object]) -> set[str]:
    return {name for form in forms for name in known.get(form, ())}


def _as_it_is(text: str) -> Iterator[object]:
    """Yield the text, and the number that it is: 00429, 429 and 429.0 are one."""
    yield shown(text)
    text = shown(text)
    if NUMBER.fullmatch(text):
        try:
            number = Decimal(text.rstrip("%").replace(",", "."))
        except InvalidOperation:
            return
        if abs(number.adjusted()) < 40:
            yield (number / 100 if text.endswith("%") else number).normalize()


def _compared(text: str) -> Iterator[object]:
    """Yield the text without what typing changes: capitals, quotes, wide letters."""
    yield bare(text)
    yield bare(unicodedata.normalize("NFKC", text))


def _dates(text: str) -> Iterator[object]:
    """Yield (day, month) and (month, year) that a text may be read as."""
    text = bare(text)
    if re.fullmatch(r"[2-7]\d{4}(?:[.,]0+)?", text):
        day = DAY_ZERO + datetime.timedelta(days=int(text[:5]))
        yield "day", day.day, day.month
    if not DATE.fullmatch(text.removesuffix(" 00:00:00")):
        return
    tokens = re.findall(r"\d+|[^\W\d_]+", text.removesuffix(" 00:00:00"))
    words = [token for token in tokens if not token.isdecimal()]
    named = {_month(word) for word in words}
    if None in named:
        return
    numbers = [int(token) for token in tokens if token.isdecimal()]
    for place, number in enumerate(numbers):
        rest = numbers[:place] + numbers[place + 1 :]
        months = named or {n for n in rest if 1 <= n <= 12}
        for month in months:
            if 1 <= number <= 31:
                yield "day", number, month
            if number > 31 or len(numbers) == 1:
                yield "year", month, number % 100


def _month(word: str) -> int | None:
    """Return which month a word names, in full or as spreadsheets write it."""
    if len(word) > 4 and word not in LONG_MONTHS:
        return None
    return MONTH.get(word) or MONTH.get(word[:4]) or MONTH.get(word[:3])


def _garbled(text: str) -> Iterator[object]:
    """Yield the text without its accents, and as its UTF-8 is read by mistake."""
    if text.isascii():
        return
    for form in ("NFC", "NFD"):
        data = unicodedata.normalize(form, text).encode("utf-8", "replace")
        for encoding in GARBLED:
            yield bare(data.decode(encoding, "replace"))
    plain = unicodedata.normalize("NFD", text)
    yield bare("".join(c for c in plain if not unicodedata.combining(c)))


def _ungarbled(text: str) -> Iterator[object]:
    """Yield the text as it was before its UTF-8 was read as something else."""
    for encoding in GARBLED:
        try:
            yield bare(text.encode(encoding).decode("utf-8"))
        except UnicodeError:
            continue


def _is_rounded(text: str, name: str) -> bool:
    """Tell whether a number such as 1.23E+11 may have been made of a name."""
    match, digits = ROUNDED.fullmatch(shown(text)), shown(name).lstrip("0")
    if not match or not digits.isdecimal():
        return False
    shown_digits = match[1] + (match[2] or "")
    exact = Decimal(digits)
    if exact.adjusted() != int(match[3]):
        return False
    return f"{exact:.{len(shown_digits) - 1}e}".startswith(
        f"{shown_digits[0]}.{shown_digits[1:]}" if match[2] else f"{shown_digits}e"
    )
