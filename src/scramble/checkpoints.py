"""What a training leaves for the next attempt, should it be ended: by Ctrl-C, a signal, or the power.

It lies outside the outputs that DVC removes before a stage runs, is found again only by the same inputs, and is
removed when the stage is complete.
"""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import artifacts

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


class Checkpoint:
    """The folder of one replicate: `key`, `state.npz` and `events/` while it is trained, then `finished/`."""

    def __init__(self, folder: Path, key: str) -> None:
        """Opens the folder, or empties it if it is of other inputs than those `key` stands for."""
        self.folder = folder
        self.finished = folder / "finished"
        self.events = folder / "events"
        self._state = folder / "state.npz"
        stamp = folder / "key"
        if not stamp.is_file() or stamp.read_text(encoding="utf-8") != key:
            artifacts.remove(folder)
            folder.mkdir(parents=True)
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
        self._state.unlink(missing_ok=True)
