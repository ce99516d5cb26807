"""What the charts of the report show."""

from collections.abc import Iterator

import numpy as np
import pytest

import every_figure
from every_figure import LABELS, MANY, around, bins, history, one
from scramble.figures.curves import learning_curves
from scramble.figures.neighbours import Neighbours, neighbour_plot
from scramble.figures.prices import Condition, Measured, prices
from scramble.figures.reliability import reliability
from scramble.figures.search import SearchCourse, search_courses
from scramble.figures.structure import Panel, Strength, structure_curves
from scramble.figures.style import Figure, plt
from scramble.figures.transfer import transfer


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def words(figure: Figure) -> str:
    """All that is written in a figure."""
    return "\n".join(text.get_text() for text in figure.findobj(plt.Text))


# --- structure ------------------------------------------------------------------------------------------------


def test_structure_curves_go_through_the_errors_in_percent_with_their_bands() -> None:
    fine = every_figure.structure().axes[0]
    mlp, lenet5 = fine.lines[:2]
    np.testing.assert_allclose(lenet5.get_xydata(), [[0, 10], [0.4, 12], [1, 15]])
    assert (mlp.get_color(), mlp.get_marker(), mlp.get_linestyle()) != (
        lenet5.get_color(),
        lenet5.get_marker(),
        lenet5.get_linestyle(),
    )
    band = fine.collections[1].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((9, 16))
    assert [label.get_text() for label in fine.get_xticklabels()] == list(LABELS.values())


def test_structure_curves_of_one_replicate_have_no_band() -> None:
    figure = every_figure.structure(one)
    assert not any(path.vertices.size for band in figure.axes[0].collections for path in band.get_paths())


def test_levels_near_the_errors_are_drawn_and_those_far_above_are_said() -> None:
    figure = every_figure.structure()
    said = words(figure)
    assert "↑ above the scale: guessing 90.0 %" in said
    assert "near 16" not in said
    assert [line.get_ydata()[0] for line in figure.axes[0].lines[2:]] == [16]
    assert figure.axes[0].get_ylim()[1] < 20


def test_models_are_named_at_the_ends_of_their_lines_without_overlap() -> None:
    lines = {f"model{number}": [Strength(0, "natural", one(0.1)), Strength(1, "all", one(0.2))] for number in range(5)}
    figure = structure_curves([Panel("", "", lines)], {})
    named = figure.axes[0].texts
    assert [text.get_text() for text in named] == list(lines)
    heights = sorted(text.xyann[1] for text in named)
    low, high = figure.axes[0].get_ylim()
    assert min(np.diff(heights)) == pytest.approx(0.2 * (high - low) / 3.1)


def test_every_picture_stands_under_its_strength() -> None:
    figure = every_figure.structure()
    fine, card = figure.axes[0], figure.axes[3]
    place = fine.transData.transform((0.4, 0))[0]
    assert card.get_window_extent().x0 + card.get_window_extent().width / 2 == pytest.approx(place)


def test_neighbour_pairs_fall_from_left_to_right_and_outliers_are_said() -> None:
    figure = every_figure.neighbours()
    axis = figure.axes[0]
    assert axis.xaxis_inverted()
    assert len(axis.lines[0].get_xdata()) == len(MANY) - 1
    assert f"↑ above the scale: {MANY[-1]}: mlp 80.0 %, lenet5 80.0 %" in words(figure)
    places = sorted(text.get_position()[0] for text in axis.texts)
    assert min(np.diff(places)) > 0.0229


def test_neighbour_places_with_room_are_where_they_are() -> None:
    figure = neighbour_plot({"mlp": [Neighbours("a", 1, one(0.1)), Neighbours("b", 0.25, around(0.12))]})
    points, interval = figure.axes[0].lines[:2]
    np.testing.assert_allclose(points.get_xydata(), [[1, 10], [0.25, 12]])
    np.testing.assert_allclose(interval.get_ydata(), [11, 13])


# --- training -------------------------------------------------------------------------------------------------


def test_a_learning_curve_is_a_mean_with_its_interval_and_ends_with_the_shortest_replicate() -> None:
    figure = learning_curves({"identity": [history(5, 4, 3), history(7, 6)]})
    validation_loss = figure.axes[1]
    np.testing.assert_allclose(validation_loss.lines[0].get_ydata(), [6, 5])
    band = validation_loss.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(6 + 12.706, abs=1e-3)  # Student's t of one degree of freedom times s / √2
    np.testing.assert_allclose(figure.axes[2].lines[0].get_ydata(), [50, 25])


def test_many_permutations_have_panels_of_their_own_beside_the_first_one() -> None:
    figure = learning_curves({name: [history(1, 1)] for name in MANY})
    titles = [axis.get_title() for axis in figure.axes[: len(MANY)]]
    assert titles == list(MANY)
    assert {len(axis.lines) for axis in figure.axes[: len(MANY)]} == {2}
    assert len({axis.get_ylim() for axis in figure.axes[: len(MANY)]}) == 1


def test_errors_far_above_the_rest_have_a_scale_of_their_own() -> None:
    histories = {name: [history(1, 1)] for name in MANY}
    histories["per_image"] = [history(1, 1) | {"validation_accuracy": [0.1, 0.1]}]
    figure = learning_curves(histories)
    far = figure.axes[len(MANY)]
    assert far.get_title() == "per_image (other scale)"
    assert figure.axes[0].get_ylim()[1] < 60 < far.get_ylim()[0]


def test_one_epoch_is_a_dot() -> None:
    figure = learning_curves({"identity": [history(2)]})
    assert figure.axes[1].lines[0].get_marker() == "o"


def test_a_search_shows_its_trials_its_best_so_far_and_what_fresh_seeds_say() -> None:
    figure = search_courses({"mlp, pixels": SearchCourse([0.3, float("nan"), 0.2, 0.9, 0.1], around(0.12))})
    trials, far, best, fresh, level, _ = figure.axes[0].lines
    np.testing.assert_array_equal(np.isnan(trials.get_ydata()), [True, True, False, True, False])
    assert list(far.get_xdata()) == [0, 3]
    np.testing.assert_allclose(best.get_ydata(), [np.nan, np.nan, 20, 20, 10])
    assert (fresh.get_xdata()[0], fresh.get_ydata()[0]) == (5, pytest.approx(12))
    assert level.get_ydata()[0] == pytest.approx(12)
    assert "best 10.00, on fresh seeds 12.00" in words(figure)


def test_the_best_so_far_of_a_search_may_be_given() -> None:
    course = SearchCourse([0.1, 0.2, 0.15], None, best_so_far=[float("nan"), 0.2, 0.15])
    np.testing.assert_allclose(search_courses({"": course}).axes[0].lines[1].get_ydata(), [np.nan, 20, 15])


# --- errors ---------------------------------------------------------------------------------------------------


def test_verdicts_are_told_by_word_and_marker() -> None:
    figure = every_figure.priced(MANY[:4])
    verdicts = [text.get_text() for text in figure.axes[1].texts if text.get_text()[0].isalpha()]
    assert verdicts == ["pays", "gains", "equal within ±1 point", "undecided: one replicate"]
    markers = {line.get_marker(): line.get_fillstyle() for line in figure.axes[1].lines if line.get_markersize() == 6}
    assert {">": "full", "o": "full", "s": "none"}.items() <= markers.items()


def test_prices_have_a_minus_sign_and_the_margin_as_a_band() -> None:
    figure = every_figure.priced(MANY[:4])
    said = words(figure)
    assert "−2.00" in said
    assert "shaded: up to ±1, which counts as equal" in said
    (band,) = figure.axes[1].patches
    assert (band.get_x(), band.get_width()) == (-1, 2)


def test_an_error_far_above_many_others_is_an_arrow_and_among_few_it_is_drawn() -> None:
    many = every_figure.priced()
    assert "90.00 →" in words(many)
    assert many.axes[0].get_xlim()[1] < 20
    rows = [Condition(name, False, Measured([error], one(error)), None) for name, error in (("a", 0.01), ("b", 0.9))]
    few = prices({"mlp": rows})
    assert "→" not in words(few)
    assert few.axes[0].get_xlim()[1] > 90


def test_reliability_shows_filled_bins_and_counts() -> None:
    figure = reliability({"identity": bins(), "pixels": bins()})
    above, counts = figure.axes[0], figure.axes[2]
    np.testing.assert_allclose(above.lines[1].get_ydata(), [np.nan, 0.4, 1.0])
    assert counts.patches[0].get_data().values.tolist() == [0, 3, 20_000]
    assert counts.get_ylim()[1] == 40_000


def test_transfer_has_a_number_in_every_cell_that_has_one() -> None:
    figure = transfer(np.array([[0.101, float("nan")], [0.8, 0.2]]), ["identity", "pixels"])
    numbers = {text.get_position(): text for text in figure.axes[0].texts}
    assert {place: text.get_text() for place, text in numbers.items()} == {
        (0.5, 0.5): "10.1",
        (0.5, 1.5): "80.0",
        (1.5, 1.5): "20.0",
    }
    assert figure.axes[0].yaxis_inverted()
    assert [text.get_color() == "white" for text in numbers.values()] == [False, True, False]
    assert [text.get_fontweight() for text in numbers.values()] == ["bold", "normal", "bold"]
