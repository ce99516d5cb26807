"""What a unit of each layer sees of the image, and how deep it sits.

Where branches meet, the widest field counts and the deepest path. A branch that has lost its map (the gate of a
squeeze-and-excitation, whose mean is over the whole image) changes neither where it joins one that has a map: the
field is that of the map's path.
"""

from typing import NamedTuple

import keras
from keras import layers

from scramble.ledger.counting import is_weighted


class View(NamedTuple):
    """What the units of a map see: (height, width) in pixels."""

    field: tuple[int, int]
    distance: tuple[int, int]
    """Between the fields of two neighbouring units."""


class Sight(NamedTuple):
    """What the units of a layer see, and their depth in layers with weights."""

    view: View | None
    """None for a layer without a map: its units see the whole image."""
    depth: int


def look(model: keras.Model) -> dict[str, Sight]:
    """The sights of a functional model's layers, by name; its first layer must be the image."""
    image = model.layers[0]
    sights = {image.name: Sight(View((1, 1), (1, 1)), 0)}
    by_tensor = {id(image.output): sights[image.name]}
    for layer in model.layers[1:]:
        inputs = [by_tensor[id(tensor)] for tensor in keras.tree.flatten(layer.input)]
        sights[layer.name] = by_tensor[id(layer.output)] = _sight(layer, inputs)
    return sights


def _sight(layer: keras.layers.Layer, inputs: list[Sight]) -> Sight:
    """The sight of the layer's units, from those of its inputs."""
    with_map = [sight for sight in inputs if sight.view]
    depth = max(sight.depth for sight in with_map or inputs) + is_weighted(layer)
    views = [sight.view for sight in with_map if sight.view]
    keeps_map = views and len(layer.output.shape) == 4 and not isinstance(layer, layers.GlobalAveragePooling2D)
    return Sight(_view(layer, views) if keeps_map else None, depth)


def _view(layer: keras.layers.Layer, inputs: list[View]) -> View:
    """A window of k units widens the field by (k - 1) times the distance between two units of its input.

    Araujo, Norris & Sim 2019, distill.pub/2019/computing-receptive-fields.
    """
    window = window_of(layer) or (1, 1)
    strides = getattr(layer, "strides", (1, 1))
    field_height, field_width = (max(view.field[axis] for view in inputs) for axis in (0, 1))
    row_distance, column_distance = inputs[0].distance
    return View(
        (field_height + (window[0] - 1) * row_distance, field_width + (window[1] - 1) * column_distance),
        (row_distance * strides[0], column_distance * strides[1]),
    )


def window_of(layer: keras.layers.Layer) -> tuple[int, int] | None:
    """(height, width) of the window that a unit sees of the layer's input, where it has one."""
    return getattr(layer, "kernel_size", getattr(layer, "pool_size", None))


def leading_to_logits(model: keras.Model) -> set[str]:
    """The names of the layers between the image and the first output: all but auxiliary heads."""
    needed = {id(model.outputs[0])}
    names = set()
    for layer in reversed(model.layers[1:]):
        if id(layer.output) in needed:
            needed |= {id(tensor) for tensor in keras.tree.flatten(layer.input)}
            names.add(layer.name)
    return names
