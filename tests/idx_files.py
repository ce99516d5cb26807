"""IDX files for tests, written from scratch."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C}


def encode(array: NDArray[np.integer]) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_splits(
    folder: Path,
    labels: list[int],
    test_labels: list[int],
    size: tuple[int, ...] = (4, 5),
    names: str = "{split}-{part}-idx{dims}-ubyte",
    test: str = "t10k",
    zipped: bool = False,
) -> None:
    """Writes four files of random images with these labels."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for split, values in (("train", labels), (test, test_labels)):
        images = random.integers(0, 256, (len(values), *size), dtype=np.uint8)
        for part, array in (
            ("images", images),
            ("labels", np.array(values, np.int32 if min(values) < 0 else np.uint8)),
        ):
            path = folder / (names.format(split=split, part=part, dims=array.ndim) + (".gz" if zipped else ""))
            data = encode(array)
            path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
