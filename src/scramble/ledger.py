"""The ledger of a model: what it costs and how much it leans on the neighbourhood of pixels, in numbers."""

from math import prod
from typing import NamedTuple

import keras
from keras import layers
from pydantic import BaseModel, ConfigDict

COUNTED = (layers.Conv2D, layers.Dense, layers.BatchNormalization)
"""Layers that use each of their trainable parameters once at every position of their output map."""


class Ledger(BaseModel):
    """The contents of ledger.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trainable_parameters: int
    total_parameters: int
    """With the moving statistics of normalisations."""
    macs: int
    """Multiply-accumulates per image: a weight of a convolution or dense layer times its input, zero padding included;
    biases, normalisation, activation and pooling are not counted."""
    receptive_field: tuple[int, int]
    """(height, width) in pixels of what a unit of the last layer with a map sees of an unbounded image; the whole image
    where no layer has a map."""
    connections: int
    """Uses of trainable parameters per image: products with a weight and additions of a bias, as LeCun et al. 1998
    count, and a normalisation's scale and offset."""
    sharing_factor: float
    """connections / trainable_parameters: 1 where no weight is shared."""
    dense_share: float
    """Share of the trainable parameters that sit in dense layers."""


def ledger(model: keras.Model) -> Ledger:
    """Reads the ledger off a functional model with one image input.

    Raises:
        TypeError: a layer with trainable parameters is of a kind that the ledger cannot count.
    """
    trainable = {layer: _count(layer.trainable_weights) for layer in model.layers}
    for layer, count in trainable.items():
        if count and not isinstance(layer, COUNTED):
            raise TypeError(f"the ledger cannot count {type(layer).__name__} {layer.name!r}")
    parameters = sum(trainable.values())
    connections = sum(_positions(layer) * count for layer, count in trainable.items())
    weighted = [layer for layer in model.layers if isinstance(layer, layers.Conv2D | layers.Dense)]
    return Ledger(
        trainable_parameters=parameters,
        total_parameters=_count(model.weights),
        macs=sum(_positions(layer) * prod(layer.kernel.shape) for layer in weighted),
        receptive_field=receptive_field(model),
        connections=connections,
        sharing_factor=connections / parameters,
        dense_share=sum(count for layer, count in trainable.items() if isinstance(layer, layers.Dense)) / parameters,
    )


def receptive_field(model: keras.Model) -> tuple[int, int]:
    """(height, width) in pixels of what a unit of the last layer with a map sees.

    A layer with windows of k units widens the field by (k - 1) times the distance between two units of its input;
    where branches meet, the widest counts (Araujo, Norris & Sim 2019, distill.pub/2019/computing-receptive-fields).
    """
    image = model.inputs[0]
    views = {id(image): View((1, 1), (1, 1))}
    last = image
    for layer in model.layers[1:]:
        if len(layer.output.shape) == 4:
            last = layer.output
            views[id(last)] = _look(layer, [views[id(tensor)] for tensor in keras.tree.flatten(layer.input)])
    return image.shape[1:3] if last is image else views[id(last)].field


class View(NamedTuple):
    """What the units of a map see: (height, width) in pixels."""

    field: tuple[int, int]
    distance: tuple[int, int]
    """Between the fields of two neighbouring units."""


def _look(layer: keras.layers.Layer, inputs: list[View]) -> View:
    """The view of the layer's output, from the views of its inputs."""
    window = getattr(layer, "kernel_size", getattr(layer, "pool_size", (1, 1)))
    strides = getattr(layer, "strides", (1, 1))
    field_height, field_width = (max(view.field[axis] for view in inputs) for axis in (0, 1))
    row_distance, column_distance = inputs[0].distance
    return View(
        (field_height + (window[0] - 1) * row_distance, field_width + (window[1] - 1) * column_distance),
        (row_distance * strides[0], column_distance * strides[1]),
    )


def _count(weights: list[keras.Variable]) -> int:
    return sum(prod(weight.shape) for weight in weights)


def _positions(layer: keras.layers.Layer) -> int:
    """Units per channel of the layer's output."""
    return prod(layer.output.shape[1:-1])
