"""A file that a killed sampler resumes from, with the identical chain.

HDF5 with /chain (steps, ensembles, walkers, parameters), /logp (steps, ensembles, walkers), /blobs (steps, ensembles,
walkers, k), the state of the random generators and of the algorithm (JSON attributes; larger parts as arrays in /state),
hashes of configuration and forcing, and the code revision. Only states the chain holds are written, never refused
proposals. The file is written whole beside the old one and takes its place by renaming; the old one stays as a backup, so
that a kill at any moment leaves one of the two whole.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.safe_write import replacing

FORMAT = "terraflux sampler checkpoint 1"


class ForeignCheckpoint(ValueError):
    """A checkpoint of another problem, forcing or sampler setting: resuming it would mix two posteriors."""


def canonical(configuration: Mapping[str, Any]) -> str:
    """JSON of a configuration that is equal for equal configurations: sorted keys, arrays by hash, floats exactly."""
    return json.dumps(_plain(configuration), sort_keys=True, separators=(",", ":"), allow_nan=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return f"array {value.dtype} {value.shape} {array_hash(value)}"
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"a configuration holds text, numbers, lists, arrays and mappings, not {type(value).__name__}")


def array_hash(*arrays: NDArray[Any]) -> str:
    """SHA-256 (hexadecimal) of the kind, shape and bytes of arrays, for the forcing and observations of a run."""
    digest = hashlib.sha256()
    for array in arrays:
        whole = np.ascontiguousarray(array)
        digest.update(f"{whole.dtype.str}{whole.shape}".encode())
        digest.update(whole.tobytes())
    return digest.hexdigest()


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """SHA-256 (hexadecimal) of a configuration."""
    return hashlib.sha256(canonical(configuration).encode()).hexdigest()


@dataclass
class Saved:
    """A sampler at a step: all it needs to go on as if never stopped.

    `chain` (steps, ensembles, walkers, parameters), `log_density` (steps, ensembles, walkers), `companions` (steps,
    ensembles, walkers, k), `state` plain values for JSON (random generators, counters), `arrays` larger parts by name.
    """

    chain: NDArray[np.float64]
    log_density: NDArray[np.float64]
    companions: NDArray[np.float64]
    state: dict[str, Any]
    arrays: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint:
    """Where and for which problem a sampler saves itself.

    `configuration` describes the problem (parameters, priors, streams, ...); samplers add their own settings. `forcing` is
    a hash of forcing and observations (see `array_hash`), `revision` the version of the code. `every` is the number of
    steps between saves; a long chain is saved more seldom (once per twentieth of its length), so that writing stays a
    small part of the work. Where more was run than saved, resuming runs it again, with the same result.
    """

    path: Path
    configuration: Mapping[str, Any] = field(default_factory=dict)
    forcing: str = ""
    revision: str = ""
    every: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path))
        if self.every < 1:
            raise ValueError(f"a checkpoint is saved every 1 or more steps, not {self.every}")

    @property
    def backup(self) -> Path:
        """Path of the save before the last."""
        return self.path.with_name(self.path.name + ".backup")

    def is_due(self, steps: int, saved_steps: int) -> bool:
        """Whether a chain of `steps`, saved last at `saved_steps`, is to be saved now."""
        return steps - saved_steps >= max(self.every, saved_steps // 20)

    def save(self, saved: Saved, settings: Mapping[str, Any]) -> None:
        """Write a save of a sampler with `settings`; the save before becomes the backup. Raises OSError on a full disk."""
        import h5py

        whole = canonical({"problem": self.configuration, "sampler": settings})
        with replacing(self.path) as temporary:
            with h5py.File(temporary, "w") as file:
                file.attrs["format"] = FORMAT
                file.attrs["config_hash"] = hashlib.sha256(whole.encode()).hexdigest()
                file.attrs["forcing_hash"] = self.forcing
                file.attrs["code_revision"] = self.revision
                file.create_dataset("configuration", data=np.bytes_(whole.encode()))
                file.create_dataset("chain", data=saved.chain)
                file.create_dataset("logp", data=saved.log_density)
                file.create_dataset("blobs", data=saved.companions)
                group = file.create_group("state")
                group.create_dataset("json", data=np.bytes_(json.dumps(saved.state).encode()))
                for name, values in saved.arrays.items():
                    group.create_dataset(name, data=values)
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            self._keep_backup()

    def _keep_backup(self) -> None:
        """Give the save in place a second name, so that the path itself is never without a whole file."""
        if not self.path.exists():
            return
        linked = self.backup.with_name(self.backup.name + ".new")
        linked.unlink(missing_ok=True)
        try:
            os.link(self.path, linked)
        except OSError:  # a file system without links: between two renames only the backup is there, and load finds it
            os.replace(self.path, self.backup)
            return
        os.replace(linked, self.backup)

    def load(self, settings: Mapping[str, Any]) -> Saved | None:
        """The last whole save, or None where there is none.

        Raises ForeignCheckpoint where it is of another configuration, forcing or sampler setting, naming what differs, and
        OSError where neither the file nor its backup can be read.
        """
        for leftover in self.path.parent.glob(f".{self.path.stem}.????????{self.path.suffix}"):
            leftover.unlink(missing_ok=True)  # half a file of a writer that was killed
        troubles = []
        for path in (self.path, self.backup):
            if not path.exists():
                continue
            try:
                return self._read(path, settings)
            except (OSError, KeyError, json.JSONDecodeError) as trouble:
                troubles.append(f"{path}: {trouble}")
        if troubles:
            raise OSError(f"no save can be read ({'; '.join(troubles)}); move the files away to start anew")
        return None

    def _read(self, path: Path, settings: Mapping[str, Any]) -> Saved:
        import h5py

        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                raise ForeignCheckpoint(f"{path} is not a {FORMAT!r}; give another path or move it away")
            whole = canonical({"problem": self.configuration, "sampler": settings})
            if file.attrs["config_hash"] != hashlib.sha256(whole.encode()).hexdigest():
                found = json.loads(bytes(file["configuration"][()]).decode())
                changed = ", ".join(differences(found, json.loads(whole)))
                raise ForeignCheckpoint(f"{path} was written for another configuration (differs in: {changed}); give another "
                                        "path to start anew, or restore the configuration to resume")
            if file.attrs["forcing_hash"] != self.forcing:
                raise ForeignCheckpoint(f"{path} was written for other forcing or observations; give another path to start "
                                        "anew, or restore the data to resume")
            group = file["state"]
            state = json.loads(bytes(group["json"][()]).decode())
            state["code_revision"] = file.attrs["code_revision"]
            arrays = {name: group[name][()] for name in group if name != "json"}
            return Saved(file["chain"][()], file["logp"][()], file["blobs"][()], state, arrays)


def differences(old: Any, new: Any, above: str = "") -> list[str]:
    """Dotted names of the entries in which two plain configurations differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in sorted(old.keys() | new.keys()):
            if key not in old or key not in new:
                found.append(f"{above}{key}")
            else:
                found += differences(old[key], new[key], f"{above}{key}.")
        return found
    return [] if old == new else [above.rstrip(".")]
