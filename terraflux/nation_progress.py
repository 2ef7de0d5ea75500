"""How far the runs of the national example are, and the time that all of them still need."""

import sys
import time

from terraflux.cli.progress import Progress

TOLD_EVERY = 20.0  # s between lines where no terminal is


class Watch:
    """Counts the work of several runs, in cell-years with those of the spin-up, and tells the remaining time of them all."""

    def __init__(self, progress: Progress, work: dict[str, float]) -> None:
        self._progress, self._work = progress, work
        self._left = sum(work.values())  # cell-years of runs that have not ended
        self._name, self._first = "", -1.0
        self._began = self._told = time.perf_counter()
        self._gained = 0.0

    def begin(self, name: str) -> None:
        """A run begins."""
        self._name, self._first = name, -1.0
        self._progress.start(name)

    def end(self) -> None:
        """The run at hand has ended."""
        work = self._work.pop(self._name, 0.0)
        self._left -= work
        self._gained += work * (1.0 - max(self._first, 0.0))

    def update(self, done: int, total: int, words: str) -> None:
        """Cell-days done of a run, as `run_region` tells them."""
        if done and self._first < 0.0:
            self._first = 0.0 if "begun" in words else done / total
        share = done / max(total, 1)
        remaining = self.remaining(share)
        told = f"{words}; {remaining}" if remaining else words
        self._progress.update(done, total, told)
        now = time.perf_counter()
        if done and not sys.stderr.isatty() and now - self._told > TOLD_EVERY:
            self._told = now
            print(f"{'':10}{self._name}: {100.0 * share:.0f} %, {told}", file=sys.stderr, flush=True)

    def remaining(self, share: float) -> str:
        """Words on the time that all runs still need, "" where nothing is known yet."""
        here = self._work.get(self._name, 0.0)
        gained = self._gained + here * max(share - max(self._first, 0.0), 0.0)
        if gained <= 0.0:
            return ""
        seconds = (time.perf_counter() - self._began) * (self._left - here * share) / gained
        return f"all runs: about {seconds / 60.0:.0f} min left" if seconds > 90.0 else f"all runs: about {seconds:.0f} s left"
