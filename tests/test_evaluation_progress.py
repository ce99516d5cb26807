"""How far an evaluation has come, on a terminal and elsewhere."""

import io
import time

import pytest
from rich.console import Console

from scramble.evaluation.console import EvaluationProgress


def shown(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> str:
    """What 8 networks that take 10 seconds each leave on the screen."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80)
    with EvaluationProgress("lenet5", 8, console) as progress:
        for _ in range(8):
            now[0] += 10
            progress.advance()
    return screen.getvalue()


def test_a_few_lines_tell_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False).splitlines() == [
        "lenet5: 2/8 networks  1:00 left",
        "lenet5: 4/8 networks  0:40 left",
        "lenet5: 6/8 networks  0:20 left",
        "lenet5: 8/8 networks  0:00 left",
    ]


def test_a_terminal_has_a_bar_and_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = shown(monkeypatch, terminal=True)
    assert "8/8" in screen
    assert "left" not in screen
