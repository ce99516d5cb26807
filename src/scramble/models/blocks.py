"""Blocks that more than one architecture is made of, as functions from tensor to tensor."""

import keras
from keras import layers

from scramble.layers import Dropout


def hidden_dense(tensor: keras.KerasTensor, units: int, dropout: float, name: str) -> keras.KerasTensor:
    """A fully connected ReLU layer and its dropout: (n, inputs) -> (n, units)."""
    tensor = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=name)(tensor)
    return Dropout(dropout, name=f"{name}_dropout")(tensor) if dropout else tensor
