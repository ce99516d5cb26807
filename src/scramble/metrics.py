"""Numbers from predictions: errors, likelihood and confusion counts of logits (n, classes) against labels (n,).

Pure NumPy. A tie counts against the model: a label whose logit another class equals is ranked behind that class, so
a network that says the same for every class is right about none. NaN counts as a tie.
"""

import numpy as np
from numpy.typing import NDArray

RUN_METRICS = ("top1_error", "top5_error", "nll")
"""The columns of one run that metrics.json sums up over replicates."""


def label_ranks(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.intp]:
    """How many other classes are at least as likely as the label: 0 is a right answer. Shape (n,)."""
    of_label = np.take_along_axis(logits, labels[:, None], axis=1)  # (n, 1)
    return (~(logits < of_label)).sum(axis=1) - 1


def top_k_error(logits: NDArray[np.floating], labels: NDArray[np.integer], k: int) -> float:
    """Share of labels that are not among the k most likely classes; 0 where there are at most k classes."""
    return float(np.mean(label_ranks(logits, labels) >= k))


def negative_log_likelihood(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Mean of -ln softmax(logits)[label], in nats."""
    logits = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinite logits, of a training that diverged, give NaN
        shifted = logits - logits.max(axis=1, keepdims=True)
    of_label = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
    return float(np.mean(np.log(np.exp(shifted).sum(axis=1)) - of_label))


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
