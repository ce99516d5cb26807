"""Pooling over channels."""

from functools import reduce
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class ChannelMaxPooling(keras.layers.Layer):
    """The maximum over every `pool_size` neighbouring channels, position by position.

    (n, h, w, c) -> (n, h, w, c / pool_size). With a convolution before it, maxout (Goodfellow et al. 2013).
    """

    def __init__(self, pool_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Not `pool_size`, which other layers have as (height, width).
        self.group_size = pool_size

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Raises ValueError when the channels of `input_shape` (n, h, w, c) do not make whole groups."""
        channels = input_shape[-1]
        if channels % self.group_size:
            raise ValueError(
                f"{self.name}: {channels} channels do not make groups of {self.group_size}, "
                f"use a multiple of {self.group_size} channels or another pool_size"
            )

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        *_, height, width, channels = inputs.shape
        # On a CPU several times as fast as tf.reduce_max over an axis this short; tf.nn.max_pool has no gradient here.
        neighbours = tf.unstack(tf.reshape(inputs, (-1, self.group_size)), axis=1)
        return tf.reshape(reduce(tf.maximum, neighbours), (-1, height, width, channels // self.group_size))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pool_size": self.group_size}
