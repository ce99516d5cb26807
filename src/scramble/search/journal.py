"""The trainings that a search has finished, one small file each, found again by all that they depend on."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from scramble import artifacts
from scramble.params import Setting
from scramble.search.job import fingerprint


class EpochRow(NamedTuple):
    """What an epoch left, as `scramble.training.Epoch` has it."""

    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


class Training(BaseModel):
    """What one finished training of a search left."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    error: float
    """Share of the validation images that the kept weights get wrong; 1 where the training diverged."""
    diverged: bool
    history: tuple[EpochRow, ...]


class Entry(BaseModel):
    """The contents of a file: the training, and beside it, to be read, what was trained."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    recipe: dict[str, object]
    options: dict[str, object]
    replicate: int
    training: Training


class Journal:
    """A folder of trainings.

    Args:
        folder: made when there is something to keep.
        inputs: stands for what all trainings depend on (`Job.inputs`).
        machine: what of this machine can change a training (`environment.machine`).
        note: is told what was damaged.
    """

    def __init__(self, folder: Path, inputs: str, machine: object, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._inputs = hashlib.sha256(f"{inputs} {machine!r}".encode()).hexdigest()
        self._note = note

    def find(self, setting: Setting, replicate: int) -> Training | None:
        """The training by a setting under a replicate; None if it is not there, or not whole."""
        path = self._path(setting, replicate)
        try:
            return Entry.model_validate_json(path.read_bytes()).training
        except FileNotFoundError:
            return None
        except ValidationError:
            self._note(f"{path} is damaged, its training is done again")
            path.unlink()
            return None

    def add(self, setting: Setting, replicate: int, training: Training) -> None:
        entry = Entry(
            recipe=setting.recipe.model_dump(mode="json"),
            options=setting.options.model_dump(mode="json"),
            replicate=replicate,
            training=training,
        )
        with artifacts.whole(self._path(setting, replicate)) as target:
            target.write_text(entry.model_dump_json() + "\n", encoding="utf-8")

    def _path(self, setting: Setting, replicate: int) -> Path:
        return self._folder / f"{fingerprint(self._inputs, setting)}-{replicate}.json"
