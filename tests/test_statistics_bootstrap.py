import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from scramble import statistics
from scramble.statistics import components, resampling

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Extra hours of Student (1908), paired differences of ten patients; their interval is 0.7001 to 2.4599."""
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], np.float64)
"""Six targets, four judges (Shrout & Fleiss 1979, table 2)."""


def wrong(random, num_replicates, num_images, spread=0.3, shift=0.0, images=None):
    """Errors (replicates, images) of networks that differ by `spread` and images that differ more, in logits."""
    images = random.normal(size=num_images) if images is None else images
    networks = spread * random.normal(size=(num_replicates, 1))
    return random.random((num_replicates, num_images)) < expit(-2 + shift + networks + 1.5 * images)


# --- variance components --------------------------------------------------------------------------------------


def test_mean_squares_of_shrout_and_fleiss():
    """Their table 3: between targets 11.24, between judges 32.49, residual 1.02."""
    assert components.mean_squares(RATINGS) == pytest.approx((11.24, 32.49, 1.02), abs=5e-3)


def test_components_by_hand():
    """Rows with the means 1/3 and 1, columns 1, 1/2, 1/2: mean squares 2/3, 1/6 and 1/6."""
    found = statistics.variance_components(np.array([[1, 0, 0], [1, 1, 1]]))
    assert found.between == pytest.approx((2 / 9) ** 0.5)
    assert found.of_networks == pytest.approx(((2 / 3 - 1 / 6) / 3) ** 0.5)
    assert found.of_images == pytest.approx(0, abs=1e-9)


def test_components_are_unbiased():
    """Of replicates and images with the standard deviations 0.5 and 2, and a residual of 1."""
    random = np.random.default_rng(0)
    squares = []
    for _ in range(2000):
        values = 0.5 * random.normal(size=(4, 1)) + 2 * random.normal(size=30) + random.normal(size=(4, 30))
        found = statistics.variance_components(values)
        squares.append([found.between**2, found.of_networks**2, found.of_images**2])
    expected = [0.5**2 + 1 / 30, 0.5**2, 2**2 / 30]
    np.testing.assert_allclose(np.mean(squares, axis=0), expected, rtol=0.05)


def test_one_replicate_has_the_standard_error_of_its_images():
    found = statistics.variance_components(np.array([[1, 0, 0, 0, 1]]))
    assert (found.between, found.of_networks) == (None, None)
    assert found.of_images == pytest.approx((0.4 * 0.6 / 4) ** 0.5)  # divisor n - 1
    assert statistics.binomial_error(0.4, 5) == pytest.approx((0.4 * 0.6 / 5) ** 0.5)


def test_the_pigeonhole_bootstrap_counts_the_residual_more_than_once():
    """All 2² · 3³ resamples of two replicates and three images, against the sum of its three parts.

    In expectation it is 1/2 of the replicates, 2/3 of the images, and (1/2 + 2/3 + 1/3) of the residual.
    """
    values = np.array([[1.0, 0, 0], [1, 1, 0]])
    means = [
        values[np.ix_(rows, columns)].mean()
        for rows in itertools.product(range(2), repeat=2)
        for columns in itertools.product(range(3), repeat=3)
    ]
    of_replicates, of_images, residual = components.mean_squares(values)
    parts = of_replicates / 2 + of_images * 2 / 3 + residual / 3
    assert np.var(means) == pytest.approx(parts / 6)


# --- the crossed bootstrap ------------------------------------------------------------------------------------


def test_without_images_it_is_students_interval():
    """A replicate that is as wrong on every image leaves nothing to the images: Student's sleep data again."""
    values = np.repeat(SLEEP[:, None], 50, axis=1)
    estimate = statistics.crossed_bootstrap(values, statistics.resample(10, 50, seed=1, draws=20_000))
    assert (estimate.low, estimate.high) == pytest.approx((0.7001, 2.4599), abs=0.03)
    assert (estimate.mean, estimate.n, estimate.num_images) == (pytest.approx(1.58), 10, 50)


@pytest.mark.parametrize("num_replicates", [2, 3, 6])
def test_weights_of_replicates_are_students(num_replicates):
    weights = statistics.resample(num_replicates, 5, seed=2, draws=20_000).replicates
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-9)
    values = np.random.default_rng(4).normal(size=num_replicates)
    scale = values.std(ddof=1) / num_replicates**0.5
    assert stats.kstest(weights @ values / scale, stats.t(num_replicates - 1).cdf).statistic < 0.01


def test_weights_of_images_are_counts_of_resampled_images():
    weights = statistics.resample(3, 40, seed=2, draws=5000).images
    assert set(np.unique(weights)) <= set(range(-1, 40))
    np.testing.assert_array_equal(weights.sum(axis=1), 0)
    assert weights.var() == pytest.approx(39 / 40, rel=0.02)  # of a multinomial count with n trials
    assert weights.std(axis=0).min() > 0.9


def test_one_replicate_is_resampled_over_images_alone():
    random = np.random.default_rng(5)
    errors = random.random((1, 2000)) < 0.1
    estimate = statistics.crossed_bootstrap(errors, statistics.resample(1, 2000, seed=0))
    half_width = 1.96 * statistics.binomial_error(errors.mean(), 2000)
    assert (estimate.low, estimate.high) == pytest.approx(
        (errors.mean() - half_width, errors.mean() + half_width), abs=0.1 * half_width
    )
    assert estimate.over == "images"
    two = statistics.crossed_bootstrap(np.vstack([errors, errors]), statistics.resample(2, 2000, seed=0))
    assert two.over == "replicates and images"


def test_draws_are_the_sum_of_their_parts():
    """Each draw by explicit sums over replicates and images, instead of by matrix products."""
    random = np.random.default_rng(6)
    errors = wrong(random, 4, 60)
    drawn = statistics.resample(4, 60, seed=9, draws=20)
    mean_squares = components.mean_squares(errors.astype(np.float64))
    share = (1 - mean_squares[2] / mean_squares[1]) ** 0.5
    for draw, found in enumerate(statistics.crossed_bootstrap(errors, drawn).draws):
        replicates = sum(drawn.replicates[draw, r] * errors[r].mean() for r in range(4))
        images = sum(drawn.images[draw, i] * errors[:, i].mean() for i in range(60)) / 60
        assert found == pytest.approx(errors.mean() + replicates + share * images)


def test_variance_of_the_draws_is_the_unbiased_one():
    """Student's t with nine degrees of freedom has the variance 9/7."""
    errors = wrong(np.random.default_rng(7), 10, 300)
    found = statistics.variance_components(errors)
    draws = statistics.crossed_bootstrap(errors, statistics.resample(10, 300, seed=1, draws=20_000)).draws
    assert draws.var() == pytest.approx(found.between**2 / 10 * 9 / 7 + found.of_images**2, rel=0.03)


def test_the_same_seed_gives_the_same_interval():
    errors = wrong(np.random.default_rng(8), 3, 100)
    once, again, other = (
        statistics.crossed_bootstrap(errors, statistics.resample(3, 100, seed, draws=500)) for seed in (1, 1, 2)
    )
    assert once == again
    np.testing.assert_array_equal(once.draws, again.draws)
    assert once != other


@pytest.mark.parametrize(("num_replicates", "spread", "shift"), [(5, 0.1, None), (3, 1.0, 0.5), (5, 0.0, 0.0)])
def test_coverage(num_replicates, spread, shift):
    """95 % intervals of an error (no shift) and of a price hold the truth in 93 to 98 % of 500 studies.

    On the same studies, the plain pigeonhole bootstrap holds it in 99, 81 and 99.6 %, Student's interval over the
    replicates alone in 86, 95 and 96 %.
    """
    random = np.random.default_rng(10)
    drawn = statistics.resample(num_replicates, 200, seed=0, draws=500)
    scale = (spread**2 + 1.5**2) ** 0.5
    natural, permuted = (stats.norm.expect(lambda x, at=at: expit(-2 + at + scale * x)) for at in (0, shift or 0))
    truth = natural if shift is None else permuted - natural
    hits = 0
    for _ in range(500):
        images = random.normal(size=200)
        errors = wrong(random, num_replicates, 200, spread, images=images)
        if shift is None:
            estimate = statistics.crossed_bootstrap(errors, drawn)
        else:
            permuted_errors = wrong(random, num_replicates, 200, spread, shift, images)
            estimate = statistics.price(errors, permuted_errors, drawn)
        hits += estimate.low <= truth <= estimate.high
    assert 0.93 < hits / 500 < 0.98


def test_errors_that_never_differ_leave_a_point():
    estimate = statistics.crossed_bootstrap(np.zeros((3, 20), bool), statistics.resample(3, 20, seed=0))
    assert (estimate.low, estimate.mean, estimate.high) == (0, 0, 0)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_training_that_diverged_has_no_interval(loss):
    losses = np.array([[1.0, loss, 2], [1, 1, 1]])
    estimate = statistics.crossed_bootstrap(losses, statistics.resample(2, 3, seed=0, draws=10))
    assert not np.isfinite(estimate.mean)
    assert (estimate.low, estimate.high, estimate.half_width) == (None, None, None)
    assert statistics.bootstrap_test(estimate) == 1
    assert not statistics.equivalence(estimate, 0.1).equal
    assert statistics.price_verdict(estimate, 0.1) == "undecided"


def test_shapes_that_do_not_belong_together_are_refused():
    drawn = statistics.resample(3, 20, seed=0, draws=10)
    with pytest.raises(ValueError, match=r"\(2, 20\) cannot be resampled by weights for \(3, 20\)"):
        statistics.crossed_bootstrap(np.zeros((2, 20)), drawn)
    with pytest.raises(ValueError, match=r"\(3, 20\) cannot be paired with permuted errors \(2, 20\)"):
        statistics.price(np.zeros((3, 20)), np.zeros((2, 20)), drawn)
    with pytest.raises(ValueError, match="do not pair"):
        statistics.structure_reliance(np.zeros((3, 20)), np.zeros((3, 20)), np.zeros((2, 20)), drawn)


# --- prices, the structure reliance index, areas --------------------------------------------------------------


def test_a_price_is_paired():
    """What natural and permuted errors share, by replicate or by image, is no part of the price."""
    random = np.random.default_rng(11)
    natural = wrong(random, 4, 500, spread=1.0)
    permuted = natural | (random.random((4, 500)) < 0.05)
    drawn = statistics.resample(4, 500, seed=0)
    price = statistics.price(natural, permuted, drawn)
    assert price.mean == pytest.approx(permuted.mean() - natural.mean())
    assert price.low > 0
    assert price.half_width < statistics.crossed_bootstrap(natural, drawn).half_width / 3


def test_structure_reliance_by_hand():
    """0.1 natural, 0.3 permuted, 0.9 per image: a quarter."""
    natural = np.zeros((4, 100), bool)
    natural[:, :10] = True
    permuted = np.zeros((4, 100), bool)
    permuted[:, :30] = True
    drawn = statistics.resample(4, 100, seed=0)
    found = statistics.structure_reliance(natural, permuted, 0.9, drawn)
    assert found.mean == pytest.approx(0.25)
    assert 0.1 < found.low < 0.25 < found.high < 0.4
    by_images = np.tile(np.arange(100) < 90, (4, 1))
    assert statistics.structure_reliance(natural, permuted, by_images, drawn).mean == pytest.approx(0.25)


def test_structure_reliance_of_the_end_points_is_certain():
    random = np.random.default_rng(12)
    drawn = statistics.resample(3, 400, seed=0)
    natural, per_image = wrong(random, 3, 400), random.random((3, 400)) < 0.9
    none, all_of_it = (
        statistics.structure_reliance(natural, permuted, per_image, drawn) for permuted in (natural, per_image)
    )
    assert (none.low, none.mean, none.high) == pytest.approx((0, 0, 0))
    assert (all_of_it.low, all_of_it.mean, all_of_it.high) == pytest.approx((1, 1, 1))


def test_structure_reliance_has_its_interval_in_most_studies():
    random = np.random.default_rng(13)
    drawn = statistics.resample(3, 200, seed=0, draws=500)
    mean = [stats.norm.expect(lambda x, b=b: expit(b + (0.3**2 + 1.5**2) ** 0.5 * x)) for b in (-2, -1)]
    truth = (mean[1] - mean[0]) / (0.9 - mean[0])
    hits = 0
    for _ in range(400):
        images = random.normal(size=200)
        found = statistics.structure_reliance(
            wrong(random, 3, 200, images=images), wrong(random, 3, 200, shift=1, images=images), 0.9, drawn
        )
        hits += found.low <= truth <= found.high
    assert 0.92 < hits / 400 < 0.985


def test_structure_reliance_is_undefined_where_nothing_can_be_lost():
    random = np.random.default_rng(14)
    drawn = statistics.resample(3, 100, seed=0)
    natural, permuted = wrong(random, 3, 100), wrong(random, 3, 100)
    assert statistics.structure_reliance(natural, permuted, wrong(random, 3, 100), drawn) is None
    assert statistics.structure_reliance(natural, permuted, 0.0, drawn) is None


def test_area_by_hand():
    """Errors of 0.1, 0.2 and 0.4 at 0, 0.25 and 1: 0.25 · 0.15 + 0.75 · 0.3."""
    errors = np.stack([np.tile(np.arange(10) < count, (3, 1)) for count in (1, 2, 4)])
    area = statistics.area_under_curve([0, 0.25, 1], errors, statistics.resample(3, 10, seed=0))
    assert area.mean == pytest.approx(0.2625)
    assert area.low < 0.2625 < area.high


def test_area_of_a_level_curve_is_its_error():
    """The same errors at every strength: the same draws, so the same interval."""
    errors = wrong(np.random.default_rng(15), 3, 100)
    drawn = statistics.resample(3, 100, seed=0)
    area = statistics.area_under_curve([0, 0.5, 1], np.stack([errors] * 3), drawn)
    np.testing.assert_allclose(area.draws, statistics.crossed_bootstrap(errors, drawn).draws)


@pytest.mark.parametrize("strengths", [[0.5], [0, 0], [1, 0], [-0.1, 1], [0, 1.1]])
def test_strengths_that_make_no_curve_are_refused(strengths):
    with pytest.raises(ValueError, match="two or more, ascending, from 0 to 1"):
        statistics.area_under_curve(strengths, np.zeros((len(strengths), 2, 5)), resampling.resample(2, 5, 0, draws=5))


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 40))
def test_intervals_hold_for_any_errors(seed, num_replicates, num_images):
    random = np.random.default_rng(seed)
    errors = random.random((num_replicates, num_images)) < random.random()
    estimate = statistics.crossed_bootstrap(errors, statistics.resample(num_replicates, num_images, seed, draws=50))
    assert np.isfinite([estimate.low, estimate.high]).all()
    assert estimate.low <= estimate.high
    assert estimate.mean == pytest.approx(errors.mean())
