"""Opens plain and gzipped files alike, and reads no more of them than was promised."""

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from scramble.errors import UserError

CHUNK_BYTES = 1 << 20
MAX_GZIP_RATIO = 1032
"""A byte of deflate stands for at most 1032 bytes (a match of 258 bytes in two bits)."""


def open_stream(path: Path) -> gzip.GzipFile | BinaryIO:
    """Opens a file for reading, through gzip if it begins like a gzip file, whatever it is called.

    Raises:
        UserError: the file cannot be opened.
    """
    try:
        stream = path.open("rb")
        is_gzip = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    if is_gzip:
        stream.close()
        return gzip.open(path)
    return stream


def read_at_most(stream: gzip.GzipFile | BinaryIO, limit: int, origin: str) -> bytearray:
    """Reads up to `limit` bytes. Memory is taken only for bytes that the stream really holds.

    Raises:
        UserError: the gzip stream breaks off or is damaged; the message names `origin`.
    """
    data = bytearray()
    try:
        while len(data) < limit:
            # read1, so that what can still be decompressed before a break is kept and counted.
            chunk = cast(gzip.GzipFile, stream).read1(min(CHUNK_BYTES, limit - len(data)))
            if not chunk:
                break
            data += chunk
    except EOFError:
        raise UserError(f"{origin} is truncated: its gzip stream breaks off after {len(data)} bytes") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{origin} is no intact gzip file after {len(data)} bytes: {error}") from None
    return data
