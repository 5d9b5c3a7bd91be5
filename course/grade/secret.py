"""The secret of a run, and what is derived from it: hidden inputs, weights, labels.

It stays outside the sandbox. The seeds of what goes in come from a keyed hash of the
secret and a purpose, so that whoever finds out one of them knows neither the secret nor
the seed of another exercise.
"""

import argparse
import hashlib
import re
import secrets
from dataclasses import dataclass

__all__ = ["Secret", "secret_text"]

BYTES = 16


@dataclass(frozen=True)
class Secret:
    """128 bits, written as 32 hexadecimal digits: the same secret, the same marks."""

    text: str

    def __post_init__(self):
        """Check the text.

        Raises:
            ValueError: it does not consist of 32 hexadecimal digits.
        """
        if not re.fullmatch(f"[0-9a-f]{{{2 * BYTES}}}", self.text):
            raise ValueError(
                f"a secret has {2 * BYTES} digits from 0 to 9 and a to f, "
                f"got {self.text!r}"
            )

    def __repr__(self) -> str:
        """Do not show the secret in messages and tracebacks."""
        return "Secret(...)"

    @classmethod
    def draw(cls) -> "Secret":
        """Draw a new secret."""
        return cls(secrets.token_hex(BYTES))

    def of(self, purpose: str) -> "Secret":
        """Derive the secret of a part, such as one exercise or one submission."""
        key = bytes.fromhex(self.text)
        digest = hashlib.blake2b(purpose.encode(), key=key, digest_size=BYTES)
        return Secret(digest.hexdigest())

    def words(self) -> tuple[int, ...]:
        """Return it as four numbers below 2**32, as NumPy's generators take a seed."""
        whole = bytes.fromhex(self.text)
        parts = [whole[i : i + 4] for i in range(0, BYTES, 4)]
        return tuple(int.from_bytes(part, "little") for part in parts)

    def number(self) -> int:
        """Return a number below 2**31, for frameworks whose seed is one number."""
        return self.words()[0] >> 1


def secret_text(text: str) -> str:
    """Read a secret from the command line, as a type for argparse.

    Raises:
        argparse.ArgumentTypeError: it is not a secret.
    """
    try:
        return Secret(text.strip().lower()).text
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
