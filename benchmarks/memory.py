"""The largest resident size of a process while stage `train` trains on data of MNIST's size."""

import resource
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.scratch import ScratchStudy
from benchmarks.turns import in_process

COUNTS = {"train": 60_000, "t10k": 10_000}
RECIPE = {"optimizer": "adam", "learning_rate": 0.001, "batch_size": 128, "epochs": 2}
MODELS = {
    "mlp": {"architecture": "mlp", "options": {"units": [300, 100]}, "recipe": RECIPE},
    "lenet5": {"architecture": "lenet5", "recipe": RECIPE},
}
LIMIT_GIB = 1.5


def measure() -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for split, count in COUNTS.items():
            write_idx(folder, split, count)
        study = ScratchStudy(folder, replicates=1, dataset={"name": "idx", "folder": name}, models=MODELS)
        study.prepare()
        for model in MODELS:
            peak = in_process(peak_gib, study, model)
            yield Result(f"memory: {model}, stage train, peak / limit", peak, LIMIT_GIB, "GiB", "<= 1")


def peak_gib(study: ScratchStudy, model: str) -> float:
    """The size of the largest process that training the model starts; for a process that starts no other."""
    study.train(model)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def write_idx(folder: Path, split: str, count: int) -> None:
    """Writes noise of 28x28 pixels, and labels of ten classes, as the two IDX files of a split."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    for part, array in (("images", images), ("labels", np.resize(np.arange(10, dtype=np.uint8), count))):
        (folder / f"{split}-{part}-idx{array.ndim}-ubyte").write_bytes(idx(array))


def idx(array: NDArray[np.uint8]) -> bytes:
    unsigned_bytes = 0x08
    return struct.pack(f">4B{array.ndim}I", 0, 0, unsigned_bytes, array.ndim, *array.shape) + array.tobytes()
