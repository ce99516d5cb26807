"""Where labels, outliers and resized pictures go."""

import numpy as np
import pytest

from scramble.figures import notes
from scramble.figures.pixels import resized, resized_shape
from scramble.figures.placement import apart, upper_limit
from scramble.figures.style import plt
from scramble.statistics import Estimate


def estimates(*means: float) -> list[Estimate]:
    return [Estimate(mean, None, None, 1) for mean in means]


def test_labels_with_room_stay_where_they_are() -> None:
    np.testing.assert_allclose(apart([5, 1, 3], 1, 0, 10), [5, 1, 3])


def test_close_labels_move_apart_around_their_middle_in_their_order() -> None:
    np.testing.assert_allclose(apart([4, 4, 9, 4], 1, 0, 10), [3, 4, 9, 5])


def test_labels_stay_inside_and_share_the_room_where_it_is_too_small() -> None:
    np.testing.assert_allclose(apart([0, 0, 10], 1, 0, 10), [0, 1, 10])
    np.testing.assert_allclose(apart([9] * 5, 4, 0, 8), [0, 2, 4, 6, 8])
    assert apart([], 1, 0, 10).size == 0


@pytest.mark.parametrize(
    ("means", "limit"),
    [
        ([0.10, 0.12, 0.14, 0.11, 0.70], 0.14),
        ([0.10, 0.12, 0.14, 0.11, 0.13, 0.12, 0.11, 0.13, 0.70, 0.75], 0.14),
        ([0.10, 0.12, 0.14, 0.11, 0.41], np.inf),  # not three times the next lower one
        ([0.01, 0.08], np.inf),  # half of them are no outliers
        ([0.10, 0.12, 0.14, 0.70, 0.75], np.inf),
        ([float("nan")], np.inf),
        ([], np.inf),
    ],
)
def test_few_errors_far_above_the_rest_are_outliers(means: list[float], limit: float) -> None:
    assert upper_limit(estimates(*means)) == limit


def test_small_pictures_get_whole_dots_and_large_ones_get_smaller() -> None:
    assert resized_shape((7, 5, 1), 30) == (28, 20)
    assert resized_shape((300, 150, 3), 30) == (30, 15)
    picture = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(resized(picture, 6), [[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2)
    assert resized(np.full((100, 100, 3), 9, np.uint8), 10).tolist() == np.full((10, 10, 3), 9).tolist()


def test_a_long_note_gets_lines_and_the_room_for_them() -> None:
    assert notes.height("") == 0
    assert notes.height("word " * 60) > 2 * notes.height("word") - 0.1
    figure = plt.figure()
    notes.write("word " * 60, figure, 1)
    assert figure.texts[0].get_text().count("\n") == 2
    plt.close(figure)
