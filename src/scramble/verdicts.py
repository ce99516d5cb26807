"""What verifications of a study found: verification.json, kept as long as it speaks of what is on the disk."""

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from scramble import artifacts
from scramble.errors import UserError
from scramble.params import Study
from scramble.paths import StudyPaths

Verdict = Literal["identical", "equal within tolerance", "different"]


class Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(Found):
    """A file whose bytes were others the second time."""

    file: str
    where: str
    """The first place that differs: a tensor, an epoch and a column, a key."""
    absolute: float | None = None
    """Largest difference at this place; None where no numbers can be compared."""
    relative: float | None = None
    """The same, over the largest value at this place."""
    largest_relative: float | None = None
    """Of all places of the file."""
    within_tolerance: bool

    def __str__(self) -> str:
        if self.absolute is None:
            return f"{self.file}: {self.where}"
        largest = "no number" if self.largest_relative is None else f"{self.largest_relative:.2g}"
        elsewhere = "" if self.largest_relative == self.relative else f", elsewhere {largest}"
        return f"{self.file}: {self.where} differs by {self.absolute:.2g}, relative {self.relative:.2g}{elsewhere}"


class Reexecution(Found):
    """A finished stage, executed a second time."""

    verdict: Verdict
    tolerance: float
    outputs: dict[str, str]
    """SHA-256 of every file that the first execution left."""
    differences: tuple[Difference, ...]
    events: tuple[str, ...]
    """Event files with other bytes: binary logs of what history.csv holds, too, and no tolerance applies."""
    environment_changes: dict[str, tuple[Any, Any]]
    """By dotted key, what environment.json said the first and the second time; no part of the verdict."""

    @property
    def first_differences(self) -> list[Difference]:
        """Of the files of one name, as history.csv, the first that differs: beyond the tolerance, where any does."""
        beyond = [difference for difference in self.differences if not difference.within_tolerance]
        first: dict[str, Difference] = {}
        for difference in beyond or self.differences:
            first.setdefault(PurePath(difference.file).name, difference)
        return list(first.values())


class Control(Found):
    """An experiment whose outcome is known beforehand."""

    name: str
    expected: str
    measured: str
    passed: bool | None
    """None: the study has nothing that it could be made with."""


class Controls(Found):
    """The built-in controls, and the files beside which they were run."""

    results: tuple[Control, ...] = ()
    files: dict[str, str] = {}


class Document(Found):
    """The contents of verification.json."""

    study: str
    stages: dict[str, Reexecution] = {}
    controls: Controls = Controls()


def load(study: Study) -> Document:
    """Reads what was found so far, without what is stale: nothing, where there is no verification.json yet.

    A verdict holds for the outputs that it was given for, the controls hold for the files beside which they were run.

    Raises:
        UserError: the file is damaged.
    """
    path = StudyPaths(study.study).verification
    if not path.is_file():
        return Document(study=study.study)
    found = read(path)
    known = digests({file for each in found.stages.values() for file in each.outputs} | control_files(study))
    stages = {name: each for name, each in found.stages.items() if each.outputs.items() <= known.items()}
    controls = found.controls if found.controls.files == digests(control_files(study)) else Controls()
    return Document(
        study=study.study,
        stages={name: stages[name] for name in sorted(stages) if in_grid(name, study)},
        controls=controls,
    )


def read(path: Path) -> Document:
    """Reads a verification.json, whatever it speaks of.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return Document.model_validate(artifacts.read_json(path))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UserError(f"{path} is damaged (at {where}): delete it and run `dvc repro`") from None


def save(study: Study, document: Document) -> None:
    with artifacts.whole(StudyPaths(study.study).verification) as target:
        artifacts.write_json(target, document)


def repro(study: Study) -> str:
    """The command that brings the study up to date, typed in the repository root."""
    folder = Path(study.params).parent
    return "dvc repro" if folder == Path() else f"dvc repro {folder.as_posix()}/dvc.yaml"


def in_grid(stage: str, study: Study) -> bool:
    """Whether the study still has the cell of a stage, as train@<model>-<permutation>."""
    _, _, cell = stage.partition("@")
    return not cell or {*cell.split("-")} <= {*study.grid.models, *study.grid.permutations}


def control_files(study: Study) -> set[str]:
    """What the controls speak for: the data, every model of the grid, and how its first replicate was trained."""
    paths = StudyPaths(study.study)
    files = {paths.dataset}
    for model in study.grid.models:
        files |= {paths.trained_architecture(model, study.grid.permutations[0])}
        files |= {paths.weights(model, permutation, 0) for permutation in study.grid.permutations}
    return {path.as_posix() for path in files}


def digests(files: Iterable[str], folder: Path = Path()) -> dict[str, str]:
    """SHA-256 of those files that are there, seen from `folder`."""
    found = {}
    for name in sorted(files):
        if (folder / name).is_file():
            with (folder / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found
