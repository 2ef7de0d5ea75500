"""Progress of a calibration: stages, and what solvers and samplers report while they run."""

import sys
import time

from terraflux.cli.progress import Progress

EVERY = 5.0
"""Seconds between lines where no terminal is."""


class FitProgress:
    """Called as solvers and samplers do, `(done, total, text)`; `stage` begins a stage. `label` names the tower."""

    def __init__(self, progress: Progress, label: str = "") -> None:
        self._progress, self._label = progress, f"{label}: " if label else ""
        self._told, self._last = 0.0, ""
        self._doing = ""

    def stage(self, text: str) -> None:
        """Begin a stage."""
        self._doing = text
        self._progress.start(f"{self._label}{text}")
        self._told = time.monotonic()

    def __call__(self, done: int, total: int, text: str) -> None:
        """`done` of `total` parts (0 of 0: not known); R-hat, effective draws and the time left stand in `text`."""
        self._doing = text if total == 0 else ""
        if sys.stderr.isatty():
            self._progress.update(done, total or 1, text)
            self._told = time.monotonic()
        elif text != self._last and (total == 0 or done >= total or time.monotonic() - self._told > EVERY):
            runs = f" ({done} of at most {total})" if total > 1 else ""
            self._progress.start(f"{self._label}{text}{runs}")
            self._told, self._last = time.monotonic(), text

    def runs(self, count: int) -> None:
        """`count` runs of the model were made: told where nothing else reports, as in the search for the optimum."""
        if self._doing and time.monotonic() - self._told > EVERY:
            doing = self._doing
            self(0, 0, f"{doing}: {count} runs")
            self._doing = doing
