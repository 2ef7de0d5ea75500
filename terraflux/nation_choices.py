"""What the national example is asked for, and what it has done: both kept in its folder, so that it can go on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import write_text

LEDGER, FORMAT = "example.json", "terraflux national example 1"
ADDABLE = ("attribution", "members")
"""Parts that may be added to an example that is finished without them."""


@dataclass(frozen=True)
class NationChoices:
    """The nation of `seed` at `resolution` degrees from year `first` to `last`, each `every`-th cell.

    Products, `attribution` and `members` of the posterior are run at `coarse` degrees. The spin-up recycles `spin_up_years`.
    """

    resolution: float = 0.5
    first: int = 1979
    last: int = 2012
    coarse: float = 2.0
    seed: int = 1
    every: int = 1
    spin_up_years: int = 5
    attribution: bool = False
    members: int = 0

    @property
    def years(self) -> int:
        """Number of years."""
        return self.last - self.first + 1


class Ledger:
    """Stages of an example in its folder: which are done, the seconds and CPU seconds they took over all attempts, and facts
    they leave for the page. Raises ForcingError where the folder holds an example of other choices, or something else."""

    def __init__(self, folder: Path, choices: NationChoices) -> None:
        self.path = folder / LEDGER
        self.stages: dict[str, dict[str, Any]] = {}
        if self.path.is_file() and self.path.stat().st_size < 10_000_000:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            if content.get("format") != FORMAT:
                raise ForcingError("the file is no ledger of a national example", file=self.path, remedy="give another folder")
            before = content["choices"]
            other = [one.name for one in fields(NationChoices) if one.name not in ADDABLE
                     and before.get(one.name) != getattr(choices, one.name)]
            if other:
                raise ForcingError(f"the folder holds an example with {other[0]} = {before.get(other[0])!r}", file=self.path,
                                   variable=other[0], remedy="give the same choices to go on, or another folder")
            self.stages = content["stages"]
        elif folder.exists() and any(folder.iterdir()):
            raise ForcingError("the folder is taken by something else", file=folder, remedy="give another folder")
        self.choices = choices

    def done(self, name: str) -> bool:
        """Whether a stage is finished."""
        return bool(self.stages.get(name, {}).get("done", False))

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a stage; it is done where nothing is raised. Yields the facts of the stage, to be filled."""
        entry = self.stages.setdefault(name, {"done": False, "seconds": 0.0, "cpu_seconds": 0.0, "attempts": 0, "facts": {}})
        entry["attempts"] += 1
        began, computed = time.perf_counter(), time.process_time()
        try:
            yield entry["facts"]
            entry["done"] = True
        finally:
            entry["seconds"] += time.perf_counter() - began
            entry["cpu_seconds"] += time.process_time() - computed
            self.write()

    def write(self) -> None:
        """Keep it on disk."""
        write_text(self.path, json.dumps({"format": FORMAT, "choices": asdict(self.choices), "stages": self.stages}, indent=1)
                   + "\n")
