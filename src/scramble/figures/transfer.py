"""The transfer matrix: trained on, tested on."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from scramble.figures.grids import WIDTH
from scramble.figures.inline import INK
from scramble.figures.style import Figure, plt

COLOURS = "Blues"
"""From light to dark, so that grey print says the same."""
DARK = 55
"""From this percentage on, numbers are white."""


def transfer(errors: NDArray[np.float64], permutations: Sequence[str]) -> Figure:
    """Test error of one model trained under one permutation (rows) and tested under another (columns), with numbers.

    Args:
        errors: (trained on, tested on), mean over replicates, fractions; NaN is left empty.
        permutations: the names of both axes.
    """
    names = 0.3 + 0.085 * max(map(len, permutations))  # inches
    width = min(0.75, (WIDTH - 0.4 - names) / len(permutations))
    height = 0.8 * width
    figure, axis = plt.subplots(figsize=(WIDTH, names + height * len(permutations) + 0.2), layout="constrained")
    percent = np.ma.masked_invalid(100 * np.asarray(errors, np.float64))
    axis.pcolormesh(percent, cmap=COLOURS, vmin=0, vmax=100, edgecolors="white", linewidth=0.8)
    _write_numbers(percent, min(9, 17 * width), axis)
    centres = np.arange(len(permutations)) + 0.5
    axis.set_xticks(centres, permutations, rotation=90)
    axis.set_yticks(centres, permutations)
    axis.tick_params(length=0)
    axis.invert_yaxis()
    axis.set_box_aspect(height / width)
    axis.spines[:].set_visible(False)
    axis.set_xlabel("tested on")
    axis.set_ylabel("trained on")
    return figure


def _write_numbers(percent: np.ma.MaskedArray, size: float, axis: Axes) -> None:
    """In percent; those of the diagonal, tested as trained, in bold."""
    for (row, column), value in np.ma.ndenumerate(percent):
        axis.text(
            column + 0.5,
            row + 0.5,
            f"{value:.1f}",
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold" if row == column else "normal",
            color="white" if value > DARK else INK,
        )
