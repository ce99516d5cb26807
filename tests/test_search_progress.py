"""The progress of a search: trials done, the best so far, the time left."""

import io

import pytest
from rich.console import Console

from scramble.search.journal import Training
from scramble.search.progress import SearchProgress
from scramble.search.trials import Trial
from search_study import job, study


def trial(error: float) -> Trial:
    setting = job(study()).search.setting({"learning_rate": 0.003, "options.units": [16]}, 2)
    return Trial("4", {}, setting, (0,), {0: Training(error=error, diverged=False, history=())})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the monotonic clock shows, to be set."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_every_finished_trial_is_a_line(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with SearchProgress("mlp pixels", 10, Console(file=io.StringIO())) as progress:
        progress.resume(0)
        clock[0] = 30
        progress.update(1, None)
        progress.update(1, None)
        clock[0] = 60
        progress.update(4, trial(0.125))
    assert capsys.readouterr().out.splitlines() == [
        "mlp pixels  trial 1/10  no best trial yet  4:30 left",
        "mlp pixels  trial 4/10  best 12.50% error (trial 4)  1:30 left",
    ]


def test_trials_of_an_earlier_attempt_took_no_time(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    notes = io.StringIO()
    clock[0] = 1000
    with SearchProgress("mlp pixels", 10, Console(file=notes)) as progress:
        clock[0] = 2000
        progress.resume(7)
        clock[0] = 2020
        progress.update(8, trial(0.125))
    assert notes.getvalue() == "mlp pixels: 7 of 10 trials are finished already\n"
    assert capsys.readouterr().out.endswith("  0:40 left\n")


def test_a_bar_fits_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with SearchProgress("resnet20 identity", 24, console) as progress:
        progress.resume(3)
        progress.update(12, trial(0.125))
    assert all(len(line) < 90 for line in screen.getvalue().splitlines())  # control codes count here
    for part in ("resnet20 identity trials", "12/24", "best 12.50% error (trial 4)"):
        assert part in screen.getvalue()
    assert capsys.readouterr().out == ""
