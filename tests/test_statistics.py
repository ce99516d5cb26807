import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from scramble import statistics


def test_interval_of_students_sleep_data():
    """The extra hours of sleep of Student (1908), whose intervals every textbook and R's t.test print."""
    drug_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    drug_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    difference = statistics.paired_difference(drug_1, drug_2)
    assert difference.mean == pytest.approx(1.58)
    assert difference.low == pytest.approx(0.7001142, abs=1e-7)
    assert difference.high == pytest.approx(2.4598858, abs=1e-7)
    assert difference.n == 10


def test_interval_by_hand():
    """1, 2, 3: s = 1 and t(0.975, 2) = 4.3027, as the tables print it."""
    estimate = statistics.mean_interval([1, 2, 3])
    assert estimate.mean == 2
    assert estimate.half_width == pytest.approx(4.3027 / 3**0.5, abs=1e-4)


@settings(deadline=None)  # on a busy machine, SciPy's first call takes its time
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_interval_agrees_with_scipy(values):
    estimate = statistics.mean_interval(values)
    scale = np.std(values, ddof=1) / len(values) ** 0.5
    if scale > 0:
        expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=scale)
        assert (estimate.low, estimate.high) == pytest.approx(expected)
    assert estimate.low <= estimate.mean <= estimate.high


def test_one_replicate_has_no_interval():
    assert statistics.mean_interval([0.25]) == statistics.Estimate(0.25, None, None, 1)
    assert statistics.paired_difference([0.25], [0.5]).half_width is None


@pytest.mark.parametrize("diverged", [np.nan, np.inf])
def test_what_is_not_finite_has_no_interval(diverged):
    estimate = statistics.mean_interval([0.1, diverged, 0.2])
    assert np.isnan(estimate.mean)
    assert (estimate.low, estimate.high, estimate.n) == (None, None, 3)


def test_pairing_takes_out_what_replicates_share():
    before = [0.1, 0.5, 0.9]
    after = [0.2, 0.6, 1.0]
    assert statistics.paired_difference(before, after).half_width == pytest.approx(0)
    assert statistics.mean_interval(after).half_width > 0.5


def test_replicates_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match="2 replicates cannot be paired with 3"):
        statistics.paired_difference([1, 2], [1, 2, 3])
