"""What a study measured, gathered from the folders of its grid; whatever else lies on the disk is not looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import verdicts
from scramble.artifacts import DatasetInfo, read_array, read_dataset_info, read_json, read_table
from scramble.errors import UserError
from scramble.params import Recipe, Study
from scramble.paths import StudyPaths
from scramble.statistics import Estimate, mean_interval, paired_difference

History = dict[str, list[float]]
"""The columns of a history.csv."""
RUN_KEYS = ("model", "permutation", "replicate")
"""The columns of metrics.csv that say whose metrics the others are."""


@dataclass(frozen=True)
class Cell:
    """One model under one permutation: a place of the grid."""

    model: str
    permutation: str
    runs: tuple[dict[str, float], ...]
    """Per replicate, the metrics of metrics.csv."""
    histories: tuple[History, ...]
    """Per replicate."""
    confusion: NDArray[np.int64]
    """(classes, classes), actual by predicted, summed over replicates"""
    recipe: Recipe

    def values(self, metric: str) -> list[float]:
        """One value per replicate."""
        return [run[metric] for run in self.runs]

    def estimate(self, metric: str = "top1_error") -> Estimate:
        return mean_interval(self.values(metric))


@dataclass(frozen=True)
class Results:
    """Everything that the report speaks of."""

    study: Study
    info: DatasetInfo
    cells: dict[tuple[str, str], Cell]
    """By (model, permutation), in the order of the grid."""
    ledgers: dict[str, dict[str, Any]]
    """By model."""
    structures: dict[str, dict[str, Any]]
    """By permutation."""
    verification: verdicts.Document

    @property
    def natural(self) -> str | None:
        """The first permutation of the grid that leaves the picture as it is."""
        names = self.study.grid.permutations
        return next((name for name in names if self.study.permutations[name].family == "identity"), None)

    @property
    def scrambled(self) -> list[str]:
        """The permutations of the grid whose price can be asked for: all but the natural one."""
        return [name for name in self.study.grid.permutations if name != self.natural]

    def of_model(self, model: str) -> list[Cell]:
        return [self.cells[model, permutation] for permutation in self.study.grid.permutations]

    def prices(self, cell: Cell) -> list[float]:
        """Permuted minus natural top-1 error, one value per replicate; the study must have a natural permutation."""
        assert self.natural is not None
        natural = self.cells[cell.model, self.natural].values("top1_error")
        return [after - before for before, after in zip(natural, cell.values("top1_error"), strict=True)]

    def price(self, cell: Cell) -> Estimate:
        assert self.natural is not None
        natural = self.cells[cell.model, self.natural]
        return paired_difference(natural.values("top1_error"), cell.values("top1_error"))


def gather(study: Study) -> Results:
    """Reads what the stages before left.

    Raises:
        UserError: something is missing, or was made for other replicates or images than the study asks for.
    """
    paths = StudyPaths(study.study)
    labels = read_array(paths.test_split / "labels.npy")
    cells = {}
    for model in study.grid.models:
        runs = read_table(paths.predictions(model) / "metrics.csv")
        for permutation in study.grid.permutations:
            cells[model, permutation] = _cell(study, model, permutation, runs, labels)
    return Results(
        study=study,
        info=read_dataset_info(paths.dataset),
        cells=cells,
        ledgers={model: read_json(paths.ledger(model)) for model in study.grid.models},
        structures={name: read_json(paths.permutation(name) / "structure.json") for name in study.grid.permutations},
        verification=verdicts.read(paths.verification),
    )


def _cell(
    study: Study, model: str, permutation: str, runs: Sequence[dict[str, str]], labels: NDArray[np.int32]
) -> Cell:
    paths = StudyPaths(study.study)
    predictions = paths.predictions(model) / f"{permutation}.npy"
    logits = read_array(predictions)  # (replicates, n, classes)
    rows = [row for row in runs if row["permutation"] == permutation]
    replicates = [int(row["replicate"]) for row in rows]
    if logits.shape[:2] != (study.replicates, len(labels)) or replicates != list(range(study.replicates)):
        raise UserError(
            f"{predictions} has shape {logits.shape} and metrics.csv {len(rows)} runs of it, the study has "
            f"{study.replicates} replicates and {len(labels)} test images: run `dvc repro`"
        )
    folder = paths.replicates(model, permutation)
    histories = [read_table(folder / str(replicate) / "history.csv") for replicate in range(study.replicates)]
    return Cell(
        model=model,
        permutation=permutation,
        runs=tuple({key: _number(row[key]) for key in row if key not in RUN_KEYS} for row in rows),
        histories=tuple({key: [_number(row[key]) for row in rows] for key in rows[0]} for rows in histories),
        confusion=read_array(paths.predictions(model) / "confusion" / f"{permutation}.npy").sum(axis=0),
        recipe=Recipe.model_validate(read_json(paths.recipe(model, permutation) / "recipe.json")),
    )


def _number(cell: str) -> float:
    return float(cell) if cell else float("nan")
