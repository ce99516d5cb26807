"""Errors, and what scrambling costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from scramble.figures.grids import WIDTH
from scramble.figures.placement import upper_limit
from scramble.figures.style import BLACK, BLUE, GREY, VERMILION, Figure, plt
from scramble.statistics import Estimate

MOST_TALL_ROWS = 16
BESIDE = ("axes fraction", "data")
"""Where words at the right edge of a row stand."""


@dataclass(frozen=True)
class Measured:
    """One value per replicate, and what they say together. Fractions."""

    values: Sequence[float]
    estimate: Estimate


@dataclass(frozen=True)
class Condition:
    """A model under one permutation: its error and, unless it is the natural one, how much more than natural."""

    permutation: str
    natural: bool
    error: Measured
    price: Measured | None
    verdict: str = ""
    """What is decided of the price, in a word or two; written beside it."""


def prices(conditions: Mapping[str, Sequence[Condition]], margin: float | None = None) -> Figure:
    """Error of every model under every permutation and, beside it, permuted minus natural error.

    The second panel is left out where no condition has a price. Errors far above the rest, and their prices, stand at
    the right edge as an arrow with the number.

    Args:
        conditions: by model.
        margin: differences smaller than this fraction count as equal; drawn as a band.
    """
    has_prices = any(condition.price for rows in conditions.values() for condition in rows)
    figure, axes = _layout(sum(1 + len(rows) for rows in conditions.values()), has_prices)
    limit = upper_limit(row.error.estimate for rows in conditions.values() for row in rows)
    labels: list[str] = []
    for model, rows in conditions.items():
        labels.append(model)
        for row in rows:
            _draw_row(row, len(labels), row.error.estimate.mean > limit, axes)
            labels.append(row.permutation)
    _label_rows(axes[0], labels, headings=set(np.cumsum([0, *(1 + len(rows) for rows in conditions.values())])))
    right = min(1.06 * axes[0].dataLim.x1, 103)  # the interval of few replicates can pass what an error can be
    right = right if right > 0 else 100  # no error is finite, or all are 0
    axes[0].set_xlim(-0.03 * right, right)
    axes[0].set_xlabel("test error (%)")
    if has_prices:
        _finish_prices(axes[1], margin)
    return figure


def _layout(num_rows: int, has_prices: bool) -> tuple[Figure, list[Axes]]:
    row_height = 0.32 if num_rows <= MOST_TALL_ROWS else 0.27
    size = (WIDTH, 0.8 + row_height * num_rows)
    figure, axes = plt.subplots(1, 1 + has_prices, figsize=size, sharey=True, squeeze=False, layout="constrained")
    return figure, list(axes.flat)


def _draw_row(condition: Condition, row: int, far: bool, axes: Sequence[Axes]) -> None:
    draw = _far_away if far else _interval
    colour, marker = (BLUE, "o") if condition.natural else (VERMILION, "D")
    draw(axes[0], condition.error, row, {"color": colour, "marker": marker}, "{:.2f}")
    if condition.price:
        draw(axes[1], condition.price, row, _verdict_mark(condition.verdict), "{:+.2f}")
        axes[1].annotate(condition.verdict, (1.02, row), xycoords=BESIDE, va="center", fontsize=8.5)


def _verdict_mark(verdict: str) -> dict[str, Any]:
    """An arrow where the error changes, a circle where it does not, hollow where nothing is decided."""
    marker = {"pays": ">", "gains": "<", "equal": "o"}.get(verdict.partition(" ")[0])
    return {"color": BLACK, "marker": marker or "s", "fillstyle": "full" if marker else "none"}


def _interval(axis: Axes, measured: Measured, row: int, mark: Mapping[str, Any], number: str) -> None:
    """Mean with its interval, in percent, and the replicates as dots below it."""
    estimate = measured.estimate
    if estimate.low is not None and estimate.high is not None:
        axis.plot([100 * estimate.low, 100 * estimate.high], [row, row], color=mark["color"], linewidth=1.8)
    axis.plot(100 * estimate.mean, row, **mark, markersize=6)
    axis.plot([100 * value for value in measured.values], [row + 0.22] * len(measured.values), ".", color=GREY, ms=3)
    if np.isfinite(estimate.mean):
        place = (100 * estimate.mean, row)
        axis.annotate(_words(estimate, number), place, (0, 5), textcoords="offset points", ha="center", fontsize=8)


def _far_away(axis: Axes, measured: Measured, row: int, mark: Mapping[str, Any], number: str) -> None:
    """The mean in words at the right edge."""
    words = f"{_words(measured.estimate, number)} →"
    axis.annotate(words, (1, row), xycoords=BESIDE, ha="right", va="center", fontsize=8)


def _words(estimate: Estimate, number: str) -> str:
    return number.format(100 * estimate.mean).replace("-", "−")


def _finish_prices(axis: Axes, margin: float | None) -> None:
    axis.tick_params(axis="y", length=0)
    axis.axvline(0, color=GREY, linewidth=1, linestyle="--", zorder=0)
    label = "permuted − natural error (percentage points)"
    if margin is not None:
        axis.axvspan(-100 * margin, 100 * margin, color=GREY, alpha=0.15, linewidth=0, zorder=0)
        label += f"\nshaded: up to ±{100 * margin:g}, which counts as equal"
    axis.set_xlabel(label)


def _label_rows(axis: Axes, labels: Sequence[str], headings: set[int]) -> None:
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    for row, label in enumerate(axis.get_yticklabels()):
        label.set_fontweight("bold" if row in headings else "normal")
