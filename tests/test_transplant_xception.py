"""Xception with random weights computes what the network of keras.applications does; and how its own weights start."""

from types import ModuleType
from typing import Any

import numpy as np

SHAPE, CLASSES = (96, 80, 3), 10


def random_weight(rng: np.random.Generator, path: str, shape: tuple[int, ...]) -> Any:
    """Leaves no layer without a say in the logits, and no normalisation with nothing to do."""
    match path.rpartition("/")[2]:
        case "kernel" | "pointwise_kernel":
            return rng.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        case "depthwise_kernel":
            return rng.normal(0, 1 / 3, shape)
        case "gamma" | "moving_variance":
            return rng.uniform(0.5, 1.5, shape)
    return rng.normal(0, 0.2, shape)


def test_xception_is_that_of_keras_applications(tf: ModuleType) -> None:
    import keras

    from scramble import models

    ours = models.build("xception", SHAPE, CLASSES)
    theirs = keras.applications.Xception(weights=None, input_shape=SHAPE, classes=CLASSES, classifier_activation=None)
    rng = np.random.default_rng(0)
    weights = [random_weight(rng, weight.path, weight.shape) for weight in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    images = rng.normal(size=(2, *SHAPE)).astype("float32")
    expected = np.array(theirs(images))
    np.testing.assert_allclose(ours(images), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_depthwise_filters_start_at_the_scale_of_the_nine_pixels_they_see(tf: ModuleType) -> None:
    from scramble import models

    model = models.build("xception_small", (28, 28, 1), 10)
    kernels = [layer.depthwise_kernel for layer in model.layers if hasattr(layer, "depthwise_kernel")]
    assert len(kernels) == 3 * 2 + 8 * 3 + 2 + 2
    for kernel in kernels:
        assert 0.2 < np.std(kernel) < 0.5
    assert not np.array_equal(kernels[10], kernels[11])
