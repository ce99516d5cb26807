"""Looking into convolutional networks: the same pictures for every permutation that is viewed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scramble import explanations, metrics
from scramble.evaluation.images import PermutedImages
from scramble.evaluation.job import Job, Trained, View
from scramble.evaluation.network import untrained

if TYPE_CHECKING:
    from scramble.evaluation.worker import Networks

NUM_PICTURES = 6
REPLICATE = 0
UNTRAINED_SEED = 0


def views(job: Job, networks: "Networks", images: PermutedImages) -> Iterator[View]:
    """One for the natural and one for the headline's permutation, none for a network without convolutions."""
    places = {name: explanations.anatomy(networks.untrained(name).model) for name in job.viewed}
    convolutional = {name: at for name, at in places.items() if at is not None}
    labels = images.split.labels
    right = []
    for name in convolutional:
        logits = networks[Trained(name, REPLICATE)].logits(images.permuted(name, REPLICATE))
        right.append(metrics.label_ranks(logits, labels) == 0)
    for name, at in convolutional.items():
        yield _view(name, at, networks, images, choose(labels, right))


def choose(labels: NDArray[np.integer], right: Sequence[NDArray[np.bool_]]) -> NDArray[np.intp]:
    """Positions of one image for each of the first NUM_PICTURES classes that there are images of.

    Of each class it is the first that as many networks as possible are right about.

    Args:
        labels: (n,).
        right: for each network (n,), whether it is.
    """
    num_right = np.sum(right, axis=0)  # (n,)
    of_classes = [np.flatnonzero(labels == label) for label in np.unique(labels)[:NUM_PICTURES]]
    return np.array([positions[num_right[positions].argmax()] for positions in of_classes])


def _view(
    name: str, at: explanations.Anatomy, networks: "Networks", images: PermutedImages, shown: NDArray[np.intp]
) -> View:
    """What the network trained under the permutation `name` makes of the images at the positions `shown` (k,)."""
    pictures = images.split.images[shown]
    inputs = images.permuted(name, REPLICATE)[shown]
    network = networks[Trained(name, REPLICATE)]
    normalised = network.normalise(inputs)
    seen = explanations.explain(network.model, at, normalised)
    fresh = untrained(networks.architecture(name), UNTRAINED_SEED)
    seen_untrained = explanations.explain(fresh, at, normalised, classes=seen.predicted)
    index = explanations.sources(images.permutation(name, REPLICATE), pictures.shape[1:], shown)
    numbers = {
        "filters_morans_i": explanations.morans_i_of_filters(seen.filters),
        "untrained_filters_morans_i": explanations.morans_i_of_filters(seen_untrained.filters),
        "attention_similarity": explanations.rank_correlation(seen.attention, seen_untrained.attention),
    }
    arrays: dict[str, NDArray[Any]] = {
        "pictures": pictures,
        "inputs": inputs,
        "labels": images.split.labels[shown],
        "predicted": seen.predicted.astype(np.int32),
        "filters": seen.filters,
        "feature_maps": seen.feature_maps,
        "attention": explanations.carried_back(seen.attention, index),
        "attention_random": explanations.carried_back(seen_untrained.attention, index),
    }
    return View(name, arrays, {key: _rounded(value) for key, value in numbers.items()})


def _rounded(value: float | None) -> float | None:
    """Six decimals, so that the order in which a CPU adds does not show in the bytes of views.json.

    None also for what a training that diverged leaves, which JSON cannot say.
    """
    return None if value is None or not np.isfinite(value) else round(value, 6)
