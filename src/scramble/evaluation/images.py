"""The test images, permuted in every way of a study."""

import numpy as np
from numpy.typing import NDArray

from scramble import metrics, permutations
from scramble.artifacts import Split, read_test_split
from scramble.evaluation.job import Job


class PermutedImages:
    """The test split and its images permuted; keeps the permuted samples of one replicate at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.split: Split = read_test_split(job.paths.test_split)
        count = len(self.split.labels)
        self._sampled = np.linspace(0, count - 1, min(count, metrics.TRANSFER_SAMPLE)).round().astype(int)
        self._samples: dict[str, NDArray[np.uint8]] = {}
        self._replicate: int | None = None

    @property
    def sample_labels(self) -> NDArray[np.int32]:
        return self.split.labels[self._sampled]

    def permutation(self, name: str, replicate: int) -> permutations.Permutation:
        return permutations.load(self._job.paths.permutation(name), replicate)

    def permuted(self, name: str, replicate: int) -> NDArray[np.uint8]:
        """All images, (n, h, w, c)."""
        return self.permutation(name, replicate).apply(self.split.images, "test")

    def sample(self, name: str, replicate: int) -> NDArray[np.uint8]:
        """`metrics.TRANSFER_SAMPLE` images, permuted once per replicate."""
        if replicate != self._replicate:
            self._samples, self._replicate = {}, replicate
        if name not in self._samples:
            # What an image of its own draw becomes depends on its place in the whole split.
            self._samples[name] = self.permuted(name, replicate)[self._sampled]
        return self._samples[name]
