"""AlexNet: the same idea as LeNet-5, deep and wide enough for photographs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import keras
from keras import layers

from scramble.layers import LocalResponseNormalization
from scramble.models.blocks import hidden_dense


@dataclass(frozen=True)
class Form:
    """The numbers in which the published network, its small form and the one without towers differ."""

    name: str
    kernel_size: int
    """Height and width of the first convolution."""
    strides: int
    padding: str
    filters: tuple[int, int, int, int, int]
    """Of the five convolutions, all towers together."""
    units: int
    """Of each of the two hidden dense layers."""
    num_towers: int = 2


PUBLISHED = Form("alexnet", kernel_size=11, strides=4, padding="valid", filters=(96, 256, 384, 384, 256), units=4096)
ONE_TOWER = replace(PUBLISHED, name="alexnet_one_tower", num_towers=1)
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


def alexnet_one_tower(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> keras.Model:
    """AlexNet as it would be on one GPU: the layers of `alexnet`, of which each sees all maps of the one before.

    Claim: that of `alexnet`; two towers were how the network fitted into the memory of two GPUs.

    Deviations: those of `alexnet`, whose numbers of filters it keeps. Krizhevsky 2014 (arXiv:1404.5997) has one tower,
    too, but of 64, 192, 384, 384 and 256 filters, which is as large as the two.

    Shapes: those of `alexnet`.
    Trainable parameters at 227x227x3, 1000 classes: 62,378,344; 1,135,256,096 multiply-accumulates.
    """
    return _build(ONE_TOWER, image_shape, num_classes, dropout)


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
    tensor = _towers(form, image, _lower_tower, join="conv2_towers")
    tensor = _towers(form, tensor, _upper_tower, join="conv5_towers")
    tensor = layers.Flatten(name="flatten")(tensor)
    tensor = hidden_dense(tensor, form.units, dropout, name="dense6")
    tensor = hidden_dense(tensor, form.units, dropout, name="dense7")
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name=form.name)


Tower = Callable[[Form, keras.KerasTensor, str], keras.KerasTensor]


def _towers(form: Form, tensor: keras.KerasTensor, tower: Tower, join: str) -> keras.KerasTensor:
    """A part of every tower over the same maps, and their maps together."""
    if form.num_towers == 1:
        return tower(form, tensor, "")
    towers = [tower(form, tensor, f"tower{number}_") for number in range(1, form.num_towers + 1)]
    return layers.Concatenate(name=join)(towers)


def _lower_tower(form: Form, image: keras.KerasTensor, scope: str) -> keras.KerasTensor:
    """Convolutions 1 and 2 of one tower, each with its share of the form's filters."""
    filters1, filters2 = (filters // form.num_towers for filters in form.filters[:2])
    stem = Convolution(filters1, form.kernel_size, strides=form.strides, padding=form.padding, name=f"{scope}conv1")
    tensor = LocalResponseNormalization(name=f"{scope}norm1")(stem(image))
    tensor = OverlappingPooling(name=f"{scope}pool1")(tensor)
    tensor = Convolution(filters2, 5, name=f"{scope}conv2")(tensor)
    tensor = LocalResponseNormalization(name=f"{scope}norm2")(tensor)
    return OverlappingPooling(name=f"{scope}pool2")(tensor)


def _upper_tower(form: Form, tensor: keras.KerasTensor, scope: str) -> keras.KerasTensor:
    """Convolutions 3, 4 and 5 of one tower; `tensor` holds the maps of all."""
    for number, filters in enumerate(form.filters[2:], start=3):
        tensor = Convolution(filters // form.num_towers, 3, name=f"{scope}conv{number}")(tensor)
    return OverlappingPooling(name=f"{scope}pool5")(tensor)
