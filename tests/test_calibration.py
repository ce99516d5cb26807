import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from scramble import metrics


def logits_of(probabilities):
    """Logits (n, 2) of two classes, from the probability of the first."""
    probabilities = np.asarray(probabilities, np.float64)
    return np.log(np.stack([probabilities, 1 - probabilities], axis=1))


def test_brier_score_of_the_forecasts_of_rain():
    """The ten forecasts of Brier 1950, table 1, whose score is 0.19; 0 and 1 stand one millionth off."""
    rain = [0.7, 0.9, 0.8, 0.4, 0.2, 1e-6, 1e-6, 1e-6, 1e-6, 0.1]
    rained = np.array([0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    assert metrics.brier_score(logits_of(rain), 1 - rained) == pytest.approx(0.19, abs=1e-5)


def test_brier_score_of_a_guess_and_of_certainty():
    assert metrics.brier_score(np.zeros((3, 10), np.float32), np.array([0, 4, 9])) == pytest.approx(0.9)
    certain = np.array([[1000.0, 0, 0]], np.float32)
    assert metrics.brier_score(certain, np.array([0])) == 0
    assert metrics.brier_score(certain, np.array([1])) == 2


def test_calibration_error_by_hand():
    """Bins of a fifth: three images with 0.65, two of them right; one with 0.9, wrong: 3/4 · 1/60 + 1/4 · 0.9."""
    logits = logits_of([0.65, 0.65, 0.35, 0.9])
    labels = np.array([0, 1, 1, 1])
    bins = metrics.reliability(logits, labels, num_bins=5)
    np.testing.assert_array_equal(bins.count, [0, 0, 0, 3, 1])
    np.testing.assert_allclose(bins.accuracy, [np.nan, np.nan, np.nan, 2 / 3, 0])
    np.testing.assert_allclose(bins.confidence, [np.nan, np.nan, np.nan, 0.65, 0.9])
    expected = 3 / 4 * (2 / 3 - 0.65) + 1 / 4 * 0.9
    assert metrics.expected_calibration_error(logits, labels, num_bins=5) == pytest.approx(expected)


def test_a_bin_holds_its_upper_edge():
    certain = np.array([[0.0, 0.0], [800.0, 0.0]])  # confidences 0.5 and 1
    np.testing.assert_array_equal(metrics.reliability(certain, np.array([0, 0]), num_bins=2).count, [1, 1])


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 20))
def test_calibration_agrees_with_the_definitions(seed, num_classes, num_bins):
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2, size=(60, num_classes)).astype(np.float32)
    labels = random.integers(num_classes, size=60)
    probabilities = softmax(logits.astype(np.float64), axis=1)
    one_hot = np.eye(num_classes)[labels]
    np.testing.assert_allclose(metrics.brier_scores(logits, labels), ((probabilities - one_hot) ** 2).sum(axis=1))
    confidences, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for number in range(num_bins):
        inside = (confidences > number / num_bins) & (confidences <= (number + 1) / num_bins)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidences[inside].mean())
    assert metrics.expected_calibration_error(logits, labels, num_bins) == pytest.approx(expected)


def test_a_network_that_is_as_often_right_as_it_says_is_calibrated():
    random = np.random.default_rng(3)
    probabilities = random.uniform(0.5, 1, 100_000)
    labels = (random.random(100_000) > probabilities).astype(int)
    assert metrics.expected_calibration_error(logits_of(probabilities), labels) < 0.01
    assert metrics.expected_calibration_error(3 * logits_of(probabilities), labels) > 0.1


def test_a_training_that_diverged_has_no_calibration():
    logits = np.array([[np.nan, np.nan], [np.inf, 0], [2, 1]], np.float32)
    labels = np.array([0, 0, 0])
    assert np.isnan(metrics.brier_score(logits, labels))
    assert np.isnan(metrics.expected_calibration_error(logits, labels))
    assert metrics.reliability(logits, labels).count.sum() == 1


def test_per_image_values_have_the_mean_of_the_run():
    random = np.random.default_rng(0)
    logits = random.normal(size=(40, 10)).astype(np.float32)
    labels = random.integers(10, size=40)
    assert metrics.log_losses(logits, labels).shape == metrics.brier_scores(logits, labels).shape == (40,)
    assert metrics.log_losses(logits, labels).mean() == metrics.negative_log_likelihood(logits, labels)
    assert metrics.brier_scores(logits, labels).mean() == metrics.brier_score(logits, labels)
