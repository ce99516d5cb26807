"""ResNet with the weights of keras.applications' ResNet computes what that computes."""

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

IMAGE_SHAPE = (96, 72, 3)
"""Even, and so is the first map: where a map is odd, TensorFlow pads symmetrically by itself."""


def name_in_keras(name: str) -> str:
    """The name in keras.applications of one of our layers: stage2_block1_conv3_norm is its conv3_block1_3_bn."""
    if name == "logits":
        return "predictions"
    kind = "bn" if name.endswith("_norm") else "conv"
    scope = name.removesuffix("_norm")
    if scope == "stem":
        return f"conv1_{kind}"
    found = re.fullmatch(r"stage(\d)_block(\d+)_(?:shortcut|conv(\d))", scope)
    assert found, name
    stage, block, number = found.groups(default="0")
    return f"conv{int(stage) + 1}_block{block}_{number}_{kind}"


def draw(variable: Any, random: np.random.Generator) -> NDArray[np.float32]:
    """Weights and moving statistics of a size that keeps activations within bounds, none of them 0 or 1."""
    numbers = random.standard_normal(variable.shape, dtype=np.float32)
    if variable.name == "kernel":
        return numbers / np.sqrt(np.prod(variable.shape[:-1]), dtype=np.float32)
    if variable.name in {"gamma", "moving_variance"}:
        return np.abs(0.1 * numbers) + (0.5 if variable.name == "gamma" else 0.2)
    return 0.1 * numbers


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_resnet_computes_what_keras_applications_computes(depth: int, tf: ModuleType) -> None:
    import keras

    from scramble import models

    random = np.random.default_rng(depth)
    theirs = getattr(keras.applications, f"ResNet{depth}")(
        weights=None, input_shape=IMAGE_SHAPE, classes=7, classifier_activation=None
    )
    theirs.set_weights([draw(variable, random) for variable in theirs.weights])
    ours = models.build(f"resnet{depth}", IMAGE_SHAPE, 7, conv_bias=True)
    transplanted = [layer for layer in ours.layers if layer.weights]
    for layer in transplanted:
        layer.set_weights(theirs.get_layer(name_in_keras(layer.name)).get_weights())
    assert len(transplanted) == len([layer for layer in theirs.layers if layer.weights])

    images = random.normal(size=(2, *IMAGE_SHAPE)).cumsum(axis=1).astype("float32")
    logits, expected = (model(images, training=False).numpy() for model in (ours, theirs))
    assert np.abs(expected[0] - expected[1]).max() > 1e-2 * np.abs(expected).max()
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
