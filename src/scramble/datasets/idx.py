"""A user's own images in four IDX files, the format of MNIST and EMNIST, gzipped or not.

The format: two zero bytes, a byte for the type, a byte for the number of dimensions, the dimensions as big-endian
32-bit numbers, then the values (http://yann.lecun.com/exdb/mnist).
"""

import gzip
import math
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scramble import params
from scramble.datasets.bounded import MAX_GZIP_RATIO, open_stream, read_at_most
from scramble.datasets.raw import RawDataset
from scramble.errors import UserError

INTEGER_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4"}
MAX_DIMENSIONS = 4


def load(spec: params.Idx) -> RawDataset:
    """Reads `{train,t10k}-{images-idx3,labels-idx1}-ubyte` (also `test-`, a dot before idx, EMNIST's prefixes, .gz).

    Labels may be any integers; their distinct values in the train split, in ascending order, are the classes.

    Raises:
        UserError: a file is missing, is no intact IDX file, or the files do not belong together.
    """
    folder = Path(spec.folder).expanduser()
    if not folder.is_dir():
        raise UserError(f"dataset.folder: {folder} does not exist; a folder with four IDX files was expected")
    train_images, train_labels, _ = _read_split(folder, "train")
    test_images, test_labels, test_path = _read_split(folder, "t10k|test")
    if train_images.shape[1:] != test_images.shape[1:]:
        raise UserError(
            f"{folder}: training images are {_times(train_images.shape[1:])}, "
            f"test images {_times(test_images.shape[1:])}; both must be alike"
        )
    classes = np.unique(train_labels)
    unseen = np.setdiff1d(test_labels, classes)
    if len(unseen):
        raise UserError(
            f"{test_path} has the label {unseen[0]}, which no training image has; those have {_listed(classes)}"
        )
    return RawDataset(
        train_images=train_images,
        train_labels=np.searchsorted(classes, train_labels).astype(np.int32),
        test_images=test_images,
        test_labels=np.searchsorted(classes, test_labels).astype(np.int32),
        class_names=_class_names(spec, classes),
        source=f"IDX files in {spec.folder}",
        licence="not stated",
    )


def _class_names(spec: params.Idx, classes: NDArray[Any]) -> tuple[str, ...]:
    if spec.class_names is None:
        return tuple(str(label) for label in classes)
    if len(spec.class_names) != len(classes):
        raise UserError(
            f"dataset.class_names has {len(spec.class_names)} names, "
            f"the training labels have {len(classes)} distinct values: {_listed(classes)}"
        )
    return spec.class_names


def _read_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[Any], Path]:
    """Returns images (n, height, width, channels), labels (n,) as they stand in the file, and that file's path."""
    images_path, labels_path = _find(folder, split, "images"), _find(folder, split, "labels")
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise UserError(
            f"{images_path} holds {images.dtype} values of shape {_times(images.shape)}; "
            "expected uint8 images: number x height x width, or x 1 or 3 channels"
        )
    if labels.ndim != 1:
        raise UserError(f"{labels_path} holds values of shape {_times(labels.shape)}; expected one label per image")
    if len(images) != len(labels):
        raise UserError(f"{images_path} holds {len(images)} images, {labels_path.name} holds {len(labels)} labels")
    return images, labels, labels_path


def _find(folder: Path, split: str, part: str) -> Path:
    pattern = re.compile(rf"(.*-)?({split})-{part}[-.]idx\d-ubyte(\.gz)?")
    found = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name))
    if not found:
        name = f"{split.split('|')[0]}-{part}-idx{3 if part == 'images' else 1}-ubyte"
        raise UserError(f"dataset.folder: {folder} has no {name} (or {name}.gz)")
    if len(found) > 1:
        raise UserError(f"{folder} holds both {found[0].name} and {found[1].name}: leave one of them")
    return found[0]


def read_idx(path: Path) -> NDArray[Any]:
    """Reads an IDX file of integers, plain or gzipped.

    Raises:
        UserError: the file is no IDX file of integers, or holds fewer or more bytes than its header promises.
    """
    with open_stream(path) as stream:
        dtype, shape = _read_header(stream, path)
        header_bytes = 4 + 4 * len(shape)
        value_bytes = math.prod(shape) * dtype.itemsize
        promise = f"its header ({_times(shape)}) promises {header_bytes + value_bytes}"
        # Checked before memory is taken for what the header promises.
        if isinstance(stream, gzip.GzipFile):
            most_bytes = path.stat().st_size * MAX_GZIP_RATIO
            if header_bytes + value_bytes > most_bytes:
                raise UserError(f"{path} decompresses to at most {most_bytes} bytes, {promise}")
        elif path.stat().st_size != header_bytes + value_bytes:
            raise UserError(f"{path} has {path.stat().st_size} bytes, {promise}")
        data = read_at_most(stream, value_bytes + 1, str(path))
    if len(data) != value_bytes:
        received = "more" if len(data) > value_bytes else f"{header_bytes + len(data)} bytes"
        raise UserError(f"{path} decompresses to {received}, {promise}")
    return np.frombuffer(data, dtype).reshape(shape)


def _read_header(stream: gzip.GzipFile | BinaryIO, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Returns the type of the values and the dimensions."""
    magic = read_at_most(stream, 4, str(path))
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise UserError(f"{path} is no IDX file: it begins with {bytes(magic).hex(' ') or 'nothing'}, expected 00 00")
    type_code, num_dimensions = magic[2:]
    if type_code not in INTEGER_TYPES:
        known = ", ".join(f"{code:#04x}" for code in INTEGER_TYPES)
        raise UserError(f"{path} has values of type {type_code:#04x}, expected integers ({known})")
    if not 1 <= num_dimensions <= MAX_DIMENSIONS:
        raise UserError(f"{path} has {num_dimensions} dimensions, expected 1 to {MAX_DIMENSIONS}")
    sizes = read_at_most(stream, 4 * num_dimensions, str(path))
    if len(sizes) < 4 * num_dimensions:
        raise UserError(f"{path} has {4 + len(sizes)} bytes, its header alone has {4 + 4 * num_dimensions}")
    return np.dtype(INTEGER_TYPES[type_code]), struct.unpack(f">{num_dimensions}I", sizes)


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)


def _listed(classes: NDArray[Any]) -> str:
    """Names at most ten classes."""
    return ", ".join(str(label) for label in classes[:10]) + (", ..." if len(classes) > 10 else "")
