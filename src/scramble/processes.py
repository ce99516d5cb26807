"""Replicates side by side: worker processes that report to the one that started them."""

import multiprocessing
import os
import queue
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from scramble.errors import UserError

Send = Callable[[Any], None]


def default_workers(threads: int) -> int:
    """As many processes as fill the cores with `threads` each; one where there is an NVIDIA GPU."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)


def run(work: Callable[[list[int], Send], None], items: range, workers: int) -> Iterator[Any]:
    """Calls `work(share, send)` in up to `workers` new processes and yields what they send, as it comes.

    Every process takes each `workers`-th item. An error in one ends all; so does leaving the loop.

    Args:
        work: a picklable function; what it sends has to be picklable too.

    Raises:
        UserError: `work` raised one, or a process was killed.
        SystemExit: `work` failed otherwise; its traceback has been printed.
    """
    context = multiprocessing.get_context("spawn")
    messages: multiprocessing.Queue[Any] = context.Queue()
    shares = [list(items[first::workers]) for first in range(min(workers, len(items)))]
    processes = [context.Process(target=_worker, args=(work, share, messages), daemon=True) for share in shares]
    try:
        for process in processes:
            process.start()
        yield from _receive(messages, processes)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _worker(work: Callable[[list[int], Send], None], share: list[int], messages: Any) -> None:
    # Ctrl-C reaches the whole process group; the parent alone answers it, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work(share, messages.put)
    except UserError as error:
        messages.put(error)
    messages.put(None)


def _receive(messages: Any, processes: Sequence[BaseProcess]) -> Iterator[Any]:
    """Yields messages until every process has said that it is done, with None."""
    running = len(processes)
    while running:
        try:
            message = messages.get(timeout=0.5)
        except queue.Empty:
            _check_alive(processes)
            continue
        if isinstance(message, UserError):
            raise message
        if message is None:
            running -= 1
        else:
            yield message


def _check_alive(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.exitcode is not None and process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            raise UserError(f"a worker process was ended by {name}: if memory ran out, use fewer with --workers 1")
        if process.exitcode:
            sys.exit(process.exitcode)
