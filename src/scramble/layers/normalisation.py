"""Normalisation over the batch, and over neighbouring channels."""

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch normalisation of images (n, h, w, c), computed in training by one fused operation.

    Ioffe & Szegedy 2015. On a CPU, Keras computes it in five passes over the activations; the fused kernel takes one.
    Outputs, gradients and moving statistics are those of Keras' layer. With more than one replica in sync, and
    in inference, it is Keras' layer: the statistics are then taken over all replicas, as one device would.
    """

    # The kernel raises smaller values to this one without a word.
    _smallest_epsilon = 1.001e-5

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        """Keeps `momentum` of the old moving statistics at each step.

        Raises:
            ValueError: `epsilon` is smaller than what the fused kernel takes.
        """
        if epsilon < self._smallest_epsilon:
            raise ValueError(
                f"epsilon {epsilon} is too small for the fused kernel, use {self._smallest_epsilon} or more"
            )
        super().__init__(
            momentum=momentum, epsilon=epsilon, synchronized=True, name=name, dtype=dtype, trainable=trainable
        )

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        if training and self.trainable and tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return self._normalize_batch(inputs)
        return super().call(inputs, training=training, mask=mask)

    def _normalize_batch(self, inputs: tf.Tensor) -> tf.Tensor:
        outputs, mean, unbiased_variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), epsilon=self.epsilon
        )
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), unbiased_variance.dtype)
        # The kernel returns the sum of squares / (count - 1); Keras' moving variance is over / count.
        variance = unbiased_variance * (count - 1) / count
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs

    def get_config(self) -> dict[str, Any]:
        config = keras.layers.Layer.get_config(self)
        return config | {"momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="scramble")
class LocalResponseNormalization(keras.layers.Layer):
    """Divides every activation by (k + alpha * sum of squares over n neighbouring channels) ** beta.

    Krizhevsky, Sutskever & Hinton 2012, section 3.3, with its n = 5, k = 2, alpha = 1e-4, beta = 0.75;
    (b, h, w, c) -> (b, h, w, c). As in the paper, alpha is not divided by n (Caffe and PyTorch divide it).
    """

    neighbours, k, alpha = 5, 2.0, 1e-4

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # On a CPU this 1x1 convolution and the roots below are several times faster than tf.nn's kernel and a power.
        channel = tf.range(inputs.shape[-1])
        near = tf.abs(channel[:, None] - channel[None, :]) <= self.neighbours // 2
        features = tf.cast(inputs, tf.float32)
        sums = tf.nn.conv2d(tf.square(features), tf.cast(near, tf.float32)[None, None], strides=1, padding="VALID")
        root = tf.math.rsqrt(self.k + self.alpha * sums)
        return tf.cast(features * root * tf.sqrt(root), inputs.dtype)  # the power beta = 1/2 + 1/4
