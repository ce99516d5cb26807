"""Residual networks: layers that learn what to add to their input."""

import keras
from keras import layers

from scramble.layers import BatchNormalization, PaddedShortcut

STAGES = ((16, 1), (32, 2), (64, 2))
"""(filters, strides of the first block) of the CIFAR form's three stages."""


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
    num_blocks = (depth - 2) // 6
    image = keras.Input(image_shape, name="image")
    tensor = layers.ReLU(name="stem_relu")(_convolution(image, 16, 3, 1, scope="stem"))
    for stage, (filters, strides) in enumerate(STAGES, start=1):
        for block in range(1, num_blocks + 1):
            scope = f"stage{stage}_block{block}"
            tensor = _basic_block(tensor, filters, strides if block == 1 else 1, shortcut, scope)
    tensor = layers.GlobalAveragePooling2D(name="pool")(tensor)
    logits = layers.Dense(num_classes, kernel_initializer="he_normal", name="logits")(tensor)
    return keras.Model(image, logits, name=f"resnet{depth}")


def _basic_block(tensor: keras.KerasTensor, filters: int, strides: int, shortcut: str, scope: str) -> keras.KerasTensor:
    """Two 3x3 convolutions beside a shortcut (figure 2): (n, h, w, c) -> (n, h/strides, w/strides, filters)."""
    residual = _convolution(tensor, filters, 3, strides, scope=f"{scope}_conv1")
    residual = layers.ReLU(name=f"{scope}_relu1")(residual)
    residual = _convolution(residual, filters, 3, 1, scope=f"{scope}_conv2")
    if tensor.shape[-1] != filters:
        tensor = _shortcut(tensor, filters, strides, shortcut, scope=f"{scope}_shortcut")
    return layers.ReLU(name=f"{scope}_relu2")(layers.Add(name=f"{scope}_add")([tensor, residual]))


def _shortcut(tensor: keras.KerasTensor, filters: int, strides: int, option: str, scope: str) -> keras.KerasTensor:
    if option == "A":
        return PaddedShortcut(filters, strides, name=scope)(tensor)
    return _convolution(tensor, filters, 1, strides, scope=scope)


def _convolution(
    tensor: keras.KerasTensor, filters: int, kernel_size: int, strides: int, scope: str
) -> keras.KerasTensor:
    """A convolution with zero padding and its normalisation."""
    tensor = layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, kernel_initializer="he_normal", name=scope
    )(tensor)
    return BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=f"{scope}_norm")(tensor)
