"""Confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from scramble.figures.grids import grid
from scramble.figures.inline import INK
from scramble.figures.style import Figure, shorten

MOST_LARGE_MATRICES = 4
MOST_LABELLED_CLASSES = 12
MOST_NAMED_CLASSES = 30


def confusion(counts: Mapping[str, NDArray[np.integer]], class_names: Sequence[str]) -> Figure:
    """Confusion matrices of one model side by side, every row in percent of its class.

    Args:
        counts: by permutation, (classes, classes) actual by predicted. A class without images has an empty row.
            Where there are many, they are small and without numbers.
    """
    few = len(counts) <= MOST_LARGE_MATRICES
    figure, axes = grid(len(counts), *((2, 3.9) if few else (5, 1.7)))
    for axis, (permutation, matrix) in zip(axes, counts.items(), strict=True):
        percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        picture = axis.imshow(percent, cmap="Blues", norm=PowerNorm(0.5, 0, 100))
        axis.set_title(permutation, fontsize=10)
        axis.spines[:].set_visible(True)
        _name_classes(axis, class_names if few else ())
        if few and len(class_names) <= MOST_LABELLED_CLASSES:
            _write_percent(axis, percent)
    figure.supxlabel("predicted", fontsize=9)
    figure.supylabel("actual", fontsize=9)
    figure.colorbar(picture, ax=axes, label="% of the actual class", shrink=0.8, ticks=[0, 1, 5, 20, 50, 100])
    return figure


def _name_classes(axis: Axes, class_names: Sequence[str]) -> None:
    class_names = [shorten(name) for name in class_names] if len(class_names) <= MOST_NAMED_CLASSES else []
    rotation = 90 if any(len(name) > 2 for name in class_names) else 0
    axis.set_xticks(range(len(class_names)), class_names, rotation=rotation, fontsize=7)
    axis.set_yticks(range(len(class_names)), class_names, fontsize=7)
    axis.tick_params(length=0)


def _write_percent(axis: Axes, percent: NDArray[np.float64]) -> None:
    """Writes what is at least half a percent into its cell."""
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            colour = "white" if value > 30 else INK
            axis.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
