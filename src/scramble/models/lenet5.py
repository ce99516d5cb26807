"""LeNet-5: convolution, subsampling, and the same filter everywhere. As taught today, as of 1998, and with maxout."""

import keras
from keras import layers

from scramble.layers import ChannelMaxPooling, RadialBasis, SparseConv2D, TrainableSubsampling
from scramble.layers.lenet5 import scaled_tanh, small_uniform

FIELD = 32
"""Height and width that smaller images are centred in, in pixels."""

C3_TABLE = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
"""The paper's table I: for every map of C3 the maps of S2 that it sees, no two the same."""


def lenet5(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """LeNet-5 of LeCun, Bottou, Bengio & Haffner 1998, section II.B and figure 2, in the form that is taught today.

    Claim: local receptive fields, shared weights and subsampling put the topology of pictures into the network; a
    fully connected network would have to learn it.

    Deviations: every map of C3 sees every map of S2 (the paper's table I leaves connections out), ReLU instead of the
    scaled tanh, max pooling instead of averages with a trainable factor and bias, logits instead of radial basis
    functions: `lenet5_1998` has all of these. Images under 32 pixels are centred in a 32x32 field of zeros, as the
    paper centres its 28x28 digits. C5 is a dense layer over the map of S4: at 32x32 that is the paper's 5x5
    convolution, and larger images work too.

    Shapes: (n, h, w, c) with h, w <= 32 -> C1 28x28x6 -> S2 14x14x6 -> C3 10x10x16 -> S4 5x5x16 -> C5 120 -> F6 84
    -> (n, num_classes).
    Trainable parameters, 10 classes: 61,706 at 28x28x1 and 32x32x1, 62,006 at 32x32x3.
    """
    return _build("lenet5", image_shape, num_classes)


def lenet5_channel_pooling(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """LeNet-5 with pooling over channels, position by position, before the pooling over positions.

    Claim: the larger of two filters' responses, maxout (Goodfellow, Warde-Farley, Mirza, Courville & Bengio 2013,
    section 3), lets a map answer to two patterns; which of them it was, the layers above need not know.

    Deviations from `lenet5`: C1 has 12 filters and C3 has 32, and the maximum over every two neighbours leaves as many
    maps as there. From maxout: ReLU stays, and C5 and F6 are no maxout layers.

    Shapes: (n, h, w, c) with h, w <= 32 -> C1 28x28x12 -> 28x28x6 -> S2 14x14x6 -> C3 10x10x32 -> 10x10x16
    -> S4 5x5x16 -> C5 120 -> F6 84 -> (n, num_classes).
    Trainable parameters at 28x28x1, 10 classes: 64,278.
    """
    return _build("lenet5_channel_pooling", image_shape, num_classes, filters_per_map=2)


def _build(name: str, image_shape: tuple[int, int, int], num_classes: int, filters_per_map: int = 1) -> keras.Model:
    image = keras.Input(image_shape, name="image")
    tensor = _centre(image)
    for number, maps in ((1, 6), (3, 16)):
        tensor = layers.Conv2D(maps * filters_per_map, 5, activation="relu", name=f"c{number}")(tensor)
        if filters_per_map > 1:
            tensor = ChannelMaxPooling(filters_per_map, name=f"c{number}_pool")(tensor)
        tensor = layers.MaxPooling2D(2, name=f"s{number + 1}")(tensor)
    tensor = layers.Flatten(name="flatten")(tensor)
    tensor = layers.Dense(120, activation="relu", name="c5")(tensor)
    tensor = layers.Dense(84, activation="relu", name="f6")(tensor)
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name=name)


def lenet5_1998(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """LeNet-5 of LeCun, Bottou, Bengio & Haffner 1998, section II.B and figure 2, as published.

    Claim: that of `lenet5`. Moreover, the connections that C3 leaves out keep their number down and force its maps to
    extract different features, and digits that look alike have outputs that are alike.

    Deviations: the bitmaps of the codes are drawn anew, and classes beyond ten have random codes. The logits are the
    negative distances to the codes, and softmax cross-entropy is equation 9 without its constant for images of no
    class. Biases start at 0, of which the paper does not speak. Small and large images as in `lenet5`.

    Shapes: (n, h, w, c) with h, w <= 32 -> C1 28x28x6 -> S2 14x14x6 -> C3 10x10x16 -> S4 5x5x16 -> C5 120 -> F6 84
    -> (n, num_classes).
    Trainable parameters at 28x28x1 and 32x32x1, whatever the classes: 60,000 (C1 156, S2 12, C3 1,516, S4 32,
    C5 48,120, F6 10,164); 340,908 connections with 10 classes.
    """
    image = keras.Input(image_shape, name="image")
    tensor = _centre(image)
    tensor = _squashed(layers.Conv2D(6, 5, kernel_initializer=small_uniform(25 * image_shape[-1]), name="c1"), tensor)
    tensor = _squashed(TrainableSubsampling(2, name="s2"), tensor)
    tensor = _squashed(SparseConv2D(C3_TABLE, 5, name="c3"), tensor)
    tensor = _squashed(TrainableSubsampling(2, name="s4"), tensor)
    tensor = layers.Flatten(name="flatten")(tensor)
    for name, units in (("c5", 120), ("f6", 84)):
        initializer = small_uniform(tensor.shape[-1])
        tensor = _squashed(layers.Dense(units, kernel_initializer=initializer, name=name), tensor)
    logits = RadialBasis(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name="lenet5_1998")


def _squashed(layer: keras.layers.Layer, tensor: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Activation(scaled_tanh, name=f"{layer.name}_tanh")(layer(tensor))


def _centre(image: keras.KerasTensor) -> keras.KerasTensor:
    """Surrounds an image (n, h, w, c) with zeros up to the field; an odd pixel goes to the bottom and the right."""
    height, width = (max(0, FIELD - size) for size in image.shape[1:3])
    if not (height or width):
        return image
    margins = ((height // 2, height - height // 2), (width // 2, width - width // 2))
    return layers.ZeroPadding2D(margins, name="field")(image)
