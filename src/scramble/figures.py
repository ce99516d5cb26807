"""Every picture of the project. Nothing else imports matplotlib; the bytes depend on the arguments alone.

Colours are Okabe and Ito's (2008), which the colour-blind can tell apart; markers, dashes and labels say the same.
"""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scramble.statistics import Estimate

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"),
)
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", "--", "-.", ":")
GREY = "#555555"

matplotlib.rcdefaults()  # whatever the user's own matplotlibrc says
plt.rcParams.update(
    {
        "svg.hashsalt": "scramble",
        "svg.fonttype": "none",
        "font.size": 10,
        "text.parse_math": False,  # class names may hold a $
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "xtick.labelcolor": BLACK,
        "ytick.labelcolor": BLACK,
    }
)


def save(figure: Figure, path: Path) -> None:
    """Writes a PNG file, in grey where the figure is, and closes the figure."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    plt.close(figure)
    grey = (pixels == pixels[..., :1]).all()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(path, format="PNG", optimize=True)


def inline_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an <svg> element for an HTML page, and closes it.

    Args:
        name: goes before every id, since the ids of two figures of one page must differ.
        alt: what the picture shows, for those who do not see it.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|\n *", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)


def image_sheet(rows: Sequence[tuple[str, NDArray[np.uint8]]], columns: Sequence[str], path: Path) -> None:
    """Draws one row of images per entry.

    Args:
        rows: title of the row and its images (k, height, width, channels), 1 or 3 channels.
        columns: k titles above the columns.
        path: .png file to write.
    """
    num_columns = len(columns)
    size = (1.1 + 0.9 * num_columns, 0.3 + 0.95 * len(rows))
    figure, axes = plt.subplots(len(rows), num_columns, figsize=size, squeeze=False, dpi=110, layout="constrained")
    for row, (title, images) in enumerate(rows):
        for column, image in enumerate(images):
            axis = axes[row, column]
            axis.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
            axis.spines[:].set_visible(True)
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(columns[column], fontsize=9)
        axes[row, 0].set_ylabel(title, fontsize=9)
    save(figure, path)


# --- errors and what scrambling costs -------------------------------------------------------------------------


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


def prices(conditions: Mapping[str, Sequence[Condition]]) -> Figure:
    """Error of every model under every permutation and, beside it, permuted minus natural error.

    The second panel is left out where no condition has a price.
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
    right = axes[0, 0].get_xlim()[1]
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


# --- learning curves ------------------------------------------------------------------------------------------

CURVES = {"loss": "training loss", "validation_loss": "validation loss", "validation_accuracy": "validation error (%)"}
MOST_PERMUTATIONS_WITH_REPLICATES = 4

History = Mapping[str, Sequence[float]]
"""The columns of a history.csv."""


def learning_curves(histories: Mapping[str, Sequence[History]]) -> Figure:
    """Losses and error of one model by epoch: the mean over replicates, thin lines for the single ones.

    Args:
        histories: by permutation, the histories of its replicates. With many permutations only the means are drawn.
            A mean ends with the shortest of its replicates.
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


# --- confusion ------------------------------------------------------------------------------------------------

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
    num_columns = min(len(counts), 2 if few else 5)
    num_rows = -(-len(counts) // num_columns)
    side = 3.9 if few else 1.7
    size = (max(side * num_columns, 4.5) + 0.9, side * num_rows)
    figure, axes = plt.subplots(num_rows, num_columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(counts) :]:
        axis.set_axis_off()
    for axis, (permutation, matrix) in zip(axes.flat, counts.items(), strict=False):
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
    if len(class_names) > MOST_NAMED_CLASSES:
        class_names = ()
    rotation = 90 if any(len(name) > 2 for name in class_names) else 0
    axis.set_xticks(range(len(class_names)), class_names, rotation=rotation, fontsize=7)
    axis.set_yticks(range(len(class_names)), class_names, fontsize=7)
    axis.tick_params(length=0)


def _write_percent(axis: Axes, percent: NDArray[np.float64]) -> None:
    """Writes what is at least half a percent into its cell."""
    for (row, column), value in np.ndenumerate(percent):
        if value >= 0.5:
            colour = "white" if value > 30 else "black"
            axis.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
