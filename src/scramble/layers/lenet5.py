"""The layers of LeNet-5 as it was in 1998 (LeCun, Bottou, Bengio & Haffner 1998, section II.B and appendix A)."""

from collections.abc import Sequence
from math import prod
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from scramble.layers.codes import CODE_LENGTH, class_codes


@keras.saving.register_keras_serializable(package="scramble")
def scaled_tanh(activations: tf.Tensor) -> tf.Tensor:
    """1.7159 tanh(2/3 a), equation 6: it takes 1 to 1 and -1 to -1, where it is not yet flat."""
    return 1.7159 * tf.tanh(2 / 3 * activations)


def small_uniform(num_inputs: int) -> keras.initializers.Initializer:
    """The first weights of units with so many inputs: uniform within 2.4 / num_inputs of 0 (appendix A)."""
    return keras.initializers.RandomUniform(-2.4 / num_inputs, 2.4 / num_inputs)


@keras.saving.register_keras_serializable(package="scramble")
class SparseConv2D(keras.layers.Layer):
    """A convolution whose maps see only some of the input's maps: C3 of the paper.

    (n, h, w, c) -> (n, h - kernel_size + 1, w - kernel_size + 1, len(table)). Trainable: a kernel for every
    connection of two maps, together (kernel_size, kernel_size, connections), and a bias for every map, which starts
    at 0.

    Args:
        table: for every map the numbers of the input's maps that it sees.
        kernel_size: height and width of the kernels.
    """

    strides, padding = (1, 1), "valid"

    def __init__(self, table: Sequence[Sequence[int]], kernel_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = tuple(tuple(seen) for seen in table)
        self.kernel_size = (kernel_size, kernel_size)

    def build(self, input_shape: tuple[int, ...]) -> None:
        channels, maps = input_shape[-1], len(self.table)
        places = [source * maps + target for target, seen in enumerate(self.table) for source in seen]
        self._scatter = np.eye(channels * maps, dtype="float32")[places]
        self._dense_shape = (*self.kernel_size, channels, maps)
        shape = (*self.kernel_size, len(places))
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self._first_kernel)
        self.bias = self.add_weight(name="bias", shape=(maps,), initializer="zeros")

    def _first_kernel(self, shape: tuple[int, ...], dtype: str) -> tf.Tensor:
        window = shape[:2]
        parts = [small_uniform(prod(window) * len(seen))((*window, len(seen)), dtype) for seen in self.table]
        return tf.concat(parts, axis=-1)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # With zeros where the table has no connection, this is one convolution, as fast as a dense one.
        connections = tf.reshape(self.kernel, (-1, len(self._scatter)))
        kernel = tf.reshape(connections @ tf.constant(self._scatter, self.compute_dtype), self._dense_shape)
        return tf.nn.bias_add(tf.nn.conv2d(inputs, kernel, self.strides, padding="VALID"), self.bias)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"table": self.table, "kernel_size": self.kernel_size[0]}


@keras.saving.register_keras_serializable(package="scramble")
class TrainableSubsampling(keras.layers.Layer):
    """Sums over windows side by side, times a trainable coefficient and plus a trainable bias, of every map its own.

    S2 and S4 of the paper, whose squashing is left to an activation;
    (n, h, w, c) -> (n, h // pool_size, w // pool_size, c). Biases start at 0.
    """

    padding = "valid"

    def __init__(self, pool_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pool_size = self.strides = (pool_size, pool_size)

    def build(self, input_shape: tuple[int, ...]) -> None:
        shape = input_shape[-1:]
        initializer = small_uniform(prod(self.pool_size))
        self.coefficient = self.add_weight(name="coefficient", shape=shape, initializer=initializer)
        self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        means = tf.nn.avg_pool2d(inputs, self.pool_size, self.strides, padding="VALID")
        return means * (prod(self.pool_size) * self.coefficient) + self.bias

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"pool_size": self.pool_size[0]}


@keras.saving.register_keras_serializable(package="scramble")
class RadialBasis(keras.layers.Layer):
    """The negative squared distances (equation 7) from features to the fixed codes of the classes.

    (n, 84) -> (n, units). No trainable parameters. The paper's criterion (equation 9), without its constant for images
    of no class, is softmax cross-entropy with these as logits.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.codes = class_codes(units)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # In bfloat16, so little would be left of a small distance that is the difference of large numbers.
        features = tf.cast(inputs, tf.float32)
        squares = tf.reduce_sum(tf.square(features), axis=-1, keepdims=True)
        return tf.cast(2 * features @ self.codes.T - squares - CODE_LENGTH, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.units}
