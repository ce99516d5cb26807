"""Learning curves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator
from numpy.typing import NDArray

from scramble.figures.grids import WIDTH, grid
from scramble.figures.marks import mark
from scramble.figures.placement import upper_limit
from scramble.figures.style import GREY, Figure, plt
from scramble.statistics import Estimate, mean_interval

CURVES = {"loss": "training loss", "validation_loss": "validation loss", "validation_accuracy": "validation error (%)"}
MOST_TOGETHER = 4
"""Permutations in one panel."""
COLUMNS = 5

History = Mapping[str, Sequence[float]]
"""The columns of a history.csv."""


def learning_curves(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Losses and error of one model by epoch: the mean over replicates with its 95 % band.

    Args:
        histories: by permutation, the histories of its replicates. A mean ends with the shortest of its replicates.
            Many permutations have a panel each, with the validation error, and the first permutation in all of them.
    """
    if len(histories) > MOST_TOGETHER:
        return _small_multiples(histories)
    figure, axes = plt.subplots(1, len(CURVES), figsize=(WIDTH, 2.9), layout="constrained")
    for axis, (column, title) in zip(axes, CURVES.items(), strict=True):
        for number, (permutation, replicates) in enumerate(histories.items()):
            _draw(_means(replicates, column), mark(number), permutation, axis)
        _scale(axis, logarithmic=column != "validation_accuracy")
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _small_multiples(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Panels with one scale, but for errors that end far above the rest: these have a scale of their own."""
    errors = {name: _means(replicates, "validation_accuracy") for name, replicates in histories.items()}
    limit = upper_limit(estimates[-1] for estimates in errors.values())
    far = {name for name, estimates in errors.items() if estimates[-1].mean > limit}
    first = next(iter(errors))
    figure, axes = grid(len(errors), COLUMNS, 1.45, sharex=True)
    for axis, (permutation, estimates) in zip(axes, errors.items(), strict=True):
        if permutation not in far:
            _draw(errors[first], {"color": GREY, "linestyle": ":", "linewidth": 1.2}, first, axis)
        _draw(estimates, mark(0), permutation, axis)
        _scale(axis, logarithmic=False)
        axis.set_title(f"{permutation} (other scale)" if permutation in far else permutation, fontsize=9)
    _share_scale([axis for axis, name in zip(axes, errors, strict=True) if name not in far])
    figure.supxlabel(f"epoch (dotted: {first})", fontsize=9)
    figure.supylabel("validation error (%)", fontsize=9)
    return figure


def _share_scale(axes: Sequence[Axes]) -> None:
    low, high = np.array([axis.get_ylim() for axis in axes]).T
    for axis in axes:
        axis.set_ylim(low.min(), high.max())


def _means(replicates: Sequence[History], column: str) -> list[Estimate]:
    """One estimate per epoch, of the accuracy as error in percent; as many as the shortest replicate has."""
    runs = [_curve(column, history) for history in replicates]
    return [mean_interval(values) for values in zip(*runs, strict=False)]


def _curve(column: str, history: History) -> NDArray[np.float64]:
    values = np.asarray(history[column], np.float64)
    values = np.where(np.isfinite(values), values, np.nan)  # infinite where a training diverged
    return 100 * (1 - values) if column == "validation_accuracy" else values


def _draw(estimates: Sequence[Estimate], style: Mapping[str, Any], label: str, axis: Axes) -> None:
    """The means by epoch, with a marker where there is but one, and their band where they have intervals."""
    epochs = range(1, len(estimates) + 1)
    bounds = np.array([(each.low, each.high) for each in estimates], np.float64)  # None becomes NaN: no band there
    axis.fill_between(epochs, *bounds.T, color=style["color"], alpha=0.22, linewidth=0)
    marker = style.get("marker", "o") if len(estimates) == 1 else ""
    axis.plot(epochs, [each.mean for each in estimates], **{**style, "marker": marker}, label=label)


def _scale(axis: Axes, logarithmic: bool) -> None:
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    highest = axis.dataLim.ymax
    if logarithmic and np.isfinite(highest) and highest > 0:
        axis.set_yscale("log", nonpositive="clip")
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter("")
