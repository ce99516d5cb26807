"""Error against neighbour pairs kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from scramble.figures import notes
from scramble.figures.grids import WIDTH
from scramble.figures.marks import mark
from scramble.figures.placement import apart, upper_limit
from scramble.figures.style import GREY, Figure, plt
from scramble.statistics import Estimate

PLOT_HEIGHT, LEFT, RIGHT = 3.1, 0.62, 0.15
"""Inches."""
LEAST_GAP = 0.023
"""Between permutations, so that their names stand beside each other."""
MOST_COLUMNS = 6


@dataclass(frozen=True)
class Neighbours:
    """One model's error under one permutation."""

    permutation: str
    kept: float
    """Share of neighbouring pixels that are still neighbours."""
    error: Estimate
    """A fraction."""


def neighbour_plot(points: Mapping[str, Sequence[Neighbours]]) -> Figure:
    """Error against neighbour pairs kept: a named place for each permutation, a marker with its interval per model.

    Places closer than 0.023 are moved apart. Errors far above the rest are said in words.

    Args:
        points: by model, every model under the same permutations.
    """
    limit = upper_limit(point.error for of_model in points.values() for point in of_model)
    shown = {
        model: [point for point in of_model if not point.error.mean > limit]  # NaN stays
        for model, of_model in points.items()
    }
    kept = {point.permutation: point.kept for of_model in shown.values() for point in of_model}
    names = sorted(kept, key=lambda name: -kept[name])
    places = dict(zip(names, -apart([-kept[name] for name in names], LEAST_GAP, -1.02, 0.02), strict=True))
    note = _note(points, shown)
    figure, axis = _layout(list(points), names, note)
    for number, (model, of_model) in enumerate(shown.items()):
        aside = min(0.008, 0.02 / len(points)) * (number - (len(points) - 1) / 2)  # intervals stand beside each other
        _draw_points(of_model, [places[point.permutation] - aside for point in of_model], number, model, axis)
    figure.legend(loc="lower center", ncols=min(len(points), MOST_COLUMNS), frameon=False)
    for name, place in places.items():
        axis.axvline(place, color=GREY, alpha=0.2, linewidth=0.6, zorder=0)
        axis.text(place, 1.02, name, transform=axis.get_xaxis_transform(), ha="center", rotation=90, fontsize=9)
    return figure


def _note(points: Mapping[str, Sequence[Neighbours]], shown: Mapping[str, Sequence[Neighbours]]) -> str:
    """What is above the scale, by permutation; "" for nothing."""
    above: dict[str, list[str]] = {}
    for model, of_model in points.items():
        for point in of_model:
            if point not in shown[model]:
                above.setdefault(point.permutation, []).append(f"{model} {100 * point.error.mean:.1f} %")
    said = "; ".join(f"{permutation}: {', '.join(errors)}" for permutation, errors in above.items())
    return f"↑ above the scale: {said}" if said else ""


def _layout(models: Sequence[str], names: Sequence[str], note: str) -> tuple[Figure, Axes]:
    top = 0.2 + 0.085 * max(map(len, names), default=0) + notes.height(note)
    bottom = 0.55 + 0.2 * -(-len(models) // MOST_COLUMNS)
    height = top + PLOT_HEIGHT + bottom
    figure = plt.figure(figsize=(WIDTH, height))
    share = (LEFT / WIDTH, bottom / height, 1 - (LEFT + RIGHT) / WIDTH, PLOT_HEIGHT / height)
    axis = figure.add_axes(share)
    axis.set_xlim(1.03, -0.03)
    axis.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f}")
    axis.set_xlabel("neighbour pairs kept (%)")
    axis.set_ylabel("test error (%)")
    axis.grid(axis="y", color=GREY, alpha=0.2, linewidth=0.6)
    notes.write(note, figure, LEFT)
    return figure, axis


def _draw_points(points: Sequence[Neighbours], places: Sequence[float], number: int, model: str, axis: Axes) -> None:
    style = mark(number) | {"linestyle": "none"}
    axis.plot(places, [100 * point.error.mean for point in points], **style, label=model)
    for place, point in zip(places, points, strict=True):
        if point.error.low is not None and point.error.high is not None:
            axis.plot([place] * 2, [100 * point.error.low, 100 * point.error.high], color=style["color"], linewidth=1.4)
