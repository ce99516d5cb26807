"""Numbers from predictions: errors, likelihood, calibration and confusion of logits (n, classes) against labels (n,).

Pure NumPy. A tie counts against the model: a label whose logit another class equals is ranked behind that class, so
a network that says the same for every class is right about none. NaN counts as a tie.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RUN_METRICS = ("top1_error", "top5_error", "nll", "brier", "ece")
"""The columns of one run that metrics.json sums up over replicates."""
NUM_BINS = 15
"""Of a reliability diagram (Guo et al. 2017, section 4.2)."""
TRANSFER_SAMPLE = 2500
"""Test images that tell a network's error under a permutation other than its own, or all where there are no more.

They are spread evenly over the test split; the standard error of an error rate is one percentage point at most.
"""


@dataclass(frozen=True)
class Reliability:
    """The bins of a reliability diagram, ((m - 1) / M, m / M] for m = 1..M, each array (M,)."""

    confidence: NDArray[np.float64]
    """Mean probability of the most likely class; NaN in an empty bin."""
    accuracy: NDArray[np.float64]
    """Share of right answers; NaN in an empty bin."""
    count: NDArray[np.int64]
    """Images. Those without a confidence, of a training that diverged, are in no bin."""


def label_ranks(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.intp]:
    """How many other classes are at least as likely as the label: 0 is a right answer. Shape (n,)."""
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)  # (n, 1)
    return (~(logits < of_label)).sum(axis=1) - 1


def top_k_error(logits: NDArray[np.floating], labels: NDArray[np.integer], k: int) -> float:
    """Share of labels that are not among the k most likely classes; 0 where there are at most k classes."""
    return float(np.mean(label_ranks(logits, labels) >= k))


def log_losses(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """-ln softmax(logits)[label] of every image (n,), in nats."""
    return -np.take_along_axis(_log_probabilities(logits), labels[:, None], axis=1)[:, 0]


def negative_log_likelihood(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of -ln softmax(logits)[label], in nats."""
    return float(np.mean(log_losses(logits, labels)))


def brier_scores(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """Squared distance of every image's probabilities from its label's one-hot vector, summed over classes (n,)."""
    distances = probabilities(logits)
    distances[np.arange(len(labels)), labels] -= 1
    return np.square(distances).sum(axis=1)


def brier_score(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of `brier_scores`, in Brier's (1950) form of several classes: from 0 to 2, 1 - 1 / classes for a guess."""
    return float(np.mean(brier_scores(logits, labels)))


def reliability(logits: NDArray[np.floating], labels: NDArray[np.integer], num_bins: int = NUM_BINS) -> Reliability:
    """How often a network is right when it is so sure: images in bins of equal width by their confidence."""
    confidences = probabilities(logits).max(axis=1)  # (n,)
    binned = np.isfinite(confidences)
    bins = np.searchsorted(np.linspace(0, 1, num_bins + 1), confidences[binned]) - 1
    right = label_ranks(logits, labels)[binned] == 0
    count = np.bincount(bins, minlength=num_bins)
    empty = np.full(num_bins, np.nan)
    confidence, accuracy = (
        np.divide(np.bincount(bins, values, num_bins), count, out=empty.copy(), where=count > 0)
        for values in (confidences[binned], right)
    )
    return Reliability(confidence, accuracy, count)


def expected_calibration_error(
    logits: NDArray[np.floating], labels: NDArray[np.integer], num_bins: int = NUM_BINS
) -> float:
    """Mean distance of accuracy from confidence, bins weighted by their images (Naeini et al. 2015; Guo et al. 2017).

    NaN where an image has no confidence. Chance adds to it: few images per bin are never quite calibrated.
    """
    bins = reliability(logits, labels, num_bins)
    if bins.count.sum() < len(labels):
        return float("nan")
    filled = bins.count > 0
    gaps = np.abs(bins.accuracy - bins.confidence)[filled]
    return float(np.average(gaps, weights=bins.count[filled]))


def probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """softmax(logits), (n, classes)."""
    return np.exp(_log_probabilities(logits))


def _log_probabilities(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """ln softmax(logits), (n, classes)."""
    logits = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinite logits, of a training that diverged, give NaN
        shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def predicted_classes(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.intp]:
    """The most likely class (n,); where it is tied with the label, the first of the others."""
    others = np.nan_to_num(logits, nan=np.inf, neginf=float(np.finfo(logits.dtype).min))
    np.put_along_axis(others, labels[:, None], -np.inf, axis=1)
    return np.where(label_ranks(logits, labels) == 0, labels, others.argmax(axis=1))


def confusion_counts(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.int64]:
    """Counts (classes, classes) of images by actual (row) and predicted (column) class."""
    num_classes = logits.shape[1]
    pairs = labels.astype(np.int64) * num_classes + predicted_classes(logits, labels)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_error(confusion: NDArray[np.integer]) -> NDArray[np.float64]:
    """Share of each class (classes,) that was taken for another; NaN for a class without an image."""
    totals = confusion.sum(axis=1)
    wrong = totals - np.diagonal(confusion)
    return np.divide(wrong, totals, out=np.full(len(totals), np.nan), where=totals > 0)


def run_row(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> dict[str, float]:
    """Every metric of one run: those of RUN_METRICS and, per class, class_<i>_error in the order of the classes."""
    row = {
        "top1_error": top_k_error(logits, labels, 1),
        "top5_error": top_k_error(logits, labels, 5),
        "nll": negative_log_likelihood(logits, labels),
        "brier": brier_score(logits, labels),
        "ece": expected_calibration_error(logits, labels),
    }
    errors = per_class_error(confusion_counts(logits, labels))
    return row | {f"class_{index}_error": float(error) for index, error in enumerate(errors)}


def per_run_rows(
    model: str, permutation: str, logits: NDArray[np.floating], labels: NDArray[np.integer]
) -> list[dict[str, str | int | float]]:
    """The rows of metrics.csv for one model and permutation, one per replicate.

    Args:
        logits: (replicates, n, classes)
        labels: (n,), 0..classes-1

    Raises:
        ValueError: the shapes do not belong together.
    """
    if logits.ndim != 3 or logits.shape[1] != len(labels):
        raise ValueError(f"logits {logits.shape} must have shape (replicates, {len(labels)}, classes)")
    return [
        {"model": model, "permutation": permutation, "replicate": replicate, **run_row(of_run, labels)}
        for replicate, of_run in enumerate(logits)
    ]
