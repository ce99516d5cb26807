"""Convolutions in groups of channels."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras' convolution with `groups`, computed as one plain convolution for every group.

    Krizhevsky, Sutskever & Hinton 2012, section 3.5: every filter sees the channels of its own group only;
    (n, h, w, c) -> (n, h / strides, w / strides, filters), the kernel is (height, width, c / groups, filters).

    TensorFlow's own grouped convolution has no gradient on a CPU unless oneDNN is at work. Keras therefore compiles it
    by XLA on every CPU, many times as slow. One batched matrix product over patches of the input is a smaller graph,
    but takes two to three times as long on maps worth training on, and nine times the memory of a 3x3 input.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        channels = tf.split(inputs, self.groups, axis=-1)
        filters = tf.split(kernel, self.groups, axis=-1)
        convolve = super().convolution_op
        return tf.concat([convolve(*group) for group in zip(channels, filters, strict=True)], axis=-1)
