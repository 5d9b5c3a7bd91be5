"""Answers that can be recognised, but not read: what self-tests ship.

A sealed text is found under a hash of question and answer, and enciphered with another.
Whoever has the answer can open it; whoever reads the file sees no answer, and cannot
tell the right ones from the wrong ones. Trying all answers still opens it: a choice of
four has four keys. That is as much as trying them in the notebook, where each attempt
is welcome; self-tests carry no points.
"""

import base64
import hashlib

__all__ = ["opened", "sealed"]

ROUNDS = 20_000  # of the hash: milliseconds for one answer, long for all numbers
_KEY = 12  # bytes of an entry's name


def sealed(question: str, answer: str, text: str) -> tuple[str, str]:
    """Seal a text under an answer.

    Args:
        question: its id, so that equal answers to two questions look different.
        answer: in its one spelling, such as "b" or "179".
        text: what to say to whoever gives that answer.

    Returns:
        The entry's name and its content, both plain ASCII.
    """
    name, cipher = _keys(question, answer, len(text.encode()))
    hidden = bytes(a ^ b for a, b in zip(text.encode(), cipher, strict=True))
    return name, base64.b85encode(hidden).decode()


def opened(question: str, answer: str, entries: dict[str, str]) -> str | None:
    """Return the text sealed under an answer; None where there is none."""
    name, _ = _keys(question, answer, 0)
    if name not in entries:
        return None
    hidden = base64.b85decode(entries[name])
    _, cipher = _keys(question, answer, len(hidden))
    return bytes(a ^ b for a, b in zip(hidden, cipher, strict=True)).decode()


def _keys(question: str, answer: str, length: int) -> tuple[str, bytes]:
    word = f"{question}={answer}".encode()
    secret = hashlib.pbkdf2_hmac("sha256", word, b"ece662", ROUNDS)
    return secret[:_KEY].hex(), hashlib.shake_256(secret[_KEY:]).digest(length)
