"""What a study measured, gathered from the folders of its grid; whatever else lies on the disk is not looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import metrics, verdicts
from scramble.artifacts import DatasetInfo, read_array, read_dataset_info, read_json, read_table
from scramble.errors import UserError
from scramble.metrics import Reliability
from scramble.params import Recipe, Study
from scramble.paths import StudyPaths
from scramble.report.examples import Mistakes, View, read_mistakes, read_view
from scramble.report.searches import Search, number, read_search

History = dict[str, list[float]]
"""The columns of a history.csv."""
RUN_KEYS = ("model", "permutation", "replicate")
"""The columns of metrics.csv that say whose metrics the others are."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One model under one permutation: a place of the grid. What is said of single images is kept in few bytes."""

    model: str
    permutation: str
    runs: tuple[dict[str, float], ...]
    """Per replicate, the metrics of metrics.csv."""
    histories: tuple[History, ...]
    """Per replicate."""
    errors: NDArray[np.uint8]
    """(replicates, images), 1 for a wrong answer"""
    top5_errors: NDArray[np.uint8]
    """(replicates, images), 1 where the label is not among the five most likely classes"""
    log_losses: NDArray[np.float32]
    """(replicates, images), nats"""
    brier_scores: NDArray[np.float32]
    """(replicates, images)"""
    confusion: NDArray[np.int64]
    """(classes, classes), actual by predicted, summed over replicates"""
    reliability: Reliability
    """The bins of all replicates together."""
    recipe: Recipe
    options: dict[str, Any]
    """Of the architecture that was trained."""

    def values(self, metric: str) -> list[float]:
        """One value per replicate."""
        return [run[metric] for run in self.runs]


@dataclass(frozen=True, eq=False)
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
    transfer: dict[str, NDArray[np.float64]]
    """By model, top-1 errors (trained on, tested on, replicates) in the order of the grid's permutations."""
    searches: dict[tuple[str, str], Search | None]
    """By (model, permutation)."""
    mistakes: dict[tuple[str, str], Mistakes]
    """By (model, permutation)."""
    views: dict[tuple[str, str], View]
    """By (model, permutation), of convolutional models under the natural permutation and that of the headline."""
    view_numbers: dict[tuple[str, str], dict[str, float | None]]
    """By the keys of `views`: what views.json says of them."""
    verification: verdicts.Document
    """Without what is stale."""

    def of_model(self, model: str) -> list[Cell]:
        return [self.cells[model, permutation] for permutation in self.study.grid.permutations]


def gather(study: Study) -> Results:
    """Reads what the stages before left.

    Raises:
        UserError: something is missing, or was made for other replicates or images than the study asks for.
    """
    paths = StudyPaths(study.study)
    places = [(model, permutation) for model in study.grid.models for permutation in study.grid.permutations]
    views = _views(study)
    return Results(
        study=study,
        info=read_dataset_info(paths.dataset),
        cells=_cells(study),
        ledgers={model: read_json(paths.ledger(model)) for model in study.grid.models},
        structures={name: read_json(paths.permutation(name) / "structure.json") for name in study.grid.permutations},
        transfer={model: _transfer(study, model) for model in study.grid.models},
        searches={place: read_search(paths.search(*place)) for place in places},
        mistakes={
            (model, name): read_mistakes(paths.predictions(model) / "mistakes" / f"{name}.npz")
            for model, name in places
        },
        views={(model, name): read_view(paths.predictions(model) / "views" / f"{name}.npz") for model, name in views},
        view_numbers=views,
        verification=verdicts.load(study),
    )


def _cells(study: Study) -> dict[tuple[str, str], Cell]:
    paths = StudyPaths(study.study)
    labels = read_array(paths.test_split / "labels.npy")
    cells = {}
    for model in study.grid.models:
        runs = read_table(paths.predictions(model) / "metrics.csv")
        for permutation in study.grid.permutations:
            cells[model, permutation] = _cell(study, model, permutation, runs, labels)
    return cells


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
    ranks = np.stack([metrics.label_ranks(of_run, labels) for of_run in logits])
    return Cell(
        model=model,
        permutation=permutation,
        runs=tuple({key: number(row[key]) for key in row if key not in RUN_KEYS} for row in rows),
        histories=tuple({key: [number(row[key]) for row in rows] for key in rows[0]} for rows in histories),
        errors=(ranks >= 1).astype(np.uint8),
        top5_errors=(ranks >= 5).astype(np.uint8),
        log_losses=np.stack([metrics.log_losses(of_run, labels).astype(np.float32) for of_run in logits]),
        brier_scores=np.stack([metrics.brier_scores(of_run, labels).astype(np.float32) for of_run in logits]),
        confusion=np.sum([metrics.confusion_counts(of_run, labels) for of_run in logits], axis=0),
        reliability=metrics.reliability(logits.reshape(-1, logits.shape[2]), np.tile(labels, len(logits))),
        recipe=Recipe.model_validate(read_json(paths.recipe_file(model, permutation))),
        options=read_json(paths.options_file(model, permutation)),
    )


def _transfer(study: Study, model: str) -> NDArray[np.float64]:
    path = StudyPaths(study.study).predictions(model) / "transfer.npy"
    errors = read_array(path)
    num_permutations = len(study.grid.permutations)
    if errors.shape != (num_permutations, num_permutations, study.replicates):
        raise UserError(
            f"{path} has shape {errors.shape}, the study has {num_permutations} permutations and {study.replicates} "
            "replicates: run `dvc repro`"
        )
    return errors


def _views(study: Study) -> dict[tuple[str, str], dict[str, float | None]]:
    """What views.json says, by (model, permutation); a model without a convolution has no views."""
    found = {}
    for model in study.grid.models:
        path = StudyPaths(study.study).predictions(model) / "views.json"
        if path.is_file():
            for permutation, numbers in read_json(path).get("permutations", {}).items():
                found[model, permutation] = numbers
    return found
