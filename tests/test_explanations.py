"""What convolutional networks look at, against cases computed by hand."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scramble import params, permutations
from scramble.permutations import FixedPermutation, PerImagePermutation

SHAPE = (4, 4, 3)


@pytest.fixture(scope="module")
def explanations(tf: ModuleType) -> ModuleType:
    from scramble import explanations

    return explanations


def images(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).random((count, *SHAPE)).astype(np.float32)


# --- Grad-CAM -------------------------------------------------------------------------------------------------


def test_grad_cam_by_hand(explanations: ModuleType, tf: ModuleType) -> None:
    """Two channels whose gradients have the means 2 and -1: ReLU(2 a - b), over the largest value."""
    features = np.array([[[[1, 0], [2, 1]], [[3, 2], [0, 5]]]], np.float32)
    gradients = np.array([[[[2, -4], [2, 0]], [[0, 0], [4, 0]]]], np.float32)
    expected = np.array([[[2, 3], [4, 0]]]) / 4
    np.testing.assert_allclose(explanations.grad_cam(tf.constant(features), tf.constant(gradients), (2, 2)), expected)


def test_nothing_that_speaks_for_a_class_stays_nothing(explanations: ModuleType, tf: ModuleType) -> None:
    features = np.ones((2, 2, 2, 1), np.float32)
    gradients = features * np.array([1, -1], np.float32)[:, None, None, None]
    attention = explanations.grad_cam(tf.constant(features), tf.constant(gradients), (4, 4))
    assert (attention[0] == 1).all()
    assert (attention[1] == 0).all()


def test_a_small_map_is_enlarged_bilinearly(explanations: ModuleType, tf: ModuleType) -> None:
    features = np.array([[[[0], [1]]]], np.float32)
    (row,) = explanations.grad_cam(tf.constant(features), tf.ones_like(features), (1, 4))[0]
    np.testing.assert_allclose(row, [0, 0.25, 0.75, 1])


def bright_and_dark(keras: Any) -> Any:
    """A network with a filter for bright and one for dark pixels, whose logits are their means after pooling."""
    image = keras.Input((4, 4, 1), name="image")
    maps = keras.layers.Conv2D(2, 1, name="conv")(image)
    pooled = keras.layers.MaxPooling2D(2, name="pool")(maps)
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(pooled)
    network = keras.Model(image, keras.layers.Dense(2, name="logits")(mean))
    network.set_weights([np.array([[[[1, -1]]]]), np.zeros(2), np.eye(2), np.zeros(2)])
    return network


def test_a_network_explained_by_hand(explanations: ModuleType, tf: ModuleType) -> None:
    """Each channel has the gradient 1/4 in the place of each maximum, 1/16 on average: what is left is ReLU(+-x)."""
    network = bright_and_dark(tf.keras)
    x = np.array([[3, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, -4, 0, 0]], np.float32)[None, :, :, None]
    at = explanations.anatomy(network)
    assert at == explanations.Anatomy(convolution="conv", last_map="conv")
    seen = explanations.explain(network, at, tf.constant(x))
    assert seen.predicted == [0]
    assert seen.filters.shape == (1, 1, 1, 2)
    np.testing.assert_allclose(seen.feature_maps, np.concatenate([x, -x], axis=-1))
    np.testing.assert_allclose(seen.attention, np.maximum(x[..., 0], 0) / 3)
    for_dark = explanations.explain(network, at, tf.constant(x), classes=np.array([1]))
    np.testing.assert_allclose(for_dark.attention, np.maximum(-x[..., 0], 0) / 4)


# --- where to look --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "convolution", "last_map"),
    [
        ("lenet5", "c1", "c3"),
        ("lenet5_1998", "c1", "s4_tanh"),
        ("lenet5_channel_pooling", "c1", "c3_pool"),
        ("resnet20", "stem", "stage3_block3_relu2"),
        ("googlenet_small", "conv1", "inception5b"),
    ],
)
def test_the_layers_to_look_at(
    explanations: ModuleType, models: ModuleType, architecture: str, convolution: str, last_map: str
) -> None:
    at = explanations.anatomy(models.build(architecture, (32, 32, 3), 10))
    assert at == explanations.Anatomy(convolution, last_map)


def test_there_is_nothing_to_see_in_an_mlp(explanations: ModuleType, models: ModuleType) -> None:
    assert explanations.anatomy(models.build("mlp", (8, 8, 3), 10)) is None


@pytest.mark.parametrize("kind", ["SeparableConv2D", "DepthwiseConv2D", "GroupedConv2D"])
def test_the_first_convolution_may_be_of_any_kind(explanations: ModuleType, tf: ModuleType, kind: str) -> None:
    from scramble.layers import GroupedConv2D

    layers = tf.keras.layers
    first = {
        "SeparableConv2D": layers.SeparableConv2D(5, 3, name="first"),
        "DepthwiseConv2D": layers.DepthwiseConv2D(3, name="first"),
        "GroupedConv2D": GroupedConv2D(6, 3, groups=3, name="first"),
    }[kind]
    network = tf.keras.Sequential([tf.keras.Input(SHAPE), first, layers.Flatten(), layers.Dense(2)])
    at = explanations.anatomy(network)
    seen = explanations.explain(network, at, tf.constant(images()))
    assert at.convolution == "first"
    assert seen.filters.shape[:2] == (3, 3)
    assert seen.feature_maps.shape[:3] == (3, 2, 2)
    assert seen.attention.shape == (3, 4, 4)


# --- back to the picture --------------------------------------------------------------------------------------


def drawn(family: str) -> permutations.Permutation:
    if family == "per_image":
        return PerImagePermutation(seed=0, replicate=1)
    return FixedPermutation(permutations.draw(params.Plain(family=family), SHAPE, replicate=1))


@pytest.mark.parametrize("family", ["identity", "pixels", "rows_columns", "per_image"])
def test_what_lies_on_a_pixel_goes_where_the_pixel_stood(explanations: ModuleType, family: str) -> None:
    pictures, shown = images(5), np.array([3, 1])
    permuted = drawn(family).apply(pictures, "test")[shown]
    index = explanations.sources(drawn(family), SHAPE, shown)
    np.testing.assert_array_equal(explanations.carried_back(permuted[..., 2], index), pictures[shown][..., 2])


def test_a_pixel_whose_channels_are_apart_gets_their_mean(explanations: ModuleType) -> None:
    maps = images(2)[..., 0]
    index = explanations.sources(drawn("channels"), SHAPE, np.array([0, 1]))
    carried = explanations.carried_back(maps, index)
    for pixel in range(16):
        places = [np.flatnonzero(index[0] == 3 * pixel + channel)[0] // 3 for channel in range(3)]
        assert len(set(places)) > 1
        expected = maps.reshape(2, 16)[:, places].mean(axis=1)
        np.testing.assert_allclose(carried.reshape(2, 16)[:, pixel], expected, rtol=1e-6)


def test_the_same_network_for_permuted_images_looks_at_the_same_pixels(
    explanations: ModuleType, tf: ModuleType
) -> None:
    """Pixels one by one, then one weight for each: with its weights permuted like the images, it computes the same."""
    index = drawn("pixels").index  # type: ignore[union-attr]
    pixels = index.reshape(16, 3)[:, 0] // 3
    layers = tf.keras.layers
    head = [layers.Conv2D(4, 1, activation="relu"), layers.Flatten(), layers.Dense(5)]
    natural = tf.keras.Sequential([tf.keras.Input(SHAPE), *head])
    permuted = tf.keras.models.clone_model(natural)
    kernel, bias, weights, offsets = natural.get_weights()
    weights = weights.reshape(16, 4, 5)[pixels].reshape(64, 5)
    permuted.set_weights([kernel, bias, weights, offsets])
    expected = explanations.explain(natural, explanations.anatomy(natural), tf.constant(images()))
    inputs = tf.constant(FixedPermutation(index).apply(images(), "test"))
    seen = explanations.explain(permuted, explanations.anatomy(permuted), inputs)
    np.testing.assert_array_equal(seen.predicted, expected.predicted)
    carried = explanations.carried_back(seen.attention, explanations.sources(drawn("pixels"), SHAPE, np.arange(3)))
    assert np.ptp(carried) > 0
    np.testing.assert_allclose(carried, expected.attention, atol=1e-5)


# --- numbers --------------------------------------------------------------------------------------------------


def test_morans_i_of_filters_by_hand(explanations: ModuleType) -> None:
    """A checkerboard has -1, a step across two columns 0: its pairs down give 2, those across -2; the mean is -1/2."""
    checkerboard = np.array([[1, -1], [-1, 1]], np.float32)
    step = np.array([[1, -1], [1, -1]], np.float32)
    filters = np.stack([checkerboard, step, np.ones((2, 2), np.float32)], axis=-1)[:, :, None, :]
    assert explanations.morans_i_of_filters(filters) == pytest.approx(-0.5)


@pytest.mark.parametrize("filters", [np.ones((3, 3, 1, 2)), np.arange(6.0).reshape(1, 1, 2, 3)])
def test_filters_without_structure_have_no_morans_i(explanations: ModuleType, filters: np.ndarray) -> None:
    assert explanations.morans_i_of_filters(filters) is None


def test_rank_correlation_by_hand(explanations: ModuleType) -> None:
    """Ranks 1 2 3 4 against 2 1 4 3 and against 4 3 2 1: 1 - 6 * 4 / 60 and -1."""
    first = np.array([[[0, 0.1], [0.2, 1]], [[0, 0.1], [0.2, 1]], [[0, 1], [2, 3]]])
    second = np.array([[[0.5, 0.4], [1, 0.9]], [[4, 3], [2, 1]], [[1, 1], [1, 1]]])
    assert explanations.rank_correlation(first, second) == pytest.approx((0.6 - 1) / 2)
    assert explanations.rank_correlation(first[2:], second[2:]) is None
