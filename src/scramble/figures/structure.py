"""Error against how much of the picture's structure is left: the main figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from scramble.figures import notes
from scramble.figures.grids import WIDTH
from scramble.figures.marks import mark
from scramble.figures.placement import apart
from scramble.figures.style import GREY, Figure, plt
from scramble.figures.thumbnails import show
from scramble.statistics import Estimate

PLOT_HEIGHT = 3.1
"""Inches, as all lengths here."""
LARGEST_PICTURE = 0.56
SPAN = (-0.09, 1.09)
"""Of the strengths."""
NEAR = 1.3
"""Levels up to this many times the highest error are drawn, higher ones are said in words."""


@dataclass(frozen=True)
class Strength:
    """One model's error at one strength of scrambling."""

    strength: float
    """0 for the natural picture, 1 for all pixels."""
    label: str
    """Below the axis: "natural", "2×2", "all pixels"."""
    error: Estimate
    """A fraction."""


@dataclass(frozen=True, eq=False)
class Panel:
    """The curves of one tile family."""

    title: str
    """What is destroyed: "fine structure destroyed"."""
    axis: str
    """What the strengths are: "pixels shuffled inside tiles of"."""
    lines: Mapping[str, Sequence[Strength]]
    """By model, by ascending strength; every model at the same strengths."""
    pictures: Sequence[NDArray[np.uint8]] = ()
    """One example (h, w, c) for every strength, drawn below its label; () for none."""


def structure_curves(panels: Sequence[Panel], beyond: Mapping[str, float]) -> Figure:
    """Error against strength of scrambling: a panel for each tile family, a line with its 95 % band for each model.

    Args:
        panels: one or two.
        beyond: further levels by what they are, fractions, e.g. "lenet5, every image scrambled anew" or "guessing";
            those near the errors are lines, those far above them are said in words. {} for none.
    """
    errors = [point.error.mean for panel in panels for line in panel.lines.values() for point in line]
    highest = max(filter(np.isfinite, errors), default=0)
    drawn = {what: level for what, level in beyond.items() if level <= NEAR * highest}
    said = "; ".join(f"{what} {100 * level:.1f} %" for what, level in beyond.items() if what not in drawn)
    figure, axes = _layout(panels, note=f"↑ above the scale: {said}" if said else "")
    for panel, axis in zip(panels, axes, strict=True):
        _draw_lines(panel, axis)
        _draw_levels(drawn, axis)
        _show_pictures(panel, axis, figure)
    axes[0].set_ylabel("test error (%)")
    axes[0].yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    _name_lines(panels[-1], axes[-1])
    return figure


def _layout(panels: Sequence[Panel], note: str) -> tuple[Figure, list[Axes]]:
    """Panels of one size and one scale of errors, with room for labels and pictures below, for names to the right."""
    pictured = any(len(panel.pictures) for panel in panels)
    top, bottom = 0.36 + notes.height(note), 0.52 + (LARGEST_PICTURE + 0.08) * pictured
    left, right, between = 0.62, 0.1 + 0.085 * max(len(model) for model in panels[-1].lines), 0.2
    height = top + PLOT_HEIGHT + bottom
    figure = plt.figure(figsize=(WIDTH, height))
    width = (WIDTH - left - right + between) / len(panels) - between
    axes: list[Axes] = []
    for column in range(len(panels)):
        place = (left + column * (width + between), bottom, width, PLOT_HEIGHT)
        axes.append(figure.add_axes(_share_of(place, height), sharey=axes[0] if axes else None))
        axes[-1].tick_params(axis="y", labelleft=column == 0)
    notes.write(note, figure, left)
    return figure, axes


def _share_of(place: tuple[float, float, float, float], height: float) -> tuple[float, float, float, float]:
    """Inches (left, bottom, width, height) as shares of the figure."""
    return place[0] / WIDTH, place[1] / height, place[2] / WIDTH, place[3] / height


def _draw_lines(panel: Panel, axis: Axes) -> None:
    for number, line in enumerate(panel.lines.values()):
        strengths = [point.strength for point in line]
        style = mark(number)
        bounds = [(point.error.low, point.error.high) for point in line]
        low, high = 100 * np.array(bounds, np.float64).T  # None becomes NaN: no band there
        axis.fill_between(strengths, low, high, color=style["color"], alpha=0.22, linewidth=0)
        axis.plot(strengths, [100 * point.error.mean for point in line], **style)
    labels = {point.strength: point.label for point in next(iter(panel.lines.values()))}
    axis.set_xticks(list(labels), list(labels.values()))
    axis.set_xlim(*SPAN)
    axis.grid(axis="y", color=GREY, alpha=0.2, linewidth=0.6)
    axis.set_title(panel.title, fontsize=11, fontweight="bold", loc="left")
    axis.set_xlabel(panel.axis, labelpad=3)


def _draw_levels(levels: Mapping[str, float], axis: Axes) -> None:
    for what, level in levels.items():
        axis.axhline(100 * level, color=GREY, linewidth=1, linestyle=(0, (1, 3)), zorder=0)
        axis.annotate(what, (SPAN[0], 100 * level), (4, 3), textcoords="offset points", fontsize=8)


def _show_pictures(panel: Panel, axis: Axes, figure: Figure) -> None:
    """Every picture under the label of its strength, as wide as the strengths leave room."""
    strengths = [point.strength for point in next(iter(panel.lines.values()))]
    x0, _, width, _ = axis.get_position().bounds
    scale = width * WIDTH / (SPAN[1] - SPAN[0])
    side = min(LARGEST_PICTURE, 0.92 * scale * min(np.diff(sorted({*strengths})), default=1))
    for strength, picture in zip(strengths, panel.pictures, strict=bool(len(panel.pictures))):
        left = x0 * WIDTH + scale * (strength - SPAN[0]) - side / 2
        place = (left, 0.06 + LARGEST_PICTURE - side, side, side)
        card = figure.add_axes(_share_of(place, figure.get_figheight()))
        show(card, picture)


def _name_lines(panel: Panel, axis: Axes) -> None:
    """The models at the ends of their lines."""
    low, high = axis.get_ylim()
    ends = {
        model: (line[-1].strength, 100 * line[-1].error.mean)
        for model, line in panel.lines.items()
        if np.isfinite(line[-1].error.mean)
    }
    places = apart([error for _, error in ends.values()], 0.2 * (high - low) / PLOT_HEIGHT, low, high)
    leader = {"arrowstyle": "-", "color": GREY, "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
    for (model, end), place in zip(ends.items(), places, strict=True):
        axis.annotate(model, end, (1.06, place), va="center", arrowprops=leader, annotation_clip=False)
