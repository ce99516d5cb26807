"""The numbers of a study as files: metrics.json for `dvc metrics`, results.csv, and what `dvc plots` draws."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from scramble.artifacts import write_json, write_table
from scramble.metrics import RUN_METRICS
from scramble.report.results import Cell, Results
from scramble.statistics import Estimate

DECIMALS = 6
CURVES = ("loss", "accuracy", "validation_loss", "validation_accuracy")
"""The columns of history.csv that are plotted."""


def write(results: Results, folder: Path) -> None:
    """Writes metrics.json, results.csv and plots/ into `folder`."""
    write_json(folder / "metrics.json", metrics(results))
    write_table(folder / "results.csv", runs(results))
    plots = folder / "plots"
    plots.mkdir()
    write_table(plots / "learning_curves.csv", learning_curves(results))
    write_table(plots / "errors.csv", errors(results))
    write_table(plots / "confusion.csv", confusion(results))


def metrics(results: Results) -> dict[str, Any]:
    """{model: {permutation: {metric: {mean, low, high, n}}}}, errors as fractions."""
    return {
        model: {
            cell.permutation: {metric: _estimate(cell.estimate(metric)) for metric in RUN_METRICS}
            for cell in results.of_model(model)
        }
        for model in results.study.grid.models
    }


def _estimate(estimate: Estimate) -> dict[str, float | int | None]:
    return {
        "mean": _rounded(estimate.mean),
        "low": _rounded(estimate.low),
        "high": _rounded(estimate.high),
        "n": estimate.n,
    }


def _rounded(value: float | None) -> float | None:
    """None also for what is not finite, which JSON cannot say: the likelihood of a training that diverged."""
    return None if value is None or not math.isfinite(value) else round(value, DECIMALS)


def runs(results: Results) -> list[dict[str, Any]]:
    """One row per run and metric."""
    return [
        _place(cell) | {"replicate": replicate, "metric": metric, "value": _rounded(value)}
        for cell in results.cells.values()
        for replicate, run in enumerate(cell.runs)
        for metric, value in run.items()
    ]


def learning_curves(results: Results) -> list[dict[str, Any]]:
    """One row per run and epoch."""
    return [
        {"run": f"{cell.model} {cell.permutation} {replicate}"}
        | _place(cell)
        | {"replicate": replicate, "epoch": epoch}
        | {column: _rounded(history[column][epoch - 1]) for column in CURVES}
        for cell in results.cells.values()
        for replicate, history in enumerate(cell.histories)
        for epoch in range(1, len(history["epoch"]) + 1)
    ]


def errors(results: Results) -> list[dict[str, Any]]:
    """Top-1 error, one row per place of the grid."""
    return [_place(cell) | _estimate(cell.estimate()) for cell in results.cells.values()]


def confusion(results: Results) -> list[dict[str, Any]]:
    """Counts over all replicates, one row per pair of classes that occurs; `share` is of the actual class."""
    names = results.info.class_names
    return [
        _place(cell)
        | {"actual": names[actual], "predicted": names[predicted], "count": int(count)}
        | {"share": _rounded(count / cell.confusion[actual].sum())}
        for cell in results.cells.values()
        for (actual, predicted), count in np.ndenumerate(cell.confusion)
        if count
    ]


def _place(cell: Cell) -> dict[str, str | int | float | None]:
    return {"model": cell.model, "permutation": cell.permutation}
