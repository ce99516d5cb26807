"""How far an evaluation has come: a bar on a terminal, a few plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

NUM_LINES = 4


class EvaluationProgress:
    """Counts the networks of one model. Use as a context manager."""

    def __init__(self, model: str, networks: int, console: Console | None = None) -> None:
        self._model = model
        self._networks = networks
        self._console = console or Console()
        self._printed = {round(networks * part / NUM_LINES) for part in range(1, NUM_LINES + 1)}
        self._start = time.monotonic()
        self._done = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TextColumn("networks"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(model, total=networks)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self) -> None:
        """Counts one more network as done."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        if not self._console.is_terminal and self._done in self._printed:
            line = f"{self._model}: {self._done}/{self._networks} networks  {self._time_left()} left"
            self._console.print(line, highlight=False, soft_wrap=True)

    def _time_left(self) -> str:
        """Minutes and seconds, if the others go on as fast as those that are done."""
        seconds = (time.monotonic() - self._start) / self._done * (self._networks - self._done)
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes}:{seconds:02d}"
