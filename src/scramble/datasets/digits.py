"""The UCI digits inside scikit-learn, made to the size of MNIST's digits and put on a canvas: offline, in a second.

Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scramble import params
from scramble.datasets.raw import RawDataset
from scramble.datasets.stratified import stratified_sample

DIGIT_PIXELS = 20
CANVAS_PIXELS = 32
TEST_FRACTION = 0.25


def load(spec: params.Digits) -> RawDataset:
    """Enlarges each 8x8 digit to 20x20 and places it on a 32x32 canvas: handwriting has no fixed place.

    Without the shift a fixed pixel means nearly the same in every image, and scrambling costs a network little.
    """
    # scikit-learn takes more than a second to import, which the other datasets need not wait for.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = _place(_enlarge(bunch.images), spec.max_shift, spec.seed)
    labels = bunch.target.astype(np.int32)
    test = stratified_sample(labels, round(TEST_FRACTION * len(labels)), spec.seed, "test split")
    train = np.setdiff1d(np.arange(len(labels)), test)
    return RawDataset(
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        class_names=tuple("0123456789"),
        source="UCI digits (Alpaydin, Kaynak 1998), as in scikit-learn's load_digits",
        licence="CC BY 4.0",
    )


def _enlarge(digits: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Takes digits (n, 8, 8) of values 0..16 to (n, 20, 20) of values 0..255, bicubic."""
    small = np.rint(digits * (255 / 16)).astype(np.uint8)
    size = (DIGIT_PIXELS, DIGIT_PIXELS)
    return np.stack([np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC)) for digit in small])


def _place(digits: NDArray[np.uint8], max_shift: int, seed: int) -> NDArray[np.uint8]:
    """Places digits (n, 20, 20) on canvases (n, 32, 32, 1), each off the centre by its own draw."""
    centre = (CANVAS_PIXELS - DIGIT_PIXELS) // 2
    random = np.random.default_rng([seed, *b"shifts"])
    corners = centre + random.integers(-max_shift, max_shift, size=(len(digits), 2), endpoint=True)
    canvases = np.zeros((len(digits), CANVAS_PIXELS, CANVAS_PIXELS, 1), np.uint8)
    for canvas, digit, (top, left) in zip(canvases, digits, corners, strict=True):
        canvas[top : top + DIGIT_PIXELS, left : left + DIGIT_PIXELS, 0] = digit
    return canvases
