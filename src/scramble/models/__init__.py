"""The architectures by name. Each is a function from image shape, number of classes and options to a Keras model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from scramble import params
from scramble.errors import unknown_name
from scramble.models.alexnet import alexnet, alexnet_small
from scramble.models.lenet5 import lenet5
from scramble.models.mlp import mlp
from scramble.models.resnet import cifar_resnet

MODELS: dict[str, Callable[..., keras.Model]] = {
    "mlp": mlp,
    "lenet5": lenet5,
    "alexnet": alexnet,
    "alexnet_small": alexnet_small,
    "resnet20": partial(cifar_resnet, 20),
    "resnet32": partial(cifar_resnet, 32),
    "resnet44": partial(cifar_resnet, 44),
    "resnet56": partial(cifar_resnet, 56),
    "resnet110": partial(cifar_resnet, 110),
}


def build(name: str, image_shape: params.ImageShape, num_classes: int, **options: Any) -> keras.Model:
    """Builds an architecture from float32 images "image" (n, *image_shape) to logits (n, num_classes).

    Args:
        name: a key of `MODELS`.
        image_shape: (height, width, channels).
        num_classes: how many logits.
        options: as `params.ARCHITECTURES[name]` describes them.

    Raises:
        ValueError: the name or an option is unknown, an option is out of range, or the images are too small.
    """
    if name not in MODELS:
        raise ValueError(unknown_name("architecture", name, MODELS))
    checked = params.options_of(name, options)
    params.check_architecture_fits("image_shape", name, image_shape)
    return MODELS[name](image_shape, num_classes, **checked.model_dump())
