"""The families of permutations, each as a function that scrambles one image (height, width, channels).

Every family but `channels` moves all channels of a pixel together; none moves a value to another channel.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scramble.params import ImageShape

Image = NDArray[Any]
"""(height, width, channels): pixels, or the positions that become an index."""


def identity(image: Image, generator: Generator) -> Image:
    return image


def pixels(image: Image, generator: Generator) -> Image:
    """All positions trade places."""
    height, width, num_channels = image.shape
    return generator.permutation(image.reshape(height * width, num_channels)).reshape(image.shape)


def rows(image: Image, generator: Generator) -> Image:
    """Rows trade places, each stays whole."""
    return generator.permutation(image, axis=0)


def columns(image: Image, generator: Generator) -> Image:
    """Columns trade places, each stays whole."""
    return generator.permutation(image, axis=1)


def rows_columns(image: Image, generator: Generator) -> Image:
    return columns(rows(image, generator), generator)


def channels(image: Image, generator: Generator) -> Image:
    """Like `pixels`, with a draw of its own for each channel."""
    height, width, num_channels = image.shape
    return generator.permuted(image.reshape(height * width, num_channels), axis=0).reshape(image.shape)


def tiles(image: Image, generator: Generator, size: int) -> Image:
    """Tiles of `size` x `size` pixels trade places, their inside stays."""
    return _join_tiles(generator.permutation(_cut_tiles(image, size)), image.shape)


def within_tiles(image: Image, generator: Generator, size: int) -> Image:
    """Pixels trade places inside their tile of `size` x `size`, each tile by a draw of its own."""
    cut = _cut_tiles(image, size)
    shuffled = np.stack([pixels(tile, generator) for tile in cut])
    return _join_tiles(shuffled, image.shape)


def swaps(image: Image, generator: Generator, share: float) -> Image:
    """A `share` of the pixels trade places along one random cycle, so that every chosen one moves.

    With the same generator the pixels chosen for a smaller share are among those chosen for a larger one.
    """
    height, width, num_channels = image.shape
    flat = image.reshape(height * width, num_channels).copy()
    chosen = generator.permutation(len(flat))[: round(share * len(flat))]
    flat[chosen] = flat[np.roll(chosen, 1)]
    return flat.reshape(image.shape)


def flip(image: Image, generator: Generator, axis: Literal["horizontal", "vertical"]) -> Image:
    """Mirrors left and right (horizontal) or top and bottom (vertical)."""
    return np.flip(image, axis=1 if axis == "horizontal" else 0)


def transpose(image: Image, generator: Generator) -> Image:
    """Rows become columns."""
    return image.transpose(1, 0, 2)


FAMILIES: dict[str, Callable[..., Image]] = {
    "identity": identity,
    "pixels": pixels,
    "rows": rows,
    "columns": columns,
    "rows_columns": rows_columns,
    "channels": channels,
    "tiles": tiles,
    "within_tiles": within_tiles,
    "swaps": swaps,
    "flip": flip,
    "transpose": transpose,
}
"""Every family with one draw for all images, as (image, generator, **strength) -> scrambled image.

`per_image` is the one family that is not here: `draws.PerImagePermutation`.
"""


def _cut_tiles(image: Image, size: int) -> Image:
    """(h, w, c) -> (tiles, size, size, c), the tiles from left to right and from top to bottom."""
    height, width, num_channels = image.shape
    grid = image.reshape(height // size, size, width // size, size, num_channels)
    return grid.swapaxes(1, 2).reshape(-1, size, size, num_channels)


def _join_tiles(cut: Image, shape: ImageShape) -> Image:
    """(tiles, size, size, c) -> `shape`, the reverse of `_cut_tiles`."""
    height, width, num_channels = shape
    size = cut.shape[1]
    grid = cut.reshape(height // size, width // size, size, size, num_channels)
    return grid.swapaxes(1, 2).reshape(shape)
