"""The checkpoint of a calibration: to which problem, data and seed a chain belongs, told before any work is spent."""

import json
import os
from pathlib import Path
from typing import Any

from terraflux.assimilation.checkpoint import Checkpoint, ForeignCheckpoint, canonical, differences
from terraflux.assimilation.posterior_file import data_hash
from terraflux.assimilation.problem_file import problem_table
from terraflux.assimilation.tower_problem import TowerProblem

EVERY = 5
"""Steps of a sampler between saves."""


def fit_checkpoint(path: str | os.PathLike[str], target: TowerProblem, *, seed: int = 0, revision: str = "",
                   every: int = EVERY) -> Checkpoint:
    """A checkpoint at `path` for a sampler of `target`, tied to problem, site, defaults, data and seed.

    Raises ForeignCheckpoint, naming what differs, where a chain of something else lies there, OSError where a file that is
    no checkpoint does.
    """
    table = {key: value for key, value in problem_table(target.problem).items() if key not in ("title", "towers")}
    space = target.space
    configuration: dict[str, Any] = {
        "site": target.columns.tower.site.site_id, "problem": table, "years": list(map(int, target.years)), "seed": seed,
        "names": list(space.names), "defaults": space.default.tolist(), "priors": [one.as_table() for one in space.priors],
        "model": {key: str(value) for key, value in target.columns.options.differences().items()}}
    made = Checkpoint(Path(path), configuration, data_hash(target), revision, every)
    refuse_foreign(made)
    return made


def refuse_foreign(checkpoint: Checkpoint) -> None:
    """Raise ForeignCheckpoint if a save of another problem or of other data lies at the checkpoint's path."""
    saved = saved_problem(checkpoint.path)
    if saved is None:
        return
    problem, forcing = saved
    changed = differences(problem, json.loads(canonical(checkpoint.configuration)))
    if changed:
        raise ForeignCheckpoint(
            f"{checkpoint.path} holds a chain of another problem (its hash differs; changed: {', '.join(changed)}). Restore "
            "the problem to resume it, or choose another output folder or --checkpoint to start anew")
    if forcing != checkpoint.forcing:
        raise ForeignCheckpoint(
            f"{checkpoint.path} holds a chain of the same problem on other forcing or observations (their hash differs). "
            "Restore the data to resume it, or choose another output folder or --checkpoint to start anew")


def saved_problem(path: Path) -> tuple[dict[str, Any], str] | None:
    """Configuration of the problem and hash of the data that a save belongs to; None where there is none or it is torn.

    Raises ForeignCheckpoint for a file that is no checkpoint.
    """
    import h5py

    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            whole = json.loads(bytes(file["configuration"][()]).decode())
            return whole["problem"], str(file.attrs["forcing_hash"])
    except OSError:
        if path.with_name(path.name + ".backup").exists():
            return None  # a torn file beside a whole one: the sampler takes the backup
        raise ForeignCheckpoint(f"{path} is no checkpoint of terraflux; it is left as it is: choose another --checkpoint, or "
                                "move it away") from None
    except (KeyError, ValueError, TypeError):
        raise ForeignCheckpoint(f"{path} is an HDF5 file, but no checkpoint of terraflux; it is left as it is: choose another "
                                "--checkpoint, or move it away") from None
