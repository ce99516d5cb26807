"""Convolutions in groups of channels."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras' convolution whose filters see the channels of their own group only, drawn as one convolution per group.

    Krizhevsky, Sutskever & Hinton 2012, section 3.5; Xie et al. 2017, figure 3c;
    (n, h, w, c) -> (n, h / strides, w / strides, filters), with a kernel of
    (*kernel_size, c / groups, filters). TensorFlow's own grouped kernel has no gradient on processors without oneDNN,
    which is why Keras compiles it by XLA on every CPU: slow there, and refused under a strategy.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        channels = tf.split(inputs, self.groups, axis=-1)
        filters = tf.split(tf.convert_to_tensor(kernel), self.groups, axis=-1)
        convolve = super().convolution_op
        return tf.concat([convolve(*group) for group in zip(channels, filters, strict=True)], axis=-1)
