"""Errors, and what scrambling costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from scramble.figures.style import BLACK, BLUE, GREY, VERMILION, Figure, plt
from scramble.statistics import Estimate


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

    The second panel is left out where no condition has a price.

    Args:
        conditions: by model.
        margin: differences smaller than this fraction count as equal; drawn as a band.
    """
    with_prices = any(condition.price for rows in conditions.values() for condition in rows)
    num_rows = sum(1 + len(rows) for rows in conditions.values())
    figure, axes = plt.subplots(
        1, 1 + with_prices, figsize=(9, 0.8 + 0.32 * num_rows), sharey=True, squeeze=False, layout="constrained"
    )
    labels: list[str] = []
    for model, rows in conditions.items():
        labels.append(model)
        for row in rows:
            colour, marker = (BLUE, "o") if row.natural else (VERMILION, "D")
            _interval(axes[0, 0], row.error, len(labels), colour, marker, "{:.2f}")
            if row.price:
                _interval(axes[0, 1], row.price, len(labels), BLACK, "s", "{:+.2f}")
            labels.append(row.permutation)
    _label_rows(axes[0, 0], labels, headings=set(np.cumsum([0, *(1 + len(rows) for rows in conditions.values())])))
    right = min(axes[0, 0].get_xlim()[1], 103)  # the interval of few replicates can pass what an error can be
    axes[0, 0].set_xlim(-0.03 * right, right)
    axes[0, 0].set_xlabel("test error (%)")
    if with_prices:
        axes[0, 1].tick_params(axis="y", length=0)
        axes[0, 1].axvline(0, color=GREY, linewidth=1, linestyle="--", zorder=0)
        axes[0, 1].set_xlabel("permuted − natural error (percentage points)")
    return figure


def _interval(axis: Axes, measured: Measured, row: int, colour: str, marker: str, number: str) -> None:
    """Mean with its interval, in percent, and the replicates as dots below it."""
    estimate = measured.estimate
    if estimate.low is not None and estimate.high is not None:
        axis.plot([100 * estimate.low, 100 * estimate.high], [row, row], color=colour, linewidth=1.8)
    axis.plot(100 * estimate.mean, row, marker=marker, color=colour, markersize=6)
    axis.plot([100 * value for value in measured.values], [row + 0.22] * len(measured.values), ".", color=GREY, ms=3)
    if np.isfinite(estimate.mean):
        text = number.format(100 * estimate.mean)
        axis.annotate(text, (100 * estimate.mean, row), (0, 5), textcoords="offset points", ha="center", fontsize=8)


def _label_rows(axis: Axes, labels: Sequence[str], headings: set[int]) -> None:
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    for row, label in enumerate(axis.get_yticklabels()):
        label.set_fontweight("bold" if row in headings else "normal")
