"""The lecture's edge filters: a convolution written out in NumPy, and Keras' convolution, which must agree with it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("tf")

Array = NDArray[np.float64]
Margins = tuple[tuple[int, int], tuple[int, int]]

EDGE = np.array([[10, 10, 10, 0, 0, 0]] * 6, float)
"""A picture, (h, w), that is bright on its left half and dark on its right."""

VERTICAL_EDGE_FILTER = np.array([[1, 0, -1]] * 3, float)


def convolve(images: Array, kernel: Array, strides: int = 1, margins: Margins = ((0, 0), (0, 0))) -> Array:
    """(n, h, w, c) with a kernel (k, k, c, filters) -> (n, h', w', filters): a sum of products at every position.

    `margins` are rows of zeros above and below, and columns of zeros to the left and to the right.
    """
    padded = np.pad(images, ((0, 0), *margins, (0, 0)))
    size = kernel.shape[0]
    height, width = ((extent - size) // strides + 1 for extent in padded.shape[1:3])
    outputs = np.empty((len(images), height, width, kernel.shape[-1]))
    for row in range(height):
        for column in range(width):
            top, left = row * strides, column * strides
            window = padded[:, top : top + size, left : left + size]
            outputs[:, row, column] = np.einsum("nhwc,hwcf->nf", window, kernel)
    return outputs


def same_margins(shape: tuple[int, int], size: int, strides: int) -> Margins:
    """What 'same' pads so that the output has ceil(extent / strides) rows: an odd line goes below and to the right."""
    totals = [max(0, (-(-extent // strides) - 1) * strides + size - extent) for extent in shape]
    return tuple((total // 2, total - total // 2) for total in totals)  # type: ignore[return-value]


def keras_convolution(images: Array, kernel: Array, strides: int, padding: str) -> Any:
    import keras

    size, _, _, filters = kernel.shape
    layer = keras.layers.Conv2D(filters, size, strides=strides, padding=padding, use_bias=False)
    layer.build(images.shape)
    layer.set_weights([kernel])
    return layer(images.astype("float32"))


def filtered(picture: Array, **options: Any) -> Array:
    """The lecture's filter over one picture, (h, w) -> (h', w')."""
    return convolve(picture[None, :, :, None], VERTICAL_EDGE_FILTER[:, :, None, None], **options)[0, :, :, 0]


def test_the_filter_finds_the_edge_and_its_sign_says_which_side_is_bright() -> None:
    np.testing.assert_array_equal(filtered(EDGE), [[0, 30, 30, 0]] * 4)
    np.testing.assert_array_equal(filtered(EDGE[:, ::-1]), [[0, -30, -30, 0]] * 4)


def test_a_stride_leaves_out_positions_and_zero_padding_adds_some() -> None:
    np.testing.assert_array_equal(filtered(EDGE, strides=2), [[0, 30]] * 2)
    padded = filtered(EDGE, margins=((1, 1), (1, 1)))
    np.testing.assert_array_equal(padded[1:-1], [[-30, 0, 30, 30, 0, 0]] * 4)  # the dark margin is an edge, too
    np.testing.assert_array_equal(padded[[0, -1]], [[-20, 0, 20, 20, 0, 0]] * 2)


@pytest.mark.parametrize("picture", [EDGE, EDGE[:, ::-1]], ids=["bright_left", "bright_right"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_keras_agrees_on_the_edge(picture: Array, padding: str, strides: int) -> None:
    margins = same_margins((6, 6), 3, strides) if padding == "same" else ((0, 0), (0, 0))
    outputs = keras_convolution(picture[None, :, :, None], VERTICAL_EDGE_FILTER[:, :, None, None], strides, padding)
    np.testing.assert_array_equal(outputs[0, :, :, 0], filtered(picture, strides=strides, margins=margins))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_keras_agrees_on_any_picture_and_kernel(size: int, padding: str, strides: int) -> None:
    rng = np.random.default_rng([size, strides])
    images, kernel = rng.normal(size=(2, 8, 7, 3)), rng.normal(size=(size, size, 3, 4))
    margins = same_margins((8, 7), size, strides) if padding == "same" else ((0, 0), (0, 0))
    outputs = keras_convolution(images, kernel, strides, padding)
    np.testing.assert_allclose(outputs, convolve(images, kernel, strides, margins), rtol=1e-4, atol=1e-5)


def test_zero_padding_as_a_layer_of_its_own_is_even_on_all_sides() -> None:
    import keras

    rng = np.random.default_rng(0)
    images, kernel = rng.normal(size=(1, 6, 6, 1)), rng.normal(size=(3, 3, 1, 2))
    padded = np.array(keras.layers.ZeroPadding2D(1)(images))
    outputs = keras_convolution(padded, kernel, strides=2, padding="valid")
    np.testing.assert_allclose(outputs, convolve(images, kernel, 2, ((1, 1), (1, 1))), rtol=1e-4, atol=1e-5)
