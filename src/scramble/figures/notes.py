"""What a chart says in words, because its scale ends before."""

import textwrap

from scramble.figures.style import Figure

CHARACTERS = 112
"""In a line of 9 inches."""
LINE_HEIGHT = 0.19
"""Inches."""


def height(note: str) -> float:
    """Inches that the note takes at the top of a figure."""
    return LINE_HEIGHT * len(_lines(note)) + 0.06 * bool(note)


def write(note: str, figure: Figure, left: float) -> None:
    """Writes the note at the top of a figure, `left` inches from its edge."""
    top = 1 - 0.06 / figure.get_figheight()
    figure.text(left / figure.get_figwidth(), top, "\n".join(_lines(note)), va="top", fontsize=9, linespacing=1.35)


def _lines(note: str) -> list[str]:
    return textwrap.wrap(note, CHARACTERS)
