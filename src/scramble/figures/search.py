"""How the searches for the recipes went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from scramble.figures.grids import grid
from scramble.figures.style import BLUE, GREY, VERMILION, Figure
from scramble.statistics import Estimate

MOST_COLUMNS = 3
FAR = 2.5
"""Trials with more than this many times the best score stand at the upper edge."""


@dataclass(frozen=True)
class SearchCourse:
    """The trials of one search in their order, validation errors as fractions."""

    scores: Sequence[float]
    """One per trial, at least one; NaN for a trial that failed."""
    fresh: Estimate | None
    """Error of the winner on fresh seeds; None where it was not trained again."""
    best_so_far: Sequence[float] = ()
    """One per trial, NaN before the first that counts: of a search that trains few trials to the end, the best of
    these. () for the lowest score so far."""

    @property
    def best(self) -> NDArray[np.float64]:
        """(trials,) the best so far in percent; NaN, of a trial that failed, is passed over."""
        lowest = np.fmin.accumulate(np.asarray(self.scores, np.float64))
        return 100 * (np.asarray(self.best_so_far, np.float64) if len(self.best_so_far) else lowest)


def search_courses(searches: Mapping[str, SearchCourse]) -> Figure:
    """A panel for each search: every trial as a dot, the best so far as a line, and the winner on fresh seeds.

    Args:
        searches: by title, e.g. "lenet5, pixels".
    """
    figure, axes = grid(len(searches), MOST_COLUMNS, 2.4)
    marks: dict[str, Artist] = {}  # by label: those of all panels, each once
    for axis, (title, course) in zip(axes, searches.items(), strict=True):
        _draw_trials(course, axis)
        _draw_fresh(course, axis)
        axis.set_title(f"{title}\n{_outcome(course)}", fontsize=9)
        axis.margins(y=0.12)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = axis.get_legend_handles_labels()
        marks |= dict(zip(labels, handles, strict=True))
    for axis in axes[-MOST_COLUMNS:]:
        axis.set_xlabel("trial")
    figure.supylabel("validation error (%)", fontsize=9)
    figure.legend(marks.values(), marks.keys(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def _outcome(course: SearchCourse) -> str:
    """The winner's score and, where it is known, its error on fresh seeds."""
    if not np.isfinite(course.best[-1]):
        return "no trial finished"
    best = f"best {course.best[-1]:.2f}"
    return f"{best}, on fresh seeds {100 * course.fresh.mean:.2f}" if course.fresh else best


def _draw_trials(course: SearchCourse, axis: Axes) -> None:
    """Trials are counted from 0, as in trials.csv; the best so far begins with the first that finished."""
    percent = 100 * np.asarray(course.scores, np.float64)
    trials = np.arange(len(percent))
    best = course.best
    far = percent > FAR * best[-1]
    axis.plot(trials, np.where(far, np.nan, percent), "o", color=GREY, markersize=4, label="a trial")
    if far.any():
        edge = percent[~far & np.isfinite(percent)].max()
        axis.plot(trials[far], [edge] * far.sum(), "^", color=GREY, markersize=5, label="a trial above the scale")
    shown = np.where(best > FAR * best[-1], np.nan, best)
    axis.plot(trials, shown, color=BLUE, linewidth=1.8, drawstyle="steps-post", label="best so far")


def _draw_fresh(course: SearchCourse, axis: Axes) -> None:
    """The winner on fresh seeds, right of the trials: above its score by what its luck was worth in the search."""
    if course.fresh is None:
        return
    place, fresh = len(course.scores), course.fresh
    axis.plot(place, 100 * fresh.mean, "D", color=VERMILION, markersize=6, label="the winner on fresh seeds")
    axis.axhline(100 * fresh.mean, color=VERMILION, linewidth=1, linestyle=":")
    if fresh.low is not None and fresh.high is not None:
        axis.plot([place, place], [100 * fresh.low, 100 * fresh.high], color=VERMILION, linewidth=1.8)
