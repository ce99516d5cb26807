"""The most confident mistakes: what a network was sure of, and wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scramble import metrics
from scramble.artifacts import Split

NUM_MISTAKES = 12


def most_confident_mistakes(
    logits: NDArray[np.float32], split: Split, count: int = NUM_MISTAKES
) -> dict[str, NDArray[Any]]:
    """The contents of mistakes/<permutation>.npz, the most confident first; of fewer mistakes, all.

    Every image is there once, with the replicate that was surest of a wrong class.

    Args:
        logits: (replicates, n, classes).
        split: the test split, n images.
    """
    labels = split.labels
    predicted = np.stack([metrics.predicted_classes(of_run, labels) for of_run in logits])
    confidences = np.stack([metrics.probabilities(of_run).max(axis=1) for of_run in logits])
    # One that is not a number, of a training that diverged, is no confidence.
    confidences = np.where((predicted != labels) & np.isfinite(confidences), confidences, -np.inf)  # (replicates, n)
    replicate, surest = confidences.argmax(axis=0), confidences.max(axis=0)
    order = np.argsort(-surest, kind="stable")
    shown = order[np.isfinite(surest[order])][:count]
    return {
        "images": split.images[shown],
        "actual": labels[shown],
        "predicted": predicted[replicate[shown], shown].astype(np.int32),
        "confidence": surest[shown],
        "replicate": replicate[shown].astype(np.int32),
    }
