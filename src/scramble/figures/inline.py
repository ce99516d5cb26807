"""A chart as part of a page, light or dark: its text and black lines take the colour of the page's text."""

import re

from scramble.figures.style import BLACK, GREY, Figure, inline_svg

INK = "#111111"
"""Black that stays black in the dark."""
MID_GREY = "#7d838a"
"""Has a contrast of 3.8 to white, of 4.7 to a dark page."""


def themed_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an <svg> element without a background, and closes it; black becomes `currentColor`.

    Text on a coloured ground must keep its colour: give it any other dark one, such as `INK`.

    Args:
        name: goes before every id, since the ids of two figures of one page must differ.
        alt: what the picture shows, for those who do not see it.
    """
    for patch in (figure.patch, *(axis.patch for axis in figure.axes)):
        patch.set_visible(False)
    svg = inline_svg(figure, name, alt)
    svg = svg.replace(f": {BLACK}", ": currentColor").replace(f": {GREY}", f": {MID_GREY}")
    svg = re.sub(r'(?<= d=")[^"]*', _rounded, svg)
    svg = re.sub(r'(<image\b[^>]*?) id="[^"]*"', r"\1", svg)  # the same for the same picture
    return svg.replace("<svg ", '<svg fill="currentColor" ', 1)  # text without a colour of its own inherits it


def _rounded(path: re.Match[str]) -> str:
    """A path in hundredths of a point, which no screen shows."""
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", path[0])
