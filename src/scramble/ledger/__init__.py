"""The ledger of a model: what it costs and how much it leans on the neighbourhood of pixels, in numbers."""

from math import prod
from typing import Any

import keras

from scramble.ledger.contents import FirstLayer, LayerRow, Ledger, ParametersIn
from scramble.ledger.counting import activation_bytes, count, num_entries
from scramble.ledger.fields import Sight, leading_to_logits, look, window_of


def ledger(model: keras.Model) -> Ledger:
    """Reads the ledger off a functional model from one image to logits, and to those of auxiliary heads after them.

    The weights may be without values.

    Raises:
        TypeError: a layer with trainable parameters is of a kind that the ledger cannot count.
    """
    sights = look(model)
    to_logits = leading_to_logits(model)
    rows = tuple(_row(layer, sights[layer.name], layer.name not in to_logits) for layer in model.layers[1:])
    path = [row for row in rows if not row.auxiliary]
    parameters = sum(row.parameters for row in rows)
    connections = sum(row.connections for row in rows)
    parameters_in = _parameters_in(model)
    image_shape = model.inputs[0].shape[1:]
    with_map = [row.receptive_field for row in path if row.receptive_field]
    return Ledger(
        trainable_parameters=parameters,
        total_parameters=num_entries(model.weights),
        parameters_in=parameters_in,
        dense_share=parameters_in.dense / parameters,
        macs=sum(row.macs for row in path),
        activation_bytes=activation_bytes(model),
        connections=connections,
        sharing_factor=connections / parameters,
        receptive_field=with_map[-1] if with_map else image_shape[:2],
        depth=path[-1].depth,
        first_layer=_first_layer(path, prod(image_shape)),
        layers=rows,
    )


def _row(layer: keras.layers.Layer, sight: Sight, auxiliary: bool) -> LayerRow:
    _, parameters, connections, macs = count(layer)
    return LayerRow(
        name=layer.name,
        kind=type(layer).__name__,
        kernel_size=window_of(layer),
        strides=getattr(layer, "strides", None),
        padding=_padding(getattr(layer, "padding", None)),
        output_shape=layer.output.shape[1:],
        parameters=parameters,
        connections=connections,
        macs=macs,
        receptive_field=sight.view.field if sight.view else None,
        depth=sight.depth,
        auxiliary=auxiliary,
    )


def _padding(padding: Any) -> str | None:
    """In words: that of a ZeroPadding2D is ((top, bottom), (left, right))."""
    if padding is None or isinstance(padding, str):
        return padding
    (top, bottom), (left, right) = padding
    return f"{top}+{bottom}, {left}+{right}"


def _parameters_in(model: keras.Model) -> ParametersIn:
    places = dict.fromkeys(ParametersIn.model_fields, 0)
    for layer in model.layers:
        counted = count(layer)
        places[counted.place] += counted.parameters
    return ParametersIn(**places)


def _first_layer(path: list[LayerRow], num_pixels: int) -> FirstLayer:
    first = [row for row in path if row.depth == 1 and row.macs]
    units = sum(prod(row.output_shape) for row in first)
    return FirstLayer(
        units=units,
        parameters=sum(row.parameters for row in first),
        dense_weights_per_unit=num_pixels,
        dense_parameters=units * (num_pixels + 1),
    )
