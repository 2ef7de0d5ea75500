"""The batched evaluator: many parameter vectors in one compiled call, never one at a time.

Replicas of a tower share its forcing. Each is a column (one per land-cover class where a mixture is modelled), so a row of
parameters gives the same bits whatever other rows run beside it, in whatever number, on however many threads. A replica
that leaves the bounds of the model costs itself an infinite misfit and no one else anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.column import Model
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import parameter_entries, refuse_unknown
from terraflux.model.weave.lane_choice import FEW_COLUMNS
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
Noise = Mapping[str, Mapping[str, ArrayLike]]
LANES = 16
"""Replicas in a block: as fast as 32 on one core, and half an ensemble of 64 walkers still keeps two cores busy."""


@dataclass(frozen=True)
class Evaluation:
    """What a batch of replicas gives.

    `misfit` (replicas, streams) is the negative log-likelihood of each stream, infinite for a failed replica; `values`
    maps streams that keep values to modelled observations (replicas, observations), NaN for a failed one; `failed`
    (replicas,) says which. `streams` are the names of the columns of `misfit`.
    """

    misfit: Floats
    values: dict[str, Floats]
    failed: NDArray[np.bool_]
    streams: tuple[str, ...]

    @property
    def total(self) -> Floats:
        """Negative log-likelihood of all streams; shape (replicas,)."""
        return np.asarray(self.misfit.sum(axis=1))


@dataclass
class ColumnEvaluator:
    """Runs replicas of one column under one series of forcing.

    `forcing` [time, row] and `state` [row], the state at its start, are in the order of the model's table; `base` holds
    the parameters that are not varied. `names` are the varied parameters: a layered one takes its value in every layer.
    `streams` are observations in the model's units. `warm_up` [time, row] is forcing run before, in steps of `warm_up_step`
    seconds and with the replica's own parameters, without being observed. `runs` counts replicas evaluated.
    """

    model: Model
    forcing: Floats
    base: ParameterSet
    state: Floats
    time_step: float
    names: tuple[str, ...]
    streams: Sequence[Stream]
    threads: int | None = None
    warm_up: Floats | None = None
    warm_up_step: float = 0.0
    runs: int = field(default=0, init=False)
    failures: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        entries = parameter_entries()
        for name in self.names:
            refuse_unknown(name, entries, "parameter")
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"a parameter is varied twice: {', '.join(self.names)}")
        if self.warm_up is not None and not self.warm_up_step > 0.0:
            raise ValueError(f"a warm-up needs its time step (s), not {self.warm_up_step}")
        if self.forcing.ndim != 2 or self.state.ndim != 1:
            raise ValueError(f"forcing must be [time, row] and state [row], not {self.forcing.shape} and {self.state.shape}")
        self._vector = self.base.vector(self.model.table)
        places: dict[str, list[int]] = {}
        for row, (variable, _) in enumerate(self.model.table.rows_of("parameter")):
            places.setdefault(variable.name, []).append(row)
        self._rows = [np.array(places[name]) for name in self.names]
        self._bounds = np.array([entries[name].bounds for name in self.names]).reshape(-1, 2)
        self._weather = np.ascontiguousarray(self.forcing[:, :, np.newaxis])
        self._before = None if self.warm_up is None else np.ascontiguousarray(self.warm_up[:, :, np.newaxis])

    def default(self) -> Floats:
        """Values of the varied parameters in the base set (top layer for layered ones); shape (parameters,)."""
        return np.array([self._vector[rows[0]] for rows in self._rows])

    def evaluate(self, parameters: ArrayLike, noise: Noise | None = None, *, threads: int | None = None) -> Evaluation:
        """Misfits and modelled observations of parameter vectors; `parameters` has the shape (replicas, parameters).

        Vectors outside the bounds of the parameter table, or not finite, fail without being run. `noise` is that of
        `streams.noise_array`, its entries one per replica. Raises ValueError for a shape that does not fit.
        """
        theta = np.atleast_2d(np.asarray(parameters, np.float64))
        if theta.ndim != 2 or theta.shape[1] != len(self.names):
            raise ValueError(f"parameters have the shape {theta.shape}; expected (replicas, {len(self.names)})")
        replicas = theta.shape[0]
        with np.errstate(invalid="ignore"):
            inside = (theta >= self._bounds[:, 0]) & (theta <= self._bounds[:, 1])
        outside = np.asarray(~inside.all(axis=1))
        safe = np.where(outside[:, np.newaxis], self.default(), theta)
        vectors = np.repeat(self._vector[:, np.newaxis], replicas, axis=1)
        for rows, values in zip(self._rows, safe.T, strict=True):
            vectors[rows] = values
        state = np.repeat(self.state[:, np.newaxis], replicas, axis=1)
        common: dict[str, Any] = {"forcing_of": np.zeros(replicas, np.int64), "on_error": "status",
                                  "lanes": LANES if replicas > FEW_COLUMNS else None,
                                  "threads": self.threads if threads is None else threads}
        if self._before is not None:
            warmed = self.model.run(self._before, vectors, state, {"time_step": self.warm_up_step}, **common)
            outside |= warmed.status != 0
            state[:, warmed.status != 0] = self.state[:, np.newaxis]
        result = self.model.run(self._weather, vectors, state, {"time_step": self.time_step}, streams=self.streams,
                                noise=noise, **common)
        names = tuple(result.stream_misfit)
        misfit = np.stack(list(result.stream_misfit.values()), axis=1) if names else np.zeros((replicas, 0))
        failed = outside | (result.status != 0) | ~np.isfinite(misfit).all(axis=1)
        misfit = np.where(failed[:, np.newaxis], np.inf, misfit)
        values = {name: np.where(failed[:, np.newaxis], np.nan, kept.T) for name, kept in result.values.items()}
        self.runs += replicas
        self.failures += int(failed.sum())
        return Evaluation(misfit, values, failed, names)


@dataclass
class MixtureEvaluator:
    """Replicas over several land-cover classes: a half hour sees the mixture that its footprint holds.

    `members` are one evaluator per class with equal streams, `shared` says for each the columns of the control vector
    that are its parameters. `fractions[stream]` has the shape (observations, classes), rows summing to at most 1: the
    classes' fluxes are mixed by them, divided by their sum (the part of a footprint that falls on no class is taken to
    behave like the rest). Raises ValueError for shapes that do not fit.
    """

    members: Sequence[ColumnEvaluator]
    shared: Sequence[NDArray[np.int64]]
    fractions: Mapping[str, ArrayLike]

    def __post_init__(self) -> None:
        if len(self.members) != len(self.shared) or not self.members:
            raise ValueError(f"{len(self.members)} classes and {len(self.shared)} lists of their parameters")
        self._weights: dict[str, Floats] = {}
        for name, given in self.fractions.items():
            phi = np.asarray(given, np.float64)
            if phi.ndim != 2 or phi.shape[1] != len(self.members) or (phi < 0.0).any():
                raise ValueError(f"fractions of stream {name!r} have the shape {phi.shape}; expected (observations, "
                                 f"{len(self.members)}), none negative")
            whole = phi.sum(axis=1, keepdims=True)
            with np.errstate(invalid="ignore", divide="ignore"):
                self._weights[name] = np.where(whole > 0.0, phi / whole, np.nan)

    @property
    def runs(self) -> int:
        """Columns run so far, over all classes."""
        return sum(member.runs for member in self.members)

    def predict(self, parameters: ArrayLike) -> dict[str, Floats]:
        """Mixed modelled observations {stream: (replicas, observations)}; NaN for a failed replica."""
        theta = np.atleast_2d(np.asarray(parameters, np.float64))
        parts = [member.evaluate(theta[:, columns]).values for member, columns in zip(self.members, self.shared, strict=True)]
        return {name: sum((part[name] * weight[:, k] for k, part in enumerate(parts)), start=np.zeros(1))
                for name, weight in self._weights.items()}
