"""Grad-CAM: which places of a convolutional network's last map speak for its answer."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


def grad_cam(features: tf.Tensor, gradients: tf.Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """Selvaraju, Cogswell, Das, Vedantam, Parikh & Batra 2017, equations 1 and 2, at the size of the image.

    A channel weighs as much as its gradient is on average over the map; what the weighted channels sum up to counts
    where it is positive. The small map is enlarged bilinearly, as if it covered the image evenly, and divided by its
    largest value.

    Args:
        features: (k, h', w', channels), the last map.
        gradients: of the same shape, of the logit of a class with respect to `features`.
        size: (h, w) of the image.

    Returns:
        (k, h, w) in 0..1; 0 everywhere where nothing speaks for the class.
    """
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    attention = tf.nn.relu(tf.reduce_sum(weights * features, axis=-1, keepdims=True))
    enlarged = tf.image.resize(attention, size, method="bilinear")
    return tf.math.divide_no_nan(enlarged, tf.reduce_max(enlarged, axis=(1, 2), keepdims=True))[..., 0].numpy()
