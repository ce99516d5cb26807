"""Contestants that take turns, epoch by epoch: whatever slows the machine down meets all of them."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from typing import Any, Self, TypeVar

Wait = Callable[[], None]
Train = Callable[[Wait], None]
"""Trains without end, and calls what it is given after every epoch."""
Key = TypeVar("Key")
Answer = TypeVar("Answer")

ROUNDS = 5


class Contestant:
    """Processes that each train one epoch, all at once, whenever it is their turn. Use as a context manager."""

    def __init__(self, train: Train, processes: int = 1) -> None:
        """Starts them.

        Args:
            train: picklable; its first epoch, with imports and tracing, is begun at once and belongs to no turn.
        """
        context = multiprocessing.get_context("spawn")
        self._connections: list[Connection] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(train, theirs), daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)

    def ready(self) -> None:
        """Returns when each process has trained an epoch. EOFError: one has failed, and said why."""
        for connection in self._connections:
            connection.recv()

    def epoch(self) -> None:
        """Has every process train an epoch."""
        for connection in self._connections:
            connection.send(None)
        self.ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.join()


def _serve(train: Train, connection: Connection) -> None:
    def wait() -> None:
        connection.send(None)
        connection.recv()

    with suppress(EOFError, BrokenPipeError):  # whoever asked for epochs is gone
        train(wait)


def race(contestants: Mapping[Key, tuple[Train, int]], rounds: int = ROUNDS) -> dict[Key, float]:
    """Median seconds that each contestant, a training in so many processes at once, takes for an epoch."""
    with ExitStack() as running:
        started = {key: running.enter_context(Contestant(*each)) for key, each in contestants.items()}
        for contestant in started.values():
            contestant.ready()
        return median_seconds({key: contestant.epoch for key, contestant in started.items()}, rounds)


def median_seconds(
    turns: Mapping[Key, Callable[[], object]], rounds: int = ROUNDS, once: Container[Key] = ()
) -> dict[Key, float]:
    """Median seconds of each of `turns`, called one after another, `rounds` times over; those of `once` but once."""
    seconds: dict[Key, list[float]] = {key: [] for key in turns}
    for number in range(rounds):
        for key, turn in turns.items():
            if number and key in once:
                continue
            start = time.perf_counter()
            turn()
            seconds[key].append(time.perf_counter() - start)
    return {key: statistics.median(times) for key, times in seconds.items()}


def in_process(function: Callable[..., Answer], *arguments: Any) -> Answer:
    """What `function`, picklable, returns in a process of its own, where TensorFlow's threads are not yet set."""
    with ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn")) as executor:
        return executor.submit(function, *arguments).result()
