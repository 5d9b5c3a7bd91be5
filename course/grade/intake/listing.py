"""A zip's list of contents, mended so that one odd entry costs no other.

zipfile gives up a whole archive over one name that is no UTF-8, one extra field that
is cut off, one entry that asks for a newer version, or one length that is wrong. Here
such an entry is changed into one that zipfile can list. Whether it can be read shows
when it is opened: there the name is compared with the one in front of the contents.
"""

import struct

__all__ = ["SIGNATURE", "mended"]

SIGNATURE = b"PK\1\2"
ENTRY = struct.Struct("<4s6H3I5H2I")  # of fixed length; name, extra and comment follow
VERSION, FLAGS, LENGTHS = 6, 8, 28  # where these stand in an entry
UTF8_NAME = 0x800
NEWEST = 63  # the version of the format that zipfile knows
LARGE, UNICODE_PATH = 0x0001, 0x7075  # kinds of extra fields
IN_LARGE = 0xFFFF_FFFF  # a size or an offset that stands in the field for large files
UNKNOWN = 0xFFFF  # a kind of field that nobody reads
MOST = 0xFFFF  # bytes of a name, of the extra fields and of a comment


def mended(listed: bytes) -> bytes:
    """Return a list of contents of the same length that zipfile can read."""
    data, start = bytearray(listed), 0
    while len(data) - start >= ENTRY.size and data.startswith(SIGNATURE, start):
        start = _mend_entry(data, start)
    return bytes(data)


def _mend_entry(data: bytearray, start: int) -> int:
    """Mend the entry that begins here; return where it ends."""
    _, _, version, flags, *_, name, extra, comment, _, _, _, offset = ENTRY.unpack_from(
        data, start
    )
    packed, unpacked = struct.unpack_from("<2I", data, start + 20)
    body = start + ENTRY.size
    end = body + name + extra + comment
    if end != len(data) and not data.startswith(SIGNATURE, end):
        end = _next(data, body)
        name, extra, comment = _fitting(end - body, name, extra)
        struct.pack_into("<3H", data, start + LENGTHS, name, extra, comment)
    if version > NEWEST:
        struct.pack_into("<H", data, start + VERSION, NEWEST)
    if flags & UTF8_NAME and not _is_utf8(data[body : body + name]):
        struct.pack_into("<H", data, start + FLAGS, flags & ~UTF8_NAME)
    large = sum(value == IN_LARGE for value in (packed, unpacked, offset))
    fields = body + name
    if extra >= 4 and not _is_read(data[fields : fields + extra], 8 * large):
        struct.pack_into("<2H", data, fields, UNKNOWN, extra - 4)
    return end


def _next(data: bytearray, place: int) -> int:
    """Return where the next entry begins, or else where the list ends."""
    found = data.find(SIGNATURE, place, place + 3 * MOST)
    return found if found >= 0 else min(len(data), place + 3 * MOST)


def _fitting(size: int, name: int, extra: int) -> tuple[int, int, int]:
    """Return lengths of a name, of extra fields and of a comment that fill a size."""
    name = min(name, size)
    extra = min(extra, size - name)
    comment = min(MOST, size - name - extra)
    extra = min(MOST, size - name - comment)
    return size - extra - comment, extra, comment


def _is_read(fields: bytes, large: int) -> bool:
    """Tell whether zipfile can read extra fields.

    Args:
        fields: their bytes.
        large: bytes that the field for large files has to hold.
    """
    while len(fields) >= 4:
        kind, size = struct.unpack_from("<2H", fields)
        content, fields = fields[4 : 4 + size], fields[4 + size :]
        is_short = size < {LARGE: large, UNICODE_PATH: 5}.get(kind, 0)
        if len(content) < size or is_short:
            return False
        if kind == UNICODE_PATH and not _is_utf8(content[5:]):
            return False
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
