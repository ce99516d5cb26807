"""SENet: residual networks whose blocks weigh their maps before they add them."""

from dataclasses import replace

import keras

from scramble.models.resnet import (
    Convolution,
    Form,
    Options,
    StemConvolution,
    cifar_form,
    imagenet_form,
    residual_network,
    small_form,
)

SENET154 = Form(
    stem=(
        StemConvolution("stem_conv1", 64, 3, 2),
        StemConvolution("stem_conv2", 64, 3, 1),
        StemConvolution("stem_conv3", 128, 3, 1),
    ),
    pooling=True,
    block=(Convolution(2, 1), Convolution(4, 3, strided=True, groups=64), Convolution(4, 1)),
    filters=(64, 128, 256, 512),
    num_blocks=(3, 8, 36, 3),
    strided_projection=3,
)
SENET154_SMALL = replace(SENET154, stem=(StemConvolution("stem_conv1", 64, 3, 1), *SENET154.stem[1:]), pooling=False)


def se_cifar_resnet(
    depth: int, image_shape: tuple[int, int, int], num_classes: int, shortcut: str = "A", reduction: int = 16
) -> keras.Model:
    """SENet of Hu, Shen & Sun 2018, section 3 and figure 3: ResNet whose blocks weigh their maps; here `cifar_resnet`.

    Claim: which maps matter depends on the image, and their means over the image tell it. Two small dense layers
    learn a weight between 0 and 1 for every map of a block's residual, before the shortcut is added.

    Deviations: none in the graph. The dense layers have biases, which the paper does not count in its formula for their
    parameters (section 4).

    Shapes: as `cifar_resnet`.
    Trainable parameters at 3 channels and 10 classes, option A and reduction 16: 272,095 (depth 20), 468,109 (32),
    664,123 (44), 860,137 (56), 1,742,200 (110).
    """
    options = Options(shortcut, reduction=reduction)
    return residual_network(f"se_resnet{depth}", cifar_form(depth), options, image_shape, num_classes)


def se_imagenet_resnet(
    depth: int,
    image_shape: tuple[int, int, int],
    num_classes: int,
    shortcut: str = "B",
    conv_bias: bool = False,
    reduction: int = 16,
) -> keras.Model:
    """SENet of Hu, Shen & Sun 2018, table 1: `imagenet_resnet` with the squeeze-and-excitation of `se_cifar_resnet`.

    Shapes: as `imagenet_resnet`.
    Trainable parameters at 3 channels and 1000 classes, reduction 16: 11,778,592 (depth 18), 21,958,868 (34),
    28,088,024 (50), 49,326,872 (101), 66,821,848 (152).
    """
    options = Options(shortcut, conv_bias, reduction=reduction)
    return residual_network(f"se_resnet{depth}", imagenet_form(depth), options, image_shape, num_classes)


def se_small_resnet(
    depth: int,
    image_shape: tuple[int, int, int],
    num_classes: int,
    shortcut: str = "B",
    conv_bias: bool = False,
    reduction: int = 16,
) -> keras.Model:
    """`se_imagenet_resnet` for images of 28 to 64 pixels, with the stem of `small_resnet`.

    Shapes: as `small_resnet`.
    Trainable parameters at 3 channels and 10 classes, reduction 16: 11,263,042 (depth 18), 21,443,318 (34),
    26,051,834 (50), 47,290,682 (101), 64,785,658 (152).
    """
    options = Options(shortcut, conv_bias, reduction=reduction)
    return residual_network(f"se_resnet{depth}_small", small_form(depth), options, image_shape, num_classes)


def senet154(
    image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.2, reduction: int = 16
) -> keras.Model:
    """SENet-154 of Hu, Shen & Sun 2018, appendix (arXiv:1709.01507v4): the network that won ILSVRC 2017.

    Claim: squeeze-and-excitation helps the largest networks, too. Its blocks are ResNeXt's (Xie, Girshick, Dollar, Tu &
    He 2017): the 3x3 convolution has 64 groups. The first 1x1 convolution has half as many filters as ResNeXt's; the
    stem is three 3x3 convolutions; shortcuts with a stride project with 3x3; dropout before the logits.

    Deviations: none in the graph. The 3x3 convolution of a block takes its stride, as in the authors' model.

    Shapes: (n, 224, 224, 3) -> stem 112x112x128 -> pooling 56x56x128 -> stage 1 56x56x256 -> stage 2 28x28x512
    -> stage 3 14x14x1024 -> stage 4 7x7x2048 -> mean over the map -> (n, num_classes).
    Trainable parameters at 3 channels and 1000 classes, reduction 16: 115,088,984.
    """
    return residual_network("senet154", SENET154, _options(dropout, reduction), image_shape, num_classes)


def senet154_small(
    image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.2, reduction: int = 16
) -> keras.Model:
    """SENet-154 for images of 28 to 64 pixels: the blocks of `senet154` with a smaller stem.

    Deviations from `senet154`: the stem has stride 1, and no pooling follows it.

    Shapes: (n, 32, 32, c) -> stem 32x32x128 -> stage 1 32x32x256 -> stage 2 16x16x512 -> stage 3 8x8x1024
    -> stage 4 4x4x2048 -> mean over the map -> (n, num_classes).
    Trainable parameters at 3 channels and 10 classes, reduction 16: 113,060,474.
    """
    return residual_network("senet154_small", SENET154_SMALL, _options(dropout, reduction), image_shape, num_classes)


def _options(dropout: float, reduction: int) -> Options:
    return Options(shortcut="B", dropout=dropout, reduction=reduction)
