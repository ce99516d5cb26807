"""What there is to find out about a model, and how the answers come back from the processes that do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scramble import params, processes
from scramble.paths import StudyPaths

ANY_CORES = 720_720
"""Items that any number of cores up to 16 divides: with fewer, `default_workers` adds processes for what is left over.

Here it is little, and every process takes the seconds and the memory of a TensorFlow of its own.
"""


class Trained(NamedTuple):
    """One trained network of a model."""

    permutation: str
    replicate: int


@dataclass(frozen=True)
class Answers:
    """What one network says to the test images."""

    trained: Trained
    logits: NDArray[np.float32]
    """(n, classes), images permuted as in training"""
    errors: tuple[float, ...]
    """Top-1 error on images permuted in each way of the grid, in its order, by the draws of the same replicate"""


@dataclass(frozen=True)
class View:
    """What a convolutional network looks at."""

    permutation: str
    arrays: dict[str, NDArray[Any]]
    """The contents of views/<permutation>.npz"""
    numbers: dict[str, float | None]
    """The contents of views.json for this permutation"""


@dataclass(frozen=True)
class Job:
    """All networks of one model, item by item, and after them one item for the views."""

    study: params.Study
    model: str

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.study.study)

    @property
    def networks(self) -> list[Trained]:
        """Replicate after replicate: networks that are tested on the same images follow each other."""
        permutations = self.study.grid.permutations
        return [Trained(name, replicate) for replicate in range(self.study.replicates) for name in permutations]

    @property
    def viewed(self) -> list[str]:
        """The permutations whose networks are looked into: the natural one and that of the headline."""
        return [name for name in (self.study.natural, self.study.headline) if name is not None]

    @property
    def num_items(self) -> int:
        return len(self.networks) + 1

    @property
    def files(self) -> list[Path]:
        """What has to be there."""
        named = [self.paths.dataset, self.paths.test_split / "images.npy", self.paths.test_split / "labels.npy"]
        for permutation in self.study.grid.permutations:
            named += [
                self.paths.permutation(permutation) / "permutation.json",
                self.paths.trained_architecture(self.model, permutation),
            ]
        return named + [self.paths.weights(self.model, *network) for network in self.networks]

    def default_workers(self) -> int:
        """As many processes as fill the cores; one where there is a GPU."""
        cores = processes.default_workers(ANY_CORES, self.study.compute.threads)
        return min(cores, len(self.networks))
