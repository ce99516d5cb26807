"""Every number of the report, as data: what `page`, `markdown` and `tables` print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.report.cells import CellNumbers, cell_numbers
from scramble.report.curves import NeighbourPoint, StructureCurve, neighbour_points, structure_curves
from scramble.report.prices import Price, prices
from scramble.report.results import History, Results
from scramble.report.searches import Search
from scramble.statistics import Estimate, mean_interval, resample

LEARNING_CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
"""The columns of history.csv that are averaged."""


@dataclass(frozen=True)
class Resampled:
    """How the intervals were made."""

    draws: int
    seed: int
    num_replicates: int
    num_images: int


@dataclass(frozen=True)
class TransferMatrix:
    """Top-1 errors of one model, trained under one permutation and tested under another, draw by draw."""

    permutations: tuple[str, ...]
    errors: Mapping[tuple[str, str], Estimate]
    """By (trained on, tested on), fractions; Student's interval over replicates."""

    @property
    def means(self) -> NDArray[np.float64]:
        """(trained on, tested on)"""
        return np.array([[error.mean for error in errors] for _, errors in self.rows()])

    def rows(self) -> list[tuple[str, list[Estimate]]]:
        """By what the model was trained on, its errors in the order of `permutations`."""
        return [(row, [self.errors[row, column] for column in self.permutations]) for row in self.permutations]


@dataclass(frozen=True)
class SearchNumbers:
    """The search for one cell's recipe."""

    search: Search
    optimism: Estimate
    """Mean error of the winner on fresh seeds minus its score in the search, with the interval over fresh seeds."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a study says, and how sure it is of it. The grid's order everywhere."""

    results: Results
    resampled: Resampled
    cells: Mapping[tuple[str, str], CellNumbers]
    """By (model, permutation)."""
    prices: Mapping[tuple[str, str], Price]
    """By (model, permutation), scrambled ones only; empty where the study has no natural permutation."""
    curves: Mapping[str, tuple[StructureCurve, ...]]
    """By model, one for each tile family of the grid; () where the grid has none."""
    neighbours: Mapping[str, tuple[NeighbourPoint, ...]]
    """By model, every permutation of the grid, by neighbour pairs kept, descending: the natural one first."""
    transfer: Mapping[str, TransferMatrix]
    """By model."""
    learning_curves: Mapping[tuple[str, str], Mapping[str, tuple[Estimate, ...]]]
    """By (model, permutation) and column of history.csv, epoch by epoch, with Student's interval over replicates. A
    curve ends with the shortest of its replicates."""
    searches: Mapping[tuple[str, str], SearchNumbers | None]
    """By (model, permutation); None where nothing was searched."""

    def headline_prices(self) -> list[Price]:
        """The prices that the answer speaks of, one for each model; [] where there are none."""
        return [price for price in self.prices.values() if price.permutation == self.results.study.headline]


def analyse(results: Results) -> Analysis:
    """Computes every number of the report; the same for the same results and study seed."""
    study = results.study
    num_images = next(iter(results.cells.values())).errors.shape[1]
    resampling = resample(study.replicates, num_images, study.seed)
    cells = {place: cell_numbers(cell, resampling) for place, cell in results.cells.items()}
    models = study.grid.models
    return Analysis(
        results=results,
        resampled=Resampled(len(resampling.images), study.seed, study.replicates, num_images),
        cells=cells,
        prices=prices(results, resampling),
        curves={model: structure_curves(results, cells, model, resampling) for model in models},
        neighbours={model: neighbour_points(results, cells, model) for model in models},
        transfer={model: _transfer(results, model) for model in models},
        learning_curves={place: _learning_curves(cell.histories) for place, cell in results.cells.items()},
        searches={place: _search_numbers(search) for place, search in results.searches.items()},
    )


def _transfer(results: Results, model: str) -> TransferMatrix:
    names = results.study.grid.permutations
    errors = {
        (trained_on, tested_on): mean_interval(results.transfer[model][row, column].tolist())
        for row, trained_on in enumerate(names)
        for column, tested_on in enumerate(names)
    }
    return TransferMatrix(names, errors)


def _learning_curves(histories: Sequence[History]) -> dict[str, tuple[Estimate, ...]]:
    return {
        column: tuple(map(mean_interval, zip(*(history[column] for history in histories), strict=False)))
        for column in LEARNING_CURVES
    }


def _search_numbers(search: Search | None) -> SearchNumbers | None:
    if search is None:
        return None
    return SearchNumbers(search, mean_interval([score - search.best_score for score in search.fresh_scores]))
