"""What the first convolution has learned, and what it makes of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scramble.figures.canvas import WIDTH, Canvas
from scramble.figures.style import Figure

MOST_FILTERS = 32
FILTER, FILTER_COLUMNS = 0.54, 8
"""Inches, with the gap; pictures in a row."""
MAP, MAP_COLUMNS = 0.7, 6
BLOCK = WIDTH / 2
"""Width of what one network has: two stand side by side."""
HEADING = 0.5


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """The first convolution of one network, and one image as that network sees it."""

    filters: NDArray[np.floating]
    """(height, width, in, out)"""
    image: NDArray[np.uint8]
    """(h, w, c), 1 or 3 channels"""
    feature_maps: NDArray[np.floating]
    """(h', w', out), what the layer makes of `image`"""
    morans_i: float | None = None
    """Of the filters."""
    untrained_morans_i: float | None = None
    """Of the same filters before training."""


def filters(networks: Mapping[str, FirstLayer]) -> Figure:
    """The filters of one model's networks side by side, at most 32 each: grey for one input channel, RGB for three.

    A weight of 0 is mid-grey; every network has a scale of its own. Of other numbers of input channels the mean is
    shown. Draw it with `raster.png`.

    Args:
        networks: by title, e.g. "trained on natural pictures".
    """
    pictures = {title: _filter_pictures(layer.filters) for title, layer in networks.items()}
    headings = {
        title: f"{_count(layer.filters.shape[-1], 'filter')}{_morans_i(layer)}" for title, layer in networks.items()
    }
    return _blocks(pictures, headings, FILTER, FILTER_COLUMNS)


def feature_maps(networks: Mapping[str, FirstLayer]) -> Figure:
    """The image of every network and its feature maps side by side, at most 32 each. Draw it with `raster.png`.

    Every map has a scale of its own, from its lowest value in black to its highest in white.
    """
    pictures = {
        title: [layer.image, *(_stretched(layer.feature_maps[..., number]) for number in _shown(layer.feature_maps))]
        for title, layer in networks.items()
    }
    headings = {
        title: f"what the network sees, and {_count(layer.feature_maps.shape[-1], 'feature map')}"
        for title, layer in networks.items()
    }
    return _blocks(pictures, headings, MAP, MAP_COLUMNS)


def _blocks(
    pictures: Mapping[str, Sequence[NDArray[np.uint8]]], headings: Mapping[str, str], cell: float, num_columns: int
) -> Figure:
    """Two networks side by side, each with its title, its heading and its pictures."""
    most_rows = -(-max(map(len, pictures.values()), default=0) // num_columns)
    height = HEADING + cell * most_rows + 0.1
    canvas = Canvas(height * -(-len(pictures) // 2))
    for number, (title, of_network) in enumerate(pictures.items()):
        top, left = height * (number // 2), BLOCK * (number % 2) + 0.05
        canvas.text(title, left, top + 0.05, fontweight="bold")
        canvas.text(headings[title], left, top + 0.23, fontsize=8)
        for place, picture in enumerate(of_network):
            row, column = divmod(place, num_columns)
            canvas.picture(picture, left + cell * column, top + HEADING + cell * row, cell - 0.06)
    return canvas.figure


def _filter_pictures(filters: NDArray[np.floating]) -> list[NDArray[np.uint8]]:
    """(height, width, in, out) -> one picture (height, width, 1 or 3) per filter."""
    shown = filters if filters.shape[2] in (1, 3) else filters.mean(axis=2, keepdims=True)
    shown = np.nan_to_num(shown, posinf=0, neginf=0)  # of a training that diverged
    largest = np.abs(shown).max(initial=0) or 1
    pixels = np.round(127.5 * (1 + shown / largest)).astype(np.uint8)
    return [pixels[..., number] for number in _shown(filters)]


def _stretched(feature_map: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(h, w) -> (h, w, 1), from black to white."""
    values = np.nan_to_num(feature_map.astype(np.float64), posinf=0, neginf=0)
    span = np.ptp(values) or 1
    return np.round(255 * (values - values.min()) / span).astype(np.uint8)[..., None]


def _shown(channels_last: NDArray[np.floating]) -> range:
    return range(min(MOST_FILTERS, channels_last.shape[-1]))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}" if number <= MOST_FILTERS else f"{MOST_FILTERS} of {number} {what}s"


def _morans_i(layer: FirstLayer) -> str:
    if layer.morans_i is None:
        return ""
    before = "" if layer.untrained_morans_i is None else f", {layer.untrained_morans_i:.2f} before training"
    return f"; Moran's I {layer.morans_i:.2f}{before}".replace("-", "−")
