"""The layer that undoes a permutation in front of a network."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble import layers


@keras.saving.register_keras_serializable(package="scramble")
class Reorder(keras.layers.Layer):
    """Moves the values of every image by one fixed index: (n, h, w, c) -> (n, h, w, c)."""

    def __init__(self, index: Sequence[int] | NDArray[np.integer], **kwargs: Any) -> None:
        """Flat position k receives what stood at index[k]."""
        super().__init__(**kwargs)
        self.index = [int(position) for position in index]

    def call(self, images: tf.Tensor) -> tf.Tensor:
        # Not inputs.permute: TensorFlow would fold its transpose into a dense layer's product, which rounds otherwise.
        flat = tf.reshape(images, [tf.shape(images)[0], -1])
        return tf.reshape(tf.gather(flat, tf.constant(self.index), axis=1), tf.shape(images))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"index": self.index}


def reordered_first(architecture: str, index: NDArray[np.integer]) -> str:
    """The network, as Keras JSON, behind a first layer that moves the values of its images by `index`."""
    network = layers.model_from_json(architecture)
    images = keras.Input(network.input_shape[1:], name="permuted_image")
    return keras.Model(images, network(Reorder(index, name="reorder")(images)), name="reordered").to_json()
