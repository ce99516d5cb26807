"""Where a network looks: Grad-CAM."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.canvas import TITLE, WIDTH, Canvas, fitted
from scramble.figures.style import Figure, shorten

GAP, WORDS = 0.11, 0.26
"""Inches: between pictures, under a picture."""
MOST_PICTURES = 8
LIGHT = (240, 175, 70)
"""What full attention adds to a pixel: orange, and in grey print far brighter than any pixel without attention."""
DARK, COVER = 0.35, 0.75
"""Brightness of the picture without attention; how much less of it is left under full attention."""


@dataclass(frozen=True, eq=False)
class Attention:
    """Where one network looks in k natural pictures."""

    maps: NDArray[np.floating]
    """(k, h, w), 0..1, carried back onto the natural pictures"""
    randomised: NDArray[np.floating]
    """(k, h, w), the same network with random weights: what the pictures and the architecture give by themselves"""
    predicted: Sequence[str]
    """k names of classes."""


def attention(pictures: NDArray[np.uint8], labels: Sequence[str], networks: Mapping[str, Attention]) -> Figure:
    """A sheet with the pictures in the first row and two rows per network: where it looks, and with random weights.

    The brighter, the more attention; the picture shimmers through. Draw it with `raster.png`.

    Args:
        pictures: (k, h, w, c), natural, 1 or 3 channels; the first eight are shown.
        labels: k names of classes.
        networks: by title, e.g. the name of the permutation that it was trained under.
    """
    side = (WIDTH - TITLE) / MOST_PICTURES - GAP
    height = fitted(pictures.shape[1:], side)[0] + WORDS
    canvas = Canvas(0.1 + height * (1 + 2 * len(networks)))
    _draw_row(canvas, "the picture", pictures, [shorten(label) for label in labels], 0.05, side)
    for row, (title, network) in enumerate(networks.items()):
        said = [
            f"{'✓' if guess == label else '✗'} {shorten(guess)}"
            for guess, label in zip(network.predicted, labels, strict=True)
        ]
        top = 0.05 + height * (1 + 2 * row)
        _draw_row(canvas, title, _lit(pictures, network.maps), said, top, side)
        _draw_row(canvas, "random weights", _lit(pictures, network.randomised), [], top + height, side)
    return canvas.figure


def _draw_row(
    canvas: Canvas, title: str, pictures: NDArray[np.uint8], words: Sequence[str], top: float, side: float
) -> None:
    height = fitted(pictures.shape[1:], side)[0]
    canvas.row_title(title, top, height)
    for number, picture in enumerate(pictures[:MOST_PICTURES]):
        canvas.picture(picture, TITLE + (side + GAP) * number, top, side)
    for number, word in enumerate(words[:MOST_PICTURES]):
        canvas.text(word, TITLE + (side + GAP) * number, top + height + 0.03, fontsize=8)


def _lit(pictures: NDArray[np.uint8], maps: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The pictures (k, h, w, c) in dark grey, lit up where `maps` (k, h, w) are high: (k, h, w, 3)."""
    share = np.clip(np.nan_to_num(maps), 0, 1)[..., None]  # NaN: of a training that diverged
    grey = DARK * pictures.mean(axis=3, keepdims=True)
    lit = (1 - COVER * share) * grey + share * np.array(LIGHT)
    return np.round(np.minimum(lit, 255)).astype(np.uint8)
