"""What a cell says: a text to be compared, a number of points, a date."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

__all__ = ["bare", "points_of", "shown"]

# What a keyboard or an editor puts in the place of another sign.
SIGNS = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'", "\u201c": '"',
     "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u2010": "-", "\u2011": "-",
     "\u2212": "-", "\u2026": "...", "\uff0e": ".", "\uff0c": ",", "\uff05": "%",
     "\uff0f": "/", "\u2044": "/", "\u066a": "%"}
)  # fmt: skip
HALVES = {"\u00bc": ".25", "\u00bd": ".5", "\u00be": ".75"}
UNITS = re.compile(r"(?i)(points?|pts?\.?|p\.?|marks?|punkte?)$")
OUT_OF = re.compile(r"(?i)^([\d.,]+)(?:/|of|outof|von|sur)([\d.,]+)$")
DATE = re.compile(
    r"^\d{4}-\d\d-\d\d|^\d{1,2}[./-][^\W\d_]{3,}|^[^\W\d_]{3,}[.\s/-]+\d|"
    r"^\d{1,2}\.\s*[^\W\d_]{3,}|^\d{1,2}[./-]\d{1,2}[./-]\d{2,4}$"
)


def bare(text: str) -> str:
    """Return a text as it is compared: one form of each letter, no space around it."""
    text = text.translate(SIGNS)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.lstrip("'").split()).lstrip("'").strip().casefold()


def shown(text: str) -> str:
    """Return a text with one form of each letter, as a name is compared first."""
    return unicodedata.normalize("NFC", text).strip().lstrip("'").strip()


def points_of(entered: str, most: float) -> tuple[float | None, str]:
    """Return the points that a cell says.

    Args:
        entered: the cell.
        most: how many there are to be had.

    Returns:
        The points, or None and why not.
    """
    text = unicodedata.normalize("NFC", entered).translate(SIGNS)
    text = UNITS.sub("", "".join(text.split()).lstrip("'"))
    expected = f"expected 0 to {most:g}"
    if DATE.match(text):
        return None, f"{entered[:40]!r} is a date, perhaps made by the spreadsheet"
    if match := OUT_OF.match(text):
        of = _number(match[2])
        if of != Decimal(str(most)):
            return None, f"{entered[:40]!r} is out of another number; {expected}"
        text = match[1]
    if text.endswith("%"):
        share = _number(text[:-1])
        number = None if share is None else share * Decimal(str(most)) / 100
    else:
        number = _number(text)
    if number is None or not 0 <= number <= Decimal(str(most)):
        return None, f"{entered[:100]!r} points; {expected}"
    return float(number), ""


def _number(text: str) -> Decimal | None:
    """Read a number as people write it: 1.5, 1,5, and the characters for halves."""
    for sign, decimals in HALVES.items():
        if text.endswith(sign):
            text = f"{text[:-1] or 0}{decimals}" if _is_whole(text[:-1]) else "?"
    text = text.replace("\u066b", ".").replace("'", "")
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    elif "," in text and text.rfind(".") > text.rfind(","):
        text = text.replace(",", "")
    elif text.count(",") == 1:
        text = text.replace(".", "").replace(",", ".")
    if "_" in text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 20 else None


def _is_whole(text: str) -> bool:
    return not text or text.isdecimal()
