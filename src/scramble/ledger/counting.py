"""What a layer costs: its parameters, how often they are used, and the products."""

from math import prod
from typing import NamedTuple

import keras
from keras import layers

from scramble.layers import RadialBasis, SparseConv2D, TrainableSubsampling


class Kind(NamedTuple):
    """How layers of one kind are counted."""

    place: str
    """The field of `ParametersIn` that their parameters belong to."""
    multiplied: tuple[str, ...] = ()
    """Their attributes whose entries are each multiplied with one input at every position of the output map. All other
    parameters are used once there."""


KINDS: dict[type[keras.layers.Layer], Kind] = {
    layers.Conv2D: Kind("convolution", ("kernel",)),
    layers.SeparableConv2D: Kind("convolution", ("depthwise_kernel", "pointwise_kernel")),
    SparseConv2D: Kind("convolution", ("kernel",)),
    layers.Dense: Kind("dense", ("kernel",)),
    RadialBasis: Kind("dense", ("codes",)),
    layers.BatchNormalization: Kind("normalisation"),
    TrainableSubsampling: Kind("other"),
}
"""Every kind of layer with weights. A grouped convolution is a Conv2D whose kernel sees the channels of its group."""


class Count(NamedTuple):
    """What one layer adds to the ledger, for one image."""

    place: str
    parameters: int
    """Trainable."""
    connections: int
    macs: int


def count(layer: keras.layers.Layer) -> Count:
    """Counts one layer.

    Raises:
        TypeError: it has trainable parameters and is of a kind that `KINDS` does not have.
    """
    kind = _kind(layer)
    parameters = num_entries(layer.trainable_weights)
    positions = prod(layer.output.shape[1:-1])
    multiplied = num_entries([getattr(layer, name) for name in kind.multiplied])
    connections = positions * max(parameters, multiplied)  # fixed weights are connections, but no parameters
    if isinstance(layer, TrainableSubsampling):  # its coefficient is used for every input in the window
        connections = prod(layer.output.shape[1:]) * (prod(layer.pool_size) + 1)
    return Count(kind.place, parameters, connections, positions * multiplied)


def _kind(layer: keras.layers.Layer) -> Kind:
    for layer_class, kind in KINDS.items():
        if isinstance(layer, layer_class):
            return kind
    if layer.trainable_weights:
        raise TypeError(f"the ledger cannot count {type(layer).__name__} {layer.name!r}")
    return Kind("other")


def is_weighted(layer: keras.layers.Layer) -> bool:
    """Whether it multiplies its inputs with weights, which makes a network deeper."""
    return bool(_kind(layer).multiplied)


def num_entries(weights: list[keras.Variable]) -> int:
    return sum(prod(weight.shape) for weight in weights)


VIEWS = (layers.Flatten, layers.Reshape)
"""Layers whose output is their input under another shape."""


def activation_bytes(model: keras.Model) -> int:
    """The float32 outputs of all layers for one image, in bytes."""
    return sum(4 * prod(layer.output.shape[1:]) for layer in model.layers if not isinstance(layer, VIEWS))
