"""How the models of a chart are told apart: by colour, marker and dashes at once."""

from typing import Any

from scramble.figures.style import COLOURS, DASHES

MARKERS = ("o", "D", "s", "^", "v", "P")


def mark(number: int) -> dict[str, Any]:
    """Colour, marker and dashes of the line with this number, from 0, as arguments of `Axes.plot`; 84 differ."""
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": DASHES[number % len(DASHES)],
        "markersize": 6,
        "linewidth": 1.8,
    }
