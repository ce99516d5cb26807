"""AlexNet: the same idea as LeNet-5, deep and wide enough for photographs."""

from dataclasses import dataclass
from functools import partial

import keras
from keras import layers

from scramble.layers import LocalResponseNormalization
from scramble.models.blocks import hidden_dense


@dataclass(frozen=True)
class Form:
    """The numbers in which the published network and its small form differ."""

    name: str
    kernel_size: int
    """Height and width of the first convolution."""
    strides: int
    padding: str
    filters: tuple[int, int, int, int, int]
    """Of the five convolutions, both towers together."""
    units: int
    """Of each of the two hidden dense layers."""


PUBLISHED = Form("alexnet", kernel_size=11, strides=4, padding="valid", filters=(96, 256, 384, 384, 256), units=4096)
SMALL = Form("alexnet_small", kernel_size=5, strides=1, padding="same", filters=(32, 64, 96, 96, 64), units=512)

Convolution = partial(layers.Conv2D, padding="same", activation="relu", kernel_initializer="he_normal")
OverlappingPooling = partial(layers.MaxPooling2D, pool_size=3, strides=2)


def alexnet(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> keras.Model:
    """AlexNet of Krizhevsky, Sutskever & Hinton 2012, section 3.5 and figure 2: two towers, as on its two GPUs.

    Claim: a large convolutional network, with ReLU (3.1), local response normalisation (3.3), overlapping pooling (3.4)
    and dropout (4.2), learns a thousand classes from photographs. Convolutions 2, 4 and 5 see the maps of their
    own tower only; convolution 3 and the dense layers see both.

    Deviations: He's initialisation instead of N(0, 0.01) with biases of 1, from which small networks hardly start;
    images of 227 pixels instead of the 224 that the paper prints, with which its first map of 55x55 comes out.

    Shapes: (n, 227, 227, 3) -> conv1 55x55x96 -> pool1 27x27 -> conv2 27x27x256 -> pool2 13x13 -> conv3 13x13x384
    -> conv4 13x13x384 -> conv5 13x13x256 -> pool5 6x6x256 -> 4096 -> 4096 -> (n, num_classes).
    Trainable parameters at 227x227x3, 1000 classes: 60,965,224; 724,406,816 multiply-accumulates.
    """
    return _build(PUBLISHED, image_shape, num_classes, dropout)


def alexnet_small(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> keras.Model:
    """AlexNet for images of 28 to 64 pixels: the blocks of `alexnet` with a smaller stem and fewer filters.

    Deviations from `alexnet`: the first convolution is 5x5 with stride 1 and zero padding instead of 11x11 with stride
    4; 32, 64, 96, 96 and 64 filters; 512 units in the dense layers, since dropout halves them.

    Shapes: (n, 32, 32, c) -> conv1 32x32x32 -> pool1 15x15 -> conv2 15x15x64 -> pool2 7x7 -> conv3 7x7x96
    -> conv4 7x7x96 -> conv5 7x7x64 -> pool5 3x3x64 -> 512 -> 512 -> (n, num_classes).
    Trainable parameters, 10 classes: 714,378 at 32x32x1, 715,978 at 32x32x3, 550,538 at 28x28x1.
    """
    return _build(SMALL, image_shape, num_classes, dropout)


def _build(form: Form, image_shape: tuple[int, int, int], num_classes: int, dropout: float) -> keras.Model:
    image = keras.Input(image_shape, name="image")
    towers = [_lower_tower(form, image, f"tower{number}") for number in (1, 2)]
    tensor = layers.Concatenate(name="conv2_towers")(towers)
    towers = [_upper_tower(form, tensor, f"tower{number}") for number in (1, 2)]
    tensor = layers.Concatenate(name="conv5_towers")(towers)
    tensor = layers.Flatten(name="flatten")(tensor)
    tensor = hidden_dense(tensor, form.units, dropout, name="dense6")
    tensor = hidden_dense(tensor, form.units, dropout, name="dense7")
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name=form.name)


def _lower_tower(form: Form, image: keras.KerasTensor, scope: str) -> keras.KerasTensor:
    """Convolutions 1 and 2 of one tower, each with half of the form's filters."""
    tensor = Convolution(
        form.filters[0] // 2, form.kernel_size, strides=form.strides, padding=form.padding, name=f"{scope}_conv1"
    )(image)
    tensor = LocalResponseNormalization(name=f"{scope}_norm1")(tensor)
    tensor = OverlappingPooling(name=f"{scope}_pool1")(tensor)
    tensor = Convolution(form.filters[1] // 2, 5, name=f"{scope}_conv2")(tensor)
    tensor = LocalResponseNormalization(name=f"{scope}_norm2")(tensor)
    return OverlappingPooling(name=f"{scope}_pool2")(tensor)


def _upper_tower(form: Form, tensor: keras.KerasTensor, scope: str) -> keras.KerasTensor:
    """Convolutions 3, 4 and 5 of one tower; `tensor` holds the maps of both."""
    for number, filters in enumerate(form.filters[2:], start=3):
        tensor = Convolution(filters // 2, 3, name=f"{scope}_conv{number}")(tensor)
    return OverlappingPooling(name=f"{scope}_pool5")(tensor)
