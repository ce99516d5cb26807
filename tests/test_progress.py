"""Progress: bars on a terminal, a few plain lines elsewhere."""

import io

import pytest
from rich.console import Console

from scramble.progress import Report, TrainingProgress


def report(replicate: int, epoch: int) -> Report:
    return Report(replicate, epoch, loss=0.25, validation_accuracy=0.9, images_per_second=12345.6)


def test_plain_lines_are_few_and_tell_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with TrainingProgress("lenet5 pixels", replicates=2, epochs=20, console=Console(file=io.StringIO())) as progress:
        for epoch in range(1, 21):
            progress.update(report(1, epoch))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0] == (
        "lenet5 pixels replicate 1  epoch 5/20  loss 0.2500  validation accuracy 90.00%  12,346 images/s  1:10 left"
    )


def test_a_replicate_that_stops_early_counts_as_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0, 60])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with TrainingProgress("mlp pixels", replicates=2, epochs=4, console=Console(file=io.StringIO())) as progress:
        progress.finish(0)
        progress.update(report(1, 2))
    assert capsys.readouterr().out.endswith("0:20 left\n")


def test_bars_fit_a_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    with TrainingProgress("resnet20 identity", replicates=2, epochs=30, console=console) as progress:
        progress.update(report(0, 12))
    lines = screen.getvalue().splitlines()
    assert all(len(line) < 90 for line in lines)  # control codes count here
    for part in (
        "resnet20 identity 0",
        "12/30",
        "loss 0.250",
        "val 90.0%",
        "12,346/s",
        "resnet20 identity 1",
        "waiting",
    ):
        assert part in screen.getvalue()
