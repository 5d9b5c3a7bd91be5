"""Make text of unknown origin harmless wherever a report shows it."""

import hashlib
import re
import unicodedata

__all__ = ["cell", "file_name", "markdown", "printable"]

# Categories that steer instead of being seen: controls, directions, lone surrogates.
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def printable(text: str, limit: int = 20_000) -> str:
    """Return text with everything invisible written out, but for line breaks and tabs.

    Args:
        text: of any origin.
        limit: of characters; what is longer is cut, and says so.
    """
    if len(text) > limit:
        text = f"{text[:limit]} [... {len(text) - limit} more characters]"
    return "".join(
        c if c in "\n\t" or unicodedata.category(c) not in INVISIBLE else _escape(c)
        for c in text
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def cell(text: str) -> str:
    """Return text for a CSV cell that no spreadsheet takes for a formula."""
    text = printable(text)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def markdown(text: str) -> str:
    """Return text that Markdown shows as it is, HTML in it included."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+\-.!|~$])", r"\\\1", printable(text))
    # Entities, and not backslashes: some renderers look for HTML before anything else.
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def file_name(name: str) -> str:
    """Return a file name for a student: their own, where it is a plain one.

    Two names never give the same file, on file systems that ignore case neither.
    """
    if re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,60}", name) and ".." not in name:
        return name
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40].strip("-").lower()
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{plain or 'student'}~{digest}"
