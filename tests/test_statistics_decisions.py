from dataclasses import replace
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scramble import statistics
from scramble.statistics import Components, CrossedEstimate

SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
"""Paired differences of Student (1908): mean 1.58, t = 4.0621 with 9 degrees of freedom, p = 0.002833."""


def sleep(draws=20_000):
    """The sleep data as a price over ten replicates, with no part of the images."""
    drawn = statistics.resample(10, 20, seed=3, draws=draws)
    return statistics.crossed_bootstrap(np.repeat(SLEEP[:, None], 20, axis=1), drawn)


def a_price(low, high, replicates=5):
    """A price with normal draws and the 95 % interval from `low` to `high`."""
    draws = stats.norm.ppf((np.arange(2000) + 0.5) / 2000, (low + high) / 2, (high - low) / 3.92)
    return CrossedEstimate((low + high) / 2, low, high, replicates, 1000, draws)


# --- tests ----------------------------------------------------------------------------------------------------


def test_mcnemar_of_armitage_and_berry():
    """Two media for tubercle bacilli (1994, p. 127): they disagree on 14 of 50 specimens, 12 to 2; p = 0.0129."""
    before = np.repeat([0, 1, 0, 1], [20, 12, 2, 16])
    after = np.repeat([0, 0, 1, 1], [20, 12, 2, 16])
    found = statistics.mcnemar(before, after)
    assert (found.natural_wrong, found.permuted_wrong) == (12, 2)
    assert found.p_value == pytest.approx(0.0129, abs=5e-5)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_counts_coin_tosses(natural_wrong, permuted_wrong):
    natural = np.repeat([True, False, False, True], [natural_wrong, permuted_wrong, 5, 3])
    permuted = np.repeat([False, True, False, True], [natural_wrong, permuted_wrong, 5, 3])
    tosses = natural_wrong + permuted_wrong
    tail = sum(comb(tosses, heads) for heads in range(min(natural_wrong, permuted_wrong) + 1))
    assert statistics.mcnemar(natural, permuted).p_value == pytest.approx(min(2 * tail / 2**tosses, 1))


def test_bootstrap_test_is_students_without_images():
    assert statistics.bootstrap_test(sleep()) == pytest.approx(0.002833, abs=1e-3)


def test_bootstrap_test_by_hand():
    """Of four draws about 2, those at -1 and 4 lie at least 2 away, and so does the price itself: 3 of 5."""
    price = CrossedEstimate(2.0, -1, 4, 3, 10, np.array([-1.0, 1, 3, 4]))
    assert statistics.bootstrap_test(price) == pytest.approx(3 / 5)


def test_smallest_p_of_the_bootstrap_test():
    far = CrossedEstimate(5.0, 4, 6, 3, 10, np.full(1999, 5.0))
    assert statistics.bootstrap_test(far) == pytest.approx(1 / 2000)
    assert statistics.bootstrap_test(replace(far, mean=0.0)) == 1


def test_bootstrap_test_errs_as_often_as_it_says():
    """Of 600 prices of nothing, 5 % are significant at 5 %."""
    random = np.random.default_rng(1)
    drawn = statistics.resample(4, 150, seed=0, draws=500)
    alarms = 0
    for _ in range(600):
        difficulty = random.beta(0.3, 1.5, size=150)
        natural, permuted = random.random((2, 4, 150)) < difficulty
        alarms += statistics.bootstrap_test(statistics.price(natural, permuted, drawn)) <= 0.05
    assert 0.02 < alarms / 600 < 0.07


def test_holm_by_hand():
    """0.005 · 4, 0.01 · 3, 0.03 · 2, and 0.04 · 1, which must not fall below the one before."""
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.6, 0.7]) == [1, 1]
    assert statistics.holm([0.03]) == [0.03]
    assert statistics.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_its_steps_reject(p_values):
    """The definition: from the smallest on, p ≤ alpha / (m - step) rejects, and the first that does not stops."""
    alpha, rejected = 0.05, set()
    for step, index in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[index] * (len(p_values) - step) > alpha:
            break
        rejected.add(int(index))
    assert {index for index, p_value in enumerate(statistics.holm(p_values)) if p_value <= alpha} == rejected


# --- equality and verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("margin", [2.0, 2.5, 3.0])
def test_equivalence_is_two_t_tests_without_images(margin):
    """Schuirmann's p is the larger one: that of the price being above -margin is far smaller here."""
    error = SLEEP.std(ddof=1) / 10**0.5
    expected = stats.t.sf((margin - SLEEP.mean()) / error, 9)
    found = statistics.equivalence(sleep(), margin)
    assert found.p_value == pytest.approx(expected, rel=0.05, abs=1e-3)
    assert found.equal == (expected < 0.05)


@given(st.floats(-3, 3), st.floats(0.05, 3))
def test_equivalence_is_a_90_percent_interval_within_the_margin(centre, margin):
    price = a_price(centre - 1, centre + 1)
    low, high = np.quantile(price.draws, [0.05, 0.95])
    outside = max(-margin - low, high - margin)
    if abs(outside) > 0.01:
        assert statistics.equivalence(price, margin).equal == (outside < 0)


def test_equality_errs_as_often_as_it_says():
    """Of 600 prices that are just as large as the margin, at most about 5 % pass for equal."""
    random = np.random.default_rng(2)
    drawn = statistics.resample(4, 200, seed=0, draws=500)
    alarms = 0
    for _ in range(600):
        difficulty = random.beta(0.3, 1.5, size=200)
        natural, permuted = random.random((2, 4, 200)) < difficulty
        permuted |= random.random((4, 200)) < 0.06
        margin = 0.06 * (1 - 1 / 6)  # the mean of the difficulty is 1/6
        alarms += statistics.equivalence(statistics.price(natural, permuted, drawn), margin).equal
    assert 0.02 < alarms / 600 < 0.08


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(ValueError, match=r"margin of 0\.0 leaves no room"):
        statistics.equivalence(sleep(100), 0.0)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.02, 0.04, "pays"),
        (-0.04, -0.02, "gains"),
        (-0.003, 0.003, "equal within the margin"),
        (0.001, 0.003, "equal within the margin"),
        (-0.02, 0.04, "undecided"),
        (-0.04, 0.02, "undecided"),
        (-0.001, 0.008, "undecided"),
        (0.002, 0.02, "pays"),
    ],
)
def test_verdicts(low, high, expected):
    assert statistics.price_verdict(a_price(low, high), margin=0.005) == expected
    assert statistics.price_verdict(a_price(low, high, replicates=1), margin=0.005) == "undecided"


# --- power ----------------------------------------------------------------------------------------------------


def paired(between, of_images=0.0):
    return Components(between, between, of_images)


def test_replicates_of_dalgaard():
    """Introductory Statistics with R: 10 with the standard deviation 10√2 needs 19.97 pairs for a power of 85 %."""
    spread = paired(10 * 2**0.5)
    assert statistics.replicates_to_resolve(10, spread, wanted=0.85) == 20
    assert statistics.power(10, spread, 19) < 0.85 < statistics.power(10, spread, 20)


def test_replicates_for_half_a_standard_deviation():
    """The 34 pairs of every table of powers: d = 0.5, 80 %, two sides at 5 % (Cohen 1988)."""
    assert statistics.replicates_to_resolve(0.5, paired(1.0)) == 34
    assert statistics.replicates_to_resolve(-0.5, paired(1.0)) == 34
    assert statistics.replicates_to_resolve(0.5, paired(1.0), confidence=0.99) == 51  # at 1 %


def test_power_is_how_often_the_interval_leaves_out_nothing():
    """1,000 studies with ten replicates and a part of the images as large as that of the replicates."""
    random = np.random.default_rng(3)
    drawn = statistics.resample(10, 50, seed=0, draws=500)
    found = []
    for _ in range(1000):
        values = 1.0 + random.normal(size=(10, 1)) * 0.8 + random.normal(size=50) * 0.25 * 50**0.5
        found.append(statistics.crossed_bootstrap(values, drawn).low > 0)
    expected = statistics.power(1.0, paired(0.8, of_images=0.25), 10)
    assert np.mean(found) == pytest.approx(expected, abs=0.04)


def test_images_set_a_limit_that_replicates_do_not_pass():
    few_images = paired(0.01, of_images=0.01)
    assert statistics.replicates_to_resolve(0.02, few_images) is None
    assert statistics.replicates_to_resolve(0.05, few_images) is not None


def test_power_at_the_edges():
    assert statistics.power(0.1, paired(0.0), 2) == 1
    assert statistics.power(0.0, paired(0.0), 2) == 0
    assert statistics.power(0.0, paired(1.0), 5) == pytest.approx(0.025)
    assert statistics.power(0.028, paired(0.0, of_images=0.01), 2) == pytest.approx(0.8, abs=0.01)
    assert statistics.replicates_to_resolve(1e6, paired(1.0)) == 2


def test_one_replicate_has_no_power():
    single = Components(None, None, 0.01)
    for question in (
        lambda: statistics.power(0.1, single, 5),
        lambda: statistics.replicates_to_resolve(0.1, single),
        lambda: statistics.power(0.1, paired(1.0), 1),
    ):
        with pytest.raises(ValueError, match="needs two or more"):
            question()
