"""Cost grows linearly: images per second with 6,000, 60,000 and 600,000 resident images."""

from collections.abc import Iterator
from typing import Any

from benchmarks import loops
from benchmarks.loops import NETWORKS, Loop
from benchmarks.results import Result
from benchmarks.turns import in_process, median_seconds

SIZES = (6_000, 60_000, 600_000)
TURN = 60_000
"""Images that a turn takes in; one epoch where that is more."""
ROUNDS = 3
SLOW = {"mlp": False, "lenet5": True}
"""Whether an epoch over 600,000 images takes the better part of a minute: it is then measured once."""


def measure() -> Iterator[Result]:
    for name, slow in SLOW.items():
        speeds = in_process(speeds_by_size, name, SIZES, slow)
        for size in SIZES:
            if size != TURN:
                label = f"growth: {name}, 1 thread, {size:,} / {TURN:,} images"
                yield Result(label, speeds[size], speeds[TURN], "images/s", "0.85 to 1.15")


def speeds_by_size(name: str, sizes: tuple[int, ...], slow: bool) -> dict[int, float]:
    """Images per second; for a process of its own."""
    strategy = loops.configure(threads=1)
    turns: dict[int, Any] = {}
    images: dict[int, int] = {}
    for size in sizes:
        epochs = Loop(NETWORKS[name]._replace(num_images=size), loops.recipe(), strategy).epochs()
        next(epochs)
        num_epochs = max(1, TURN // size)
        images[size] = num_epochs * size
        turns[size] = lambda epochs=epochs, num_epochs=num_epochs: [next(epochs) for _ in range(num_epochs)]
    once = [size for size in sizes if slow and size > TURN]
    return {size: images[size] / seconds for size, seconds in median_seconds(turns, ROUNDS, once).items()}
