"""Arrays through a pipe, with nothing on the way that could be executed.

A frame is two sizes, a JSON header and raw bytes:

    header size (4 bytes, little endian), body size (8 bytes), header, body

`pack` turns a mapping of names to arrays into such a frame: the header tells each one's
name, dtype and shape, the body holds their bytes one behind the other. `unpack`
believes none of it: dtypes come from a closed list, and the shapes must account for
every byte.
This file is used on both sides of the sandbox and needs numpy only.
"""

import io
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["WireError", "pack", "pack_frame", "pack_head", "read_frame", "unpack"]

DTYPES = frozenset(
    ("|b1", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8")
)
MAX_HEADER = 1 << 20
MAX_ARRAYS = 1000
MAX_NAME = 200
MAX_DIMENSIONS = 32
MAX_LENGTH = 1 << 40  # of one axis
SIZES = struct.Struct("<IQ")


class WireError(ValueError):
    """A frame that is not what it should be."""


def pack_frame(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Return the frame of a header and its bytes."""
    return pack_head(header, len(body)) + body


def pack_head(header: Mapping[str, Any], body_size: int) -> bytes:
    """Return what of a frame stands before its body."""
    text = json.dumps(header).encode()
    return SIZES.pack(len(text), body_size) + text


def read_frame(
    stream: io.BufferedIOBase | io.RawIOBase, max_body: int
) -> tuple[dict[str, Any], bytearray]:
    """Read one frame.

    Args:
        stream: where from; a short read is the end of it.
        max_body: more bytes than this are refused before they are read.

    Raises:
        EOFError: the stream ended before the frame did.
        WireError: the frame is too large, or its header is no JSON object.
    """
    header_size, body_size = SIZES.unpack(_read(stream, SIZES.size))
    if header_size > MAX_HEADER:
        raise WireError(f"expected a header of {MAX_HEADER} bytes, got {header_size}")
    if body_size > max_body:
        raise WireError(f"expected at most {max_body} bytes, got {body_size}")
    text = _read(stream, header_size)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the header is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict):
        raise WireError(f"expected a JSON object, got {type(header).__name__}")
    return header, _read(stream, body_size)


def pack(arrays: Mapping[str, Any], **more: Any) -> bytes:
    """Return a frame of arrays, and of what else is to stand in its header.

    Raises:
        WireError: an array of Python objects, text or another dtype that is not sent.
    """
    described, bodies = [], []
    for name, value in arrays.items():
        array = np.asarray(value, order="C")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in DTYPES:
            raise WireError(f"{name} is of dtype {array.dtype}, not a kind of number")
        described.append([str(name), array.dtype.str, list(array.shape)])
        bodies.append(array)
    size = sum(array.nbytes for array in bodies)
    return b"".join([pack_head({**more, "arrays": described}, size), *bodies])


def unpack(
    header: Mapping[str, Any], body: bytes | bytearray | memoryview
) -> dict[str, np.ndarray]:
    """Return the arrays of a frame, each a fresh and writable one.

    Raises:
        WireError: names, dtypes, shapes and bytes do not agree; says which.
    """
    described = header.get("arrays")
    if not isinstance(described, list) or len(described) > MAX_ARRAYS:
        raise WireError(f"expected a list of up to {MAX_ARRAYS} arrays")
    arrays, position, body = {}, 0, memoryview(body)
    for entry in described:
        name, dtype, shape = _check_entry(entry)
        if name in arrays:
            raise WireError(f"the array {name!r} is there twice")
        end = position + math.prod(shape) * dtype.itemsize
        if end > len(body):
            raise WireError(
                f"{name!r} claims shape {shape}, and its bytes are not there"
            )
        flat = np.frombuffer(body[position:end], dtype)
        try:
            arrays[name] = flat.reshape(shape).copy()
        except ValueError:  # no bytes at all, and axes too long for NumPy beside them
            why = f"{name!r} claims shape {shape}, which no array has"
            raise WireError(why) from None
        position = end
    if position != len(body):
        raise WireError(f"{len(body) - position} bytes belong to no array")
    return arrays


def _check_entry(entry: Any) -> tuple[str, np.dtype, tuple[int, ...]]:
    if not (isinstance(entry, list) and len(entry) == 3):
        raise WireError("an array is described by its name, dtype and shape")
    name, dtype, shape = entry
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise WireError(f"a name is text of up to {MAX_NAME} characters")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise WireError(f"{name[:20]!r} has a dtype that is not a kind of number")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise WireError(f"a shape is a list of up to {MAX_DIMENSIONS} lengths")
    for length in shape:
        # bool is an int to Python, and True * 8 bytes would add up.
        if type(length) is not int or not 0 <= length <= MAX_LENGTH:
            raise WireError(f"{name[:20]!r} has a length that is none")
    return name, np.dtype(dtype), tuple(shape)


def _read(stream: io.BufferedIOBase | io.RawIOBase, size: int) -> bytearray:
    """Read exactly `size` bytes, from raw pipes too, which may give fewer at a time."""
    found = bytearray(size)
    rest = memoryview(found)
    while rest:
        got = stream.readinto(rest)
        if not got:
            raise EOFError("the stream ended within a frame")
        rest = rest[got:]
    return found
