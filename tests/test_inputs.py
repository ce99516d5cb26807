"""What happens to images on their way into a network: the same eagerly and in a graph."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import params
from scramble.permutations import FixedPermutation, draw

SHAPE = (8, 6, 3)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, *SHAPE), dtype=np.uint8)


@pytest.fixture(params=["eager", "graph"])
def mode(request: pytest.FixtureRequest, tf: ModuleType) -> Callable[[Callable[..., Any]], Callable[..., np.ndarray]]:
    """Wraps a function so that it runs eagerly, or inside a tf.data pipeline's graph."""

    def wrap(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
        def in_graph(*arrays: np.ndarray) -> np.ndarray:
            dataset = tf.data.Dataset.from_tensors(arrays).map(function)
            return next(iter(dataset)).numpy()

        def eagerly(*arrays: np.ndarray) -> np.ndarray:
            return function(*map(tf.constant, arrays)).numpy()

        return in_graph if request.param == "graph" else eagerly

    return wrap


def test_permute_is_what_numpy_does(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    index = draw(params.Plain(family="channels", seed=3), SHAPE, replicate=1)
    expected = FixedPermutation(index).apply(images, split="train")
    np.testing.assert_array_equal(mode(inputs.permute)(images, index), expected)


def test_permute_each_gives_every_image_its_own(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    same = np.repeat(images[:1], 5, axis=0)
    indices = np.random.default_rng(1).permuted(np.tile(np.arange(48, dtype=np.int32), (5, 1)), axis=1)
    permuted = mode(inputs.permute_each)(same, indices)
    for image, index in zip(permuted.reshape(5, 48, 3), indices, strict=True):
        np.testing.assert_array_equal(image, same[0].reshape(48, 3)[index])
    assert len({image.tobytes() for image in permuted}) == 5


@pytest.mark.parametrize("row", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("column", [0, 4])
def test_shift_uncovers_background(mode: Any, images: np.ndarray, row: int, column: int) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(max_shift=2)
    draws = np.tile(np.array([(row + 0.5) / 5, (column + 0.5) / 5, 0], np.float32), (5, 1))
    shifted = mode(lambda x, d: inputs.augment(x, augmentation, d))(images, draws)
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2), (0, 0)])
    np.testing.assert_array_equal(shifted, padded[:, row : row + 8, column : column + 6])


def test_flip_mirrors_half_of_the_draws(mode: Any, images: np.ndarray) -> None:
    from scramble import inputs

    augmentation = params.Augmentation(horizontal_flip=True)
    draws = np.array([[0, 0, 0.49], [0, 0, 0.51], [0, 0, 0], [0, 0, 0.99], [0, 0, 0.5]], np.float32)
    flipped = mode(lambda x, d: inputs.augment(x, augmentation, d))(images, draws)
    for image, original, mirrored in zip(flipped, images, [True, False, True, False, False], strict=True):
        np.testing.assert_array_equal(image, original[:, ::-1] if mirrored else original)


def test_every_shift_occurs(tf: ModuleType) -> None:
    from scramble import inputs

    image = np.zeros((1, 5, 5, 1), np.uint8)
    image[0, 2, 2] = 255
    draws = tf.random.stateless_uniform([400, 3], [1, 2])
    shifted = inputs.augment(tf.repeat(image, 400, axis=0), params.Augmentation(max_shift=1), draws).numpy()
    places = {tuple(np.argwhere(each)[0][:2]) for each in shifted}
    assert places == {(row, column) for row in (1, 2, 3) for column in (1, 2, 3)}


def test_normaliser_gives_mean_0_and_deviation_1(mode: Any, images: np.ndarray) -> None:
    from scramble.inputs import Normaliser

    scaled = images / 255
    normalise = Normaliser(tuple(scaled.mean((0, 1, 2))), tuple(scaled.std((0, 1, 2))))
    normalised = mode(normalise)(images)
    assert normalised.dtype == np.float32
    np.testing.assert_allclose(normalised.mean((0, 1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(normalised.std((0, 1, 2)), 1, atol=1e-6)


def test_normaliser_centres_a_constant_channel(tf: ModuleType) -> None:
    from scramble.inputs import Normaliser

    images = np.full((2, 3, 3, 1), 51, np.uint8)
    np.testing.assert_allclose(Normaliser([0.2], [0.0])(tf.constant(images)), 0, atol=1e-7)
