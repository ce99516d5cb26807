"""What a verification shows: how far it has come, and at the end what it found."""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scramble.verdicts import Control, Reexecution


class VerificationProgress:
    """Shows step after step: a bar on a terminal, a line after each step everywhere. Use as a context manager."""

    def __init__(self, steps: Sequence[str], console: Console) -> None:
        self._steps = steps
        self._console = console
        self._seconds: list[float] = []
        self._start = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(steps[0], total=len(steps), left="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def done(self, outcome: str) -> None:
        """Ends the present step and begins the next."""
        self._seconds.append(time.monotonic() - self._start)
        self._start = time.monotonic()
        done, count = len(self._seconds), len(self._steps)
        left = f"about {self._time_left()} left" if done < count else ""
        line = f"{done}/{count} {self._steps[done - 1]}: {outcome}, {self._seconds[-1]:.1f} s" + (left and f"; {left}")
        self._console.print(line, highlight=False, soft_wrap=True)
        following = self._steps[min(done, count - 1)]
        self._bar.update(self._task, completed=done, description=following, left=left)

    def _time_left(self) -> str:
        """Minutes and seconds, if each step takes as long as those of its stage so far; else as long as any so far."""
        done = [(step.partition("@")[0], seconds) for step, seconds in zip(self._steps, self._seconds, strict=False)]
        left = 0.0
        for step in self._steps[len(done) :]:
            alike = [seconds for stage, seconds in done if stage == step.partition("@")[0]] or self._seconds
            left += sum(alike) / len(alike)
        minutes, rest = divmod(round(left), 60)
        return f"{minutes}:{rest:02d}"


def show(stages: Mapping[str, Reexecution], controls: Sequence[Control], console: Console) -> None:
    """Prints the verdicts, what differs, and the controls."""
    if stages:
        table = Table("stage", "verdict")
        for name, found in stages.items():
            table.add_row(name, found.verdict)
        console.print(table)
    for name, found in stages.items():
        for line in _differences(found):
            console.print(f"{name}: {line}", highlight=False, soft_wrap=True, markup=False)
    if controls:
        table = Table("control", "expected", "measured", "")
        for control in controls:
            table.add_row(control.name, control.expected, control.measured, OUTCOMES[control.passed])
        console.print(table)


OUTCOMES = {True: "passed", False: "FAILED", None: "does not apply"}


def _differences(found: Reexecution) -> Iterator[str]:
    yield from map(str, found.first_differences)
    if found.events:
        yield f"event files with other bytes: {', '.join(found.events)}"
    for key, (first, second) in found.environment_changes.items():
        yield f"environment: {key} was {first or 'not there'}, is {second or 'not there'}"
