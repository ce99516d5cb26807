"""GoogLeNet: modules that look at several scales at once, and squeeze the channels first to afford it."""

from dataclasses import dataclass
from functools import partial

import keras
from keras import layers

from scramble.layers import Dropout, LocalResponseNormalization
from scramble.models.blocks import hidden_dense

INCEPTIONS = {
    # 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Filters of the six convolutions of every inception module: columns of the paper's table 1."""

POOLED = ("3b", "4e")
"""Modules that a max pooling follows."""

AUXILIARY = ("4a", "4d")
"""Modules that an auxiliary head reads."""


@dataclass(frozen=True)
class Form:
    """The numbers in which the published network and its small form differ."""

    name: str
    kernel_size: int
    """Height and width of the first convolution."""
    strides: int
    second_pool: bool
    """Whether the stem pools after its last convolution, too."""
    divisor: int
    """How many times fewer filters, and units in the auxiliary heads, than the paper has."""


PUBLISHED = Form("googlenet", kernel_size=7, strides=2, second_pool=True, divisor=1)
SMALL = Form("googlenet_small", kernel_size=3, strides=1, second_pool=False, divisor=4)

Convolution = partial(layers.Conv2D, padding="same", activation="relu", kernel_initializer="he_normal")
MaxPooling = partial(layers.MaxPooling2D, pool_size=3, padding="same")


def googlenet(
    image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.4, auxiliary_heads: bool = False
) -> keras.Model:
    """GoogLeNet of Szegedy et al. 2015, section 5, table 1 and figure 3.

    Claim: what is worth seeing has no fixed size, so every module looks with 1x1, 3x3 and 5x5 filters and a pooling
    side by side; 1x1 convolutions before the larger ones keep that cheap. A ninth of the parameters of AlexNet.

    With `auxiliary_heads`, two more classifiers read modules 4a and 4d, and the outputs are [logits, auxiliary1_logits,
    auxiliary2_logits]: their losses bring gradients to the lower half in training, and nothing uses them after.

    Deviations: He's initialisation. The paper gives no constants for its local response normalisation; these are
    AlexNet's.

    Shapes: (n, 224, 224, 3) -> conv1 112x112x64 -> pool1 56x56 -> conv2 56x56x192 -> pool2 28x28 -> 3b 28x28x480
    -> pool3 14x14 -> 4e 14x14x832 -> pool4 7x7 -> 5b 7x7x1024 -> mean over the map -> (n, num_classes).
    Trainable parameters at 224x224x3, 1000 classes: 6,998,552, with the auxiliary heads 13,378,280.
    """
    return _build(PUBLISHED, image_shape, num_classes, dropout, auxiliary_heads)


def googlenet_small(
    image_shape: tuple[int, int, int], num_classes: int, dropout: float = 0.4, auxiliary_heads: bool = False
) -> keras.Model:
    """GoogLeNet for images of 28 to 64 pixels: the modules of `googlenet` with a smaller stem and fewer filters.

    Deviations from `googlenet`: the first convolution is 3x3 with stride 1 instead of 7x7 with stride 2, and no pooling
    follows the second; all filters, and the units of the auxiliary heads, are divided by 4.

    Shapes: (n, 28, 28, c) -> conv1 28x28x16 -> pool1 14x14 -> conv2 14x14x48 -> 3b 14x14x120 -> pool3 7x7
    -> 4e 7x7x208 -> pool4 4x4 -> 5b 4x4x256 -> mean over the map -> (n, num_classes).
    Trainable parameters, 10 classes: 376,838 at 28x28x1, 377,126 at 32x32x3; with the auxiliary heads 407,258 and
    456,698.
    """
    return _build(SMALL, image_shape, num_classes, dropout, auxiliary_heads)


def _build(
    form: Form, image_shape: tuple[int, int, int], num_classes: int, dropout: float, auxiliary_heads: bool
) -> keras.Model:
    image = keras.Input(image_shape, name="image")
    tensor = _stem(form, image)
    heads: list[keras.KerasTensor] = []
    for module, filters in INCEPTIONS.items():
        tensor = _inception(tensor, [count // form.divisor for count in filters], scope=f"inception{module}")
        if auxiliary_heads and module in AUXILIARY:
            heads.append(_auxiliary_head(form, tensor, num_classes, scope=f"auxiliary{len(heads) + 1}"))
        if module in POOLED:
            tensor = MaxPooling(strides=2, name=f"pool{module[0]}")(tensor)
    tensor = layers.GlobalAveragePooling2D(name="pool5")(tensor)
    if dropout:
        tensor = Dropout(dropout, name="dropout")(tensor)
    logits = layers.Dense(num_classes, name="logits")(tensor)
    return keras.Model(image, [logits, *heads] if heads else logits, name=form.name)


def _stem(form: Form, image: keras.KerasTensor) -> keras.KerasTensor:
    """What stands before the modules: (n, h, w, c) -> (n, h/8, w/8, 192), in the small form (n, h/2, w/2, 48)."""
    tensor = Convolution(64 // form.divisor, form.kernel_size, strides=form.strides, name="conv1")(image)
    tensor = MaxPooling(strides=2, name="pool1")(tensor)
    tensor = LocalResponseNormalization(name="norm1")(tensor)
    tensor = Convolution(64 // form.divisor, 1, name="conv2_reduce")(tensor)
    tensor = Convolution(192 // form.divisor, 3, name="conv2")(tensor)
    tensor = LocalResponseNormalization(name="norm2")(tensor)
    return MaxPooling(strides=2, name="pool2")(tensor) if form.second_pool else tensor


def _inception(tensor: keras.KerasTensor, filters: list[int], scope: str) -> keras.KerasTensor:
    """Four branches side by side (figure 2b): (n, h, w, c) -> (n, h, w, sum of the filters of their last layers)."""
    narrow, reduce3, middle, reduce5, wide, projection = filters
    branches = [
        Convolution(narrow, 1, name=f"{scope}_1x1")(tensor),
        Convolution(middle, 3, name=f"{scope}_3x3")(Convolution(reduce3, 1, name=f"{scope}_3x3_reduce")(tensor)),
        Convolution(wide, 5, name=f"{scope}_5x5")(Convolution(reduce5, 1, name=f"{scope}_5x5_reduce")(tensor)),
        Convolution(projection, 1, name=f"{scope}_projection")(MaxPooling(strides=1, name=f"{scope}_pool")(tensor)),
    ]
    return layers.Concatenate(name=scope)(branches)


def _auxiliary_head(form: Form, tensor: keras.KerasTensor, num_classes: int, scope: str) -> keras.KerasTensor:
    """A small classifier of a module's maps (section 5): (n, h, w, c) with h, w >= 5 -> (n, num_classes)."""
    tensor = layers.AveragePooling2D(5, strides=3, name=f"{scope}_pool")(tensor)
    tensor = Convolution(128 // form.divisor, 1, name=f"{scope}_conv")(tensor)
    tensor = layers.Flatten(name=f"{scope}_flatten")(tensor)
    tensor = hidden_dense(tensor, 1024 // form.divisor, dropout=0.7, name=f"{scope}_dense")
    return layers.Dense(num_classes, name=f"{scope}_logits")(tensor)
