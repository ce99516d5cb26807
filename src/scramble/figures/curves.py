"""Learning curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray

from scramble.figures.style import COLOURS, DASHES, Figure, plt

CURVES = {"loss": "training loss", "validation_loss": "validation loss", "validation_accuracy": "validation error (%)"}
MOST_PERMUTATIONS_WITH_REPLICATES = 4

History = Mapping[str, Sequence[float]]
"""The columns of a history.csv."""


def learning_curves(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Losses and error of one model by epoch: the mean over replicates with its 95 % band.

    Args:
        histories: by permutation, the histories of its replicates. A mean ends with the shortest of its replicates.
            Many permutations have a panel each, with the validation error, and the first permutation in all of them.
    """
    height = max(2.7, 0.4 + 0.22 * len(histories))  # so that the legend fits
    figure, axes = plt.subplots(1, len(CURVES), figsize=(9, height), layout="constrained")
    for axis, (column, title) in zip(axes, CURVES.items(), strict=True):
        for number, (permutation, replicates) in enumerate(histories.items()):
            runs = [_curve(column, history) for history in replicates]
            style = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}
            if len(histories) <= MOST_PERMUTATIONS_WITH_REPLICATES:
                for run in runs:
                    axis.plot(range(1, len(run) + 1), run, **style, linewidth=0.6, alpha=0.6)
            shortest = min(len(run) for run in runs)
            mean = np.mean([run[:shortest] for run in runs], axis=0)
            marker = "o" if shortest == 1 else ""
            axis.plot(range(1, shortest + 1), mean, **style, marker=marker, linewidth=1.8, label=permutation)
        if column != "validation_accuracy" and axis.dataLim.ymax > 0:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, handlelength=3)
    return figure


def _curve(column: str, history: History) -> NDArray[np.float64]:
    values = np.asarray(history[column], np.float64)
    return 100 * (1 - values) if column == "validation_accuracy" else values
