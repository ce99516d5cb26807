"""Residual networks: layers that learn what to add to their input."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import keras
from keras import layers

from scramble.layers import Dropout, PaddedShortcut
from scramble.models.blocks import normalised_convolution, squeeze_excitation


class Convolution(NamedTuple):
    """One convolution of a block."""

    filters: int
    """In multiples of the stage's filters."""
    kernel_size: int
    strided: bool = False
    """Whether it takes the stride of its block."""
    groups: int = 1


BASIC = (Convolution(1, 3, strided=True), Convolution(1, 3))
BOTTLENECK = (Convolution(1, 1, strided=True), Convolution(1, 3), Convolution(4, 1))

DEPTHS = {
    18: (BASIC, (2, 2, 2, 2)),
    34: (BASIC, (3, 4, 6, 3)),
    50: (BOTTLENECK, (3, 4, 6, 3)),
    101: (BOTTLENECK, (3, 4, 23, 3)),
    152: (BOTTLENECK, (3, 8, 36, 3)),
}
"""The block and the number of blocks in each stage of the ImageNet forms: table 1 of the paper."""


class StemConvolution(NamedTuple):
    """One convolution of a stem."""

    scope: str
    filters: int
    kernel_size: int
    strides: int


@dataclass(frozen=True)
class Form:
    """The published numbers in which residual networks differ."""

    stem: tuple[StemConvolution, ...]
    pooling: bool
    """Whether the stem ends in a 3x3 max pooling with stride 2."""
    block: tuple[Convolution, ...]
    filters: tuple[int, ...]
    """Of the stages. The first block of every stage but the first has stride 2."""
    num_blocks: tuple[int, ...]
    """Of the stages."""
    symmetric: bool = True
    """How windows with strides are padded, see `normalised_convolution`."""
    strided_projection: int = 1
    """Height and width of the convolution in a shortcut that has a stride."""


class Options(NamedTuple):
    """What the user of a residual network chooses."""

    shortcut: str
    conv_bias: bool = False
    dropout: float = 0.0
    """Before the logits."""
    reduction: int | None = None
    """Of the squeeze-and-excitation in every block, None for blocks without."""


def cifar_resnet(depth: int, image_shape: tuple[int, int, int], num_classes: int, shortcut: str = "A") -> keras.Model:
    """ResNet of He, Zhang, Ren & Sun 2016 for small images, section 4.2 (its table 6): 6n + 2 layers, n blocks a stage.

    Claim: a stack of layers learns a change to its input more easily than a whole mapping; with the identity as
    shortcut, more layers make the network better instead of worse.

    Shortcuts where the shape changes: option A takes every second pixel and pads channels with zeros, as the paper
    does on CIFAR-10; option B projects with a 1x1 convolution.

    Deviations: none in the graph. Convolutions have no bias, since a normalisation follows each.

    Shapes: (n, h, w, c) -> stage 1 h x w x 16 -> stage 2 h/2 x w/2 x 32 -> stage 3 h/4 x w/4 x 64 -> mean over the map
    -> (n, num_classes).
    Trainable parameters at 3 channels and 10 classes, option A: 269,722 (depth 20), 464,154 (32), 658,586 (44),
    853,018 (56), 1,727,962 (110); option B: 2,752 more.
    """
    return residual_network(f"resnet{depth}", cifar_form(depth), Options(shortcut), image_shape, num_classes)


def imagenet_resnet(
    depth: int, image_shape: tuple[int, int, int], num_classes: int, shortcut: str = "B", conv_bias: bool = False
) -> keras.Model:
    """ResNet of He, Zhang, Ren & Sun 2016 for photographs, section 3.3 and table 1.

    Claim: as of `cifar_resnet`, and that 152 layers can be trained. From 50 layers on, a block is a bottleneck: a 1x1
    convolution reduces the channels that a 3x3 convolution works on, another restores four times as many (figure 5).

    Shortcuts: where the shape changes, option A takes every second pixel and pads channels with zeros, option B (the
    paper's choice for its deep networks) projects with a 1x1 convolution; option C projects in every block.

    Deviations: none in the graph. A block takes its stride in its first convolution, as in the authors' models.
    Convolutions have no bias unless `conv_bias` asks for it; with it, depths 50, 101 and 152 compute what the networks
    of keras.applications do.

    Shapes: (n, 224, 224, 3) -> stem 112x112x64 -> pooling 56x56x64 -> stage 1 56x56xf -> stage 2 28x28x2f
    -> stage 3 14x14x4f -> stage 4 7x7x8f -> mean over the map -> (n, num_classes), where f is 64, with bottlenecks 256.
    Trainable parameters at 3 channels and 1000 classes: 11,689,512 (depth 18), 21,797,672 (34), 25,557,032 (50),
    44,549,160 (101), 60,192,808 (152); with `conv_bias` 25,583,592 (50), 44,601,832 (101), 60,268,520 (152).
    """
    options = Options(shortcut, conv_bias)
    return residual_network(f"resnet{depth}", imagenet_form(depth), options, image_shape, num_classes)


def small_resnet(
    depth: int, image_shape: tuple[int, int, int], num_classes: int, shortcut: str = "B", conv_bias: bool = False
) -> keras.Model:
    """The ImageNet form for images of 28 to 64 pixels: the stages of `imagenet_resnet` with a smaller stem.

    Deviations from `imagenet_resnet`: the first convolution is 3x3 with stride 1 instead of 7x7 with stride 2, and no
    pooling follows it.

    Shapes: (n, 32, 32, c) -> stem 32x32x64 -> stage 1 32x32xf -> stage 2 16x16x2f -> stage 3 8x8x4f -> stage 4 4x4x8f
    -> mean over the map -> (n, num_classes), where f is 64, with bottlenecks 256.
    Trainable parameters at 3 channels and 10 classes: 11,173,962 (depth 18), 21,282,122 (34), 23,520,842 (50),
    42,512,970 (101), 58,156,618 (152).
    """
    options = Options(shortcut, conv_bias)
    return residual_network(f"resnet{depth}_small", small_form(depth), options, image_shape, num_classes)


def cifar_form(depth: int) -> Form:
    return Form(
        stem=(StemConvolution("stem", 16, 3, 1),),
        pooling=False,
        block=BASIC,
        filters=(16, 32, 64),
        num_blocks=((depth - 2) // 6,) * 3,
        symmetric=False,
    )


def imagenet_form(depth: int) -> Form:
    block, num_blocks = DEPTHS[depth]
    return Form((StemConvolution("stem", 64, 7, 2),), True, block, (64, 128, 256, 512), num_blocks)


def small_form(depth: int) -> Form:
    return replace(imagenet_form(depth), stem=(StemConvolution("stem", 64, 3, 1),), pooling=False)


def residual_network(
    name: str, form: Form, options: Options, image_shape: tuple[int, int, int], num_classes: int
) -> keras.Model:
    """Any residual network: (n, *image_shape) -> stem -> stages of blocks -> mean over the map -> (n, num_classes)."""
    image = keras.Input(image_shape, name="image")
    tensor = _stem(image, form, options)
    for stage, (filters, num_blocks) in enumerate(zip(form.filters, form.num_blocks, strict=True), start=1):
        for block in range(1, num_blocks + 1):
            strides = 2 if stage > 1 and block == 1 else 1
            tensor = _block(tensor, filters, strides, form, options, scope=f"stage{stage}_block{block}")
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    if options.dropout:
        tensor = Dropout(options.dropout, name="dropout")(tensor)
    logits = layers.Dense(num_classes, kernel_initializer="he_normal", name="logits")(tensor)
    return keras.Model(image, logits, name=name)


def _stem(tensor: keras.KerasTensor, form: Form, options: Options) -> keras.KerasTensor:
    for scope, filters, kernel_size, strides in form.stem:
        tensor = normalised_convolution(
            tensor, filters, kernel_size, strides, scope, use_bias=options.conv_bias, symmetric=form.symmetric
        )
        tensor = layers.ReLU(name=f"{scope}_relu")(tensor)
    if not form.pooling:
        return tensor
    # Zeros are as good as no pixels here: after the ReLU nothing is smaller.
    tensor = layers.ZeroPadding2D(1, name="stem_pool_pad")(tensor)
    return layers.MaxPooling2D(3, 2, name="stem_pool")(tensor)


def _block(
    tensor: keras.KerasTensor, filters: int, strides: int, form: Form, options: Options, scope: str
) -> keras.KerasTensor:
    """Convolutions beside a shortcut (figures 2 and 5 of He et al.): (n, h, w, c) -> (n, h/strides, w/strides, d)."""
    residual = tensor
    for number, convolution in enumerate(form.block, start=1):
        if number > 1:
            residual = layers.ReLU(name=f"{scope}_relu{number - 1}")(residual)
        residual = normalised_convolution(
            residual,
            convolution.filters * filters,
            convolution.kernel_size,
            strides if convolution.strided else 1,
            scope=f"{scope}_conv{number}",
            groups=convolution.groups,
            use_bias=options.conv_bias,
            symmetric=form.symmetric,
        )
    if options.reduction:
        residual = squeeze_excitation(residual, options.reduction, scope=f"{scope}_se")
    tensor = _shortcut(tensor, residual.shape[-1], strides, form, options, scope=f"{scope}_shortcut")
    tensor = layers.Add(name=f"{scope}_add")([tensor, residual])
    return layers.ReLU(name=f"{scope}_relu{len(form.block)}")(tensor)


def _shortcut(
    tensor: keras.KerasTensor, filters: int, strides: int, form: Form, options: Options, scope: str
) -> keras.KerasTensor:
    if tensor.shape[-1] == filters and options.shortcut != "C":
        return tensor
    if options.shortcut == "A":
        return PaddedShortcut(filters, strides, name=scope)(tensor)
    kernel_size = form.strided_projection if strides > 1 else 1
    return normalised_convolution(
        tensor, filters, kernel_size, strides, scope, use_bias=options.conv_bias, symmetric=form.symmetric
    )
