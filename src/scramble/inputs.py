"""Stored bytes -> what a network sees: augment, THEN permute, THEN normalise.

Augmentation comes first because shifting or mirroring scrambled pixels would mean something else. Everything random
is stateless: it depends on its seed alone, so any step of any epoch can be repeated.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from scramble import params


class Normaliser:
    """Pixels 0..255 -> float32 with mean 0 and standard deviation 1 per channel, over the training images."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """`mean` and `std` are per channel, of pixels scaled to 0..1. A channel without variance is only centred."""
        divisor = np.where(np.asarray(std) > 0, std, 1.0)
        self.scale = tf.constant(1 / (255 * divisor), tf.float32)
        self.offset = tf.constant(np.asarray(mean) / divisor, tf.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """(n, height, width, channels) uint8 -> the same shape, float32."""
        return tf.cast(images, tf.float32) * self.scale - self.offset


def augment(images: tf.Tensor, augmentation: params.Augmentation, draws: tf.Tensor) -> tf.Tensor:
    """Shifts and mirrors each image at random.

    Args:
        images: (n, height, width, channels) uint8.
        draws: (n, 3) float32, uniform in 0..1: what decides the vertical and horizontal shift and the flip.
    """
    if augmentation.max_shift:
        images = _shift(images, augmentation.max_shift, draws[:, :2])
    if augmentation.horizontal_flip:
        images = tf.where(draws[:, 2, None, None, None] < 0.5, tf.reverse(images, axis=[2]), images)
    return images


def _shift(images: tf.Tensor, max_shift: int, draws: tf.Tensor) -> tf.Tensor:
    height, width = images.shape[1:3]
    starts = tf.cast(tf.floor(draws * (2 * max_shift + 1)), tf.int32)  # (n, 2), 0..2 max_shift
    margin = [max_shift, max_shift]
    padded = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
    rows = tf.gather(padded, starts[:, :1] + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(rows, starts[:, 1:] + tf.range(width), axis=2, batch_dims=1)


def permute(images: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """Moves the values of each image: flat position k receives what stood at index[k].

    Gathering rows of the transposed batch is several times faster than gathering along the last axis.
    """
    flat = tf.reshape(images, [tf.shape(images)[0], -1])
    return tf.reshape(tf.transpose(tf.gather(tf.transpose(flat), index)), tf.shape(images))


def permute_each(images: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Moves the pixels of each image by an index of its own.

    Args:
        images: (n, height, width, channels).
        indices: (n, height * width) int32.
    """
    pixels = tf.reshape(images, [tf.shape(images)[0], -1, images.shape[-1]])
    return tf.reshape(tf.gather(pixels, indices, axis=1, batch_dims=1), tf.shape(images))
