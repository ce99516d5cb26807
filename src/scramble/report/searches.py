"""What the searches for the recipes left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scramble.artifacts import read_json, read_table


@dataclass(frozen=True)
class Trial:
    """One setting that a search tried."""

    number: int
    score: float
    """Mean validation error over the search's replicates, a fraction; NaN for a trial that diverged."""
    best_so_far: float
    epochs: int
    status: str
    values: Mapping[str, str]
    """By field, as trials.csv has them."""


@dataclass(frozen=True)
class Search:
    """A search for the recipe of one model under one permutation."""

    algorithm: str
    objective: str
    replicates: int
    """Trainings of every trial."""
    epochs: int
    """Of a trial; with hyperband, of the longest."""
    order: str
    """serial or parallel"""
    order_matters: bool
    """Another order of the trials, as of a parallel search, would have tried other settings."""
    space: Mapping[str, str]
    """By field, where it was searched, in words."""
    best_trial: int
    best_score: float
    """Of the winner, a fraction."""
    best_values: Mapping[str, Any]
    fresh_scores: tuple[float, ...]
    """Of the winner, trained again with fresh seeds and fresh draws of the permutation; NaN where that diverged."""
    trials: tuple[Trial, ...]
    """In the order of their numbers."""

    def best(self, count: int = 5) -> list[Trial]:
        """The best trials, the best one first, of those that were trained for all epochs and did not diverge."""
        whole = [trial for trial in self.trials if trial.epochs == self.epochs and trial.status != "diverged"]
        return sorted(whole, key=lambda trial: (trial.score, trial.number))[:count]


def read_search(folder: Path) -> Search | None:
    """Reads search.json and trials.csv; None where nothing was searched.

    Raises:
        UserError: a file is damaged, or trials.csv is missing.
    """
    if not (folder / "search.json").is_file():
        return None
    found = read_json(folder / "search.json")
    if not found["searched"]:
        return None
    return Search(
        algorithm=found["algorithm"],
        objective=found["objective"],
        replicates=found["replicates"],
        epochs=found["epochs"],
        order=found["order"],
        order_matters=found["order_matters"],
        space=found["space"],
        best_trial=found["best"]["trial"],
        best_score=found["best"]["score"],
        best_values=found["best"]["values"],
        fresh_scores=tuple(math.nan if score is None else score for score in found["fresh"]["scores"]),
        trials=tuple(_trial(row) for row in read_table(folder / "trials.csv")),
    )


TRIAL_COLUMNS = ("trial", "score", "best_so_far", "epochs", "status")
"""Of trials.csv; every other column is a field of the space."""


def _trial(row: Mapping[str, str]) -> Trial:
    return Trial(
        number=int(row["trial"]),
        score=number(row["score"]),
        best_so_far=number(row["best_so_far"]),
        epochs=int(row["epochs"]),
        status=row["status"],
        values={field: value for field, value in row.items() if field not in TRIAL_COLUMNS},
    )


def number(cell: str) -> float:
    """A number of a CSV file; NaN where the cell is empty."""
    return float(cell) if cell else math.nan
