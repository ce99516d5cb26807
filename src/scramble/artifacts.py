"""Reading and writing what passes between stages: deterministic bytes, written whole or not at all, never a pickle."""

import csv
import errno
import io
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from scramble.errors import UserError


class SplitInfo(BaseModel):
    """How many images a split has, in all and of each class (in the order of the class names)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    per_class: tuple[int, ...]


class DatasetInfo(BaseModel):
    """The contents of dataset.json: what a study's data is, without the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    image_shape: tuple[int, int, int]
    """(height, width, channels)"""
    class_names: tuple[str, ...]
    splits: dict[str, SplitInfo]
    """train (without the validation part), validation and test"""
    mean: tuple[float, ...]
    """Per channel, over the train split without its validation part, of pixels scaled to 0..1."""
    std: tuple[float, ...]
    digest: str
    """SHA-256 over the decoded images and labels of train and test."""
    duplicates: int
    """Test images that also occur, pixel for pixel, in the train split."""
    source: str
    licence: str

    @property
    def num_classes(self) -> int:
        return len(self.class_names)


class Split(BaseModel):
    """The images and labels of one split, held in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    images: NDArray[np.uint8]
    """(n, height, width, channels)"""
    labels: NDArray[np.int32]
    """(n,), 0..classes-1"""


class TrainSplit(Split):
    validation: NDArray[np.int32]
    """(v,), sorted positions of the validation part within the split"""


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A place to write `target` (a file or a folder) to, moved to `target` when the block ends without an error.

    The place is beside the target, named <target>.partial<suffix>; what an interrupted run left there is removed
    first. That the disk is full, or does not take it, becomes a `UserError`.
    """
    partial = target.with_name(f"{target.stem}.partial{target.suffix}")
    try:
        with disk_errors_told(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            remove(partial)
            yield partial
            if target.is_dir():
                remove(target)
            os.replace(partial, target)
    finally:
        with suppress(OSError):
            remove(partial)


NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
NOT_WRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def disk_errors_told(target: Path) -> Iterator[None]:
    """Makes a full or unwritable disk a `UserError` that names what was being written."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise UserError(f"no space left on the disk while writing {target}: free some and run again") from error
        if error.errno in NOT_WRITABLE:
            raise UserError(f"{target} cannot be written: {error.strerror} ({error.filename})") from error
        raise


def require_space(target: Path, num_bytes: int) -> None:
    """Raises UserError unless `num_bytes` more fit on the disk of `target`, whose folder exists.

    For libraries that do not survive a full disk, as HDF5.
    """
    free = shutil.disk_usage(target.parent).free
    if free < num_bytes:
        raise UserError(
            f"{target} needs {num_bytes / 1e6:.1f} MB, the disk has {free / 1e6:.1f} MB left: free some and run again"
        )


def remove(path: Path) -> None:
    """Removes a file, or a folder with all in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, value: BaseModel | dict[str, Any]) -> None:
    """Writes `value` as indented JSON, the keys in the order given. NaN and infinities are refused."""
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    require(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run `dvc repro`") from None


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes `rows` as CSV, the columns in the order of the first row; NaN and None become empty cells."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value


def read_table(path: Path) -> list[dict[str, str]]:
    """Reads a CSV file with a header, every cell as it is written."""
    require(path)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_picture(path: Path) -> bytes:
    require(path)
    return path.read_bytes()


def read_dataset_info(path: Path) -> DatasetInfo:
    return DatasetInfo.model_validate(read_json(path))


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Writes a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    # On a full disk, NumPy's own writing to a file raises an error that does not say so.
    path.write_bytes(buffer.getbuffer())


def read_array(path: Path) -> NDArray[Any]:
    """Reads one .npy file; a pickled one is refused by NumPy."""
    require(path)
    return np.load(path, allow_pickle=False)


def read_train_split(folder: Path) -> TrainSplit:
    return TrainSplit(
        images=read_array(folder / "images.npy"),
        labels=read_array(folder / "labels.npy"),
        validation=read_array(folder / "validation.npy"),
    )


def read_test_split(folder: Path) -> Split:
    return Split(images=read_array(folder / "images.npy"), labels=read_array(folder / "labels.npy"))


def require(path: Path) -> None:
    """Raises UserError when a file of an earlier stage is missing."""
    if not path.is_file():
        raise UserError(f"{path} is missing: an earlier stage writes it, run `dvc repro`")
