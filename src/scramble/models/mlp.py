"""The fully connected network: the one that cannot know which pixels are neighbours."""

from collections.abc import Sequence

import keras
from keras import layers

from scramble.models.blocks import hidden_dense


def mlp(
    image_shape: tuple[int, int, int], num_classes: int, units: Sequence[int] = (512, 512), dropout: float = 0.0
) -> keras.Model:
    """The multilayer perceptron of LeCun, Bottou, Bengio & Haffner 1998, section III.C (its figure 9: 784-300-100-10).

    Claim: every pixel is connected to every unit, so the order of the pixels is a naming of the first layer's weights
    and no more. A fixed permutation changes neither what the network can compute nor how it learns.

    Deviations: ReLU instead of the scaled tanh, logits instead of squared distances, He's initialisation, and
    optionally dropout after every hidden layer.

    Shapes: (n, h, w, c) -> (n, num_classes).
    Trainable parameters at 28x28x1, 10 classes: 266,610 (300-100), 469,160 (500-150), 669,706 (512-512).
    """
    image = keras.Input(image_shape, name="image")
    tensor = layers.Flatten(name="flatten")(image)
    for number, width in enumerate(units, start=1):
        tensor = hidden_dense(tensor, width, dropout, name=f"dense{number}")
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name="mlp")
