"""Hand-ins of kinds that no program makes by mistake, for the fuzzer.

Bytes changed at random seldom agree with each other. Here they do: a tar whose sparse
map is well formed and says too much, a zip whose local records contradict its list, a
notebook that is JSON and says everything twice, a module that tells Python another
encoding than it has. `fuzzing` tries them.
"""

import codecs
import io
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Sequence

from ece662.exercises.regions import END, START

__all__ = ["make_lying_zip", "make_odd_module", "make_odd_notebook", "make_odd_tar"]

BLOCK = tarfile.BLOCKSIZE
NUMBERS = (b"0", b"-1", b"1e9", b"0x10", b"", b" 7", b"nan", b"9" * 5000, b"\xd9\xa3",
           b"18446744073709551616", b"4294967296")  # fmt: skip
PAX_KEYS = (b"size", b"path", b"linkpath", b"mtime", b"uid", b"hdrcharset", b"charset",
            b"GNU.sparse.size", b"GNU.sparse.major", b"GNU.sparse.minor", b"x",
            b"GNU.sparse.map", b"GNU.sparse.numblocks", b"GNU.sparse.offset",
            b"GNU.sparse.numbytes", b"GNU.sparse.realsize", b"GNU.sparse.name",
            b"SCHILY.xattr.x", b"")  # fmt: skip
NAMES = (b"C:\\ece662\\layers.py", b"C:layers.py", b"\\\\server\\x", b"a\0b", b"\0",
         b"", b"\xed\xa0\x80", b"\xff\xfe", b"CON", b"nul.py", b"aux.ipynb", b"-rf",
         b"...", b"ece662/layers.py/", b"ece662/./layers.py", b"ECE662/LAYERS.PY",
         b"a" * 65535, b"../" * 500, b"x/" * 3000 + b"layers.py",
         "\u202eyp.sreyal".encode(),
         "e\u0301".encode(), "\xe9".encode(), b"ece662/layers.py ", b"~", b"%00",
         )  # fmt: skip
LINES = ("# -*- coding: utf-7 -*-", "# coding: rot13", "# coding=utf-16", "#coding:nil",
         "# vim: set fileencoding=latin-1 :", "\f", "\fdef f(): pass", "    \f", "\0",
         "\x1a", "\v", "\x1c", "\x85", "\u2029", "\ufeff", "\udcff", "\ud83d", "\\",
         "x = " + "(" * 10_000 + ")" * 10_000, "x = " + "[" * 300, "-" * 20_000 + "1",
         "x = " + "1 + " * 20_000 + "1", "x = " + "a." * 20_000 + "a", "f'{" * 200,
         "f'{x!r:{' '}}'", "x = " + "9" * 50_000, "#" * 900_000, "x = '" + "y" * 90_000,
         "lambda: " * 3000 + "0", "if 1: " * 200, "@f", "async def f(): await x",
         "match x:\n    case _: pass", "type X = int", "x = 1; \\", "'''" + '"""' * 999,
         *(" " * n + "if 1:" for n in range(0, 800, 8)), f"{START} {END}", START * 50,
         f"'''\n{START}\n'''", f"\\\n{END}", "global x", "import *", "yield", "\t \tx",
         "def \u0430dam(w): pass", "def ad\u2028am(): 0", "exec('')", "{**{}}" * 999,
         )  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7",
             "cp1252", "shift_jis", "cp037")  # fmt: skip

Files = Sequence[tuple[str, str]]  # path and text


def make_odd_tar(rng: random.Random, files: Files) -> tuple[str, bytes]:
    """Return a tar of sparse files, links in a circle, and headers with odd numbers."""
    stream = io.BytesIO()
    for name, text in files:
        data = text.encode("utf-8", "surrogatepass")
        for _ in range(rng.choice((0, 1, 1, 3))):
            stream.write(rng.choice(TAR_PARTS)(rng, name))
        stream.write(_member(name.encode(), data))
    stream.write(rng.choice(TAR_PARTS)(rng, "ece662/optim.py"))
    stream.write(bytes(BLOCK * rng.choice((0, 1, 2, 2, 40))))
    return rng.choice(("ann.tar", "ann.zip", "ann")), stream.getvalue()


def _member(name: bytes, data: bytes, kind: bytes = b"0", **changed: bytes) -> bytes:
    """Return a member of a tar: its header, with other fields if so given, and data."""
    fields = {
        "name": name[:100], "mode": b"0000644", "uid": b"0", "gid": b"0",
        "size": b"%o" % len(data), "mtime": b"0", "sum": b" " * 8, "kind": kind,
        "link": b"", "magic": b"ustar\x0000", "rest": b"",
    } | changed  # fmt: skip
    widths = (100, 8, 8, 8, 12, 12, 8, 1, 100, 8, 247)
    block = b"".join(fields[key][:width].ljust(width, b"\0") for key, width in
                     zip(fields, widths, strict=True))  # fmt: skip
    block = block[:148] + b"%06o\0 " % sum(block) + block[156:]
    return block + data + bytes(-len(data) % BLOCK)


def _link(rng: random.Random, name: str) -> bytes:
    """Two links of which each leads to the other, or one to itself, under any name."""
    kind, path = rng.choice((b"1", b"2")), name.encode()
    other = rng.choice((path, b"other", b"..", b"/etc/passwd", b""))
    return _member(path, b"", kind, link=other) + _member(other, b"", kind, link=path)


def _odd_number(rng: random.Random, name: str) -> bytes:
    """A header in which a number is none, negative, or larger than can be."""
    field = rng.choice(("size", "mode", "uid", "mtime"))
    number = rng.choice((*NUMBERS, b"\x80" + b"\xff" * 11, b"\xff" * 12, b"\xff" * 8,
                         b"\x80" + bytes(10) + b"\x01", b"777777777777"))  # fmt: skip
    data = rng.randbytes(rng.choice((0, 7, 600)))
    return _member(
        name.encode(), data, rng.choice((b"0", b"5", b"7")), **{field: number}
    )


def _pax(rng: random.Random, name: str) -> bytes:
    """A pax header whose records have odd keys, numbers and lengths, and a member."""
    records = b""
    for _ in range(rng.choice((1, 2, 5, 300))):
        value = rng.choice((*NUMBERS, *NAMES, b"0,1,2", b",", b"1.0", b"BINARY"))
        record = b" %s=%s\n" % (rng.choice(PAX_KEYS), value)
        length = len(record) + len(str(len(record)))
        odd = rng.choice((b"0", b"5", b"99999999", b"-3", b"", b"1" * 4000))
        records += (odd if rng.random() < 0.1 else b"%d" % length) + record
    if rng.random() < 0.1:
        records = b"1" * rng.choice((1000, 300_000))  # a long number, and nothing else
    kind = rng.choice((b"x", b"x", b"g", b"X", b"L", b"K"))
    return _member(b"pax", records, kind) + _member(name.encode(), b"x = 1\n")


def _sparse(rng: random.Random, name: str) -> bytes:
    """A sparse file of the GNU format: much is said to be there, little is."""
    most = rng.choice((1 << 20, 1 << 33, 1 << 62))
    entry = b"%011o\0%011o\0" % (
        rng.choice((0, most)) % 8**11,
        rng.choice((0, 9, 4096)),
    )
    rest = bytes(345 - 263 + 41) + entry * 4 + rng.choice((b"\0", b"\1"))
    rest += b"%011o\0" % (most % 8**11)
    head = _member(name.encode(), b"x" * 9, b"S", magic=b"ustar  \0", rest=rest)
    return head + rng.choice((b"", (entry * 21).ljust(504, b"\0") + b"\1" + bytes(7)))


def _sparse_map(rng: random.Random, name: str) -> bytes:
    """A sparse file of the format that POSIX has, whose map is in its data."""
    count = rng.choice((1, 9, 10**6, 10**12))
    table = b"%d\n" % count + b"0\n1\n" * rng.choice((1, 9, 30_000))
    table = rng.choice(
        (table, table, b"-1\n", b"x\n", b"1" * 9000, b"2\n9\n-9\n0\n5\n")
    )
    pairs = {b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0",
             b"GNU.sparse.name": name.encode(),
             b"GNU.sparse.realsize": rng.choice(NUMBERS)}  # fmt: skip
    records = b""
    for key, value in pairs.items():
        record = b" %s=%s\n" % (key, value)
        digits = len(str(len(record) + 3))
        records += b"%d" % (len(record) + digits) + record
    return _member(b"pax", records, b"x") + _member(b"data", table + b"y" * 99)


TAR_PARTS: tuple[Callable[[random.Random, str], bytes], ...] = (
    _link, _odd_number, _pax, _pax, _sparse, _sparse_map,
)  # fmt: skip


def make_lying_zip(rng: random.Random, files: Files) -> bytes:
    """Return a zip whose records say other sizes, sums, names and flags than there are.

    Some members have a descriptor behind their data in place of sizes before it, which
    is right or not; some say that they are encrypted, and some are there twice.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(_Stream(stream) if rng.random() < 0.5 else stream, "w") as z:
        for name, text in files:
            method = rng.choice((0, 8, 8))
            z.writestr(name, text.encode("utf-8", "surrogatepass"), method)
    data = bytearray(stream.getvalue())
    for sign, flags, sizes in ((b"PK\3\4", 6, 14), (b"PK\1\2", 8, 16)):
        for place in (p for p in range(len(data)) if data[p : p + 4] == sign):
            if rng.random() < 0.3:
                flag = rng.choice((1, 8, 9, 0x40, 0x41, 0x800, 0x2000, 0xFFFF))
                data[place + flags] |= flag & 255
                data[place + flags + 1] |= flag >> 8
            if rng.random() < 0.3:
                at = place + sizes + rng.choice((0, 4, 8))
                number = rng.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 100, 1 << 25))
                data[at : at + 4] = struct.pack("<I", number)
    return _renamed(rng, bytes(data))


class _Stream(io.RawIOBase):
    """A stream that cannot go back: zipfile writes descriptors behind the data."""

    def __init__(self, stream: io.BytesIO):
        self._stream = stream

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        return self._stream.write(data)


def _renamed(rng: random.Random, data: bytes) -> bytes:
    """Write an odd name over one in a zip's list, its local record or both."""
    place = data.rfind(b"PK\1\2")
    if rng.random() < 0.4 or place < 0:
        return data
    old = struct.unpack_from("<H", data, place + 28)[0]
    new = rng.choice(NAMES)
    part = bytearray(data[place : place + 46])
    part[28:30] = struct.pack("<H", len(new))
    if rng.random() < 0.5:
        part[9] |= 8  # the name is said to be UTF-8
    shift, end = len(new) - old, data.rfind(b"PK\5\6")
    data = data[:place] + part + new + data[place + 46 + old :]
    if end < 0:
        return data
    end += shift
    size = struct.unpack_from("<I", data, end + 12)[0] + shift
    return data[: end + 12] + struct.pack("<I", max(0, size)) + data[end + 16 :]


def make_odd_notebook(rng: random.Random, file: str, text: str) -> tuple[str, bytes]:
    """Return a notebook that is JSON, but as nobody writes it."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        text = rng.choice(NOTEBOOK_CHANGES)(rng, text)
    if rng.random() < 0.2:
        text = text.replace("\n", rng.choice(("\r", "\r\n", "\n\r", "\u2028")))
    encoding = rng.choice(("utf-8",) * 20 + ENCODINGS)
    data = _encoded(text, encoding)
    return file.rpartition("/")[2], data + rng.choice((*[b""] * 20, b"\0", b"{}"))


def _deep(rng: random.Random) -> str:
    depth = rng.choice((50, 900, 100_000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    return opening * depth + "1" + closing * rng.choice((depth, depth, depth - 1))


def _odd_value(rng: random.Random) -> str:
    """Return a value, as JSON or nearly so."""
    values = ("NaN", "-Infinity", "1e999", "9" * 4000, "9" * 9000, "-0", "0.1e-400",
              '"\\ud800"', '"\\udfff\\ud800"', '"\\u0000"', "null", "true", "[]", "{}",
              '[["a"]]', '[1, null, "x"]', '{"a": "b"}', '"\\ufeff"', "[" + "1," * 9000
              + "1]", '{"": {"": {"": 1}}}')  # fmt: skip
    return _deep(rng) if rng.random() < 0.1 else rng.choice(values)


def _said_twice(rng: random.Random, text: str) -> str:
    """Put a key of the notebook, or of some cells, there once more."""
    key = rng.choice(("source", "id", "cell_type", "metadata", "tags"))
    entry = f'"{key}": {_odd_value(rng)}, '
    count = rng.choice((1, 3, 1000))
    if rng.random() < 0.3:
        top = rng.choice(("cells", "nbformat", "worksheets", "metadata"))
        return text.replace("{", f'{{"{top}": {_odd_value(rng)}, ', 1)
    return text.replace(f'"{key}":', f'{entry}"{key}":', count)


def _said_otherwise(rng: random.Random, text: str) -> str:
    """Put an odd value in the place of some of one key's."""
    key = rng.choice(("source", "id", "cell_type", "outputs", "nbformat", "cells"))
    head, *rest = text.split(f'"{key}": ')
    parts = [head]
    for part in rest:
        odd = rng.random() < 0.1 or key in ("nbformat", "cells")
        instead = f'{_odd_value(rng)}, "{key} too": ' if odd else ""
        parts.append(f'"{key}": {instead}{part}')
    return "".join(parts)


def _swollen(rng: random.Random, text: str) -> str:
    """Put a great deal of metadata into the notebook: some megabytes at most."""
    many = rng.choice((1000, 100_000))
    bomb = rng.choice(("[]", "{}", '""', "0", '{"a":[]}', '"\\u0061"'))
    bomb = f"[{','.join([bomb] * many)}]"
    return text.replace('"metadata": {', f'"metadata": {{"bomb": {bomb}, ', 1)


def _more_cells(rng: random.Random, text: str) -> str:
    """Put many cells in front, small ones or with marker lines."""
    source = rng.choice(("", START, f"{START}\\nx\\n{END}", "%%bash", "\\ud800"))
    cell = f'{{"cell_type": "code", "source": "{source}"}}, '
    return text.replace(
        '"cells": [', '"cells": [' + cell * rng.choice((1, 900, 30_000))
    )


def _long_source(rng: random.Random, text: str) -> str:
    """Put an odd or long text in the place of a cell's source: an answer's, perhaps."""
    odd = rng.choice(("x" * 3_000_000, "\\ud800", "\\u0000", "\u202e", "a\u0301" * 9000,
                      "=1+1", "\\n" * 99_999, "![x](data:image/png;base64,AAAA)",
                      "<script>", "\\u001b[2J"))  # fmt: skip
    head, *rest = text.split('"source": ')
    chosen = rng.randrange(len(rest) or 1)
    parts = (f'"{odd}", "was": {p}' if n == chosen else p for n, p in enumerate(rest))
    return '"source": '.join((head, *parts))


NOTEBOOK_CHANGES: tuple[Callable[[random.Random, str], str], ...] = (
    _said_twice, _said_twice, _said_otherwise, _said_otherwise, _swollen, _more_cells,
    _long_source,
)  # fmt: skip


def make_odd_module(rng: random.Random, file: str, text: str) -> tuple[str, bytes]:
    """Return a module with odd lines in its regions and outside, in any encoding."""
    lines = text.split("\n")
    inside = [n for n, line in enumerate(lines, 1) if START in line]
    for _ in range(rng.choice((1, 1, 3, 20))):
        place = rng.choice([*inside, *inside, 0, 1, rng.randrange(len(lines))])
        indent = rng.choice(("    ", "    ", "", "\t", "        "))
        lines.insert(place, indent + rng.choice(LINES))
    text = "\n".join(lines).replace(
        "\n", rng.choice(("\n", "\n", "\r", "\r\n", "\n\r"))
    )
    encoding = rng.choice(("utf-8",) * 20 + ENCODINGS)
    data = _encoded(text, encoding)
    mark = rng.choice((*[b""] * 9, codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\0"))
    return file.rpartition("/")[2], mark + data


def _encoded(text: str, encoding: str) -> bytes:
    """Encode a text; half of a character only where the encoding can have that."""
    can = encoding.startswith(("utf-8", "utf-16", "utf-32"))
    return text.encode(encoding, "surrogatepass" if can else "replace")
