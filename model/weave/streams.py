"""Observations beside a run: modelled values at observation times, and how far they are from what was observed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.error_models import ERROR_MODELS
from terraflux.model.weave.names import near
from terraflux.model.weave.table import Table
from terraflux.model.weave.windows import checked_index, ends_of, rows_named


@dataclass(frozen=True, eq=False)
class Stream:
    """One kind of observation.

    `variable` is a name of the table, one row of it (`soil_moisture_layer2`). `index[time]` is the number of the
    observation to which a step belongs, not decreasing, or -1: the mean over the steps of an observation is its
    modelled value. `observed` [observation, series] and `sigma` (its standard deviation, same shape or one that
    broadcasts to it), both in the variable's unit, are given for a likelihood; NaN in either means missing.
    `extra_sigma` (same shape) is a further standard deviation that no scale of errors touches, such as that of
    representativeness; `weight` (same shape, 0..1) multiplies the terms of a tempered likelihood. `keep_values`
    returns the modelled values. `name` is the key in the result, the variable's name by default.
    """

    variable: str
    index: ArrayLike
    observed: ArrayLike | None = None
    sigma: ArrayLike | None = None
    error_model: str = "gaussian"
    keep_values: bool = True
    name: str = ""
    extra_sigma: ArrayLike | None = None
    weight: ArrayLike | None = None


@dataclass(frozen=True)
class StreamPlan:
    """Streams in the form that the time loop reads; rows of observations and of values lie one stream after another."""

    names: tuple[str, ...]
    value_slices: dict[str, slice]
    arrays: tuple[NDArray[Any], ...]
    values: int


def stream_plan(
    streams: Sequence[Stream], table: Table, rows: Mapping[str, int], steps: int, series: int
) -> StreamPlan:
    """Checks streams and lays them out; a plan may serve many runs of the same forcing times.

    Raises ValueError naming the stream and what does not fit, RecipeError for an unknown variable.
    """
    names: list[str] = []
    slices: dict[str, slice] = {}
    count = len(streams)
    first_rows, models = np.zeros(count, np.int64), np.zeros(count, np.int64)
    starts, observed_starts = np.full(count, -1), np.full(count, -1)
    index = np.full((count, steps), -1, np.int64)
    ends = np.zeros((count, steps), np.bool_)
    observed, sigma, extra, weight = ([np.zeros((0, series))] for _ in range(4))
    values = seen = 0
    for k, stream in enumerate(streams):
        name = stream.name or stream.variable
        if name in names:
            raise ValueError(f"two streams are called {name!r}; give one another name")
        names.append(name)
        chosen = rows_named(stream.variable, table, rows, f"stream {name!r}")
        if len(chosen) > 1:
            raise ValueError(f"stream {name!r}: {stream.variable!r} has layers; say {stream.variable}_layer2")
        if stream.error_model not in ERROR_MODELS:
            raise ValueError(f"stream {name!r} has the unknown error model {stream.error_model!r}"
                             + near(stream.error_model, ERROR_MODELS))
        first_rows[k], models[k] = chosen[0], list(ERROR_MODELS).index(stream.error_model)
        index[k] = checked_index(stream.index, steps, f"the index of stream {name!r}")
        ends[k] = ends_of(index[k])
        observations = int(index[k].max(initial=-1)) + 1
        if stream.observed is not None:
            data, spread = _observations(name, stream, observations, series)
            observations = len(data)
            observed_starts[k], seen = seen, seen + len(data)
            observed.append(data)
            sigma.append(spread)
            extra.append(_beside(name, "extra_sigma", stream.extra_sigma, data.shape, 0.0, np.inf) ** 2)
            weight.append(_beside(name, "weight", stream.weight, data.shape, 1.0, 1.0))
        if stream.keep_values:
            starts[k] = values
            slices[name] = slice(values, values + observations)
            values += observations
    arrays = (first_rows, index, ends, models, starts, observed_starts, *map(np.concatenate, (observed, sigma, extra, weight)))
    return StreamPlan(tuple(names), slices, arrays, values)


def _observations(
    name: str, stream: Stream, count: int, series: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    data = np.asarray(stream.observed, np.float64)
    if data.ndim != 2 or len(data) < count or data.shape[1] != series:
        raise ValueError(f"stream {name!r}: observed has the shape {data.shape}; expected ({count} or more, {series})")
    if stream.sigma is None:
        raise ValueError(f"stream {name!r} has observations but no sigma")
    try:
        spread = np.broadcast_to(np.asarray(stream.sigma, np.float64), data.shape)
    except ValueError:
        shape = np.shape(stream.sigma)
        raise ValueError(f"stream {name!r}: sigma of the shape {shape} does not fit observed {data.shape}") from None
    if (spread <= 0).any() or np.isinf(spread).any() or np.isinf(data).any():
        raise ValueError(f"stream {name!r}: sigma must be above 0 and finite, observations finite (or NaN if missing)")
    return data, spread


def _beside(name: str, what: str, given: ArrayLike | None, shape: tuple[int, ...], usual: float,
            highest: float) -> NDArray[np.float64]:
    """Numbers beside observations, `usual` where none are given."""
    try:
        values = np.broadcast_to(np.asarray(usual if given is None else given, np.float64), shape)
    except ValueError:
        raise ValueError(f"stream {name!r}: {what} of the shape {np.shape(np.asarray(given))} does not fit "
                         f"observed {shape}") from None
    if not ((values >= 0.0) & (values <= highest) & np.isfinite(values)).all():
        raise ValueError(f"stream {name!r}: {what} must be 0 or more" + (f", at most {highest:g}" if highest < np.inf else "")
                         + ", and finite")
    return values


NOISE = {"scale": (1.0, 1e-6, 1e6), "correlation": (0.0, 0.0, 0.9999), "factor": (1.0, 1e-3, 1e3)}
"""What each column may say of the errors of a stream: usual value, lowest, highest."""


def noise_array(names: Sequence[str], noise: Mapping[str, Mapping[str, ArrayLike]], columns: int) -> NDArray[np.float64]:
    """Noise of every stream and column, shape (streams, 3, columns).

    `noise[stream]` may give `scale` (on sigma), `correlation` (of neighbouring residuals, first-order autoregression) and
    `factor` (on the modelled value, as for an energy balance that is not closed), each a number or one per column.
    Raises ValueError naming the stream and the entry that does not fit.
    """
    made = np.empty((len(names), len(NOISE), columns))
    for stream in noise:
        if stream not in names:
            raise ValueError(f"noise is given for the unknown stream {stream!r}" + near(stream, names))
    for k, name in enumerate(names):
        given = noise.get(name, {})
        for entry in given:
            if entry not in NOISE:
                raise ValueError(f"noise of stream {name!r} has the unknown entry {entry!r}" + near(entry, NOISE))
        for row, (entry, (usual, lowest, highest)) in enumerate(NOISE.items()):
            values = np.asarray(given.get(entry, usual), np.float64)
            if values.shape not in ((), (columns,)):
                raise ValueError(f"{entry} of stream {name!r} has the shape {values.shape}; expected one for each of the "
                                 f"{columns} columns")
            if ((values < lowest) | (values > highest)).any():
                raise ValueError(f"{entry} of stream {name!r} must lie in {lowest:g}..{highest:g}")
            made[k, row] = values
    return made
