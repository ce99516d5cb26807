"""How much of an image's structure a permutation leaves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble.params import ImageShape
from scramble.permutations.draws import Index
from scramble.permutations.families import Image


def neighbour_pairs_kept(index: Index, image_shape: ImageShape) -> float:
    """Share of the horizontal and vertical neighbours, of all channels, that are still neighbours, however turned.

    An image of one pixel has no neighbours to lose: 1.
    """
    source = np.stack(np.unravel_index(index.reshape(image_shape), image_shape)[:2])  # (2, h, w, c): row, column
    kept = [np.abs(np.diff(source, axis=axis)).sum(axis=0).ravel() == 1 for axis in (1, 2)]
    pairs = np.concatenate(kept)
    return float(pairs.mean()) if len(pairs) else 1.0


def mean_displacement(index: Index, image_shape: ImageShape) -> float:
    """Mean Euclidean distance, in pixels, between where a value was and where it is."""
    target = np.unravel_index(np.arange(len(index)), image_shape)
    source = np.unravel_index(index, image_shape)
    return float(np.hypot(target[0] - source[0], target[1] - source[1]).mean())


def morans_i(images: NDArray[Any]) -> float | None:
    """Moran's I (Moran 1950, Biometrika 37) of images (n, h, w, c), mean over images and channels.

    For one channel of N pixels with deviations z from their mean and the P pairs (i, j) of horizontal and vertical
    neighbours: I = (N / P) * sum_(i,j) z_i z_j / sum_i z_i^2. A checkerboard has -1, shuffled pixels about
    -1 / (N - 1), a smooth image nearly 1. Constant channels have none and are left out; None if nothing is left.
    """
    values = [value for image in images for value in _morans_i_of_channels(image)]
    return float(np.mean(values)) if values else None


def _morans_i_of_channels(image: Image) -> NDArray[np.float64]:
    """(h, w, c) -> one value for every channel that is not constant."""
    height, width, _ = image.shape
    varied = image[:, :, np.ptp(image, axis=(0, 1)) > 0].astype(np.float64)
    deviation = varied - varied.mean(axis=(0, 1))
    squares = (deviation**2).sum(axis=(0, 1))
    across = (deviation[:, 1:] * deviation[:, :-1]).sum(axis=(0, 1))
    down = (deviation[1:] * deviation[:-1]).sum(axis=(0, 1))
    num_pairs = height * (width - 1) + (height - 1) * width
    return height * width * (across + down) / (num_pairs * squares)
