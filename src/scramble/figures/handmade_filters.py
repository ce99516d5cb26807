"""The lecture's hand-made filters: what a convolution does with an image, and what is left of it once scrambled."""

from collections.abc import Mapping

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scramble.figures.canvas import TITLE, WIDTH, Canvas, fitted
from scramble.figures.style import Figure

FILTERS: Mapping[str, NDArray[np.float64]] = {
    "smoothing": np.full((3, 3), 1 / 9),
    "vertical edges": np.array([[1.0, 0.0, -1.0]] * 3),
    "horizontal edges": np.array([[1.0, 0.0, -1.0]] * 3).T,
}
GAP, HEADING = 0.18, 0.75
"""Inches: between pictures, above the columns."""


def filtered(image: NDArray[np.generic], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """The cross-correlation, which networks call convolution, wherever the kernel fits inside the image.

    Args:
        image: (h, w)
        kernel: (kh, kw)

    Returns:
        (h - kh + 1, w - kw + 1)
    """
    windows = sliding_window_view(image.astype(np.float64), kernel.shape)  # (h', w', kh, kw)
    return np.einsum("ijkl,kl->ij", windows, kernel)


def handmade_filters(images: Mapping[str, NDArray[np.uint8]]) -> Figure:
    """A sheet with one row per image: the image, and what every filter makes of it. Draw it with `raster.png`.

    Of the edges, 0 is mid-grey; the rows have the same scale.

    Args:
        images: by title, e.g. "natural" and the name of a permutation, (h, w, c) with 1 or 3 channels, of which the
            filters see the mean.
    """
    side = (WIDTH - TITLE) / (1 + len(FILTERS)) - GAP
    shape = next(iter(images.values())).shape
    height, _ = fitted(shape, side)
    canvas = Canvas(HEADING + (height + GAP) * len(images))
    canvas.text("the image", TITLE, 0.08, fontweight="bold")
    for row, (title, image) in enumerate(images.items()):
        top = HEADING + (height + GAP) * row
        canvas.row_title(title, top, height)
        canvas.picture(image, TITLE, top, side)
    for column, (name, kernel) in enumerate(FILTERS.items(), start=1):
        left = TITLE + (side + GAP) * column
        canvas.text(name, left, 0.08, fontweight="bold")
        canvas.text(_written(kernel), left, 0.27, family="monospace", fontsize=7, linespacing=1.2)
        answers = [filtered(image.mean(axis=2), kernel) for image in images.values()]
        for row, picture in enumerate(_pictures(answers, signed=bool((kernel < 0).any()))):
            smaller = side * max(picture.shape) / max(shape[:2])  # pixels of one size in the whole row
            canvas.picture(picture, left, HEADING + (height + GAP) * row, smaller)
    return canvas.figure


def _pictures(answers: list[NDArray[np.float64]], signed: bool) -> list[NDArray[np.uint8]]:
    """(h, w) -> (h, w, 1) grey values. Of signed answers 0 is mid-grey, and the largest is black or white."""
    largest = max(np.abs(answer).max() for answer in answers) or 1
    scaled = [127.5 * (1 + answer / largest) if signed else answer for answer in answers]
    return [np.round(each).astype(np.uint8)[..., None] for each in scaled]


def _written(kernel: NDArray[np.float64]) -> str:
    """The numbers of a kernel, row by row."""
    words = {1.0: "1", 0.0: "0", -1.0: "−1", 1 / 9: "1/9"}
    return "\n".join(" ".join(f"{words[value]:>3}" for value in row) for row in kernel.tolist())
