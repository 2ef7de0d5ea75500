"""Run the calibration study site by site into a work folder: finished sites are skipped, several processes share the work."""

import fcntl
import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from calibration_study import study  # noqa: E402

from terraflux.drivers.safe_write import replacing, write_text  # noqa: E402


def sites_of(data: Path) -> list[str]:
    """Every shared tower, those with few years first, for their runs are short."""
    return sorted(folder.name for folder in (data / "towers").iterdir() if folder.is_dir())


def run_all(sites: list[str], data: Path, work: Path) -> None:
    """Studies every site that has no result yet and that no other process has taken."""
    work.mkdir(parents=True, exist_ok=True)
    for site in sites:
        if (work / f"{site}.json").is_file():
            continue
        with open(work / f"{site}.taken", "a") as mark:  # its lock goes with the process, so that a killed run leaves none
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if (work / f"{site}.json").is_file():
                continue
            begun = time.monotonic()
            try:
                outcome, series, posterior = study(site, data)
            except (ValueError, ArithmeticError) as error:
                traceback.print_exc()
                outcome, series, posterior = {"site": site, "failed": str(error)}, {}, {}
            keep(work, site, outcome, series, posterior)
        print(f"{site}: {time.monotonic() - begun:.0f} s, {outcome.get('message', outcome.get('failed'))}", flush=True)


def keep(work: Path, site: str, outcome: dict[str, Any], series: dict[str, dict[str, np.ndarray]],
         posterior: dict[str, np.ndarray]) -> None:
    """Writes the numbers, last, and the arrays of a site."""
    arrays = {f"{stream}|{name}": values for stream, entry in series.items() for name, values in entry.items()}
    with replacing(work / f"{site}.npz") as path, open(path, "wb") as file:
        np.savez_compressed(file, **posterior, **arrays)  # type: ignore[arg-type]
    write_text(work / f"{site}.json", json.dumps(outcome, indent=1) + "\n")
