"""The most confident mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.canvas import TITLE, WIDTH, Canvas, fitted
from scramble.figures.style import Figure, shorten

GAP, WORDS = 0.11, 0.6
"""Inches: between pictures, under a picture."""


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The most confident mistakes, the most confident one first; k may be 0."""

    images: NDArray[np.uint8]
    """(k, h, w, c), natural, 1 or 3 channels"""
    actual: NDArray[np.integer]
    """(k,) classes"""
    predicted: NDArray[np.integer]
    """(k,)"""
    confidence: NDArray[np.floating]
    """(k,), 0..1"""


def mistakes(rows: Mapping[str, Mistakes], class_names: Sequence[str], most: int = 8) -> Figure:
    """A sheet with one row per permutation: natural pictures with what they show, what the network said, how surely.

    Draw it with `raster.png`.

    Args:
        rows: by permutation (or any other title).
        most: pictures in a row.
    """
    side = (WIDTH - TITLE) / most - GAP
    heights = [fitted(found.images.shape[1:], side)[0] for found in rows.values() if len(found.images)]
    height = max(heights, default=side)
    canvas = Canvas((height + WORDS) * len(rows) + 0.05)
    for row, (title, found) in enumerate(rows.items()):
        top = (height + WORDS) * row + 0.05
        canvas.row_title(title, top, height)
        if not len(found.images):
            canvas.text("no mistakes", TITLE, top + height / 2, va="center")
        for number in range(min(most, len(found.images))):
            left = TITLE + (side + GAP) * number
            canvas.picture(found.images[number], left, top, side)
            canvas.text(_words(found, number, class_names), left, top + height + 0.04, fontsize=8, linespacing=1.25)
    return canvas.figure


def _words(found: Mistakes, number: int, class_names: Sequence[str]) -> str:
    actual, predicted = (shorten(class_names[classes[number]]) for classes in (found.actual, found.predicted))
    return f"{actual}\n→ {predicted}\n{_percent(found.confidence[number])} sure"


def _percent(confidence: float) -> str:
    """Rounded down, since 100 % would be more than the network said."""
    return f"{int(1000 * confidence) / 10:.1f} %"
