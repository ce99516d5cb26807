"""How far a training has come: bars on a terminal, a few plain lines elsewhere."""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LINES_PER_REPLICATE = 4


@dataclass(frozen=True)
class Report:
    """Where a replicate stands after an epoch."""

    replicate: int
    epoch: int
    loss: float
    validation_accuracy: float
    images_per_second: float


@dataclass(frozen=True)
class Resumption:
    """A replicate does not begin anew: it goes on after an epoch of an earlier attempt."""

    replicate: int
    epoch: int


class TrainingProgress:
    """Shows the replicates of one model under one permutation. Use as a context manager."""

    def __init__(self, title: str, replicates: int, epochs: int, console: Console | None = None) -> None:
        self._title = title
        self._epochs = epochs
        self._replicates = replicates
        self._console = console or Console()
        self._printed = {round(epochs * part / LINES_PER_REPLICATE) for part in range(1, LINES_PER_REPLICATE + 1)}
        self._start = time.monotonic()
        self._done = dict.fromkeys(range(replicates), 0)
        self._resumed = 0
        self._tasks: dict[int, TaskID] = {}
        self._bars = Progress(
            # All of it fits a terminal of 80 columns.
            TextColumn("{task.description}"),
            BarColumn(bar_width=6),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._bars.start()
        for replicate in self._done:
            name = f"{self._title} {replicate}"
            self._tasks[replicate] = self._bars.add_task(name, total=self._epochs, detail="waiting", start=False)
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def update(self, report: Report) -> None:
        self._done[report.replicate] = report.epoch
        if self._console.is_terminal:
            task = self._tasks[report.replicate]
            accuracy = f"val {report.validation_accuracy:.1%}"
            detail = f"loss {report.loss:.3f} {accuracy} {report.images_per_second:,.0f}/s"
            self._bars.start_task(task)
            self._bars.update(task, completed=report.epoch, detail=detail)
        elif report.epoch in self._printed:
            print(
                f"{self._title} replicate {report.replicate}  epoch {report.epoch}/{self._epochs}  "
                f"loss {report.loss:.4f}  validation accuracy {report.validation_accuracy:.2%}  "
                f"{report.images_per_second:,.0f} images/s  {self._time_left()} left",
                flush=True,
            )

    def resume(self, resumption: Resumption) -> None:
        """Counts epochs as done that took none of this attempt's time."""
        replicate, epoch = resumption.replicate, resumption.epoch
        self._done[replicate] = epoch
        self._resumed += epoch
        self._bars.update(self._tasks[replicate], completed=epoch)
        state = "is finished already" if epoch == self._epochs else f"goes on after epoch {epoch}"
        self._console.print(f"{self._title} replicate {replicate} {state}", highlight=False)

    def note(self, sentence: str) -> None:
        """Prints what is worth knowing of this training beside its numbers."""
        self._console.print(f"{self._title}: {sentence}", highlight=False, soft_wrap=True)

    def finish(self, replicate: int) -> None:
        """Counts the epochs that early stopping has saved as done."""
        self._done[replicate] = self._epochs
        self._bars.update(self._tasks[replicate], completed=self._epochs)

    def _time_left(self) -> str:
        """Minutes and seconds, if the remaining epochs go on as fast as those that are done."""
        done = sum(self._done.values())
        seconds_per_epoch = (time.monotonic() - self._start) / (done - self._resumed)
        minutes, seconds = divmod(round(seconds_per_epoch * (self._replicates * self._epochs - done)), 60)
        return f"{minutes}:{seconds:02d}"
