"""How far a search has come: trials done of all, the best so far, and the time that is left."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scramble.search.trials import Trial


class SearchProgress:
    """Shows the search for one cell. Use as a context manager.

    Args:
        total: trials, the winner's fresh trainings included.
    """

    def __init__(self, title: str, total: int, console: Console | None = None) -> None:
        self._title = title
        self._total = total
        self._console = console or Console()
        self._shown = 0
        self._resumed = 0
        self._start = time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=10),
            MofNCompleteColumn(),
            TextColumn("{task.fields[best]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bars.add_task(f"{title} trials", total=total, best="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def resume(self, num_finished: int) -> None:
        """Counts trials as done that took none of this attempt's time."""
        self._start = time.monotonic()
        self._resumed = self._shown = num_finished
        self._bars.reset(self._task, total=self._total, completed=num_finished)
        if num_finished:
            self.note(f"{num_finished} of {self._total} trials are finished already")

    def update(self, num_finished: int, best: Trial | None) -> None:
        """Shows how many trials are finished, and which of them leads."""
        if num_finished == self._shown:
            return
        self._shown = num_finished
        leads = f"best {best.score:.2%} error (trial {best.number})" if best else "no best trial yet"
        if self._console.is_terminal:
            self._bars.update(self._task, completed=num_finished, best=leads)
        else:
            print(f"{self._title}  trial {num_finished}/{self._total}  {leads}  {self._time_left()} left", flush=True)

    def note(self, sentence: str) -> None:
        """Prints what is worth knowing of this search beside its numbers."""
        self._console.print(f"{self._title}: {sentence}", highlight=False, soft_wrap=True)

    def _time_left(self) -> str:
        """Minutes and seconds, if the remaining trials take as long as those that are done."""
        seconds_per_trial = (time.monotonic() - self._start) / max(1, self._shown - self._resumed)
        minutes, seconds = divmod(round(seconds_per_trial * (self._total - self._shown)), 60)
        return f"{minutes}:{seconds:02d}"
