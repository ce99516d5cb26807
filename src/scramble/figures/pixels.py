"""Pictures with sharp pixels at another size."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resized_shape(shape: tuple[int, ...], dots: int) -> tuple[int, int]:
    """Height and width of a picture (h, w, ...) in a square of `dots`.

    Where it is smaller than the square, every pixel becomes a whole number of dots, so that all are alike.
    """
    factor = dots / max(shape[:2])
    factor = int(factor) if factor >= 1 else factor
    return max(1, round(factor * shape[0])), max(1, round(factor * shape[1]))


def resized(picture: NDArray[np.uint8], dots: int) -> NDArray[np.uint8]:
    """A picture (h, w, c), 1 or 3 channels, in a square of `dots`: (h', w') or (h', w', 3)."""
    flat = picture.squeeze(-1) if picture.shape[-1] == 1 else picture
    height, width = resized_shape(flat.shape, dots)
    if height < flat.shape[0]:
        return np.asarray(Image.fromarray(flat).resize((width, height), Image.Resampling.BOX))
    return flat.repeat(height // flat.shape[0], axis=0).repeat(width // flat.shape[1], axis=1)
