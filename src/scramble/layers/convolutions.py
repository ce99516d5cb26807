"""Convolutions in groups of channels."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="scramble")
class GroupedConv2D(keras.layers.Conv2D):
    """Keras' convolution with `groups`, computed by one matrix product for every group.

    Krizhevsky, Sutskever & Hinton 2012, section 3.5: every filter sees the channels of its own group only;
    (n, h, w, c) -> (n, h / strides, w / strides, filters), the kernel is (height, width, c / groups, filters).

    TensorFlow's own grouped convolution has no gradient on a CPU unless oneDNN is at work. Keras therefore compiles it
    by XLA on every CPU, which is slow and fails under MirroredStrategy. One convolution per group is about as fast as
    this layer on large maps, slower on small ones, and makes a graph of many times the operations.
    """

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        height, width, channels, filters = kernel.shape
        patches = tf.image.extract_patches(
            inputs,
            sizes=(1, height, width, 1),
            strides=(1, *self.strides, 1),
            rates=(1, *self.dilation_rate, 1),
            padding=self.padding.upper(),
        )  # (n, h, w, height * width * c)
        by_group = tf.transpose(tf.reshape(patches, (-1, height * width, self.groups, channels)), (2, 0, 1, 3))
        rows = tf.reshape(by_group, (self.groups, -1, height * width * channels))
        columns = tf.transpose(tf.reshape(kernel, (height * width * channels, self.groups, -1)), (1, 0, 2))
        outputs = tf.transpose(tf.matmul(rows, columns), (1, 0, 2))  # (n * h * w, groups, filters / groups)
        return tf.reshape(outputs, (-1, *patches.shape[1:3], filters))
