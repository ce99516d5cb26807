import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from scramble import metrics

LOGITS = np.array([[3, 1, 0], [0, 2, 1], [0, 1, 2], [5, 4, 3]], np.float32)
LABELS = np.array([0, 1, 1, 2], np.int32)


@pytest.mark.parametrize(("k", "expected"), [(1, 0.5), (2, 0.25), (3, 0.0), (5, 0.0)])
def test_top_k_error_by_hand(k, expected):
    assert metrics.top_k_error(LOGITS, LABELS, k) == expected


def test_ties_count_against_the_model():
    logits = np.zeros((6, 6), np.float32)
    labels = np.arange(6)
    assert metrics.top_k_error(logits, labels, 1) == 1
    assert metrics.top_k_error(logits, labels, 5) == 1
    confusion = metrics.confusion_counts(logits, labels)
    assert np.diagonal(confusion).sum() == 0
    assert confusion[0, 1] == 1  # the first of the others
    assert confusion[1:, 0].sum() == 5


def test_nan_counts_against_the_model():
    logits = np.full((2, 7), np.nan, np.float32)
    labels = np.array([0, 3])
    assert metrics.top_k_error(logits, labels, 5) == 1
    assert np.diagonal(metrics.confusion_counts(logits, labels)).sum() == 0
    assert np.isnan(metrics.negative_log_likelihood(logits, labels))


def test_negative_log_likelihood_by_hand_and_without_overflow():
    assert metrics.negative_log_likelihood(np.zeros((2, 10), np.float32), np.array([0, 7])) == pytest.approx(np.log(10))
    logits = np.array([[1000.0, 0.0]], np.float32)
    assert metrics.negative_log_likelihood(logits, np.array([1])) == pytest.approx(1000)


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_metrics_agree_with_the_definitions(seed, num_classes):
    random = np.random.default_rng(seed)
    logits = random.normal(size=(50, num_classes)).astype(np.float32)
    labels = random.integers(num_classes, size=50)
    confusion = metrics.confusion_counts(logits, labels)
    assert metrics.top_k_error(logits, labels, 1) == pytest.approx(np.mean(logits.argmax(axis=1) != labels))
    expected = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(50), labels].mean()
    assert metrics.negative_log_likelihood(logits, labels) == pytest.approx(expected)
    np.testing.assert_array_equal(confusion.sum(axis=1), np.bincount(labels, minlength=num_classes))
    assert 1 - np.trace(confusion) / 50 == pytest.approx(metrics.top_k_error(logits, labels, 1))


def test_confusion_counts_by_hand():
    np.testing.assert_array_equal(metrics.confusion_counts(LOGITS, LABELS), [[1, 0, 0], [0, 1, 1], [1, 0, 0]])


def test_a_class_without_images_has_no_error():
    errors = metrics.per_class_error(np.array([[3, 1], [0, 0]]))
    assert errors[0] == 0.25
    assert np.isnan(errors[1])


def test_per_run_rows():
    rows = metrics.per_run_rows("mlp", "pixels", np.stack([LOGITS, -LOGITS]), LABELS)
    assert [row["replicate"] for row in rows] == [0, 1]
    assert list(rows[0]) == [
        *("model", "permutation", "replicate", "top1_error", "top5_error", "nll", "brier", "ece"),
        *("class_0_error", "class_1_error", "class_2_error"),
    ]
    assert rows[0]["top1_error"] == 0.5
    assert rows[0]["class_1_error"] == 0.5


def test_a_run_by_hand():
    """Images of the classes 0 and 1 of three: probabilities (1/2, 1/4, 1/4), right, and (2/3, 1/6, 1/6), wrong."""
    logits = np.log(np.array([[2, 1, 1], [4, 1, 1]]))
    row = metrics.run_row(logits, np.array([0, 1]))
    assert row["nll"] == pytest.approx((np.log(2) + np.log(6)) / 2)
    assert row["brier"] == pytest.approx((3 / 8 + (16 + 25 + 1) / 36) / 2)
    assert row["ece"] == pytest.approx((1 / 2 + 2 / 3) / 2)  # each alone in its bin
    assert (row["top1_error"], row["class_0_error"], row["class_1_error"]) == (0.5, 0, 1)
    assert np.isnan(row["class_2_error"])


def test_a_run_that_diverged_has_errors_and_nothing_else():
    logits = LOGITS.copy()
    logits[3] = np.nan
    row = metrics.run_row(logits, LABELS)
    assert row["top1_error"] == 0.5
    assert [name for name, value in row.items() if np.isnan(value)] == ["nll", "brier", "ece"]


def test_shapes_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match=r"\(replicates, 4, classes\)"):
        metrics.per_run_rows("mlp", "pixels", LOGITS, LABELS)
