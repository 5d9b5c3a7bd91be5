"""Make text of unknown origin harmless wherever a report shows it."""

import hashlib
import re
import unicodedata

__all__ = ["cell", "file_name", "markdown", "name_line", "name_of", "printable"]

# Unicode categories of invisible characters: controls, text direction, surrogates.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# The first characters of formulas, also in the wide and small forms of East Asian
# keyboards, raised and lowered ones, and the minus sign of mathematics.
FORMULA = frozenset("=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b"
                    "\u207a\u207b\u207c\u208a\u208b\u208c\u2212")  # fmt: skip
# The same after characters at which a table may be split. Only programs that ignore
# quotes split at a comma; fewer characters count there, so that "(2,-1)" is unchanged.
BEHIND = dict.fromkeys(";\t\r\n", FORMULA) | dict.fromkeys(",|", frozenset("=@"))
LONGEST_NAME, LONGEST_FILE = 200, 80
# Names that Windows reserves for devices, whatever follows their first full stop.
DEVICES = {"con", "prn", "aux", "nul"}
DEVICES |= {f"{port}{number}" for port in ("com", "lpt") for number in range(10)}
_WRITTEN = re.compile(r"\^[a-z]|~_|(?:~[0-9a-f]{2})+")


def printable(text: str, limit: int = 20_000) -> str:
    """Return text with invisible characters escaped, except line breaks and tabs.

    Args:
        text: of any origin.
        limit: in characters; a longer text is cut, with a note that says so.
    """
    if len(text) > limit:
        text = f"{text[:limit]} [... {len(text) - limit} more characters]"
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in INVISIBLE else _escape(c)
        for c in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def name_line(name: str) -> str:
    """Return a name on one line for reports; different names give different lines."""
    lines = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    shown = printable(lines)
    if len(shown) <= LONGEST_NAME:
        return shown
    return f"{shown[:150]}~{_digest(name)}"  # longer than what is not cut


def cell(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula.

    A spreadsheet may split a table at commas, semicolons or tabs, whichever of them it
    was written with. So an apostrophe is put wherever a part could begin a formula.
    """
    text = printable(text)
    parts, formula = [], FORMULA
    if text.startswith(("\t", "\r", "\n")) or _is_formula(text):
        parts, formula = ["'"], frozenset()
    for character in text:
        if character in formula:
            parts.append("'")
        parts.append(character)
        if character in BEHIND:
            formula = BEHIND[character]
        elif not _is_passed_over(character):
            formula = frozenset()
    return "".join(parts)


def _is_formula(text: str) -> bool:
    return next((c for c in text if not _is_passed_over(c)), "") in FORMULA


def _is_passed_over(character: str) -> bool:
    return character == '"' or character.isspace()


def markdown(text: str) -> str:
    """Return text that Markdown shows literally, HTML in it included."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+\-.!|~$])", r"\\\1", printable(text))
    # Entities instead of backslashes, as some renderers parse HTML first.
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def file_name(name: str) -> str:
    """Return a file name for a student; for a plain name, the name itself.

    In others, `~` with hexadecimal digits stands for a character's bytes, and `^` for a
    capital letter; `name_of` decodes it. The end of a long name is replaced by a
    digest. Different names give different files, also where file systems ignore case.
    """
    parts = [_plain(character) for character in name]
    if not name or not name[0].isalnum():  # a hidden file, or like an option
        parts[:1] = [_as_bytes(name[:1])]
    if name.partition(".")[0].lower() in DEVICES:
        parts[0] = _as_bytes(name[0])
    for place, character in enumerate(name):
        if character == "." and name[place + 1 : place + 2] in ("", "."):
            parts[place] = _as_bytes(character)
    whole = "".join(parts) or "~"
    if len(whole) <= LONGEST_FILE:
        return whole
    return f"{whole[:40]}~~{_digest(name)}"


def name_of(file: str) -> str | None:
    """Return the name that a file name was made of; None where it was too long."""
    if "~~" in file:
        return None
    return "" if file == "~" else _WRITTEN.sub(_read, file)


def _plain(character: str) -> str:
    if re.fullmatch("[a-z0-9_.-]", character):
        return character
    if re.fullmatch("[A-Z]", character):
        return f"^{character.lower()}"
    return "~_" if character == " " else _as_bytes(character)


def _as_bytes(character: str) -> str:
    data = character.encode("utf-8", "surrogatepass")
    return "".join(f"~{byte:02x}" for byte in data)


def _read(match: re.Match) -> str:
    written = match[0]
    if written.startswith("^"):
        return written[1].upper()
    if written == "~_":
        return " "
    return bytes.fromhex(written.replace("~", "")).decode("utf-8", "surrogatepass")


def _digest(name: str) -> str:
    """Return 128 bits of a cryptographic hash."""
    data = name.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:32]
