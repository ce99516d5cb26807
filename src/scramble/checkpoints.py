"""What a training leaves for the next attempt, should it be ended: by Ctrl-C, a signal, or the power.

It lies outside the outputs that DVC removes before a stage runs, is found again only by the same inputs, and is
removed when the stage is complete.
"""

import fcntl
import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts
from scramble.errors import UserError

DAMAGE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)
"""What NumPy raises for a .npz file that is not whole."""


def key(files: Iterable[Path], *settings: Any) -> str:
    """SHA-256 over the names and contents of files and of the files in folders, and over settings, by their repr."""
    digest = hashlib.sha256(repr(settings).encode())
    for path in files:
        for file in [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file()):
            with file.open("rb") as content:
                digest.update(str(file).encode() + b"\0" + hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a second process from training what has its checkpoints in `folder`.

    Raises:
        UserError: another process trains it, perhaps one whose parent was killed.
    """
    with artifacts.disk_errors_told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        file = folder.with_name(f"{folder.name}.lock").open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another process is training {folder.name} of {folder.parent}: wait for it, or end it"
            ) from None
        yield


def copy_tree(source: Path, target: Path) -> None:
    """Copies a folder of files; unlike shutil's, it raises the OSError of the file that fails."""
    target.mkdir()
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, target / path.name)


class Checkpoint:
    """The folder of one replicate: `key` and `events/`, `state.npz` while it is trained, then `finished/`."""

    def __init__(self, folder: Path, key: str) -> None:
        """Opens the folder; empties it first if it is of other inputs than those `key` stands for."""
        self.folder = folder
        self.finished = folder / "finished"
        self.events = folder / "events"
        self._state = folder / "state.npz"
        stamp = folder / "key"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != key:
            self.discard()
            with artifacts.whole(stamp) as target:
                target.write_text(key, encoding="utf-8")

    @property
    def is_finished(self) -> bool:
        return self.finished.is_dir()

    def save(self, arrays: dict[str, NDArray[Any]], events_bytes: int) -> None:
        """Keeps a training between two epochs, and how long its event file is by then."""
        size = sum(array.nbytes for array in arrays.values())
        artifacts.require_space(self._state, size)
        with artifacts.whole(self._state) as target, target.open("wb") as file:
            np.savez(file, allow_pickle=False, events_bytes=events_bytes, **arrays)
            file.flush()
            os.fsync(file.fileno())

    def load(self) -> tuple[dict[str, NDArray[Any]], int] | None:
        """What `save` was given; None if there is nothing, or nothing whole."""
        try:
            with self._state.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                arrays = dict(saved)
            events_bytes = int(arrays.pop("events_bytes"))
            written = sum(path.stat().st_size for path in self.events.iterdir())
        except DAMAGE:
            return None
        return (arrays, events_bytes) if written >= events_bytes else None

    @contextmanager
    def finish(self) -> Iterator[Path]:
        """A folder for what the replicate leaves; when the block ends it is `finished`, and the state is removed."""
        with artifacts.whole(self.finished) as folder:
            folder.mkdir()
            yield folder
            for path in (*folder.rglob("*"), folder):
                _to_disk(path)
        _to_disk(self.folder)
        self._state.unlink(missing_ok=True)

    def discard(self) -> None:
        """Removes the folder, its key first: nobody takes what is left of it for whole."""
        with artifacts.disk_errors_told(self.folder):
            (self.folder / "key").unlink(missing_ok=True)
            artifacts.remove(self.folder)


def _to_disk(path: Path) -> None:
    """Waits until what was written to a file, or which names a folder has, would survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
