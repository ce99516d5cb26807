"""The numbers of a study as files: metrics.json for `dvc metrics`, results.csv, and what `dvc plots` draws."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scramble.artifacts import write_json, write_table
from scramble.metrics import RUN_METRICS
from scramble.report.analysis import Analysis
from scramble.report.cells import CellNumbers
from scramble.report.prices import Price
from scramble.report.results import Cell
from scramble.statistics import Estimate

DECIMALS = 6
Row = Mapping[str, Any]
INTERVAL = ("mean", "low", "high", "n")
PLOTS: dict[str, tuple[str, ...]] = {
    "errors": ("model", "permutation", *INTERVAL),
    "learning_curves": ("model", "permutation", "curve", "epoch", *INTERVAL),
    "confusion": ("model", "permutation", "actual", "predicted", "count", "share"),
    "structure": ("model", "family", "permutation", "strength", *INTERVAL),
    "transfer": ("model", "trained_on", "tested_on", *INTERVAL),
    "reliability": ("model", "permutation", "confidence", "accuracy", "count"),
    "search": ("model", "permutation", "trial", "score", "best_so_far"),
}
"""The files of plots/ and their columns, which are there also where a study has no row for them."""


def write(analysis: Analysis, folder: Path) -> None:
    """Writes metrics.json, results.csv and plots/ into `folder`."""
    write_json(folder / "metrics.json", metrics(analysis))
    write_table(folder / "results.csv", runs(analysis))
    (folder / "plots").mkdir()
    for name, rows in plots(analysis).items():
        _write_plot(folder / "plots" / f"{name}.csv", PLOTS[name], rows)


def _write_plot(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    if rows:
        write_table(path, rows)
    else:
        path.write_text(f"{','.join(columns)}\n", encoding="utf-8")


# --- metrics.json ---------------------------------------------------------------------------------------------


def metrics(analysis: Analysis) -> dict[str, Any]:
    """{model: {permutation: {metric: {mean, low, high, n}}}}, errors as fractions, and what they decide.

    Beside the permutations of a model stand the areas under its structure curves.
    """
    study = analysis.results.study
    return {
        model: {name: _cell(analysis, model, name) for name in study.grid.permutations}
        | {f"area under {curve.family}": estimate(curve.area) for curve in analysis.curves[model] if curve.area}
        for model in study.grid.models
    }


def _cell(analysis: Analysis, model: str, permutation: str) -> dict[str, Any]:
    cell = analysis.cells[model, permutation]
    entries: dict[str, Any] = {metric: estimate(cell.metric(metric)) for metric in RUN_METRICS}
    if price := analysis.prices.get((model, permutation)):
        entries |= _price(price)
    if search := analysis.searches[model, permutation]:
        entries["search"] = {
            "trials": len(search.search.trials),
            "best": rounded(search.search.best_score),
            "optimism": estimate(search.optimism),
        }
    return entries


def _price(price: Price) -> dict[str, Any]:
    return {
        "price": estimate(price.difference)
        | {
            "p": rounded(price.p_value),
            "p_holm": rounded(price.adjusted_p),
            "p_equivalence": rounded(price.equivalence.p_value),
        },
        "structure_reliance": estimate(price.reliance.index) if price.reliance.index else None,
        "verdict": price.verdict,
    }


def estimate(value: Estimate) -> dict[str, float | int | None]:
    return {"mean": rounded(value.mean), "low": rounded(value.low), "high": rounded(value.high), "n": value.n}


def rounded(value: float | None) -> float | None:
    """None also for what is not finite, which JSON cannot say: the likelihood of a training that diverged."""
    return None if value is None or not math.isfinite(value) else round(value, DECIMALS)


# --- results.csv ----------------------------------------------------------------------------------------------


def runs(analysis: Analysis) -> list[Row]:
    """One row per run and metric, and per pair of runs what the permutation added and McNemar's p."""
    return [
        {**_place(cell), "replicate": replicate, "metric": metric, "value": rounded(value)}
        for cell in analysis.results.cells.values()
        for replicate, run in enumerate(cell.runs)
        for metric, value in {**run, **_pair(analysis.prices.get((cell.model, cell.permutation)), replicate)}.items()
    ]


def _pair(price: Price | None, replicate: int) -> dict[str, float]:
    if price is None:
        return {}
    return {"price": price.runs[replicate], "mcnemar_p": price.mcnemar[replicate].p_value}


# --- plots/ ---------------------------------------------------------------------------------------------------


def plots(analysis: Analysis) -> dict[str, list[Row]]:
    """The rows of every file of plots/, by its name."""
    return {
        "errors": [{**_place(cell), **estimate(cell.top1)} for cell in analysis.cells.values()],
        "learning_curves": list(_learning_curves(analysis)),
        "confusion": list(_confusion(analysis)),
        "structure": list(_structure(analysis)),
        "transfer": [
            {"model": model, "trained_on": trained_on, "tested_on": tested_on, **estimate(error)}
            for model, matrix in analysis.transfer.items()
            for (trained_on, tested_on), error in matrix.errors.items()
        ],
        "reliability": [row for cell in analysis.cells.values() for row in _reliability(cell)],
        "search": list(_search(analysis)),
    }


def _learning_curves(analysis: Analysis) -> Iterable[Row]:
    for place, curves in analysis.learning_curves.items():
        for curve, estimates in curves.items():
            for epoch, value in enumerate(estimates, start=1):
                yield {**dict(zip(("model", "permutation"), place, strict=True)), "curve": curve, "epoch": epoch} | (
                    estimate(value)
                )


def _confusion(analysis: Analysis) -> Iterable[Row]:
    """Counts over all replicates, one row per pair of classes that occurs; `share` is of the actual class."""
    names = analysis.results.info.class_names
    for cell in analysis.cells.values():
        for (actual, predicted), count in np.ndenumerate(cell.confusion):
            if count:
                share = rounded(count / cell.confusion[actual].sum())
                pair = {"actual": names[actual], "predicted": names[predicted]}
                yield {**_place(cell), **pair, "count": int(count), "share": share}


def _structure(analysis: Analysis) -> Iterable[Row]:
    """The points of the structure curves, and every permutation by the share of neighbour pairs that it parts."""
    for model, curves in analysis.curves.items():
        for curve in curves:
            for point in curve.points:
                yield _point(model, curve.family, point.permutation, point.strength, point.error)
        for neighbours in analysis.neighbours[model]:
            yield _point(model, "neighbours", neighbours.permutation, 1 - neighbours.kept, neighbours.error)


def _point(model: str, family: str, permutation: str, strength: float, error: Estimate) -> Row:
    place = {"model": model, "family": family, "permutation": permutation}
    return {**place, "strength": rounded(strength), **estimate(error)}


def _reliability(cell: CellNumbers) -> Iterable[Row]:
    """The bins of the reliability diagram that hold an image."""
    bins = cell.reliability
    for confidence, accuracy, count in zip(bins.confidence, bins.accuracy, bins.count, strict=True):
        if count:
            yield {
                **_place(cell),
                "confidence": rounded(confidence),
                "accuracy": rounded(accuracy),
                "count": int(count),
            }


def _search(analysis: Analysis) -> Iterable[Row]:
    for (model, permutation), found in analysis.searches.items():
        for trial in found.search.trials if found else ():
            scores = {"score": rounded(trial.score), "best_so_far": rounded(trial.best_so_far)}
            yield {"model": model, "permutation": permutation, "trial": trial.number, **scores}


def _place(cell: Cell | CellNumbers) -> dict[str, str]:
    return {"model": cell.model, "permutation": cell.permutation}
