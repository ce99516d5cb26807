"""From the places of a permuted image back to the places of the picture that it was made from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import permutations
from scramble.params import ImageShape
from scramble.permutations import Permutation


def sources(permutation: Permutation, image_shape: ImageShape, images: NDArray[np.integer]) -> NDArray[np.int32]:
    """Where the values of permuted test images come from.

    Args:
        image_shape: (h, w, c).
        images: (k,), positions in the test split, on which draws of their own depend.

    Returns:
        (k, h * w * c): flat position j of permuted image i holds what stood at flat position [i, j] of the picture.
    """
    natural = np.broadcast_to(permutations.positions(image_shape), (int(images.max()) + 1, *image_shape))
    return permutation.apply(natural, "test")[images].reshape(len(images), -1)


def carried_back(maps: NDArray[Any], index: NDArray[np.int32]) -> NDArray[np.float32]:
    """Maps over permuted images as maps over the pictures: what lay on a pixel goes to where the pixel stood.

    A permutation that moves the channels of a pixel apart has scattered it over several places: it gets their mean.

    Args:
        maps: (k, h, w) over the permuted images.
        index: (k, h * w * c), from `sources`.
    """
    num_channels = index.shape[1] // maps[0].size
    on_values = np.repeat(maps.reshape(len(maps), -1).astype(np.float64), num_channels, axis=1)
    on_pixels = np.empty_like(on_values)
    np.put_along_axis(on_pixels, index, on_values, axis=1)
    return on_pixels.reshape(*maps.shape, num_channels).mean(axis=-1).astype(np.float32)
