"""Dropout that does not depend on the number of replicas."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class Dropout(keras.layers.Dropout):
    """Keras' dropout, its mask drawn for the images of all replicas, of which each takes the part of its own.

    Srivastava et al. 2014. The same units are dropped on one device and on several, where Keras' own layer would give
    every replica the same mask.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(rate, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or self.rate == 0:
            return inputs
        context = tf.distribute.get_replica_context()
        size, *shape = tf.unstack(tf.shape(inputs))
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        draws = tf.random.stateless_uniform([size * context.num_replicas_in_sync, *shape], seed)
        first = context.replica_id_in_sync_group * size
        kept = draws[first : first + size] >= self.rate
        return tf.where(kept, inputs / tf.cast(1 - self.rate, inputs.dtype), tf.zeros([], inputs.dtype))
