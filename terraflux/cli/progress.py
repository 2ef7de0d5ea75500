"""What a long command is doing, with the time it still needs; on stderr, one line per stage where no terminal is."""

import sys
import time
from types import TracebackType
from typing import Any, Self


class Progress:
    """Stages of a command. On a terminal a bar with the remaining time; in a pipe or log one line per stage."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._stage = ""
        self._began = time.perf_counter()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
                       TextColumn("remaining"), TimeRemainingColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def start(self, stage: str, total: int | None = None) -> None:
        """Begin a stage of `total` parts (None: not known)."""
        self._stage = stage
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(stage, total=total)
        else:
            self._line(stage)

    def update(self, done: int, total: int, name: str) -> None:
        """`done` of `total` parts of the stage are complete; `name` is the part at hand.

        `done` = 0 begins the bar anew, so that the remaining time of each piece of work is its own.
        """
        if self._bar is None:
            if done == 0:
                self._line(f"{self._stage}: {name}")
            return
        if done == 0:
            self._bar.reset(self._task)
        self._bar.update(self._task, completed=done, total=total, description=f"{self._stage}: {name}")

    def _line(self, text: str) -> None:
        print(f"{time.perf_counter() - self._began:6.1f} s  {text}", file=sys.stderr, flush=True)

    def stop(self) -> None:
        """End; the terminal is free for results. May be called twice."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None
