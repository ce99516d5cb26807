"""The architectures by name. Each is a function from image shape, number of classes and options to a Keras model."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from scramble import params
from scramble.errors import unknown_name
from scramble.models.alexnet import alexnet, alexnet_one_tower, alexnet_small
from scramble.models.googlenet import googlenet, googlenet_small
from scramble.models.lenet5 import lenet5, lenet5_1998, lenet5_channel_pooling
from scramble.models.mlp import mlp
from scramble.models.resnet import cifar_resnet, imagenet_resnet, small_resnet
from scramble.models.senet import se_cifar_resnet, se_imagenet_resnet, se_small_resnet, senet154, senet154_small
from scramble.models.xception import xception, xception_small
from scramble.params.models import CIFAR_DEPTHS, IMAGENET_DEPTHS

MODELS: dict[str, Callable[..., keras.Model]] = {
    "mlp": mlp,
    "lenet5": lenet5,
    "lenet5_1998": lenet5_1998,
    "lenet5_channel_pooling": lenet5_channel_pooling,
    "alexnet": alexnet,
    "alexnet_one_tower": alexnet_one_tower,
    "alexnet_small": alexnet_small,
    "googlenet": googlenet,
    "googlenet_small": googlenet_small,
    **{f"resnet{depth}": partial(cifar_resnet, depth) for depth in CIFAR_DEPTHS},
    **{f"resnet{depth}": partial(imagenet_resnet, depth) for depth in IMAGENET_DEPTHS},
    **{f"resnet{depth}_small": partial(small_resnet, depth) for depth in IMAGENET_DEPTHS},
    "xception": xception,
    "xception_small": xception_small,
    **{f"se_resnet{depth}": partial(se_cifar_resnet, depth) for depth in CIFAR_DEPTHS},
    **{f"se_resnet{depth}": partial(se_imagenet_resnet, depth) for depth in IMAGENET_DEPTHS},
    **{f"se_resnet{depth}_small": partial(se_small_resnet, depth) for depth in IMAGENET_DEPTHS},
    "senet154": senet154,
    "senet154_small": senet154_small,
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
