"""Replicates side by side: worker processes that report to the one that started them, and end with it."""

import math
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from scramble.errors import UserError

Send = Callable[[Any], None]
DONE = "done"
"""A worker's last word."""


def default_workers(items: int, cores_per_worker: int) -> int:
    """How many processes do `items` soonest: as many as fill the cores; one where there is an NVIDIA GPU.

    What is left over joins the last full round instead of making one of its own: three items on two cores are done in
    one and a half times what one takes, as three processes that share the cores, and not in twice that.
    """
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    full_rounds = max(1, items // max(1, cores // cores_per_worker))
    return math.ceil(items / full_rounds)


def run(work: Callable[[list[int], Send], None], items: Sequence[int], workers: int) -> Iterator[Any]:
    """Calls `work(share, send)` in up to `workers` new processes and yields what they send, as it comes.

    Every process takes each `workers`-th item. An error in one ends all; so does leaving the loop.

    Args:
        work: a picklable function; what it sends has to be picklable too.

    Raises:
        UserError: `work` raised one, or a process was killed.
        SystemExit: `work` failed otherwise; its traceback has been printed.
    """
    started: dict[Connection, SpawnProcess] = {}
    try:
        for first in range(min(workers, len(items))):
            receiver, process = _start(work, list(items[first::workers]))
            started[receiver] = process
        yield from _receive(dict(started))
    finally:
        for process in started.values():
            process.kill()
            process.join()


def _start(work: Callable[[list[int], Send], None], share: list[int]) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_worker, args=(work, share, sender), daemon=True)
    # Ctrl-C reaches the whole process group; a child inherits that it is ignored, and its parent alone answers.
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, previous)
    sender.close()
    return receiver, process


def _worker(work: Callable[[list[int], Send], None], share: list[int], sender: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(share, sender.send)
    except UserError as error:
        sender.send(error)
    sender.send(DONE)


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, however it went: nobody waits for the results any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _receive(running: dict[Connection, SpawnProcess]) -> Iterator[Any]:
    """Yields messages until every process has said that it is done."""
    while running:
        for receiver in wait(list(running)):
            assert isinstance(receiver, Connection)
            try:
                message = receiver.recv()
            except EOFError:
                _explain_end(running[receiver])
            if isinstance(message, UserError):
                raise message
            if message == DONE:
                del running[receiver]
            else:
                yield message


def _explain_end(process: SpawnProcess) -> None:
    """Raises what the end of a process that was not done means."""
    process.join()
    if process.exitcode is None or process.exitcode >= 0:
        sys.exit(process.exitcode or 1)
    name = signal.Signals(-process.exitcode).name
    hint = ": if memory ran out, use fewer with SCRAMBLE_WORKERS=1" if name == "SIGKILL" else ""
    raise UserError(f"a worker process was ended by {name}{hint}")
