"""Sheets of images, as PNG files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scramble.figures.style import Figure, plt, shorten


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
                axis.set_title(shorten(columns[column]), fontsize=9)
        axes[row, 0].set_ylabel(title, fontsize=9)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Writes a PNG file, in grey where the figure is, and closes the figure."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    plt.close(figure)
    grey = (pixels == pixels[..., :1]).all()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(path, format="PNG", optimize=True)
