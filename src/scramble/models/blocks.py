"""Blocks that more than one architecture is made of, as functions from tensor to tensor."""

import keras
from keras import layers

from scramble.layers import BatchNormalization, Dropout, GroupedConv2D


def hidden_dense(tensor: keras.KerasTensor, units: int, dropout: float, name: str) -> keras.KerasTensor:
    """A fully connected ReLU layer and its dropout: (n, inputs) -> (n, units)."""
    tensor = layers.Dense(units, activation="relu", kernel_initializer="he_normal", name=name)(tensor)
    return Dropout(dropout, name=f"{name}_dropout")(tensor) if dropout else tensor


def normalised_convolution(
    tensor: keras.KerasTensor,
    filters: int,
    kernel_size: int,
    strides: int,
    scope: str,
    groups: int = 1,
    use_bias: bool = False,
    symmetric: bool = False,
) -> keras.KerasTensor:
    """A convolution with zero padding and its normalisation: (n, h, w, c) -> (n, h/strides, w/strides, filters).

    Args:
        symmetric: whether a window with strides gets as many zeros before the map as after it. Otherwise, as everywhere
            in TensorFlow, the odd row and column of zeros comes after it.
    """
    padding = "same"
    if symmetric and strides > 1 and kernel_size > 1:
        tensor = layers.ZeroPadding2D(kernel_size // 2, name=f"{scope}_pad")(tensor)
        padding = "valid"
    convolution = layers.Conv2D if groups == 1 else GroupedConv2D
    tensor = convolution(
        filters,
        kernel_size,
        strides,
        padding=padding,
        groups=groups,
        use_bias=use_bias,
        kernel_initializer="he_normal",
        name=scope,
    )(tensor)
    return BatchNormalization(momentum=0.9, epsilon=1.001e-5, name=f"{scope}_norm")(tensor)


def squeeze_excitation(tensor: keras.KerasTensor, reduction: int, scope: str) -> keras.KerasTensor:
    """Weighs every map by what the means of all maps say: (n, h, w, c) -> (n, h, w, c).

    Hu, Shen & Sun 2018, section 3 (its figure 1): c / reduction units with ReLU, at least one, then c weights
    between 0 and 1; both layers have biases.
    """
    channels = tensor.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{scope}_squeeze")(tensor)
    weights = layers.Dense(
        max(1, channels // reduction), activation="relu", kernel_initializer="he_normal", name=f"{scope}_reduce"
    )(weights)
    weights = layers.Dense(channels, activation="sigmoid", name=f"{scope}_excite")(weights)
    return layers.Multiply(name=f"{scope}_scale")([tensor, weights])
