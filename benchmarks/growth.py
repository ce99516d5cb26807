"""Cost grows linearly: images per second with 6,000, 60,000 and 600,000 resident images."""

from collections.abc import Iterator
from typing import Any

from benchmarks import loops
from benchmarks.loops import NETWORKS, Loop
from benchmarks.results import Result
from benchmarks.turns import in_process, median_seconds

SIZES = (6_000, 60_000, 600_000)
ROUNDS = {"mlp": 3, "lenet5": 1}
"""An epoch of LeNet-5 over 600,000 images takes the better part of a minute."""


def measure(sizes: tuple[int, ...] = SIZES) -> Iterator[Result]:
    for name, rounds in ROUNDS.items():
        speeds = in_process(speeds_by_size, name, sizes, rounds)
        for size in sizes:
            if size != 60_000:
                label = f"growth: {name}, 1 thread, {size:,} / 60,000 images"
                yield Result(label, speeds[size], speeds[60_000], "images/s", "0.85 to 1.15")


def speeds_by_size(name: str, sizes: tuple[int, ...], rounds: int) -> dict[int, float]:
    """Images per second; for a process of its own. A turn takes 60,000 images or one epoch, whichever is more."""
    strategy = loops.configure(threads=1)
    turns: dict[int, Any] = {}
    images: dict[int, int] = {}
    for size in sizes:
        epochs = Loop(NETWORKS[name]._replace(num_images=size), loops.recipe(), strategy).epochs()
        next(epochs)
        num_epochs = max(1, 60_000 // size)
        images[size] = num_epochs * size
        turns[size] = lambda epochs=epochs, num_epochs=num_epochs: [next(epochs) for _ in range(num_epochs)]
    return {size: images[size] / seconds for size, seconds in median_seconds(turns, rounds).items()}
