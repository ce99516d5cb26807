"""LeNet-5: convolution, subsampling, and the same filter everywhere."""

import keras
from keras import layers

FIELD = 32
"""Height and width that smaller images are centred in, in pixels."""


def lenet5(image_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """LeNet-5 of LeCun, Bottou, Bengio & Haffner 1998, section II.B and figure 2, in the form that is taught today.

    Claim: local receptive fields, shared weights and subsampling put the topology of pictures into the network; a
    fully connected network would have to learn it.

    Deviations: every map of C3 sees every map of S2 (the paper's table I leaves connections out), ReLU instead of the
    scaled tanh, max pooling instead of averages with a trainable factor and bias, logits instead of radial basis
    functions. Images under 32 pixels are centred in a 32x32 field of zeros, as the paper centres its 28x28 digits. C5
    is a dense layer over the map of S4: at 32x32 that is the paper's 5x5 convolution, and larger images work too.

    Shapes: (n, h, w, c) with h, w <= 32 -> C1 28x28x6 -> S2 14x14x6 -> C3 10x10x16 -> S4 5x5x16 -> C5 120 -> F6 84
    -> (n, num_classes).
    Trainable parameters, 10 classes: 61,706 at 28x28x1 and 32x32x1, 62,006 at 32x32x3.
    """
    image = keras.Input(image_shape, name="image")
    tensor = _centre(image)
    tensor = layers.Conv2D(6, 5, activation="relu", name="c1")(tensor)
    tensor = layers.MaxPooling2D(2, name="s2")(tensor)
    tensor = layers.Conv2D(16, 5, activation="relu", name="c3")(tensor)
    tensor = layers.MaxPooling2D(2, name="s4")(tensor)
    tensor = layers.Flatten(name="flatten")(tensor)
    tensor = layers.Dense(120, activation="relu", name="c5")(tensor)
    tensor = layers.Dense(84, activation="relu", name="f6")(tensor)
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, logits, name="lenet5")


def _centre(image: keras.KerasTensor) -> keras.KerasTensor:
    """Surrounds an image (n, h, w, c) with zeros up to the field; an odd pixel goes to the bottom and the right."""
    height, width = (max(0, FIELD - size) for size in image.shape[1:3])
    if not (height or width):
        return image
    margins = ((height // 2, height - height // 2), (width // 2, width - width // 2))
    return layers.ZeroPadding2D(margins, name="field")(image)
