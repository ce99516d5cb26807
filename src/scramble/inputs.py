"""Stored bytes -> what a network sees: augment, mix, THEN permute, THEN normalise.

Augmentation comes first because shifting or mirroring scrambled pixels would mean something else. Everything random
is stateless: it depends on its seed alone, so any step of any epoch can be repeated. `draw` makes the random numbers
of a whole batch and a replica takes its part of them, so that how an image changes does not depend on the replicas.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble import params


class Normaliser:
    """Pixels 0..255 -> float32 with mean 0 and standard deviation 1 per channel, over the training images."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """`mean` and `std` are per channel, of pixels scaled to 0..1. A channel without variance is only centred."""
        divisor = np.where(np.asarray(std) > 0, std, 1.0)
        self.scale = tf.constant(1 / (255 * divisor), tf.float32)
        self.offset = tf.constant(np.asarray(mean) / divisor, tf.float32)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """(n, height, width, channels) uint8, or float32 where images were mixed -> the same shape, float32."""
        return tf.cast(images, tf.float32) * self.scale - self.offset

    def undo(self, images: tf.Tensor) -> NDArray[np.uint8]:
        """What was normalised, as pixels again, rounded."""
        return np.rint((images + self.offset) / self.scale).astype(np.uint8)


PLACES, SHARES = 1, 2
"""Streams of random numbers, folded into the seed of a batch."""


class Draws(NamedTuple):
    """What decides the changes of each of n images. `shift` to `patch` are float32, uniform in 0..1."""

    shift: tf.Tensor
    """(n, 2): how far down and to the right"""
    flip: tf.Tensor
    """(n,): below 0.5 the image is mirrored"""
    hole: tf.Tensor
    """(n, 2): row and column of the centre of cutout's square"""
    patch: tf.Tensor
    """(n, 2): row and column of the centre of cutmix' rectangle"""
    cutmix: tf.Tensor
    """(n,) bool: cutmix and not mixup"""
    share: tf.Tensor
    """(n,) float32: what mixing leaves of the image itself, from Beta(alpha, alpha); 1 where nothing is mixed"""

    def part(self, first: tf.Tensor, size: int) -> "Draws":
        """The draws of `size` images from the position `first` on."""
        return Draws(*(tf.gather(draws, first + tf.range(size)) for draws in self))

    def reversed(self) -> "Draws":
        """From the last image to the first."""
        return Draws(*(tf.reverse(draws, axis=[0]) for draws in self))


def draw(seed: tf.Tensor, batch_size: int, augmentation: params.Augmentation) -> Draws:
    """The random numbers of a batch, from its seed (2,) int32. XLA cannot compile it: it has no gamma distribution.

    What shift, flip and cutout draw does not depend on which other options are on.
    """
    moves = tf.random.stateless_uniform([batch_size, 3], seed)
    places = tf.random.stateless_uniform([batch_size, 5], tf.random.fold_in(seed, PLACES))
    chance = 0.5 if augmentation.mixup and augmentation.cutmix else float(augmentation.cutmix > 0)
    cutmix = places[:, 4] < chance
    share = tf.ones([batch_size])
    if augmentation.mixes:
        alphas = tf.constant([augmentation.mixup, augmentation.cutmix], tf.float64)
        share = _beta(tf.random.fold_in(seed, SHARES), tf.gather(alphas, tf.cast(cutmix, tf.int32)))
    return Draws(moves[:, :2], moves[:, 2], hole=places[:, :2], patch=places[:, 2:4], cutmix=cutmix, share=share)


def _beta(seed: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Beta(alpha, alpha) for each alpha of (n,) float64 as X / (X + Y) of two from Gamma(alpha); (n,) float32.

    With a small alpha both underflow, in float32 often, in float64 hardly ever.
    """
    x, y = tf.unstack(tf.random.stateless_gamma([2, *alpha.shape], seed, alpha, dtype=tf.float64))
    return tf.cast(tf.math.divide_no_nan(x, x + y), tf.float32)


def augment(images: tf.Tensor, augmentation: params.Augmentation, draws: Draws) -> tf.Tensor:
    """Shifts, mirrors and cuts a hole into each image, as its draws say; (n, height, width, channels) uint8, as given.

    Cutout: DeVries & Taylor 2017, a square around a pixel of the image; a part of it may lie outside.
    """
    if augmentation.max_shift:
        images = _shift(images, augmentation.max_shift, draws.shift)
    if augmentation.horizontal_flip:
        # Picks whole images; tf.where would broadcast its condition over the pixels, three times slower in colour.
        images = tf.compat.v1.where(draws.flip < 0.5, tf.reverse(images, axis=[2]), images)
    if augmentation.cutout:
        hole = _rectangle(images.shape, draws.hole, tf.constant([augmentation.cutout] * 2))
        images *= tf.cast(~hole, images.dtype)
    return images


def _shift(images: tf.Tensor, max_shift: int, draws: tf.Tensor) -> tf.Tensor:
    height, width = images.shape[1:3]
    starts = tf.cast(tf.floor(draws * (2 * max_shift + 1)), tf.int32)  # (n, 2), 0..2 max_shift
    margin = [max_shift, max_shift]
    padded = tf.pad(images, [[0, 0], margin, margin, [0, 0]])
    rows = tf.gather(padded, starts[:, :1] + tf.range(height), axis=1, batch_dims=1)
    return tf.gather(rows, starts[:, 1:] + tf.range(width), axis=2, batch_dims=1)


def mix(
    images: tf.Tensor, partners: tf.Tensor, augmentation: params.Augmentation, draws: Draws
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mixes each image with its partner, where `augmentation.mixes`.

    Mixup, Zhang et al. 2018, equation 1: share * image + (1 - share) * partner. CutMix, Yun et al. 2019, equations 1
    and 2: a rectangle of the partner, of 1 - share of the area, around a pixel of the image; where a part of it lies
    outside, the share is what is left of the image.

    Args:
        images: (n, height, width, channels) uint8, augmented.
        partners: of the same shape, augmented by their own draws.

    Returns:
        The images (n, height, width, channels), float32 in 0..255, and the share (n,) that each one's own label has in
        its label; the rest is the partner's.
    """
    share = draws.share
    own = share[:, None, None, None]
    if augmentation.cutmix:
        height, width = images.shape[1:3]
        sizes = tf.sqrt(1 - share)[:, None] * tf.constant([height, width], tf.float32)
        patch = _rectangle(images.shape, draws.patch, tf.cast(tf.round(sizes), tf.int32))
        uncovered = 1 - tf.cast(patch, tf.float32)
        own = tf.where(draws.cutmix[:, None, None, None], uncovered, own)
        share = tf.where(draws.cutmix, tf.reduce_mean(uncovered, axis=[1, 2, 3]), share)
    image, partner = tf.cast(images, tf.float32), tf.cast(partners, tf.float32)
    return partner + own * (image - partner), share


def _rectangle(shape: tf.TensorShape, centres: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """Marks one rectangle per image, of `sizes` (height, width) around `centres`, without what lies outside.

    Args:
        shape: (n, height, width, channels) of the images.
        centres: (n, 2) float32 in 0..1, row and column.
        sizes: (n, 2) or (2,) int32, in pixels.

    Returns:
        (n, height, width, 1) bool.
    """
    height, width = shape[1:3]
    starts = tf.cast(centres * tf.constant([height, width], tf.float32), tf.int32) - sizes // 2
    ends = starts + sizes
    rows, columns = tf.range(height), tf.range(width)
    in_rows = (starts[:, :1] <= rows) & (rows < ends[:, :1])  # (n, height)
    in_columns = (starts[:, 1:] <= columns) & (columns < ends[:, 1:])  # (n, width)
    return (in_rows[:, :, None] & in_columns[:, None, :])[..., None]


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
    count, num_pixels = indices.shape
    first = tf.range(count)[:, None] * num_pixels
    # One gather from all images' pixels is faster than one per image.
    return tf.reshape(tf.gather(tf.reshape(images, [-1, images.shape[-1]]), first + indices), images.shape)
