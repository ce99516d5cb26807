"""Workers side by side: every item once, errors told once, nobody left behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scramble import processes
from scramble.errors import UserError


def square(share: list[int], send: processes.Send) -> None:
    for item in share:
        send((os.getpid(), item, item * item))


def refuse(share: list[int], send: processes.Send) -> None:
    if 1 in share:
        raise UserError("item 1 cannot be done")
    time.sleep(60)


def fail(share: list[int], send: processes.Send) -> None:
    raise ZeroDivisionError


def die(share: list[int], send: processes.Send) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(share: list[int], send: processes.Send) -> None:
    os._exit(0)


def die_beside_a_busy_neighbour(share: list[int], send: processes.Send) -> None:
    if 0 in share:
        os.kill(os.getpid(), signal.SIGKILL)
    for number in range(600):
        send(number)
        time.sleep(0.1)


@pytest.mark.parametrize(("items", "workers", "used"), [(5, 2, 2), (1, 4, 1), (3, 1, 1)])
def test_every_item_is_done_once(items: int, workers: int, used: int) -> None:
    messages = list(processes.run(square, range(items), workers))
    assert sorted(square for _, _, square in messages) == [item * item for item in range(items)]
    assert len({process for process, _, _ in messages}) == used


def test_a_mistake_in_one_worker_ends_all() -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match="item 1 cannot be done"):
        list(processes.run(refuse, range(2), 2))
    assert time.monotonic() - start < 30
    assert not multiprocessing.active_children()


def test_a_bug_in_a_worker_stops_with_its_status(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        list(processes.run(fail, range(1), 1))
    assert stop.value.code == 1
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_killed_worker_is_told() -> None:
    with pytest.raises(UserError, match=r"SIGKILL.*SCRAMBLE_WORKERS=1"):
        list(processes.run(die, range(2), 2))


def test_a_killed_worker_is_told_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(UserError, match="SIGKILL"):
        list(processes.run(die_beside_a_busy_neighbour, range(2), 2))
    assert time.monotonic() - start < 30


def test_a_worker_that_leaves_without_a_word_is_no_success() -> None:
    with pytest.raises(SystemExit) as stop:
        list(processes.run(leave, range(1), 1))
    assert stop.value.code == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_their_parent(end: signal.Signals, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PARENT, encoding="utf-8")
    command = [sys.executable, program]
    environment = {"PYTHONPATH": "src"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.send_signal(end)
        parent.wait(timeout=30)
        deadline = time.monotonic() + 30
        while is_running(worker):
            assert time.monotonic() < deadline, "the worker outlived its parent"
            time.sleep(0.1)


PARENT = """
import os, time
from scramble import processes

def work(share, send):
    send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    for message in processes.run(work, range(1), 1):
        print(message, flush=True)
"""


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize(
    ("items", "cores_per_worker", "workers"),
    [(8, 1, 8), (3, 1, 3), (16, 1, 8), (9, 1, 9), (20, 1, 10), (4, 2, 4), (6, 2, 6), (7, 4, 3), (5, 16, 1), (1, 1, 1)],
)
def test_workers_fill_the_cores(
    items: int, cores_per_worker: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(Path, "glob", lambda *_: iter([]))
    assert processes.default_workers(items, cores_per_worker) == workers
