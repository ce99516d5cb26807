"""Seeded draws in which every class keeps its share."""

import numpy as np
from numpy.typing import NDArray


def stratified_sample(labels: NDArray[np.int32], count: int, seed: int, purpose: str) -> NDArray[np.int64]:
    """Draws `count` positions of `labels`, each class in its share and, where `count` allows it, at least once.

    A smaller draw is a subset of a larger one with the same seed, so that studies with different limits are
    comparable. (scikit-learn's StratifiedShuffleSplit draws anew for every count.)

    Args:
        labels: (n,), 0..classes-1.
        count: how many positions, at most n.
        seed: with `purpose` it chooses the draw.
        purpose: what the positions are for; draws for different purposes are independent.

    Returns:
        Sorted positions (count,).
    """
    shuffled = np.random.default_rng([seed, *purpose.encode()]).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    class_sizes = np.bincount(labels)
    class_starts = np.cumsum(class_sizes) - class_sizes
    classes = labels[by_class]
    # The share of its class that precedes an image; taking images in this order fills all classes alike.
    share_before = (np.arange(len(labels)) - class_starts[classes]) / class_sizes[classes]
    return np.sort(by_class[np.argsort(share_before, kind="stable")[:count]])
