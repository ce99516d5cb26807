"""Reliability diagrams."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from scramble.figures.grids import WIDTH
from scramble.figures.style import BLUE, GREY, VERMILION, Figure, plt

COLUMNS = 5
LARGE, SMALL = 3.4, 2.3
"""Height of a row in inches: of the only one, of many."""
COUNTS = {1: "1", 100: "100", 10_000: "10k", 1_000_000: "1M"}


@dataclass(frozen=True, eq=False)
class Bins:
    """Test images in bins of equal width by the confidence of the network, each array (bins,)."""

    confidence: NDArray[np.float64]
    """Mean confidence; NaN in an empty bin."""
    accuracy: NDArray[np.float64]
    """Share of right answers; NaN in an empty bin."""
    count: NDArray[np.int64]


def reliability(diagrams: Mapping[str, Bins]) -> Figure:
    """Accuracy against confidence of one model, a panel for each permutation, the images of the bins below.

    Args:
        diagrams: by permutation (or any other title); many are small.
    """
    num_columns = min(COLUMNS, len(diagrams))
    num_rows = -(-len(diagrams) // num_columns)
    figure, axes = plt.subplots(
        2 * num_rows,
        num_columns,
        figsize=(WIDTH, 0.3 + (LARGE if num_rows == 1 else SMALL) * num_rows),
        height_ratios=[3, 1] * num_rows,
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    most = max(1, *(int(bins.count.max(initial=0)) for bins in diagrams.values()))
    for number, (title, bins) in enumerate(diagrams.items()):
        row, column = divmod(number, num_columns)
        axes[2 * row, column].set_title(title, fontsize=10)
        _draw_diagonal(bins, axes[2 * row, column])
        _draw_counts(bins, axes[2 * row + 1, column])
        axes[2 * row + 1, column].set_ylim(0, 2 * most)
    num_last = len(diagrams) - num_columns * (num_rows - 1)
    for axis in axes[-2:, num_last:].flat:
        axis.set_axis_off()
    for axis in axes[-3:-2, num_last:].flat:  # above panels that are missing
        axis.tick_params(labelbottom=True)
    for row in range(num_rows):
        axes[2 * row, 0].set_ylabel("accuracy", fontsize=9)
        axes[2 * row + 1, 0].set_ylabel("images", fontsize=9)
    figure.supxlabel("confidence", fontsize=9)
    return figure


def _draw_diagonal(bins: Bins, axis: Axes) -> None:
    """The bins as dots, and how far they are from the diagonal, where a calibrated network would be."""
    axis.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", zorder=0)
    axis.vlines(bins.confidence, bins.confidence, bins.accuracy, color=VERMILION, linewidth=1.4)
    axis.plot(bins.confidence, bins.accuracy, "o-", color=BLUE, linewidth=1.4, markersize=3.5)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def _draw_counts(bins: Bins, axis: Axes) -> None:
    edges = np.linspace(0, 1, len(bins.count) + 1)
    axis.stairs(bins.count, edges, fill=True, color=GREY)
    axis.set_yscale("symlog", linthresh=1)  # bins may be empty
    axis.set_yticks(list(COUNTS), list(COUNTS.values()), fontsize=8)
    axis.set_yticks([], minor=True)
