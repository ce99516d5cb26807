"""Xception: space and channels apart, one filter per channel and then a 1x1 convolution."""

from dataclasses import dataclass

import keras
from keras import layers

from scramble.layers import BatchNormalization, Dropout

MIDDLE_BLOCKS = 8


@dataclass(frozen=True)
class Form:
    """The numbers of figure 5, in which the published network and its small form differ."""

    name: str
    strides: int
    """Of the first convolution."""
    padding: str
    """Of the two convolutions of the stem."""
    stem: tuple[int, int]
    """Filters of these."""
    entry: tuple[tuple[int, int], ...]
    """(filters, strides) of the blocks of the entry flow."""
    middle: int
    """Filters throughout the middle flow."""
    exit: tuple[int, int, int]
    """Filters of the exit flow: of its block, and of the two separable convolutions after it."""


PUBLISHED = Form(
    "xception",
    strides=2,
    padding="valid",
    stem=(32, 64),
    entry=((128, 2), (256, 2), (728, 2)),
    middle=728,
    exit=(1024, 1536, 2048),
)
SMALL = Form(
    "xception_small",
    strides=1,
    padding="same",
    stem=(8, 16),
    entry=((32, 2), (64, 2), (128, 1)),
    middle=128,
    exit=(192, 288, 384),
)


def xception(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> keras.Model:
    """Xception of Chollet 2017, figure 5.

    Claim: how a picture varies in space and how its channels belong together can be learned apart. Every inception
    module becomes depthwise separable convolutions: one 3x3 filter per channel, then a 1x1 convolution over channels.

    Deviations: none in the graph. Convolutions have no bias, since a normalisation follows each, and the two of the
    stem have no zero padding, as in keras.applications: with its weights, this network computes the same.

    Shapes: (n, 299, 299, 3) -> stem 147x147x64 -> entry flow 74x74x128 -> 37x37x256 -> 19x19x728 -> middle flow
    19x19x728 -> exit flow 10x10x1024 -> 10x10x2048 -> mean over the map -> (n, num_classes).
    Trainable parameters at 299x299x3, 1000 classes: 22,855,952; with moving statistics 22,910,480.
    """
    return _build(PUBLISHED, image_shape, num_classes, dropout)


def xception_small(image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.5) -> keras.Model:
    """Xception for images of 28 to 64 pixels: the blocks of `xception` with a smaller stem and fewer filters.

    Deviations from `xception`: the first convolution has stride 1, and both of the stem have zero padding; the third
    block of the entry flow does not pool, so that 28x28 images reach the middle flow as 7x7 maps. Filters are divided
    by 4 in the stem and in the first two blocks. Divided by 4 throughout, the network would take nearly twice the
    multiply-accumulates of ResNet-20 and, on a CPU, whose kernels want multiples of 16 and not 182, four times as long:
    there are 128 instead of 728, and the exit flow keeps the paper's ratios, 2 to 3 to 4.

    Shapes: (n, 28, 28, c) -> stem 28x28x16 -> entry flow 14x14x32 -> 7x7x64 -> 7x7x128 -> middle flow 7x7x128
    -> exit flow 4x4x192 -> 4x4x384 -> mean over the map -> (n, num_classes).
    Trainable parameters, 10 classes: 719,922 at 28x28x1, 720,066 at 32x32x3; 31.6 million
    multiply-accumulates at 28x28x1.
    """
    return _build(SMALL, image_shape, num_classes, dropout)


def _build(form: Form, image_shape: tuple[int, int, int], num_classes: int, dropout: float) -> keras.Model:
    image = keras.Input(image_shape, name="image")
    tensor = _convolution(image, form.stem[0], 3, form.strides, form.padding, scope="stem_conv1")
    tensor = layers.ReLU(name="stem_relu1")(tensor)
    tensor = _convolution(tensor, form.stem[1], 3, 1, form.padding, scope="stem_conv2")
    tensor = layers.ReLU(name="stem_relu2")(tensor)
    for number, (filters, strides) in enumerate(form.entry, start=1):
        tensor = _block(tensor, (filters, filters), strides, scope=f"entry_block{number}", first_relu=number > 1)
    for number in range(1, MIDDLE_BLOCKS + 1):
        tensor = _block(tensor, (form.middle,) * 3, 1, scope=f"middle_block{number}")
    tensor = _block(tensor, (form.middle, form.exit[0]), 2, scope="exit_block")
    for number, filters in enumerate(form.exit[1:], start=1):
        tensor = _separable_convolution(tensor, filters, scope=f"exit_conv{number}")
        tensor = layers.ReLU(name=f"exit_relu{number}")(tensor)
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    if dropout:
        tensor = Dropout(dropout, name="dropout")(tensor)
    logits = layers.Dense(num_classes, kernel_initializer="he_normal", name="logits")(tensor)
    return keras.Model(image, logits, name=form.name)


def _block(
    tensor: keras.KerasTensor, filters: tuple[int, ...], strides: int, scope: str, first_relu: bool = True
) -> keras.KerasTensor:
    """Separable convolutions beside a shortcut: (n, h, w, c) -> (n, h/strides, w/strides, filters[-1]).

    The shortcut is a 1x1 convolution where the shape changes. Without `first_relu`, the block trusts that its input
    has been through one.
    """
    residual = tensor
    for number, count in enumerate(filters, start=1):
        if first_relu or number > 1:
            residual = layers.ReLU(name=f"{scope}_relu{number}")(residual)
        residual = _separable_convolution(residual, count, scope=f"{scope}_conv{number}")
    if strides > 1:
        residual = layers.MaxPooling2D(3, strides, padding="same", name=f"{scope}_pool")(residual)
    if strides > 1 or tensor.shape[-1] != filters[-1]:
        tensor = _convolution(tensor, filters[-1], 1, strides, "same", scope=f"{scope}_shortcut")
    return layers.Add(name=f"{scope}_add")([residual, tensor])


def _separable_convolution(tensor: keras.KerasTensor, filters: int, scope: str) -> keras.KerasTensor:
    """A 3x3 filter for every channel, a 1x1 convolution over channels, and a normalisation.

    (n, h, w, c) -> (n, h, w, filters).
    """
    # Keras' initialisers by name count all channels as inputs of a depthwise filter, which sees 9 pixels of one. With
    # filters that small, variances are far below 1, where the moving variance of the normalisation starts.
    tensor = layers.SeparableConv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        depthwise_initializer=keras.initializers.RandomNormal(stddev=1 / 3),
        pointwise_initializer="he_normal",
        name=scope,
    )(tensor)
    return BatchNormalization(name=f"{scope}_norm")(tensor)


def _convolution(
    tensor: keras.KerasTensor, filters: int, kernel_size: int, strides: int, padding: str, scope: str
) -> keras.KerasTensor:
    """A convolution and its normalisation."""
    tensor = layers.Conv2D(
        filters, kernel_size, strides, padding, use_bias=False, kernel_initializer="he_normal", name=scope
    )(tensor)
    return BatchNormalization(name=f"{scope}_norm")(tensor)
