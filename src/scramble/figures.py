"""Every picture of the project. Nothing else imports matplotlib; the bytes depend on the arguments alone."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend has to be chosen first)
from matplotlib.figure import Figure  # noqa: E402

plt.rcParams.update({"svg.hashsalt": "scramble", "svg.fonttype": "none", "font.size": 10})


def save(figure: Figure, path: Path) -> None:
    """Writes a .png or .svg without a date or a version in it, and closes the figure."""
    metadata = {"Software": None} if path.suffix == ".png" else {"Date": None, "Creator": None}
    figure.savefig(path, metadata=metadata)
    plt.close(figure)


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
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(columns[column], fontsize=9)
        axes[row, 0].set_ylabel(title, fontsize=9)
    save(figure, path)
