"""Stages of a study as processes that tests start, wait for and kill."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A stage, in a process group of its own, that saves after every epoch."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "src/scramble"), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"SCRAMBLE_SAVE_EVERY": "0"} | environment,
        start_new_session=True,
    )


def finish(folder: Path, *arguments: str) -> str:
    process = start(folder, *arguments)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def wait_for(moment: Callable[[Path], object], folder: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not moment(folder):
        assert process.poll() is None, "it ended before the moment came"
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.0005)
