"""The layers that explanations are about, and what a network shows at them."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from scramble.explanations.attention import grad_cam
from scramble.layers import TrainableSubsampling, main_logits

POOLING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, TrainableSubsampling)


@dataclass(frozen=True)
class Anatomy:
    """Where to look at a network; names of layers, the same in every network of one architecture."""

    convolution: str
    """The first convolution: its kernel has four dimensions."""
    last_map: str
    """The last layer whose output has more than one place and is not a map pooled, which would be coarser."""


@dataclass(frozen=True)
class Explanation:
    """What a network makes of k images."""

    predicted: NDArray[np.intp]
    """(k,)"""
    filters: NDArray[np.float32]
    """(fh, fw, in, out) of the first convolution; of a separable one, its filters in space"""
    feature_maps: NDArray[np.float32]
    """(k, h', w', f'), what the first convolution gives on"""
    attention: NDArray[np.float32]
    """(k, h, w), Grad-CAM"""


def anatomy(network: keras.Model) -> Anatomy | None:
    """None for a network that has no convolution, or nowhere a map: there is nothing to see."""
    on_the_way = _main(network).layers  # not those of auxiliary heads
    convolutions = [layer.name for layer in on_the_way if _kernel(layer) is not None]
    maps = [layer.name for layer in on_the_way if _is_map(layer.output) and not isinstance(layer, POOLING)]
    after_input = [name for name in maps if name != on_the_way[0].name]
    return Anatomy(convolutions[0], after_input[-1]) if convolutions and after_input else None


def explain(
    network: keras.Model, at: Anatomy, images: tf.Tensor, classes: NDArray[np.integer] | None = None
) -> Explanation:
    """Filters, feature maps and Grad-CAM of a network.

    Args:
        at: `anatomy(network)`.
        images: (k, h, w, c), as the network takes them.
        classes: (k,) what the attention is for; by default what the network predicts.
    """
    convolution, last_map = network.get_layer(at.convolution), network.get_layer(at.last_map)
    seeing = keras.Model(network.inputs, [convolution.output, last_map.output, main_logits(network.outputs)])
    with tf.GradientTape() as tape:
        feature_maps, features, logits = seeing(images, training=False)
        predicted = tf.argmax(logits, axis=1).numpy()
        scores = tf.gather(logits, predicted if classes is None else classes, axis=1, batch_dims=1)
    gradients = tape.gradient(scores, features)
    return Explanation(
        predicted=predicted,
        filters=tf.cast(_kernel(convolution), tf.float32).numpy(),
        feature_maps=tf.cast(feature_maps, tf.float32).numpy(),
        attention=grad_cam(tf.cast(features, tf.float32), tf.cast(gradients, tf.float32), images.shape[1:3]),
    )


def _main(network: keras.Model) -> keras.Model:
    """The network up to its answer."""
    return keras.Model(network.inputs, main_logits(network.outputs))


def _kernel(layer: keras.layers.Layer) -> Any:
    """The filters of a convolution in two dimensions, None for any other layer."""
    for name in ("kernel", "depthwise_kernel"):
        kernel = getattr(layer, name, None)
        if kernel is not None and len(kernel.shape) == 4:
            return kernel
    return None


def _is_map(output: keras.KerasTensor) -> bool:
    return len(output.shape) == 4 and output.shape[1] * output.shape[2] > 1
