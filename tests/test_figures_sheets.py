"""What the image sheets of the report show."""

from collections.abc import Iterator

import numpy as np
import pytest

from every_figure import CLASSES, NAN, found, images, layer, looks
from scramble.figures.attention import Attention, attention
from scramble.figures.filters import FirstLayer, feature_maps, filters
from scramble.figures.handmade_filters import FILTERS, filtered, handmade_filters
from scramble.figures.mistakes import Mistakes, mistakes
from scramble.figures.style import Figure, plt


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def pictures(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(picture.get_array()) for picture in figure.axes[0].images]


def test_the_lectures_vertical_edge() -> None:
    image = np.repeat([[10, 10, 10, 0, 0, 0]], 6, axis=0)
    np.testing.assert_allclose(filtered(image, FILTERS["vertical edges"]), [[0, 30, 30, 0]] * 4)
    np.testing.assert_allclose(filtered(image[:, ::-1], FILTERS["vertical edges"]), [[0, -30, -30, 0]] * 4)
    np.testing.assert_allclose(filtered(image.T, FILTERS["horizontal edges"]).T, [[0, 30, 30, 0]] * 4)
    np.testing.assert_allclose(filtered(image, FILTERS["horizontal edges"]), np.zeros((4, 4)), atol=1e-12)
    np.testing.assert_allclose(filtered(image, FILTERS["smoothing"])[0], [10, 20 / 3, 10 / 3, 0])


def test_handmade_filters_show_the_image_and_three_answers_per_row_with_one_scale() -> None:
    image = np.repeat([[10, 10, 10, 0, 0, 0]], 6, axis=0).astype(np.uint8)[..., None]
    figure = handmade_filters({"natural": image, "half": image // 2})
    drawn = pictures(figure)
    assert len(drawn) == 2 * (1 + len(FILTERS))
    natural, half = drawn[4:6]  # vertical edges
    assert {*np.unique(natural)} == {128, 255}
    assert {*np.unique(half)} == {128, 191}
    assert " 1   0  −1" in words(figure)[6]


def test_mistakes_say_what_was_said_and_how_surely() -> None:
    figure = mistakes({"identity": found(9), "pixels": found(0)}, CLASSES, most=3)
    assert words(figure) == [
        "identity",
        "T-shirt/top\n→ a $ and a <\n100.0 % sure",
        "a $ and a <\n→ a class wit…\n98.7 % sure",
        "a class wit…\n→ T-shirt/top\n97.5 % sure",
        "pixels",
        "no mistakes",
    ]
    assert len(pictures(figure)) == 3


def test_a_network_that_is_not_certain_is_not_said_to_be() -> None:
    almost = Mistakes(images(1), np.array([0]), np.array([1]), np.array([0.99999]))
    assert "99.9 % sure" in words(mistakes({"": almost}, CLASSES))[1]


def test_filters_are_grey_or_rgb_with_mid_grey_for_zero() -> None:
    weights = np.zeros((2, 2, 3, 2))
    weights[0, 0, 0] = (1, -1)  # red of the first pixel
    first = FirstLayer(weights, images(1)[0], weights[:, :, 0], 0.5, None)
    colourful = pictures(filters({"a": first}))
    assert [picture[0, 0].tolist() for picture in colourful] == [[255, 128, 128], [0, 128, 128]]
    assert colourful[0][-1, -1].tolist() == [128, 128, 128]
    grey = FirstLayer(weights[:, :, :1], images(1)[0], weights[:, :, 0], None, None)
    assert pictures(filters({"a": grey}))[0].shape == (48, 48)
    of_five = FirstLayer(np.ones((2, 2, 5, 1)), images(1)[0], weights[:, :, 0], None, None)
    assert np.unique(pictures(filters({"a": of_five}))[0]).tolist() == [255]


def test_many_filters_are_the_first_ones_and_their_number_is_said() -> None:
    figure = filters({"a": layer(1, 40), "b": layer(1, 1, NAN)})
    assert len(pictures(figure)) == 33
    assert words(figure) == ["a", "32 of 40 filters; Moran's I −0.25, 0.00 before training", "b", "1 filter"]


def test_feature_maps_stand_beside_the_image_each_from_black_to_white() -> None:
    drawn = pictures(feature_maps({"a": layer(3, 2)}))
    assert [picture.ndim for picture in drawn] == [3, 2, 2]
    assert {(picture.min(), picture.max()) for picture in drawn[1:]} == {(0, 255)}


def test_attention_is_bright_and_its_absence_dark_whatever_the_picture() -> None:
    half = np.zeros((1, 4, 4))
    half[:, :, :2] = 1
    for value in (0, 255):
        picture = np.full((1, 4, 4, 1), value, np.uint8)
        figure = attention(picture, ["cat"], {"pixels": Attention(half, 1 - half, ["dog"])})
        looked, random = pictures(figure)[1:]
        left, right = (looked[0, column].astype(float).mean() for column in (0, -1))
        assert left > 150 > 95 > right
        np.testing.assert_array_equal(random[:, ::-1], looked)
        assert words(figure) == ["the picture", "cat", "pixels", "✗ dog", "random\nweights"]


def test_attention_says_which_answers_are_right() -> None:
    said = words(attention(images(2), (CLASSES[0], CLASSES[1]), {"pixels": looks()}))
    assert said[3:6] == ["pixels", "✓ T-shirt/top", "✗ a class wit…"]
